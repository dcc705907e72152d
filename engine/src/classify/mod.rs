//! The class expression language (Kea guide, "Client Classification"): lexed, parsed, compiled once
//! per configuration, evaluated per query. Pure. Must not know subnets or leases.

mod evaluate;
mod inside;
mod lexer;
mod names;
mod parser;
mod subject;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub use names::{ClassId, ClassNames};
pub use subject::Subject;

use crate::codec::options::Definitions;

/// Which protocol's queries an expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Family {
    V4,
    V6,
}

/// A compiled boolean expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    test: tree::Test,
    mentions: Vec<Mention>,
    known: bool,
}

/// A `member('...')` in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The class.
    pub class: ClassId,
    /// Bytes before its name's opening quote.
    pub offset: usize,
}

impl Expression {
    /// Compiles `text`, a class's `test`. Options that it calls by name are those of
    /// `definitions`. Classes that it refers to are interned in `names`; whether they are defined
    /// is the caller's to check, over [`Expression::mentions`].
    ///
    /// # Errors
    /// [`ExpressionError`]: the first mistake.
    pub fn compile(
        text: &str,
        family: Family,
        definitions: &Definitions,
        names: &mut ClassNames,
    ) -> Result<Self, ExpressionError> {
        if family == Family::V6 {
            let message = "expressions for Dhcp6 are not built yet".to_owned();
            return Err(ExpressionError { offset: 0, message });
        }
        let (test, mentions) = parser::parse(text, definitions, names)?;
        let known = mentions
            .iter()
            .any(|mention| matches!(&**names.name(mention.class), "KNOWN" | "UNKNOWN"));
        Ok(Self { test, mentions, known })
    }

    /// Whether `subject` matches.
    ///
    /// # Errors
    /// [`EvaluationError`] if a value is of a wrong shape; the class does not match then, and the
    /// caller logs.
    pub fn evaluate(&self, subject: &dyn Subject) -> Result<bool, EvaluationError> {
        self.test.evaluate(subject)
    }

    /// Whether it refers to `KNOWN` or `UNKNOWN` itself, and so is evaluated only after the
    /// reservation lookup. A class that refers to such a class depends on it too: the caller
    /// follows [`Expression::members`].
    pub fn depends_on_known(&self) -> bool {
        self.known
    }

    /// The classes that it refers to, in their order in the text.
    pub fn members(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.mentions.iter().map(|mention| mention.class)
    }

    /// The classes that it refers to and where.
    pub fn mentions(&self) -> &[Mention] {
        &self.mentions
    }
}

/// Whether `name` may be referred to without a definition: a built-in class, or one of the prefixes
/// `VENDOR_CLASS_`, `HA_`, `AFTER_`, `EXTERNAL_`.
pub fn is_built_in(name: &str) -> bool {
    matches!(name, "ALL" | "KNOWN" | "UNKNOWN" | "BOOTP")
        || ["VENDOR_CLASS_", "HA_", "AFTER_", "EXTERNAL_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// A mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", offset + 1)]
pub struct ExpressionError {
    /// Bytes before the guilty character.
    pub offset: usize,
    /// What was found and what was expected.
    pub message: String,
}

/// A value of a wrong length in a query; the class is treated as not matching.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function} found {found} bytes, expected {expected}")]
pub struct EvaluationError {
    /// The function of the language that could not use the value.
    pub function: &'static str,
    /// Bytes that it was given.
    pub found: usize,
    /// Lengths that it takes.
    pub expected: &'static str,
}
