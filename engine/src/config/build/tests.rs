//! What comes out of a configuration, and every mistake with its place.

use std::net::Ipv4Addr;

use super::super::model::*;
use super::super::parse_text;

const LOAD_BALANCING: &str =
    include_str!("../../../tests/data/seeds/seed-ha-load-balancing-server2-mt.json");
const BACKUP: &str = include_str!("../../../tests/data/seeds/seed-load-balancing-with-backup.json");
const BRANCH: &str = include_str!("../../../tests/data/seeds/seed-hub-and-spoke-branch.json");
const CENTRAL: &str = include_str!("../../../tests/data/seeds/seed-hub-and-spoke-central.json");

fn configuration(text: &str) -> Configuration {
    parse_text(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The configuration of what stands inside `Dhcp4`.
fn dhcp4(inside: &str) -> Dhcp4 {
    configuration(&format!("{{\"Dhcp4\": {{\n{inside}\n}}}}")).dhcp4.unwrap()
}

/// The mistakes of what stands inside `Dhcp4`, from line 2.
fn mistakes(inside: &str) -> Vec<String> {
    let text = format!("{{\"Dhcp4\": {{\n{inside}\n}}}}");
    parse_text(&text, "f").unwrap_err().iter().map(ToString::to_string).collect()
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn the_load_balancing_seed() {
    let dhcp4 = configuration(LOAD_BALANCING).dhcp4.unwrap();
    assert_eq!(dhcp4.interfaces.listen, [InterfaceSpec::Name("eth0".into())]);
    assert!(dhcp4.interfaces.raw);
    let path = "/tmp/kea4-ctrl-socket".into();
    assert_eq!(dhcp4.control_sockets, [ControlSocket::Unix { path }]);
    assert_eq!((dhcp4.multi_threading.enabled, dhcp4.multi_threading.thread_pool_size), (true, 4));
    assert_eq!(dhcp4.lease_database.file.to_str(), Some("/var/lib/kea/kea-leases4.csv"));
    let names: Vec<&str> =
        dhcp4.classes.iter().map(|class| &**dhcp4.class_names.name(class.id)).collect();
    assert_eq!(
        names,
        [
            "phones",
            "laptops",
            "phones_server1",
            "phones_server2",
            "laptops_server1",
            "laptops_server2"
        ]
    );
    assert!(dhcp4.classes.iter().all(|class| class.test.is_some()));
    let kinds: Vec<HookKind> = dhcp4.hooks.iter().map(|hook| hook.kind).collect();
    assert_eq!(kinds, [HookKind::LeaseCmds, HookKind::Ha]);
    let [subnet] = &dhcp4.subnets[..] else { panic!("one subnet") };
    let lifetime = Lifetime { default_s: 7200, min_s: 7200, max_s: 7200 };
    assert_eq!((subnet.id, subnet.lifetime, subnet.renew), (1, lifetime, Timer::Unset));
    assert_eq!(subnet.prefix, Prefix4 { network: address("192.0.3.0"), len: 24 });
    assert_eq!(subnet.relays, [address("192.168.56.1")]);
    assert_eq!((subnet.options[0].code, &subnet.options[0].data[..]), (3, &[192, 0, 3, 1][..]));
    let pool = &subnet.pools[3];
    assert_eq!((pool.first, pool.last), (address("192.0.3.226"), address("192.0.3.250")));
    assert_eq!(pool.guard, [dhcp4.class_names.id("laptops_server2").unwrap()]);
    assert_eq!((dhcp4.loggers.len(), dhcp4.loggers[1].debuglevel), (2, 99));
}

#[test]
fn the_other_seeds() {
    let backup = configuration(BACKUP);
    assert!(backup.warnings.is_empty());
    assert_eq!(backup.dhcp4.unwrap().subnets[0].pools.len(), 2);
    for seed in [BRANCH, CENTRAL] {
        let configuration = configuration(seed);
        assert!(configuration.dhcp4.is_none());
        assert_eq!(configuration.dhcp6.unwrap().hooks[1].kind, HookKind::Ha);
    }
}

#[test]
fn what_a_subnet_inherits() {
    let dhcp4 = dhcp4(
        r#""valid-lifetime": 100, "min-valid-lifetime": 50, "max-valid-lifetime": 200,
        "renew-timer": 10, "calculate-tee-times": true, "match-client-id": false, "authoritative": true,
        "next-server": "192.0.2.9", "boot-file-name": "a", "server-hostname": "h",
        "subnet4": [
            { "subnet": "10.0.0.0/8", "pools": [ { "pool": "10.1.0.0/16", "pool-id": 7 } ] },
            { "subnet": "11.0.0.0/8", "valid-lifetime": 60, "rebind-timer": 20, "boot-file-name": "b",
              "server-hostname": "", "next-server": "",
              "match-client-id": true, "t2-percent": 0.7, "user-context": { "x": 1 }, "comment": "c" } ]"#,
    );
    let [first, second] = &dhcp4.subnets[..] else { panic!("two subnets") };
    assert_eq!((first.id, second.id), (1, 2));
    assert_eq!(first.lifetime, Lifetime { default_s: 100, min_s: 50, max_s: 200 });
    assert_eq!(second.lifetime, Lifetime { default_s: 60, min_s: 50, max_s: 200 });
    assert_eq!((first.renew, first.rebind), (Timer::Fixed(10), Timer::Share(0.875)));
    assert_eq!((second.renew, second.rebind), (Timer::Fixed(10), Timer::Fixed(20)));
    assert_eq!((first.match_client_id, second.match_client_id), (false, true));
    assert!(first.authoritative && second.authoritative);
    assert_eq!((&*first.boot_file_name, &*second.boot_file_name), ("a", "b"));
    assert_eq!((first.next_server, &*second.server_hostname), (address("192.0.2.9"), "h"));
    // An empty one says nothing.
    assert_eq!(second.next_server, address("192.0.2.9"));
    assert_eq!(second.user_context, Some(serde_json::json!({"x": 1, "comment": "c"})));
    let pool = &first.pools[0];
    assert_eq!((pool.first, pool.last, pool.id), (address("10.1.0.0"), address("10.1.255.255"), 7));
}

#[test]
fn defaults() {
    let dhcp4 = dhcp4("");
    assert!(dhcp4.multi_threading.enabled && dhcp4.echo_client_id && dhcp4.lease_database.persist);
    assert_eq!((dhcp4.decline_probation_s, dhcp4.parked_packet_limit), (86_400, 256));
    assert_eq!(
        (dhcp4.multi_threading.packet_queue_size, dhcp4.lease_database.lfc_interval_s),
        (64, 3600)
    );
    let expired = ExpiredLeases {
        reclaim_wait_s: 10,
        flush_wait_s: 25,
        hold_s: 3600,
        max_leases: 100,
        max_time_ms: 250,
        unwarned_cycles: 5,
    };
    assert_eq!(dhcp4.expired_leases, expired);
    assert!(!dhcp4.lease_database.sync_to_disk);
}

#[test]
fn old_and_new_spellings() {
    let dhcp4 = dhcp4(
        r#""control-sockets": [ { "socket-type": "unix", "socket-name": "a" } ],
        "control-socket": { "socket-type": "unix", "socket-name": "/b" },
        "loggers": [ { "name": "kea-dhcp4", "severity": "warn", "output_options": [ { "output": "syslog:local1" },
            { "output": "x.log", "maxver": 3 } ] } ],
        "interfaces-config": { "interfaces": [ "*", "eth1/192.0.2.1" ], "dhcp-socket-type": "udp" },
        "client-classes": [ { "name": "c", "only-if-required": true, "min-valid-lifetime": 9 } ],
        "subnet4": [ { "subnet": "10.0.0.0/8", "client-classes": [ "c", "ALL" ], "relay": { "ip-addresses": [ "10.0.0.1" ] } } ]"#,
    );
    let paths: Vec<&str> = dhcp4
        .control_sockets
        .iter()
        .map(|ControlSocket::Unix { path }| path.to_str().unwrap())
        .collect();
    assert_eq!(paths, ["/b", "/run/kea/a"]);
    assert_eq!(dhcp4.loggers[0].severity, Severity::Warn);
    assert_eq!(dhcp4.loggers[0].outputs[0].to, LogTarget::Syslog("local1".into()));
    assert_eq!(dhcp4.loggers[0].outputs[1].to, LogTarget::File("/var/log/kea/x.log".into()));
    assert_eq!(
        dhcp4.interfaces.listen[1],
        InterfaceSpec::Address("eth1".into(), address("192.0.2.1"))
    );
    assert!(!dhcp4.interfaces.raw && dhcp4.classes[0].only_in_additional_list);
    assert_eq!(dhcp4.classes[0].lifetime, Some(Lifetime { default_s: 9, min_s: 9, max_s: 9 }));
    assert_eq!(dhcp4.subnets[0].guard.len(), 2);
    assert_eq!(dhcp4.subnets[0].relays, [address("10.0.0.1")]);
}

#[test]
fn our_own_settings() {
    let dhcp4 = dhcp4(
        r#""multi-threading": { "user-context": { "peregrine": { "pin-threads": false } } },
        "lease-database": { "type": "memfile", "user-context": { "peregrine": { "durability": "disk" } } }"#,
    );
    assert_eq!(dhcp4.multi_threading.pin_threads, Some(false));
    assert!(dhcp4.lease_database.sync_to_disk);
    assert_eq!(
        mistakes(r#""multi-threading": { "user-context": { "peregrine": { "pin": false } } }"#),
        ["f:2.55: got unexpected keyword \"pin\" in peregrine map, expected \"pin-threads\""]
    );
}

#[test]
fn mistakes_of_many_kinds_in_one_run() {
    assert_eq!(
        mistakes(
            r#""valid-lifetme": 1, "hooks-libraries": [ { "library": "/x/libdhcp_radius.so" }, { "library": "own.so" } ],
"option-data": [ { "name": "router", "data": "192.0.2.1" }, { "code": 6, "data": "nonsense" } ],
"client-classes": [ { "name": "a", "test": "member('b')" }, { "name": "b", "test": "option[60].hex ==" } ],
"subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.3.1 - 192.0.3.2" },
  { "pool": "192.0.2.9-192.0.2.1" }, { "pool": "x" } ] },
  { "id": 1, "subnet": "198.51.100.0/33" }, { "id": 1, "subnet": "198.51.100.0/24" } ],
"lease-database": { "type": "mysql" }, "control-sockets": [ { "socket-type": "unix" } ],
"reservations": [ {} ]"#
        ),
        [
            "f:2.1: got unexpected keyword \"valid-lifetme\" in Dhcp4 map, did you mean \"valid-lifetime\"?",
            "f:2.55: not built yet: hook library libdhcp_radius",
            "f:2.94: not built yet: hook library own (of another maker), expected one that is built in: libdhcp_ha, libdhcp_lease_cmds, libdhcp_stat_cmds, libdhcp_bootp, libdhcp_flex_id",
            "f:3.28: got option \"router\", expected a DHCPv4 option's name",
            "f:3.82: bad value for domain-name-servers: found 'nonsense', expected an IPv4 address",
            "f:4.52: got class \"b\" in member(), expected one defined before this one, or built in",
            "f:4.102: bad class test: found the end, expected an expression",
            "f:5.72: got pool 192.0.3.1-192.0.3.2, expected one inside the subnet 192.0.2.0/24",
            "f:6.13: got pool 192.0.2.9-192.0.2.1, expected the lower address first",
            "f:6.48: got pool string \"x\", expected \"first - last\" or \"prefix/length\"",
            "f:7.24: got subnet string \"198.51.100.0/33\", expected \"address/length\"",
            "f:7.53: got subnet id 1, expected another than that of 192.0.2.0/24",
            "f:8.29: not built yet: a lease database of type \"mysql\"",
            "f:8.61: got a control socket of type \"unix\" without \"socket-name\", expected one",
            "f:9.19: got a reservation without identifier, expected one of hw-address, duid, circuit-id, client-id, flex-id",
        ]
    );
}

