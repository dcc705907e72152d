//! Clients known by what an expression makes of their queries (Kea guide, "libdhcp_flex_id"): for reservations, and with
//! `replace-client-id` in the place of option 61. Pure.

use super::ClassTrouble;
use super::classes::{Asked, Classes};
use crate::config::model::FlexId;
use crate::hosts::IdentifierKind;
use crate::lease::ClientId;

/// What stands before an identifier in the place of option 61: a type that is no hardware's, or that of RFC 4361 and an
/// IAID of 0.
const PLAIN: &[u8] = &[0];
const RFC4361: &[u8] = &[255, 0, 0, 0, 0];

/// The identifier of a query whose option 61 is to be replaced by it, before there are classes.
pub(super) fn replacing(asked: Asked<'_>) -> Option<ClientId> {
    let flex_id = asked.context.snapshot.config.flex_id.as_ref()?;
    if flex_id.replace_client_id { evaluate(flex_id, &Classes::default(), asked) } else { None }
}

/// What stands for option 61 in a query with this identifier.
pub(super) fn client_id(identifier: &ClientId, asked: Asked<'_>) -> Option<ClientId> {
    let flex_id = asked.context.snapshot.config.flex_id.as_ref()?;
    let before = if flex_id.as_duid { RFC4361 } else { PLAIN };
    ClientId::new(&[before, identifier.as_bytes()].concat())
}

/// The identifier of a query whose reservation is looked for.
pub(super) fn for_reservation(classes: &Classes, asked: Asked<'_>) -> Option<ClientId> {
    let config = &asked.context.snapshot.config;
    let kind = IdentifierKind::FlexId;
    let is_wanted = config.hosts.has_kind(kind) && config.host_identifiers.contains(&kind);
    let flex_id = config.flex_id.as_ref().filter(|_| is_wanted)?;
    evaluate(flex_id, classes, asked)
}

/// None if it is empty, or cannot be made of the query's values.
fn evaluate(flex_id: &FlexId, classes: &Classes, asked: Asked<'_>) -> Option<ClientId> {
    match flex_id.expression.evaluate(&classes.view(asked), ClientId::new) {
        Ok(identifier) => identifier,
        Err(error) => {
            let trouble = asked.context.trouble;
            trouble.set(trouble.get().or(Some(ClassTrouble { class: None, error })));
            None
        }
    }
}
