//! What config-get shows.

use serde_json::{Value, json};

use super::super::{parse_text, render};

fn rendered(text: &str) -> Value {
    render(&parse_text(text, "f").unwrap())
}

/// Kea 3's answer for this configuration.
#[test]
fn defaults_are_kea_3s() {
    let text = r#"{ "Dhcp4": {
        "interfaces-config": { "interfaces": [ "eth0" ] },
        "control-socket": { "socket-type": "unix", "socket-name": "/x/k.sock" },
        "lease-database": { "type": "memfile", "name": "/x/k.csv" },
        "subnet4": [ { "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" } ] } ] } }"#;
    let value = rendered(text);
    let dhcp4 = &value["Dhcp4"];
    let keys: Vec<&str> = dhcp4.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys.join(" "),
        "allocator authoritative boot-file-name cache-threshold calculate-tee-times control-sockets \
         ddns-conflict-resolution-mode ddns-generated-prefix ddns-override-client-update \
         ddns-override-no-update ddns-qualifying-suffix ddns-replace-client-name ddns-send-updates \
         ddns-update-on-renew decline-probation-period dhcp-ddns dhcp-queue-control dhcp4o6-port \
         early-global-reservations-lookup echo-client-id expired-leases-processing hooks-libraries \
         host-reservation-identifiers hostname-char-replacement hostname-char-set interfaces-config \
         ip-reservations-unique lease-database match-client-id multi-threading next-server option-data \
         option-def parked-packet-limit reservations-global reservations-in-subnet \
         reservations-lookup-first reservations-out-of-pool sanity-checks server-hostname server-tag \
         shared-networks stash-agent-options statistic-default-sample-age \
         statistic-default-sample-count store-extended-info subnet4 t1-percent t2-percent \
         valid-lifetime"
    );
    assert_eq!(
        dhcp4["subnet4"],
        json!([{
            "4o6-interface": "", "4o6-interface-id": "", "4o6-subnet": "", "allocator": "iterative",
            "cache-threshold": 0.25, "calculate-tee-times": false, "id": 1,
            "max-valid-lifetime": 7200, "min-valid-lifetime": 7200, "option-data": [],
            "pools": [{ "option-data": [], "pool": "192.0.2.10-192.0.2.20" }],
            "relay": { "ip-addresses": [] }, "reservations": [], "store-extended-info": false,
            "subnet": "192.0.2.0/24", "t1-percent": 0.5, "t2-percent": 0.875, "valid-lifetime": 7200,
        }])
    );
    assert_eq!(
        dhcp4["multi-threading"],
        json!({ "enable-multi-threading": true, "packet-queue-size": 64, "thread-pool-size": 0 })
    );
    assert_eq!(
        dhcp4["control-sockets"],
        json!([{ "socket-name": "/x/k.sock", "socket-type": "unix" }])
    );
    assert_eq!(dhcp4["interfaces-config"], json!({ "interfaces": ["eth0"], "re-detect": true }));
}

#[test]
fn old_names_become_new_and_hooks_stay() {
    let hooks = json!([
        { "library": "/l/libdhcp_lease_cmds.so", "comment": "first" },
        { "library": "/l/libdhcp_ha.so", "parameters": { "high-availability": [] } },
    ]);
    let text = format!(
        r#"{{ "Dhcp4": {{ "comment": "c", "renew-timer": 5, "hooks-libraries": {hooks},
        "loggers": [ {{ "name": "kea-dhcp4", "output_options": [ {{ "output": "stdout" }} ] }} ],
        "subnet4": [ {{ "id": 9, "subnet": "192.0.2.0/24", "client-class": "KNOWN", "valid-lifetime": 4000,
            "relay": {{ "ip-address": "10.0.0.1" }}, "option-data": [ {{ "name": "routers", "data": "192.0.2.254" }} ] }} ] }} }}"#
    );
    let value = rendered(&text);
    let dhcp4 = &value["Dhcp4"];
    assert_eq!(dhcp4["hooks-libraries"], hooks);
    assert_eq!(dhcp4["user-context"], json!({ "comment": "c" }));
    assert_eq!(
        dhcp4["loggers"],
        json!([{ "debuglevel": 0, "name": "kea-dhcp4", "severity": "INFO", "output-options": [
            { "flush": true, "maxsize": 10_240_000, "maxver": 1, "output": "stdout", "pattern": "" } ] }])
    );
    let subnet = &dhcp4["subnet4"][0];
    assert_eq!(subnet["client-classes"], json!(["KNOWN"]));
    assert_eq!(subnet["relay"], json!({ "ip-addresses": ["10.0.0.1"] }));
    assert_eq!((&subnet["max-valid-lifetime"], &subnet["renew-timer"]), (&json!(4000), &json!(5)));
    assert_eq!(
        subnet["option-data"],
        json!([{ "always-send": false, "code": 3, "csv-format": true, "data": "192.0.2.254",
            "name": "routers", "never-send": false, "space": "dhcp4" }])
    );
}