#[test]
fn lifetimes_and_timers() {
    assert_eq!(
        mistakes(
            r#""min-valid-lifetime": 8000,
"subnet4": [ { "subnet": "10.0.0.0/8" }, { "subnet": "11.0.0.0/8", "valid-lifetime": 9, "max-valid-lifetime": 8 },
  { "subnet": "12.0.0.0/8", "min-valid-lifetime": 1, "max-valid-lifetime": 2 },
  { "subnet": "13.0.0.0/8", "min-valid-lifetime": 1, "rebind-timer": 1, "renew-timer": 2 },
  { "subnet": "14.0.0.0/8", "min-valid-lifetime": 1, "calculate-tee-times": true, "t1-percent": 0.9 } ]"#
        ),
        [
            "f:2.1: got min-valid-lifetime 8000, expected at most max-valid-lifetime (7200)",
            "f:3.68: got min-valid-lifetime 8000, expected at most max-valid-lifetime (8)",
            "f:4.29: got valid-lifetime 7200, expected one between min-valid-lifetime (1) and max-valid-lifetime (2)",
            "f:6.83: got t1-percent 0.9, expected less than t2-percent (0.875)",
        ]
    );
}

#[test]
fn a_renew_timer_beyond_the_rebind_timer_is_a_warning_as_in_kea() {
    let text = r#"{"Dhcp4": { "subnet4": [ { "id": 1, "subnet": "13.0.0.0/8", "rebind-timer": 1, "renew-timer": 2 } ] } }"#;
    let found = configuration(text);
    let warnings: Vec<_> = found.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["f:1.80: got renew-timer 2, expected at most rebind-timer (1); clients are told no T1"]
    );
    let subnet = &found.dhcp4.unwrap().subnets[0];
    assert_eq!((subnet.renew, subnet.rebind), (Timer::Fixed(2), Timer::Fixed(1)));
}

