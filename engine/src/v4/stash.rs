//! `stash-agent-options`: a client that renews sends its REQUEST past the relay, without option 82. It is read as if it
//! had the one that its lease keeps (`store-extended-info`), for classes, reservations and the choice of the subnet. Pure.

use serde_json::Value;

use super::Context;
use crate::codec::v4::{MessageType, Query, code};
use crate::lease::Identity;

/// The option 82 that the lease of a renewing client keeps, if the query is one.
pub(super) fn recalled(query: &Query<'_>, context: &Context<'_>) -> Option<Vec<u8>> {
    if !context.snapshot.config.stash_agent_options || !renews_past_relay(query) {
        return None;
    }
    let stored = context.store.find(query.ciaddr())?;
    let (client_id, hw_address) = (query.client_id(), query.hw_address());
    let identity = Identity { client_id: client_id.as_ref(), hw_address: &hw_address };
    let live = stored.lease.holds_address(context.now.wall_s);
    if !live || !identity.owns(&stored.lease) {
        return None;
    }
    kept(stored.lease.user_context.as_deref()?)
}

fn renews_past_relay(query: &Query<'_>) -> bool {
    query.message_type() == MessageType::Request
        && !query.is_bootp()
        && !query.ciaddr().is_unspecified()
        && !query.is_relayed()
        && query.option(code::RELAY_AGENT_INFORMATION).is_none_or(|data| data.is_empty())
}

/// What a lease's user-context says of the relay: as Kea writes it now, or as it wrote it before 2.3.
fn kept(user_context: &str) -> Option<Vec<u8>> {
    let context: Value = serde_json::from_str(user_context).ok()?;
    let info = context.get("ISC")?.get("relay-agent-info")?;
    let text = info.get("sub-options").unwrap_or(info).as_str()?;
    let octets = text.strip_prefix("0x").unwrap_or(text);
    let digit = |at: usize| u8::from_str_radix(octets.get(at..at + 2)?, 16).ok();
    let octets: Option<Vec<u8>> = (0..octets.len()).step_by(2).map(digit).collect();
    octets.filter(|octets| !octets.is_empty() && octets.len() <= usize::from(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn both_forms_are_read_and_nothing_else() {
        let new = r#"{"ISC": {"relay-agent-info": {"sub-options": "0x0101AA"}}, "a": 1}"#;
        let old = r#"{"ISC": {"relay-agent-info": "0x0101aa"}}"#;
        for context in [new, old] {
            assert_eq!(kept(context), Some(vec![1, 1, 0xaa]));
        }
        for context in [
            "",
            "{}",
            r#"{"ISC": {"relay-agent-info": {}}}"#,
            r#"{"ISC": {"relay-agent-info": "0x010"}}"#,
            r#"{"ISC": {"relay-agent-info": "0xz1"}}"#,
            r#"{"ISC": {"relay-agent-info": "0x"}}"#,
            r#"{"ISC": {"relay-agent-info": 5}}"#,
        ] {
            assert_eq!(kept(context), None, "{context}");
        }
    }
}