#[test]
fn an_option_without_a_definition_is_shown_as_the_hexadecimal_digits_that_it_is() {
    let text = r#"{ "Dhcp4": { "option-def": [ { "name": "defined", "code": 241, "type": "uint8" } ],
        "client-classes": [ { "name": "c",
            "option-def": [ { "name": "own", "code": 242, "type": "uint8" } ],
            "option-data": [ { "code": 240, "data": "0a" }, { "name": "own", "data": "7" }, { "code": 242, "data": "7" } ] } ],
        "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24",
            "option-data": [ { "code": 240, "data": "0a0b" }, { "name": "defined", "data": "7" } ] } ] } }"#;
    let value = rendered(text);
    let shown = |holder: &Value| -> Vec<bool> {
        let options = holder["option-data"].as_array().unwrap().iter();
        options.map(|option| option["csv-format"].as_bool().unwrap()).collect()
    };
    assert_eq!(shown(&value["Dhcp4"]["subnet4"][0]), [false, true]);
    assert_eq!(shown(&value["Dhcp4"]["client-classes"][0]), [false, true, true]);
    assert_eq!(rendered(&value.to_string()), value);
}

/// What config-get gives can be given to a server, and config-get gives the same there.
#[test]
fn what_is_rendered_is_read_again() {
    for seed in [
        include_str!("../../../tests/data/seeds/seed-ha-load-balancing-server2-mt.json"),
        include_str!("../../../tests/data/seeds/seed-load-balancing-with-backup.json"),
        include_str!("../../../tests/data/seeds/seed-hub-and-spoke-central.json"),
    ] {
        let first = rendered(seed);
        assert_eq!(rendered(&first.to_string()), first);
    }
}

#[test]
fn a_shared_network_shows_what_its_subnets_inherit() {
    let text = r#"{ "Dhcp4": { "renew-timer": 5, "t1-percent": 0.4, "shared-networks": [ {
        "name": "n", "renew-timer": 6, "relay": { "ip-address": "10.0.0.1" }, "comment": "c",
        "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24" } ] } ] } }"#;
    let value = rendered(text);
    let network = &value["Dhcp4"]["shared-networks"][0];
    assert_eq!(network["relay"], json!({ "ip-addresses": ["10.0.0.1"] }));
    assert_eq!(network["user-context"], json!({ "comment": "c" }));
    let subnet = &network["subnet4"][0];
    assert_eq!((&subnet["renew-timer"], &subnet["t1-percent"]), (&json!(6), &json!(0.4)));
    assert_eq!(subnet["relay"], json!({ "ip-addresses": [] }));
    assert_eq!(rendered(&value.to_string()), value);
}

#[test]
fn reservations_are_shown_whole() {
    let text = r#"{ "Dhcp4": { "reservations": [ { "duid": "01:02", "hostname": "h" } ], "subnet4": [
        { "id": 1, "subnet": "192.0.2.0/24", "reservation-mode": "all", "reservations": [
            { "hw-address": "01:02", "ip-address": "192.0.2.5", "comment": "c" } ] } ] } }"#;
    let value = rendered(text);
    assert_eq!(
        value["Dhcp4"]["reservations"][0],
        json!({ "boot-file-name": "", "client-classes": [], "duid": "01:02", "hostname": "h",
            "next-server": "0.0.0.0", "option-data": [], "server-hostname": "" })
    );
    let own = &value["Dhcp4"]["subnet4"][0]["reservations"][0];
    assert_eq!(own["user-context"], json!({ "comment": "c" }));
    let subnet = &value["Dhcp4"]["subnet4"][0];
    assert_eq!(
        (&subnet["reservation-mode"], &subnet["reservations-in-subnet"]),
        (&Value::Null, &json!(true))
    );
    assert_eq!(rendered(&value.to_string()), value);
}