#[test]
fn doubles() {
    assert_eq!(
        mistakes(
            r#""interfaces-config": { "interfaces": [ "a", "a/192.0.2.1", "*", "*", "b/x" ] },
"client-classes": [ { "name": "c" }, { "name": "c" } ],
"subnet4": [ { "id": 1, "subnet": "10.0.0.0/8",
    "pools": [ { "pool": "10.0.0.0/24" }, { "pool": "10.1.0.0/24" }, { "pool": "10.0.0.200-10.0.1.7" } ] },
  { "subnet": "10.0.0.0/8", "client-class": "c", "client-classes": [ "c" ] } ],
"hooks-libraries": [ { "library": "libdhcp_ha" }, { "library": "libdhcp_ha.so" } ]"#
        ),
        [
            "f:2.45: got string \"a/192.0.2.1\" a second time in interfaces, expected it once",
            "f:2.65: got string \"*\" a second time in interfaces, expected it once",
            "f:2.70: got string \"b/x\", expected \"*\", an interface or interface/address",
            "f:3.48: got class \"c\" a second time, expected it once",
            "f:5.80: got pool 10.0.0.200-10.0.1.7, expected none that overlaps pool 10.0.0.0-10.0.0.255",
            "f:6.3: got subnet 10.0.0.0/8 a second time, expected it once (before at f:4.14)",
            "f:6.3: got subnet id 1 (given automatically), expected another than that of 10.0.0.0/8",
            "f:6.29: got \"client-class\" beside \"client-classes\", expected one of them",
            "f:7.22: got libdhcp_ha without libdhcp_lease_cmds, expected both: partners send its commands",
            "f:7.64: got string \"libdhcp_ha.so\" a second time, expected it once",
        ]
    );
}

