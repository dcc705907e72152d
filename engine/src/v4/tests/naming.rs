//! Names of clients under every rule: what is said back and what the lease keeps.

use super::world::*;
use crate::config::parse_text;

/// One subnet with these parameters at its level.
fn world(parameters: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", {parameters}
            "pools": [ {{ "pool": "192.0.2.100-192.0.2.120" }} ] }} ] }} }}"#
    );
    World::new(parse_text(&text, "test").unwrap().dhcp4.unwrap())
}

/// What comes back for the option 12 `sent`, and what the lease keeps.
fn host_name(parameters: &str, sent: Option<&str>) -> Option<String> {
    let world = world(parameters);
    let mut ask = Ask::direct(1);
    if let Some(sent) = sent {
        ask = ask.option(12, sent);
    }
    let ack = world.dora(&ask);
    let kept = world.lease(ack.yiaddr).unwrap().hostname;
    let said = ack.option(12).map(|data| String::from_utf8(data.to_vec()).unwrap());
    assert_eq!(said.as_deref().unwrap_or_default(), &*kept);
    said
}

/// The flags and the text name that come back for an option 81 with these.
fn fqdn(parameters: &str, flags: u8, name: &str) -> Option<(u8, String)> {
    let data = [&[flags, 0, 0][..], name.as_bytes()].concat();
    let world = world(parameters);
    let ack = world.dora(&Ask::direct(1).option(81, data));
    let option =
        ack.option(81).map(|data| (data[0], String::from_utf8(data[3..].to_vec()).unwrap()));
    let kept = world.lease(ack.yiaddr).unwrap().hostname;
    assert_eq!(option.as_ref().map_or("", |(_, name)| name), &*kept);
    option
}

const SUFFIX: &str = r#" "ddns-qualifying-suffix": "a.test.", "#;

#[test]
fn a_partial_host_name_gets_the_suffix() {
    let said = |sent| host_name(SUFFIX, Some(sent)).unwrap();
    assert_eq!(said("Host"), "host.a.test");
    assert_eq!(said("host.b"), "host.b");
    assert_eq!(said("host."), "host");
    assert_eq!(said("ho_st,1"), "host1.a.test");
    assert_eq!(said("."), "myhost-192-0-2-100.a.test");
    assert_eq!(host_name(SUFFIX, None), None);
    assert_eq!(host_name(SUFFIX, Some("a..b")), None);
    assert_eq!(host_name("", Some("Host")).unwrap(), "host");
}

#[test]
fn names_are_replaced_when_the_rule_says_so() {
    let rule =
        |mode| format!(r#" "ddns-replace-client-name": "{mode}", "ddns-generated-prefix": "pc", "#);
    let made = Some("pc-192-0-2-100".to_owned());
    for (mode, for_sent, for_none) in [
        ("never", Some("x".to_owned()), None),
        ("always", made.clone(), made.clone()),
        ("when-present", made.clone(), None),
        ("when-not-present", Some("x".to_owned()), made.clone()),
    ] {
        assert_eq!(host_name(&rule(mode), Some("x")), for_sent, "{mode}");
        assert_eq!(host_name(&rule(mode), None), for_none, "{mode}");
        let replaced = matches!(mode, "always" | "when-present");
        let expected = if replaced { "pc-192-0-2-100." } else { "x.y." };
        assert_eq!(fqdn(&rule(mode), 0, "x.y.").unwrap().1, expected, "{mode}");
    }
}

#[test]
fn characters_are_replaced_as_the_pattern_says() {
    let rule = r#" "hostname-char-set": "[^A-Za-z0-9.]", "hostname-char-replacement": "x", "#;
    assert_eq!(host_name(rule, Some("a-b_c")).unwrap(), "axbxc");
    assert_eq!(fqdn(rule, 0, "a-b.c_d.").unwrap().1, "axb.cxd.");
    assert_eq!(host_name(r#" "hostname-char-set": "", "#, Some("a b_c")).unwrap(), "a b_c");
    let usual = r#" "hostname-char-replacement": "-", "#;
    assert_eq!(host_name(usual, Some("a_b")).unwrap(), "a-b");
    // Nothing is left.
    assert_eq!(host_name("", Some("___")), None);
    assert_eq!(fqdn("", 0, "___"), None);
}

#[test]
fn option_81_says_that_nobody_updates() {
    assert_eq!(fqdn(SUFFIX, 1, "Host"), Some((0x0a, "host.a.test.".into())));
    assert_eq!(fqdn(SUFFIX, 0, "host.a.test"), Some((8, "host.a.test.".into())));
    assert_eq!(fqdn(SUFFIX, 8, "host.b."), Some((8, "host.b.".into())));
    assert_eq!(fqdn(SUFFIX, 0, ""), Some((8, "myhost-192-0-2-100.a.test.".into())));
    let wire = Ask::direct(1).option(81, b"\x05\x00\x00\x01h\x01b");
    let answer = world(SUFFIX).reply(&wire);
    assert_eq!(answer.option(81).unwrap(), b"\x0e\x00\x00\x01h\x01b\x01a\x04test\x00");
}

#[test]
fn the_rules_of_the_pool_go_before_the_subnets_and_old_words_are_the_last() {
    let text = r#"{ "Dhcp4": { "dhcp-ddns": { "qualifying-suffix": "old.test", "generated-prefix": "old" },
        "ddns-qualifying-suffix": "global.test",
        "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "ddns-replace-client-name": "always", "pools": [
            { "pool": "192.0.2.100", "ddns-qualifying-suffix": "pool.test" },
            { "pool": "192.0.2.101" } ] } ] } }"#;
    let text = text
        .replace("\"192.0.2.100\"", "\"192.0.2.100/32\"")
        .replace("\"192.0.2.101\"", "\"192.0.2.101/32\"");
    let world = World::new(parse_text(&text, "test").unwrap().dhcp4.unwrap());
    let first = world.dora(&Ask::direct(1));
    assert_eq!(first.option(12), Some(&b"old-192-0-2-100.pool.test"[..]));
    let second = world.dora(&Ask::direct(2));
    assert_eq!(second.option(12), Some(&b"old-192-0-2-101.global.test"[..]));
}

#[test]
fn a_bad_pattern_is_told_of_where_it_stands() {
    let text = "{ \"Dhcp4\": {\n \"hostname-char-set\": \"[a\" } }";
    let mistakes = parse_text(text, "f").unwrap_err();
    assert!(
        mistakes[0].to_string().starts_with("f:2.23: got the regular expression \"[a\": "),
        "{mistakes:?}"
    );
}
