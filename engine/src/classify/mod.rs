//! The class expression language (Kea guide, "Client Classification"): lexed, parsed, compiled once per
//! configuration, evaluated per query. Pure. Must not know subnets or leases.

mod names;
mod subject;

pub use names::{ClassId, ClassNames};
pub use subject::Subject;

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
    /// Compiles `text`, a class's `test`. Classes that it refers to are interned in `names`; whether they are
    /// defined is the caller's to check, over [`Expression::mentions`].
    ///
    /// # Errors
    /// [`ExpressionError`]: the first mistake.
    pub fn compile(
        text: &str,
        _family: Family,
        _names: &mut ClassNames,
    ) -> Result<Self, ExpressionError> {
        Err(ExpressionError { offset: 0, message: format!("'{text}' cannot be compiled yet") })
    }

    /// Whether `subject` matches.
    ///
    /// # Errors
    /// [`EvaluationError`] if a value is of a wrong shape; the class does not match then, and the caller logs.
    pub fn evaluate(&self, subject: &dyn Subject) -> Result<bool, EvaluationError> {
        Err(EvaluationError { message: format!("{} bytes", subject.length()) })
    }

    /// Whether it refers to `KNOWN` or `UNKNOWN` itself, and so is evaluated only after the reservation lookup.
    /// A class that refers to such a class depends on it too: the caller follows [`Expression::members`].
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

/// A value of a wrong shape in a query; the class is treated as not matching.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What was found and what was expected.
    pub message: String,
}