#[test]
fn options() {
    let found = dhcp4(
        r#""option-data": [ { "code": 6, "data": "C0000201", "csv-format": false, "always-send": true },
        { "name": "domain-name", "data": "a.example", "never-send": true },
        { "code": 240, "data": "01 02", "csv-format": false } ]"#,
    );
    let option = |code, data: &[u8], always_send, never_send| OptionData {
        enterprise: None,
        code,
        data: data.into(),
        always_send,
        never_send,
        classes: Vec::new(),
    };
    assert_eq!(found.options[0], option(6, &[192, 0, 2, 1], true, false));
    assert_eq!(found.options[1].code, 15);
    assert!(found.options[1].never_send);
    assert_eq!(found.options[2], option(240, &[1, 2], false, false));
    assert_eq!(
        mistakes(
            r#""option-data": [ {}, { "code": 255 }, { "code": 240, "data": "x" }, { "code": 3, "name": "x" },
            { "name": "n", "space": "vendor-9" } ]"#
        ),
        [
            "f:2.18: got an option without \"name\" and \"code\", expected one of them",
            "f:2.32: got option code 255, expected one from 1 to 254",
            "f:2.49: got an option without a definition, expected \"csv-format\": false with it, or a defined option",
            "f:2.90: got name \"x\" for option 3, expected \"routers\"",
            "f:3.23: got option \"n\", expected one that option-def defines in the space \"vendor-9\"",
        ]
    );
}

#[test]
fn an_option_twice_in_one_list_is_told_of_and_the_first_counts() {
    let text = r#"{"Dhcp4": { "client-classes": [ { "name": "c" } ], "option-data": [
        { "code": 3, "data": "10.0.0.1" }, { "code": 3, "data": "10.0.0.2", "client-classes": [ "c" ] },
        { "name": "routers", "data": "10.0.0.3" },
        { "code": 125, "data": "9" }, { "code": 125, "data": "10" } ] } }"#;
    let found = configuration(text);
    let warnings: Vec<_> = found.warnings.iter().map(ToString::to_string).collect();
    let told = "got option 3 a second time for everybody, expected it once: the first one counts";
    assert_eq!(warnings, [format!("f:3.9: {told}")]);
}

