//! Which queries are answered at all (RFC 2131 section 4.3, RFC 5107). Pure.

use std::net::Ipv4Addr;

use super::classes::Classes;
use super::{Context, DropReason, Snapshot};
use crate::codec::options::space::DHCP4;
use crate::codec::v4::{MessageType, Query, suboption};
use crate::packet::Arrival;

/// Refuses a query that says something in an option of the configuration's own that is not of the option's type.
pub(super) fn check_options(query: &Query<'_>, snapshot: &Snapshot) -> Result<(), DropReason> {
    let definitions = &snapshot.config.definitions;
    let look_up = |space: &str, code: u8| definitions.by_code(space, code);
    for code in &snapshot.checked_codes {
        let Some(data) = query.option(*code) else { continue };
        if look_up(DHCP4, *code).is_some_and(|it| !it.admits(&data, &look_up)) {
            return Err(DropReason::UnreadableOption(*code));
        }
    }
    Ok(())
}

/// Refuses what no client sends, an INFORM that cannot be answered, and what is for another server.
pub(super) fn accept(
    query: &Query<'_>,
    arrival: &Arrival,
    context: &Context<'_>,
    classes: &Classes,
) -> Result<(), DropReason> {
    let message_type = query.message_type();
    if matches!(message_type, MessageType::Offer | MessageType::Ack | MessageType::Nak) {
        return Err(DropReason::UnexpectedType(message_type));
    }
    let nowhere = arrival.source.ip().is_unspecified() && query.ciaddr().is_unspecified();
    if message_type == MessageType::Inform && nowhere && !query.is_relayed() {
        return Err(DropReason::InformWithoutAddress);
    }
    match query.server_identifier() {
        Some(server) if !is_ours(server, query, context, classes) => {
            Err(DropReason::OtherServer(server))
        }
        _ => Ok(()),
    }
}

/// Whether the client means this server: its relay says so, a socket has the address, or the configuration.
fn is_ours(server: Ipv4Addr, query: &Query<'_>, context: &Context<'_>, classes: &Classes) -> bool {
    context.snapshot.config.compatibility.ignore_server_identifier
        || context.local_addresses.contains(&server)
        || context.snapshot.is_server_identifier(server, classes)
        || query.relay_address(suboption::SERVER_IDENTIFIER_OVERRIDE) == Some(server)
}

/// Refuses what breaks RFC 2131's table 5, or names no client.
pub(super) fn check_sanity(query: &Query<'_>) -> Result<(), DropReason> {
    if query.message_type() == MessageType::Discover && query.server_identifier().is_some() {
        return Err(DropReason::ServerIdentifierInDiscover);
    }
    if query.chaddr().is_empty() && query.client_id_bytes().is_none() {
        return Err(DropReason::NoIdentity);
    }
    Ok(())
}
