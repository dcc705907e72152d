//! Classes that come late or from templates, and what becomes of those that cannot be evaluated.

use super::world::*;
use crate::codec::v4::code;
use crate::config::parse_text;
use crate::v4::{DropReason, NakReason};

/// One subnet with a list of additional classes, beside what stands in `inside`.
fn world(inside: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ {inside}, "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
            "evaluate-additional-classes": [ "subnet", "late" ],
            "pools": [ {{ "pool": "192.0.2.100-192.0.2.120", "require-client-classes": [ "pool" ] }},
                       {{ "pool": "192.0.2.130/31" }} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    World::new(config.dhcp4.unwrap())
}

fn domain(world: &World, ask: &Ask) -> Option<String> {
    let answer = world.reply(ask);
    answer.option(15).map(|data| String::from_utf8(data.to_vec()).unwrap())
}

#[test]
fn templates_make_classes_of_the_querys_own() {
    let world = world(
        r#" "client-classes": [
            { "name": "port", "template-test": "relay4[1].hex", "boot-file-name": "any-port" },
            { "name": "SPAWN_port_one", "option-data": [ { "name": "domain-name", "data": "one.test" } ] },
            { "name": "SPAWN_port_a%20b", "option-data": [ { "name": "domain-name", "data": "blank.test" } ] },
            { "name": "two", "test": "member('port')", "option-data": [ { "name": "domain-name", "data": "two.test" } ] } ]"#,
    );
    let port = |port: &str| {
        let data = [&[1, port.len() as u8][..], port.as_bytes()].concat();
        Ask::relayed(1).option(82, data)
    };
    assert_eq!(domain(&world, &port("one")).as_deref(), Some("one.test"));
    assert_eq!(domain(&world, &port("a b")).as_deref(), Some("blank.test"));
    assert_eq!(domain(&world, &port("other")).as_deref(), Some("two.test"));
    assert_eq!(domain(&world, &Ask::relayed(1)), None);
    let file = &world.reply(&port("one")).reply.departure.message[108..116];
    assert_eq!(file, b"any-port");
}

#[test]
fn listed_classes_are_evaluated_once_the_pool_is_known() {
    let world = world(
        r#" "client-classes": [
            { "name": "early", "test": "option[60].hex == 'early'", "option-data": [ { "name": "domain-name", "data": "early.test" } ] },
            { "name": "late", "test": "option[60].exists", "only-in-additional-list": true,
              "option-data": [ { "name": "domain-name", "data": "late.test" } ] },
            { "name": "pool", "option-data": [ { "name": "boot-size", "data": "7", "always-send": true } ] },
            { "name": "subnet", "test": "member('late')", "only-if-required": true, "valid-lifetime": 1,
              "option-data": [ { "name": "domain-name", "data": "never.test" } ] } ],
        "valid-lifetime": 3000"#,
    );
    assert_eq!(domain(&world, &Ask::direct(1)), None);
    let vendor = |name| Ask::direct(1).option(code::VENDOR_CLASS_IDENTIFIER, name);
    assert_eq!(domain(&world, &vendor("x")).as_deref(), Some("late.test"));
    assert_eq!(domain(&world, &vendor("early")).as_deref(), Some("early.test"));
    assert_eq!(world.reply(&vendor("x")).number(51), Some(3000));
    assert_eq!(world.reply(&Ask::direct(1)).option(13), Some(&[0, 7][..]));
    let elsewhere = Ask::direct(2).option(code::REQUESTED_ADDRESS, ip(130).octets());
    let elsewhere = world.reply(&elsewhere);
    assert_eq!((elsewhere.yiaddr, elsewhere.option(13)), (ip(130), None));
}