#[test]
fn below_the_global_level_an_undefined_option_without_csv_format_is_hexadecimal() {
    let given = r#""option-data": [ { "code": 240, "data": "0a0b" } ]"#;
    let found = dhcp4(&format!(
        r#""client-classes": [ {{ "name": "c", {given} }} ],
        "shared-networks": [ {{ "name": "n", {given}, "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8", {given},
            "pools": [ {{ "pool": "10.0.0.0/24", {given} }} ],
            "reservations": [ {{ "hw-address": "01", {given} }} ] }} ] }} ]"#
    ));
    let subnet = &found.subnets[0];
    let host = found.hosts.all()[0].details.as_ref().unwrap();
    let levels = [
        &found.classes[0].options,
        &found.networks[0].options,
        &subnet.options,
        &subnet.pools[0].options,
        &host.options,
    ];
    for (level, options) in levels.into_iter().enumerate() {
        let [option] = &options[..] else { panic!("one option at level {level}") };
        assert_eq!((option.code, &*option.data), (240, &[10, 11][..]), "level {level}");
    }
    let undefined = "got an option without a definition";
    assert!(mistakes(given)[0].contains(undefined));
    let told = mistakes(
        r#""subnet4": [ { "id": 1, "subnet": "10.0.0.0/8",
            "option-data": [ { "code": 240, "data": "0a", "csv-format": true } ] } ]"#,
    );
    assert!(told[0].contains(undefined), "{told:?}");
}

#[test]
fn mistakes_of_definitions() {
    let found = mistakes(
        r#""option-def": [
            { "name": "a", "code": 222, "type": "any" },
            { "name": "b", "code": 255, "type": "uint8" },
            { "name": "-c", "code": 1, "space": "s", "type": "uint8" },
            { "name": "d", "code": 2, "space": "s", "type": "record", "record-types": "uint8" },
            { "name": "e", "code": 3, "space": "s", "type": "record", "record-types": "string, uint8" },
            { "name": "f", "code": 4, "space": "s", "type": "uint8", "record-types": "uint8, uint8" },
            { "name": "g", "code": 5, "space": "s", "type": "string", "array": true },
            { "name": "h", "code": 6, "space": "s", "type": "uint8", "array": true, "encapsulate": "t" },
            { "name": "i", "code": 7, "space": "s", "type": "uint8", "encapsulate": "s" },
            { "name": "routers", "code": 223, "type": "uint8" },
            { "name": "j", "code": 3, "type": "uint8" },
            { "name": "k", "code": 224, "type": "uint8" },
            { "name": "l", "code": 224, "type": "uint8" },
            { "name": "m", "code": 9, "space": "no space", "type": "uint8" },
            { "name": "o", "code": 1, "space": "p", "type": "uint8", "encapsulate": "q" },
            { "name": "q", "code": 1, "space": "q", "type": "uint8", "encapsulate": "p" },
            { "name": "r", "code": 225, "type": "uint8", "encapsulate": "p" }
        ],
        "client-classes": [ { "name": "x", "option-def": [ { "name": "y", "code": 60, "type": "string" } ] } ],
        "option-data": [ { "name": "r", "data": "1" }, { "space": "p", "name": "o", "data": "1" },
            { "space": "q", "name": "q", "data": "1" }, { "name": "vivco-suboptions", "data": "9, 05aa" } ]"#,
    );
    let places: Vec<&str> = found.iter().map(|text| text.split(": ").next().unwrap()).collect();
    let expected = [
        "f:3.49", "f:4.36", "f:5.13", "f:6.13", "f:7.13", "f:8.13", "f:9.13", "f:10.13", "f:11.13",
        "f:12.13", "f:13.13", "f:15.13", "f:16.48", "f:21.83", "f:22.26", "f:23.95",
    ];
    assert_eq!(places, expected, "{found:#?}");
    assert!(
        found[0].contains("got the option type \"any\", expected one of empty, binary"),
        "{}",
        found[0]
    );
}

