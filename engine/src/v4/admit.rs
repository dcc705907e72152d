//! What admission is asked about a query. Pure. Must not know who answers.

use super::DropReason;
use crate::clock::Now;
use crate::codec::v4::{MessageType, Query};
use crate::seam::{Admission, Admitted, Client, Waiting};

/// Asks about the client of `query`.
pub fn ask_admission(query: &Query<'_>, ask: impl FnOnce(&Client<'_>) -> Admitted) -> Admitted {
    let client_id = query.client_id_bytes();
    let client_id = client_id.as_deref().unwrap_or_default();
    let key = if client_id.is_empty() { query.chaddr() } else { client_id };
    ask(&Client {
        key: (!key.is_empty()).then_some(key),
        hw_address: query.chaddr(),
        client_id,
        waiting: Waiting::Seconds(query.secs()),
        balanced: is_balanced(query.message_type()),
    })
}

/// The class that a query of this subnet gets.
///
/// # Errors
/// [`DropReason::NotForUs`] if another server serves it.
pub(super) fn admit_in(
    query: &Query<'_>,
    admission: &dyn Admission,
    subnet_id: Option<u32>,
    now: Now,
) -> Result<Option<usize>, DropReason> {
    let admitted = ask_admission(query, |client| admission.admit_in(client, subnet_id, now));
    if admitted.serve { Ok(admitted.class) } else { Err(DropReason::NotForUs) }
}

/// The types that take part in load balancing; all others are everybody's.
const fn is_balanced(message_type: MessageType) -> bool {
    matches!(
        message_type,
        MessageType::Discover
            | MessageType::Request
            | MessageType::Decline
            | MessageType::Release
            | MessageType::Inform
    )
}
