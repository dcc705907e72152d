//! Clients known by an expression (`libdhcp_flex_id`), and queries that only a lenient server takes.

use super::world::*;
use crate::codec::options::code::DOMAIN_SEARCH;
use crate::codec::v4::{Malformed, Query, code};
use crate::config::parse_text;

/// A subnet with reservations by flex-id and by client identifier, and these parameters of the library.
fn world(parameters: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{
            "hooks-libraries": [ {{ "library": "/opt/libdhcp_flex_id.so", "parameters": {{ {parameters} }} }} ],
            "host-reservation-identifiers": [ "flex-id", "hw-address", "client-id", "duid" ],
            "client-classes": [ {{ "name": "replaced", "test": "option[61].hex == 0x00" }},
                {{ "name": "by-id", "test": "substring(option[61].hex, 0, 2) == 0x0061",
                   "boot-file-name": "seen" }} ],
            "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
                "pools": [ {{ "pool": "192.0.2.100 - 192.0.2.103" }} ],
                "reservations": [
                    {{ "flex-id": "'port7'", "ip-address": "192.0.2.11" }},
                    {{ "flex-id": "70:6f:72:74:38", "ip-address": "192.0.2.12" }},
                    {{ "client-id": "00:61:62", "ip-address": "192.0.2.13" }},
                    {{ "duid": "63:64:65", "ip-address": "192.0.2.14" }},
                    {{ "hw-address": "02:00:00:00:01:05", "ip-address": "192.0.2.15" }} ] }} ]
        }} }}"#
    );
    World::new(parse_text(&text, "test").unwrap_or_else(|it| panic!("{it:#?}")).dhcp4.unwrap())
}

/// A client behind a relay that says where.
fn at_port(number: u8, port: &str) -> Ask {
    let sub_option = [&[1, u8::try_from(port.len()).unwrap()][..], port.as_bytes()].concat();
    Ask::relayed(number).option(code::RELAY_AGENT_INFORMATION, sub_option)
}

const BY_PORT: &str = r#""identifier-expression": "relay4[1].hex""#;

#[test]
fn a_reservation_is_found_by_what_the_expression_makes() {
    let world = world(BY_PORT);
    assert_eq!(world.dora(&at_port(1, "port7")).yiaddr, ip(11));
    assert_eq!(world.dora(&at_port(2, "port8")).yiaddr, ip(12));
    assert_eq!(world.dora(&at_port(3, "port9")).yiaddr, ip(100));
    // An empty identifier is none: the next kind counts.
    assert_eq!(world.dora(&Ask::relayed(5)).yiaddr, ip(15));
    let lease = world.lease(ip(11)).unwrap();
    assert!(lease.client_id.is_none(), "leases are as ever");
}

#[test]
fn the_identifier_stands_for_the_client_identifier_and_replies_have_the_clients_own() {
    let world = world(&format!(r#"{BY_PORT}, "replace-client-id": true"#));
    let ask = |client, port| at_port(client, port).option(code::CLIENT_IDENTIFIER, [1, 2, 3]);
    let first = world.dora(&ask(1, "a"));
    assert_eq!(first.option(code::CLIENT_IDENTIFIER), Some(&[1, 2, 3][..]));
    let lease = world.lease(first.yiaddr).unwrap();
    assert_eq!(lease.client_id.unwrap().as_bytes(), [0, b'a']);
    // Another box at the same port is the same client; the same box at another port is not.
    assert_eq!(world.dora(&ask(2, "a")).yiaddr, first.yiaddr);
    assert_ne!(world.dora(&ask(1, "b")).yiaddr, first.yiaddr);
    // Reservations by client identifier and classes meet what stands for it.
    let reserved = world.dora(&ask(3, "ab"));
    assert_eq!(reserved.yiaddr, ip(13));
    let query = ask(1, "a").bytes();
    assert_eq!(Query::parse(&query).unwrap().client_id().unwrap().as_bytes(), [1, 2, 3]);
    // Who sends none gets none back.
    let silent = world.dora(&at_port(4, "c"));
    assert_eq!(silent.option(code::CLIENT_IDENTIFIER), None);
    assert_eq!(world.lease(silent.yiaddr).unwrap().client_id.unwrap().as_bytes(), [0, b'c']);
}

#[test]
fn the_identifier_may_stand_for_a_duid() {
    let parameters =
        format!(r#"{BY_PORT}, "replace-client-id": true, "cid-as-rfc4361-duid": true"#);
    let world = world(&parameters);
    let given = world.dora(&at_port(1, "cde"));
    assert_eq!(given.yiaddr, ip(14));
    let lease = world.lease(ip(14)).unwrap();
    assert_eq!(lease.client_id.unwrap().as_bytes(), [255, 0, 0, 0, 0, b'c', b'd', b'e']);
}

#[test]
fn without_an_expression_nobody_has_an_identifier() {
    for parameters in [r#""identifier-expression": """#, r#""replace-client-id": true"#] {
        let world = world(parameters);
        assert_eq!(world.dora(&at_port(1, "port7")).yiaddr, ip(100));
    }
}

#[test]
fn what_is_wrong_with_the_library_is_told_with_its_place() {
    let told = |parameters: &str, keys: &str| {
        let text = format!(
            r#"{{"Dhcp4": {{"hooks-libraries": [{{"library": "libdhcp_flex_id.so", "parameters": {{{parameters}}}}}],
{keys}"reservations": [{{"flex-id": "61"}}]}}}}"#
        );
        match parse_text(&text, "f") {
            Ok(read) => read.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
        }
    };
    let wanted = r#""host-reservation-identifiers": ["flex-id"], "#;
    assert_eq!(told(BY_PORT, wanted), [""; 0]);
    let nobody = "reservations by flex-id match nobody, expected";
    let cases = [
        (BY_PORT, "", "\"flex-id\" in host-reservation-identifiers"),
        ("", wanted, "an identifier-expression of libdhcp_flex_id"),
    ];
    for (parameters, keys, expected) in cases {
        let found = told(parameters, keys);
        assert!(found[0].starts_with("f:2.") && found[0].contains(nobody), "{found:?}");
        assert!(found.len() == 1 && found[0].ends_with(expected), "{found:?}");
    }
    let found = told(r#""identifier-expression": "substring(option[61]""#, wanted);
    assert!(
        found[0].starts_with("f:1.") && found[0].contains("bad identifier-expression"),
        "{found:?}"
    );
    let found = told(r#""identifier-expresion": "x""#, wanted);
    assert!(found[0].contains("did you mean \"identifier-expression\"?"), "{found:?}");
}

#[test]
fn a_lenient_server_reads_past_what_others_refuse() {
    let names = Ask::direct(1).option(DOMAIN_SEARCH, [5, b'a']).bytes();
    let broken = Malformed::OptionLength { code: DOMAIN_SEARCH, found: 2 };
    assert_eq!(Query::parse(&names).unwrap_err(), broken);
    let query = Query::parse_leniently(&names).unwrap();
    assert!(!query.has_option(DOMAIN_SEARCH) && query.has_option(code::MESSAGE_TYPE));
    // Both N and S: the server's updates win, and N is answered as ever.
    let both = Ask::direct(1).option(code::CLIENT_FQDN, [9, 0, 0, b'a', b'.', b'b']);
    assert_eq!(Query::parse(&both.bytes()).unwrap_err(), Malformed::FqdnFlags(9));
    assert!(Query::parse_leniently(&both.bytes()).is_ok());
    // What cannot be read at all stays refused.
    let short = Ask::direct(1).option(code::REQUESTED_ADDRESS, [1]).bytes();
    assert!(Query::parse_leniently(&short).is_err());
}