#[test]
fn parameters_of_other_hooks_and_long_socket_paths() {
    let long = "x".repeat(120);
    assert_eq!(
        mistakes(&format!(
            r#""hooks-libraries": [ {{ "library": "libdhcp_lease_cmds", "parameters": {{ "comment": "c", "p": 1 }} }} ],
            "control-socket": {{ "socket-type": "unix", "socket-name": "{long}" }}"#
        )),
        [
            "f:2.89: not built yet: parameter \"p\" of libdhcp_lease_cmds",
            "f:3.71: got a socket path of 129 bytes, expected at most 107",
        ]
    );
}

#[test]
fn the_top_level() {
    let found = |text: &str| parse_text(text, "f").unwrap_err()[0].to_string();
    assert_eq!(found("{}"), "f:1.1: got an empty map, expected \"Dhcp4\" or \"Dhcp6\"");
    assert_eq!(found("[]"), "f:1.1: got a list, expected a map with \"Dhcp4\" or \"Dhcp6\"");
    assert_eq!(
        found("{ \"Dhcp4\": {}, \"Logging\": {} }"),
        "f:1.16: got unexpected keyword \"Logging\" in toplevel map, expected \"Dhcp4\" or \"Dhcp6\""
    );
    assert_eq!(found("{ \"Dhcp4\": 3 }"), "f:1.12: got integer 3, expected a Dhcp4 map");
}

#[test]
fn a_class_that_nothing_defines_is_a_warning() {
    let text =
        r#"{"Dhcp4": {"subnet4": [ { "subnet": "10.0.0.0/8", "client-class": "nobody" } ] } }"#;
    let warnings: Vec<String> =
        configuration(text).warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["f:1.67: nothing defines class \"nobody\": nobody is ever in it"]);
}

#[test]
fn dhcp6_is_checked_for_keywords() {
    let text = r#"{"Dhcp6": {"subnet6": [ { "subnet": "2001:db8::/64", "pd-pools": [ { "prefx": "" } ] } ] } }"#;
    let found: Vec<String> =
        parse_text(text, "f").unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 4, "{found:?}");
    assert_eq!(found[0], "f:1.68: got a pd-pools map without \"prefix\", expected one");
    assert_eq!(
        found[3],
        "f:1.70: got unexpected keyword \"prefx\" in pd-pools map, did you mean \"prefix\"?"
    );
}

#[test]
fn subnets_of_a_shared_network_inherit_from_it_and_then_from_the_global_level() {
    let dhcp4 = dhcp4(
        r#""valid-lifetime": 100, "renew-timer": 10, "boot-file-name": "all",
        "shared-networks": [ { "name": "n", "valid-lifetime": 200, "interface": "eth1",
            "relay": { "ip-address": "10.9.0.1" }, "authoritative": true, "user-context": { "a": 1 },
            "subnet4": [ { "id": 7, "subnet": "10.0.0.0/24" },
                         { "id": 3, "subnet": "10.0.1.0/24", "valid-lifetime": 300,
                           "relay": { "ip-addresses": [ "10.9.0.2" ] } } ] } ],
        "subnet4": [ { "id": 5, "subnet": "10.0.2.0/24" } ]"#,
    );
    let [third, fifth, seventh] = &dhcp4.subnets[..] else { panic!("three subnets") };
    assert_eq!((third.id, fifth.id, seventh.id), (3, 5, 7));
    let lifetimes = [third, fifth, seventh].map(|subnet| subnet.lifetime.default_s);
    assert_eq!(lifetimes, [300, 100, 200]);
    assert!([third, fifth, seventh].iter().all(|it| it.renew == Timer::Fixed(10)));
    assert!([third, fifth, seventh].iter().all(|it| it.boot_file_name == "all"));
    assert_eq!(
        (&third.relays[..], &seventh.relays[..]),
        (&[address("10.9.0.2")][..], &[address("10.9.0.1")][..])
    );
    assert_eq!((third.interface.as_deref(), fifth.interface.as_deref()), (Some("eth1"), None));
    assert_eq!((third.authoritative, fifth.authoritative), (true, false));
    let network = third.network.as_ref().unwrap();
    assert_eq!(network.name, "n");
    assert_eq!(network.user_context, Some(serde_json::json!({ "a": 1 })));
    assert!(fifth.network.is_none());
}

