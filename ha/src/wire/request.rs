//! The bodies of the requests a server sends to its peers, as Kea 3 writes them. Pure.
//!
//! Kea 2.2 ignores what it does not know in them (`server-name`, `origin-id`, arguments of a notification),
//! so that one form serves both; only a released lease needs to know who the partner is.

use engine::lease::LeaseState;
use engine::lease::json::{kea_text, lease_body};
use serde_json::{Map, Value, json};

use super::announce;
use crate::family::{Address, DELETE, Lease, PAGE, SERVICE, UPDATE};
use crate::machine::Announced;

/// What a partner has shown to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartnerKind {
    /// Kea 2.2, or not known yet: takes lease states 0 to 2.
    #[default]
    Kea2,
    /// Kea 3 or one like it: names itself in its requests and takes released leases (state 3).
    Kea3,
}

/// What happened to a lease, as a peer is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseNews {
    /// It was made or changed.
    Stored,
    /// It is gone.
    Deleted,
}

/// The origin by which a server of relationship `index` disables its partner's service.
pub const fn origin_id(index: u32) -> u32 {
    engine::seam::service::Origin::ha_remote(index).0
}

/// `ha-heartbeat` from the server `sender`, which announces itself to a Peregrine.
pub fn heartbeat(sender: &str, announced: Option<&Announced>) -> String {
    let mut arguments = json!({"server-name": sender});
    if let Some(announced) = announced {
        arguments[announce::FIELD] = announce::to_json(announced);
    }
    command("ha-heartbeat", Some(arguments))
}

/// `dhcp-disable` for `max_period_s` seconds, or without end.
pub fn dhcp_disable(index: u32, max_period_s: Option<u64>) -> String {
    let mut arguments = json!({"origin": "ha-partner", "origin-id": origin_id(index)});
    if let Some(period) = max_period_s {
        arguments["max-period"] = json!(period);
    }
    command("dhcp-disable", Some(arguments))
}

/// `dhcp-enable`, the end of [`dhcp_disable`].
pub fn dhcp_enable(index: u32) -> String {
    let arguments = json!({"origin": "ha-partner", "origin-id": origin_id(index)});
    command("dhcp-enable", Some(arguments))
}

/// [`PAGE`]: at most `limit` leases above `after`, from the first if `None`.
pub fn lease_page(after: Option<Address>, limit: u32) -> String {
    let from = after.map_or_else(|| "start".to_owned(), |address| address.to_string());
    command(PAGE, Some(json!({"from": from, "limit": limit})))
}

/// `ha-sync-complete-notify` from `sender`: its service may be enabled again.
pub fn sync_complete_notify(index: u32, sender: &str) -> String {
    let id = origin_id(index);
    let arguments = json!({"origin": id, "origin-id": id, "server-name": sender});
    command("ha-sync-complete-notify", Some(arguments))
}

/// `ha-reset` from `sender`: the partner shall begin again in waiting.
pub fn reset(sender: &str) -> String {
    command("ha-reset", Some(json!({"server-name": sender})))
}

/// `ha-maintenance-notify` from `sender`, which is in `state`.
pub fn maintenance_notify(sender: &str, state: &str, cancel: bool) -> String {
    let arguments = json!({"cancel": cancel, "server-name": sender, "state": state});
    command("ha-maintenance-notify", Some(arguments))
}

/// What a peer is told of one lease: [`UPDATE`] with the whole lease, or [`DELETE`]. A released lease
/// that is kept goes as a deletion to a partner that does not take the state.
pub fn lease_news(news: LeaseNews, lease: &Lease, partner: PartnerKind) -> String {
    let kept_release = lease.state == LeaseState::Released && partner == PartnerKind::Kea2;
    let mut arguments = lease_body(lease);
    arguments.insert("expire".into(), json!(lease.expires_at_s()));
    arguments.insert("origin".into(), json!("ha-partner"));
    if news == LeaseNews::Deleted || kept_release {
        return command(DELETE, Some(Value::Object(arguments)));
    }
    arguments.insert("force-create".into(), json!(true));
    command(UPDATE, Some(Value::Object(arguments)))
}

fn command(name: &str, arguments: Option<Value>) -> String {
    let mut map = Map::new();
    map.insert("command".into(), json!(name));
    map.insert("service".into(), json!([SERVICE]));
    if let Some(arguments) = arguments {
        map.insert("arguments".into(), arguments);
    }
    kea_text(&Value::Object(map))
}
