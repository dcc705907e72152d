//! The class expression language (Kea guide, "Client Classification"): lexed, parsed, compiled once
//! per configuration, evaluated per query. Pure. Must not know subnets or leases.

mod evaluate;
mod inside;
mod lexer;
mod names;
mod parser;
mod print;
mod subject;
#[cfg(test)]
mod tests;
mod tree;
mod value;

pub use names::{ClassId, ClassNames};
pub use subject::Subject;

use crate::codec::options::Definitions;

/// What the name of a class that a template makes begins with, before the template's name.
pub const SPAWN: &str = "SPAWN_";

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

/// A compiled string expression: a class's `template-test`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: tree::Text,
    mentions: Vec<Mention>,
}

impl Template {
    /// Compiles `text` as [`Expression::compile`] does; the classes that it refers to need no
    /// definition, since other templates may make them.
    ///
    /// # Errors
    /// [`ExpressionError`]: the first mistake.
    pub fn compile(
        text: &str,
        definitions: &Definitions,
        names: &mut ClassNames,
    ) -> Result<Self, ExpressionError> {
        let (text, mentions) = parser::parse_template(text, definitions, names)?;
        Ok(Self { text, mentions })
    }

    /// Lets `take` have the value for `subject`.
    ///
    /// # Errors
    /// [`EvaluationError`] as [`Expression::evaluate`].
    pub fn evaluate<R>(
        &self,
        subject: &dyn Subject,
        take: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, EvaluationError> {
        self.text.evaluate(subject).map(|value| take(&value))
    }

    /// The classes that it refers to.
    pub fn members(&self) -> impl Iterator<Item = ClassId> + '_ {
        self.mentions.iter().map(|mention| mention.class)
    }
}

/// The names that the value of an option or a template stands for behind a prefix: itself, and in
/// Kea 3 with a `%` and two digits for each byte that a name should not have.
pub fn unescaped(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let hex = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (byte, used) = match (first, after.first(), hex) {
            (b'%', Some(b'%'), _) => (b'%', 2),
            (b'%', _, Some(byte)) => (byte, 3),
            _ => (first, 1),
        };
        bytes.push(byte);
        rest = &rest[used..];
    }
    bytes
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{function} found {found} bytes, expected {expected}")]
pub struct EvaluationError {
    /// The function of the language that could not use the value.
    pub function: &'static str,
    /// Bytes that it was given.
    pub found: usize,
    /// Lengths that it takes.
    pub expected: &'static str,
}
