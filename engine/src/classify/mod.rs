//! The class expression language (Kea guide, "Client Classification"): lexed, parsed, compiled once per
//! configuration, evaluated per query. Pure. Must not know subnets or leases.

mod names;

pub use names::{ClassId, ClassNames};

/// A compiled boolean expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {}

/// A mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", offset + 1)]
pub struct ExpressionError {
    /// Bytes before the guilty character.
    pub offset: usize,
    /// What was found and what was expected.
    pub message: String,
}