#[test]
fn what_cannot_be_on_one_link_is_reported() {
    assert_eq!(
        mistakes(
            r#""shared-networks": [ { "name": "n", "interface": "a", "min-valid-lifetime": 9000,
"subnet4": [ { "id": 1, "subnet": "10.0.0.0/24", "interface": "b" },
{ "id": 1, "subnet": "10.0.1.0/24", "authoritative": true } ] },
{ "name": "n", "subnet4": [ ] }, { "name": "" } ],
"subnet4": [ { "id": 2, "subnet": "10.0.1.0/24" } ]"#
        ),
        [
            "f:2.55: got min-valid-lifetime 9000, expected at most max-valid-lifetime (7200)",
            "f:3.63: got interface string \"b\", expected \"a\", as elsewhere in its shared network",
            "f:4.9: got subnet id 1, expected another than that of 10.0.0.0/24",
            "f:4.54: got true for \"authoritative\", expected false, as in its shared network",
            "f:5.11: got shared network string \"n\" a second time, expected it once",
            "f:5.44: got an empty shared network name, expected a name",
            "f:6.14: got subnet 10.0.1.0/24 a second time, expected it once (before at f:4.1)",
        ]
    );
}

#[test]
fn reservations_are_read_with_their_identifiers() {
    use crate::hosts::IdentifierKind::{CircuitId, ClientId, Duid, HwAddress};
    let dhcp4 = dhcp4(
        r#""subnet4": [ { "subnet": "10.0.0.0/8", "reservations": [
            { "hw-address": "1a:1b:1C:1d:1e:1f", "ip-address": "10.0.0.5", "hostname": "h", "comment": "c" },
            { "duid": "0a0B", "boot-file-name": "b" }, { "client-id": "'abc'" }, { "circuit-id": "1:2" } ] } ],
        "reservations": [ { "client-id": "'abc'", "client-classes": [ "KNOWN" ] } ]"#,
    );
    let [mac, duid, circuit, global, client] = dhcp4.hosts.all() else { panic!("five hosts") };
    assert_eq!((mac.kind, mac.identifier.to_string()), (HwAddress, "1a:1b:1c:1d:1e:1f".into()));
    assert_eq!((mac.address, &*mac.hostname, mac.subnet_id), (Some(address("10.0.0.5")), "h", 1));
    assert_eq!((duid.kind, duid.identifier.as_bytes()), (Duid, &[10, 11][..]));
    assert_eq!(duid.details.as_ref().unwrap().boot_file_name, "b");
    assert_eq!(
        (client.kind, client.identifier.as_bytes(), client.subnet_id),
        (ClientId, &b"abc"[..], 1)
    );
    assert_eq!((circuit.kind, circuit.identifier.as_bytes()), (CircuitId, &[1, 2][..]));
    assert_eq!((global.subnet_id, global.classes().len()), (0, 1));
}

#[test]
fn what_is_wrong_with_reservations_is_reported() {
    assert_eq!(
        mistakes(
            r#""reservation-mode": "some", "host-reservation-identifiers": [ "duid", "duid", "x" ],
"subnet4": [ { "subnet": "10.0.0.0/8", "reservation-mode": "all", "reservations-global": true, "reservations": [
{ "hw-address": "01:02", "ip-address": "10.0.0.5" }, { "hw-address": "0102" },
{ "duid": "01", "ip-address": "10.0.0.5" }, { "ip-address": "10.0.0.6" },
{ "duid": "02", "client-id": "03" }, { "duid": "xyz" }, { "duid": "04", "ip-address": "11.0.0.1" },
{ "client-id": "05", "ip-address": "0.0.0.0" }
] } ]"#
        ),
        [
            "f:2.21: got string \"some\" for \"reservation-mode\", expected one of all, out-of-pool, global, disabled, off",
            "f:2.71: got string \"duid\" a second time, expected it once",
            "f:2.79: got string \"x\", expected one of hw-address, duid, circuit-id, client-id, flex-id",
            "f:3.40: got \"reservation-mode\" beside \"reservations-global\", expected one of them",
            "f:4.54: got a second reservation for hw-address 01:02, expected it once (before at 4.1)",
            "f:5.1: got a second reservation of 10.0.0.5 (before at 4.1), expected one, or \"ip-reservations-unique\": false",
            "f:5.45: got a reservation without identifier, expected one of hw-address, duid, circuit-id, client-id, flex-id",
            "f:6.17: got both duid and client-id of a client, expected one",
            "f:6.48: got string \"xyz\" for \"duid\", expected 1 to 130 bytes in hexadecimal or 'text' in quotes",
            "f:6.87: got reserved address 11.0.0.1, expected one inside the subnet 10.0.0.0/8",
            "f:7.36: got string \"0.0.0.0\", expected an IPv4 address",
        ]
    );
    dhcp4(
        r#""ip-reservations-unique": false, "subnet4": [ { "subnet": "10.0.0.0/8", "reservations": [
            { "duid": "01", "ip-address": "10.0.0.5" }, { "duid": "02", "ip-address": "10.0.0.5" } ] } ]"#,
    );
    // Global ones as well.
    let twice = r#""reservations": [ { "duid": "01", "ip-address": "10.0.0.5" },
{ "duid": "02", "ip-address": "10.0.0.5" } ]"#;
    assert_eq!(
        mistakes(twice),
        [
            "f:3.1: got a second reservation of 10.0.0.5 (before at 2.19), expected one, or \"ip-reservations-unique\": false"
        ]
    );
    dhcp4(&format!(r#""ip-reservations-unique": false, {twice}"#));
}

#[test]
fn a_part_that_is_not_built_is_named_once() {
    assert_eq!(
        mistakes(
            r#""dhcp4o6-port": 7000, "subnet4": [ { "subnet": "10.0.0.0/8", "4o6-interface": "eth0",
"4o6-subnet": "2001:db8::/32" } ], "hosts-databases": [ { "type": "mysql" } ],
"hosts-database": { "type": "mysql" }"#
        ),
        [
            "f:2.17: not built yet: DHCPv4 over DHCPv6 (\"dhcp4o6-port\" in Dhcp4 as integer 7000), expected 0",
            "f:3.36: not built yet: host databases (\"hosts-databases\" in Dhcp4)",
        ]
    );
}

