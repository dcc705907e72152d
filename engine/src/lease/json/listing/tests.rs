//! The quick way against the one by way of values.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// As a page is written and read by way of values.
fn long_text(listing: &Listing, result: i64, text: Option<&str>) -> String {
    let mut map = json!({"arguments": listing.to_json(), "result": result});
    if let Some(text) = text {
        map["text"] = json!(text);
    }
    kea_text(&json!([map]))
}

fn arbitrary() -> impl Strategy<Value = Lease4> {
    let bytes = |most| proptest::collection::vec(any::<u8>(), 0..most);
    let context = || Some(r#"{ "a": [ 1 ], "b\n": {  } }"#.into());
    let names = prop_oneof![
        Just(String::new()),
        Just("host-1.example.org".to_owned()),
        Just("a\"b\\c\té".to_owned()),
        "[a-z]{1,80}",
    ];
    let parts = (any::<u32>(), bytes(21), bytes(256), any::<u32>(), 0..=MAX_CLTT_S, 1..u32::MAX);
    let more = (any::<(bool, bool)>(), names, 0_u64..4, any::<bool>(), any::<u32>());
    (parts, more).prop_map(move |(parts, (fqdn, hostname, state, with_context, pool))| Lease4 {
        address: Ipv4Addr::from_bits(parts.0),
        hw_address: HwAddress::new(&parts.1).unwrap(),
        client_id: ClientId::new(&parts.2),
        valid_lifetime_s: parts.3,
        cltt_s: parts.4,
        subnet_id: parts.5,
        fqdn_fwd: fqdn.0 && !hostname.is_empty(),
        fqdn_rev: fqdn.1 && !hostname.is_empty(),
        hostname: hostname.into(),
        state: state.try_into().unwrap(),
        user_context: if with_context && pool % 4 == 0 { context() } else { None },
        pool_id: if pool % 3 == 0 { pool } else { 0 },
    })
}

proptest! {
    #[test]
    fn a_listing_is_the_same_by_both_ways(
        leases in proptest::collection::vec(arbitrary(), 0..4),
        with_count: bool,
    ) {
        let listing = Listing { leases, with_count };
        let text = listing.answer(0, Some("so many\n"));
        prop_assert_eq!(&text, &long_text(&listing, 0, Some("so many\n")));
        prop_assert_eq!(read_listing(text.as_bytes()), None, "of a text with escapes");
        let text = listing.answer(3, None);
        prop_assert_eq!(&text, &long_text(&listing, 3, None));
        prop_assert_eq!(read_listing(text.as_bytes()), Some(listing.leases));
    }

    /// Whatever a byte is changed to: what is read is what the long way reads.
    #[test]
    fn the_quick_way_takes_nothing_that_the_long_way_does_not(
        leases in proptest::collection::vec(arbitrary(), 1..3),
        place: proptest::sample::Index,
        byte in prop_oneof![any::<u8>(), Just(b' '), Just(b'0'), Just(b'1'), Just(b'"'), Just(b'A')],
    ) {
        let mut text = Listing { leases, with_count: true }.answer(0, Some("2 found.")).into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        if let Some(leases) = read_listing(&text) {
            let value: Value = serde_json::from_slice(&text).unwrap();
            prop_assert!([0, 3].contains(&value[0]["result"].as_i64().unwrap()));
            let items = value[0]["arguments"]["leases"].as_array().unwrap();
            let items: Vec<_> = items.iter().map(|item| lease_from_page(item).unwrap()).collect();
            prop_assert_eq!(leases, items);
        }
    }
}

#[test]
fn what_has_another_form_is_left_to_the_long_way() {
    let good =
        r#"[ { "arguments": { "count": 0, "leases": [  ] }, "result": 3, "text": "none" } ]"#;
    assert_eq!(read_listing(good.as_bytes()), Some(vec![]));
    assert_eq!(read_listing(format!("{good}\n").as_bytes()), Some(vec![]));
    for bad in [
        good.replace("3", "1"),
        good.replace("3", "-1"),
        good.replace("[  ]", "[]"),
        good.replace("[  ]", "[ , ]"),
        good.replace("none\"", "none"),
        good.replace("\"count\": 0, ", "\"count\": 00, "),
        format!("{good}]"),
        good[..good.len() - 1].to_owned(),
        String::new(),
    ] {
        assert_eq!(read_listing(bad.as_bytes()), None, "{bad}");
    }
}