#[test]
fn a_test_that_cannot_be_evaluated_is_told_of_and_does_not_match() {
    let world = world(
        r#" "client-classes": [
            { "name": "fine", "test": "uint8totext(option[60].hex) == '1'" },
            { "name": "mark", "test": "not member('fine')", "option-data": [ { "name": "domain-name", "data": "marked" } ] } ]"#,
    );
    let vendor = |data: &[u8]| Ask::direct(1).option(code::VENDOR_CLASS_IDENTIFIER, data);
    assert_eq!(domain(&world, &vendor(&[1])), None);
    assert!(world.trouble.lock().is_none());
    assert_eq!(domain(&world, &vendor(&[1, 2])).as_deref(), Some("marked"));
    let trouble = (*world.trouble.lock()).unwrap();
    let name = world.snapshot.config().class_names.name(trouble.class.unwrap());
    assert_eq!((&**name, trouble.error.found), ("fine", 2));
}

#[test]
fn a_rejected_client_is_told_so_and_not_offered_anything() {
    let world =
        world(r#" "client-classes": [ { "name": "REJECT", "test": "option[60].hex == 'bad'" } ]"#);
    let bad = Ask::direct(1).option(code::VENDOR_CLASS_IDENTIFIER, "bad");
    assert_eq!(world.dropped(&bad), DropReason::ClassReject);
    assert_eq!(world.nak(&bad.selecting(ip(100))), NakReason::Rejected);
    world.dora(&Ask::direct(1));
}

#[test]
fn many_classes_are_no_different() {
    let classes: Vec<String> = (0..40)
        .map(|at| {
            let option = r#""option-data": [ { "name": "boot-size", "data": "#;
            format!(r#"{{ "name": "c{at}", "test": "member('ALL')", {option}"{at}" }} ] }}"#)
        })
        .collect();
    let last = r#"{ "name": "z", "test": "member('c39')", "option-data": [ { "name": "domain-name", "data": "z" } ] }"#;
    let inside = format!(r#" "client-classes": [ {}, {last} ]"#, classes.join(", "));
    let answer = world(&inside).reply(&Ask::direct(1).option(55, [13]));
    assert_eq!((answer.option(13), answer.option(15)), (Some(&[0, 0][..]), Some(&b"z"[..])));
}

#[test]
fn what_special_classes_cannot_have() {
    let text = r#"{ "Dhcp4": { "client-classes": [
        { "name": "KNOWN", "test": "member('ALL')" },
        { "name": "DROP", "only-in-additional-list": true },
        { "name": "t", "template-test": "'a'", "test": "member('ALL')" },
        { "name": "u", "template-test": "'a' == 'b'" } ] } }"#;
    let mistakes = parse_text(text, "f").unwrap_err();
    let mistakes: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(
        mistakes,
        [
            "f:2.28: got a test of the built-in class \"KNOWN\", expected none",
            "f:3.9: got class \"DROP\" for additional lists only, expected it to be evaluated for every query",
            "f:4.48: got \"test\" beside \"template-test\", expected one of them",
            "f:5.46: bad class test: found '==', expected '+' or the end",
        ]
    );
}

/// As in Kea 3: a template waits for the reservation only if it names KNOWN or UNKNOWN itself.
#[test]
fn a_template_that_depends_on_a_reservation_through_another_class_does_not_wait_for_it() {
    let spawned = |template: &str| {
        let world = world(&format!(
            r#" "reservations": [ {{ "hw-address": "02:00:00:00:01:01", "hostname": "known" }} ],
            "reservations-global": true, "client-classes": [
                {{ "name": "dependent", "test": "member('KNOWN')" }},
                {{ "name": "t", "template-test": "ifelse({template}, 'yes', 'no')" }},
                {{ "name": "SPAWN_t_yes", "option-data": [ {{ "name": "domain-name", "data": "yes" }} ] }},
                {{ "name": "SPAWN_t_no", "option-data": [ {{ "name": "domain-name", "data": "no" }} ] }} ]"#
        ));
        domain(&world, &Ask::direct(1))
    };
    assert_eq!(spawned("member('KNOWN')").as_deref(), Some("yes"));
    assert_eq!(spawned("member('dependent')").as_deref(), Some("no"));
}