#[test]
fn control_sockets_over_http() {
    let config = dhcp4(
        r#""control-sockets": [
            { "socket-type": "http", "authentication": { "realm": "lab", "directory": "/etc/x",
                "clients": [ { "user": "a", "password-file": "b" }, { "password-file": "/c" } ] } },
            { "socket-type": "https", "socket-address": "::1", "socket-port": 8443, "cert-required": false,
              "trust-anchor": "/t", "cert-file": "/c", "key-file": "/k",
              "http-headers": [ { "name": "X-Y", "value": "z" } ] } ]"#,
    );
    let [plain, secure] = &config.http_sockets[..] else { panic!("{:?}", config.http_sockets) };
    assert_eq!((plain.address.to_string(), plain.tls.is_some()), ("127.0.0.1:8000".into(), false));
    let login = plain.login.as_ref().unwrap();
    let files: Vec<_> = login.clients.iter().map(|client| client.password.clone()).collect();
    assert_eq!(files, ["/etc/x/b", "/c"].map(|path| Secret::File(path.into())));
    assert_eq!(login.clients[0].user, Some(Secret::Text("a".into())));
    assert_eq!((&*login.realm, &login.clients[1].user), ("lab", &None));
    assert_eq!(secure.address.to_string(), "[::1]:8443");
    assert!(!secure.tls.as_ref().unwrap().client_certificates && secure.login.is_none());
    assert_eq!(secure.headers, [("X-Y".to_owned(), "z".to_owned())]);
}

#[test]
fn what_is_wrong_with_control_sockets_over_http_is_told() {
    for (socket, said) in [
        (r#""https""#, "got a control socket with TLS without \"trust-anchor\" and"),
        (r#""http", "cert-file": "c", "key-file": "k""#, "TLS without \"trust-anchor\", expected"),
        (r#""http", "socket-name": "n""#, "got \"socket-name\" for a control socket over HTTP"),
        (r#""http", "socket-port": 70000"#, "expected an integer from 0 to 65535"),
        (r#""http", "authentication": { "clients": [ { "password": "p" } ] }"#, "is not clear"),
        (r#""http", "authentication": { "clients": [ { "user": "a:b" } ] }"#, "is not clear"),
        (r#""http", "authentication": { "realm": "a\"b" }"#, "got a realm that cannot be sent"),
        (r#""http", "http-headers": [ { "name": "a b", "value": "" } ]"#, "cannot be sent"),
        (r#""http" }, { "socket-type": "http""#, "for a second control socket"),
    ] {
        let text = format!(
            r#"{{ "Dhcp4": {{ "control-sockets": [ {{ "socket-type": {socket} }} ], "subnet4": [] }} }}"#
        );
        let mistakes = parse_text(&text, "f").unwrap_err();
        let [only] = &mistakes[..] else { panic!("{socket}: {mistakes:?}") };
        assert!(only.message.contains(said), "{socket}: {only}");
    }
}
