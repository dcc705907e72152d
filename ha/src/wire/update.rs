//! One lease as an update of a batch has it: all of the lease, and the seconds that are left of it. The only file of the wire
//! layer that knows what is in a lease. Pure.

use std::fmt::{self, Write};

use engine::control::leases::ONLY_IF_FREE;
use engine::lease::LeaseState;
use engine::lease::json::lease_body;
use serde_json::{Value, json};

use super::request::LeaseNews;
use crate::family::Lease;

/// Bytes of an update as text, mostly.
pub(super) const USUAL_UPDATE: usize = 320;

/// Appends to a text.
pub(super) fn push(text: &mut String, what: fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a string takes everything");
}

/// Appends an update as [`update`] has it. What needs more than to be copied is left to that.
pub(super) fn write_update(
    text: &mut String,
    news: LeaseNews,
    lease: &Lease,
    asks: bool,
    wall_s: u64,
) {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    if lease.user_context.is_some() || !lease.hostname.bytes().all(is_plain) {
        return push(text, format_args!("{}", update(news, lease, asks, wall_s)));
    }
    text.push('{');
    if let Some(client_id) = &lease.client_id {
        push(text, format_args!(r#""client-id":"{client_id}","#));
    }
    if news == LeaseNews::Deleted {
        text.push_str(r#""deleted":true,"#);
    }
    let Lease { fqdn_fwd, fqdn_rev, hw_address, address, subnet_id, .. } = lease;
    push(text, format_args!(r#""fqdn-fwd":{fqdn_fwd},"fqdn-rev":{fqdn_rev},"hostname":""#));
    text.push_str(&lease.hostname);
    push(text, format_args!(r#"","hw-address":"{hw_address}","ip-address":"{address}""#));
    if asks {
        push(text, format_args!(r#","{ONLY_IF_FREE}":true"#));
    }
    if lease.pool_id != 0 {
        push(text, format_args!(r#","pool-id":{}"#, lease.pool_id));
    }
    let (left_s, state) = (remaining_s(lease, wall_s), lease.state as u8);
    push(text, format_args!(r#","remaining":{left_s},"state":{state},"subnet-id":{subnet_id}"#));
    push(text, format_args!(r#","valid-lft":{}}}"#, lease.valid_lifetime_s));
}

/// Seconds from `wall_s` to the lease's end.
fn remaining_s(lease: &Lease, wall_s: u64) -> i64 {
    let span = |s: u64| i64::try_from(s).unwrap_or(i64::MAX);
    span(lease.expires_at_s()) - span(wall_s)
}

fn update(news: LeaseNews, lease: &Lease, asks: bool, wall_s: u64) -> Value {
    let mut map = lease_body(lease);
    map.insert("remaining".into(), json!(remaining_s(lease, wall_s)));
    if news == LeaseNews::Deleted {
        map.insert("deleted".into(), json!(true));
    }
    if asks {
        map.insert(ONLY_IF_FREE.into(), json!(true));
    }
    debug_assert!(
        lease.state != LeaseState::Registered,
        "such a lease is not known to this family"
    );
    Value::Object(map)
}

#[cfg(test)]
pub(super) mod tests {
    use engine::lease::HwAddress;

    use super::*;

    /// As the tests of this layer have it: of the client with the number of its address.
    pub(in crate::wire) fn lease(host: u8) -> Lease {
        Lease {
            address: std::net::Ipv4Addr::new(192, 0, 2, host),
            hw_address: HwAddress::new(&[2, 0, 0, 0, 0, host]).unwrap(),
            client_id: None,
            valid_lifetime_s: 600,
            cltt_s: 1_000,
            subnet_id: 1,
            fqdn_fwd: false,
            fqdn_rev: false,
            hostname: "".into(),
            state: LeaseState::Assigned,
            user_context: None,
            pool_id: 0,
        }
    }

    #[test]
    fn what_is_written_at_once_is_what_the_tree_of_values_says() {
        let plain = Lease { hostname: "a.example".into(), pool_id: 3, ..lease(1) };
        let odd = Lease { hostname: "a \"b\" \u{e9}\n".into(), fqdn_fwd: true, ..lease(2) };
        let client_id = engine::lease::ClientId::new(&[1, 2, 0, 255]);
        let known = Lease { client_id, cltt_s: 99_999, ..lease(3) };
        let told = Lease { user_context: Some(r#"{ "a": [1] }"#.into()), ..lease(4) };
        for lease in [plain, odd, known, told] {
            for news in [LeaseNews::Stored, LeaseNews::Deleted] {
                let mut text = String::new();
                let asks = news == LeaseNews::Stored && lease.pool_id == 0;
                write_update(&mut text, news, &lease, asks, 1_700);
                assert_eq!(text, update(news, &lease, asks, 1_700).to_string());
            }
        }
    }
}
