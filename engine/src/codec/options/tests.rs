//! Every standard option with a sample of ours, every type with its mistakes, and arbitrary text.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;

fn encode(name: &str, text: &str) -> Result<Vec<u8>, OptionError> {
    standard_by_name(space::DHCP4, name)
        .unwrap_or_else(|| panic!("{name} is standard"))
        .encode_csv(text)
}

fn ok(name: &str, text: &str) -> Vec<u8> {
    encode(name, text).unwrap_or_else(|error| panic!("{name} '{text}': {error}"))
}

fn message(name: &str, text: &str) -> String {
    encode(name, text).expect_err(text).to_string()
}

fn custom(kind: Kind, array: bool, record: &'static [Kind]) -> Definition {
    let (name, encapsulate) = (Cow::Borrowed("mine"), Cow::Borrowed(""));
    let space = Cow::Borrowed(space::DHCP4);
    Definition { space, name, code: 224, kind, array, record: Cow::Borrowed(record), encapsulate }
}

/// (name, code, text, wire form)
const SAMPLES: &[(&str, u8, &str, &[u8])] = &[
    ("time-offset", 2, "-3600", &[0xff, 0xff, 0xf1, 0xf0]),
    ("routers", 3, "10.0.0.1, 10.0.0.2", &[10, 0, 0, 1, 10, 0, 0, 2]),
    ("time-servers", 4, "10.0.0.1", &[10, 0, 0, 1]),
    ("name-servers", 5, "10.0.0.1", &[10, 0, 0, 1]),
    ("domain-name-servers", 6, "10.0.0.1,10.0.0.2", &[10, 0, 0, 1, 10, 0, 0, 2]),
    ("log-servers", 7, "10.0.0.1", &[10, 0, 0, 1]),
    ("cookie-servers", 8, "10.0.0.1", &[10, 0, 0, 1]),
    ("lpr-servers", 9, "10.0.0.1", &[10, 0, 0, 1]),
    ("impress-servers", 10, "10.0.0.1", &[10, 0, 0, 1]),
    ("resource-location-servers", 11, "10.0.0.1", &[10, 0, 0, 1]),
    ("boot-size", 13, "513", &[2, 1]),
    ("merit-dump", 14, "/core", b"/core"),
    ("domain-name", 15, "home.test", b"home.test"),
    ("swap-server", 16, "10.0.0.1", &[10, 0, 0, 1]),
    ("root-path", 17, "/export", b"/export"),
    ("extensions-path", 18, "/ext", b"/ext"),
    ("ip-forwarding", 19, "TRUE", &[1]),
    ("non-local-source-routing", 20, "false", &[0]),
    ("policy-filter", 21, "10.1.0.0, 255.255.0.0", &[10, 1, 0, 0, 255, 255, 0, 0]),
    ("max-dgram-reassembly", 22, "576", &[2, 64]),
    ("default-ip-ttl", 23, "64", &[64]),
    ("path-mtu-aging-timeout", 24, "600", &[0, 0, 2, 88]),
    ("path-mtu-plateau-table", 25, "68, 1500", &[0, 68, 5, 220]),
    ("interface-mtu", 26, "1500", &[5, 220]),
    ("all-subnets-local", 27, "1", &[1]),
    ("broadcast-address", 28, "10.0.0.255", &[10, 0, 0, 255]),
    ("perform-mask-discovery", 29, "0", &[0]),
    ("mask-supplier", 30, "true", &[1]),
    ("router-discovery", 31, "true", &[1]),
    ("router-solicitation-address", 32, "10.0.0.1", &[10, 0, 0, 1]),
    ("static-routes", 33, "10.1.0.0, 10.0.0.1", &[10, 1, 0, 0, 10, 0, 0, 1]),
    ("trailer-encapsulation", 34, "true", &[1]),
    ("arp-cache-timeout", 35, "60", &[0, 0, 0, 60]),
    ("ieee802-3-encapsulation", 36, "true", &[1]),
    ("default-tcp-ttl", 37, "64", &[64]),
    ("tcp-keepalive-interval", 38, "60", &[0, 0, 0, 60]),
    ("tcp-keepalive-garbage", 39, "true", &[1]),
    ("nis-domain", 40, "nis", b"nis"),
    ("nis-servers", 41, "10.0.0.1", &[10, 0, 0, 1]),
    ("ntp-servers", 42, "10.0.0.1", &[10, 0, 0, 1]),
    ("vendor-encapsulated-options", 43, "", &[]),
    ("netbios-name-servers", 44, "10.0.0.1", &[10, 0, 0, 1]),
    ("netbios-dd-server", 45, "10.0.0.1", &[10, 0, 0, 1]),
    ("netbios-node-type", 46, "0x8", &[8]),
    ("netbios-scope", 47, "scope", b"scope"),
    ("font-servers", 48, "10.0.0.1", &[10, 0, 0, 1]),
    ("x-display-manager", 49, "10.0.0.1", &[10, 0, 0, 1]),
    ("dhcp-option-overload", 52, "1", &[1]),
    ("dhcp-server-identifier", 54, "10.0.0.1", &[10, 0, 0, 1]),
    ("dhcp-message", 56, "go away", b"go away"),
    ("dhcp-max-message-size", 57, "1400", &[5, 120]),
    ("vendor-class-identifier", 60, "us", b"us"),
    ("nwip-domain-name", 62, "nwip", b"nwip"),
    ("nwip-suboptions", 63, "01 00", &[1, 0]),
    ("nisplus-domain-name", 64, "nisplus", b"nisplus"),
    ("nisplus-servers", 65, "10.0.0.1", &[10, 0, 0, 1]),
    ("tftp-server-name", 66, "tftp", b"tftp"),
    ("boot-file-name", 67, "pxe.0", b"pxe.0"),
    ("mobile-ip-home-agent", 68, "10.0.0.1", &[10, 0, 0, 1]),
    ("smtp-server", 69, "10.0.0.1", &[10, 0, 0, 1]),
    ("pop-server", 70, "10.0.0.1", &[10, 0, 0, 1]),
    ("nntp-server", 71, "10.0.0.1", &[10, 0, 0, 1]),
    ("www-server", 72, "10.0.0.1", &[10, 0, 0, 1]),
    ("finger-server", 73, "10.0.0.1", &[10, 0, 0, 1]),
    ("irc-server", 74, "10.0.0.1", &[10, 0, 0, 1]),
    ("streettalk-server", 75, "10.0.0.1", &[10, 0, 0, 1]),
    ("streettalk-directory-assistance-server", 76, "10.0.0.1", &[10, 0, 0, 1]),
    ("user-class", 77, "03 61 62 63", b"\x03abc"),
    ("slp-directory-agent", 78, "true, 10.0.0.1, 10.0.0.2", &[1, 10, 0, 0, 1, 10, 0, 0, 2]),
    ("slp-service-scope", 79, "false, s", b"\0s"),
    ("nds-servers", 85, "10.0.0.1", &[10, 0, 0, 1]),
    ("nds-tree-name", 86, "tree", b"tree"),
    ("nds-context", 87, "ctx", b"ctx"),
    ("bcms-controller-names", 88, "a.b", b"\x01a\x01b\0"),
    ("bcms-controller-address", 89, "10.0.0.1", &[10, 0, 0, 1]),
    ("client-system", 93, "7, 9", &[0, 7, 0, 9]),
    ("client-ndi", 94, "1, 2, 3", &[1, 2, 3]),
    ("uuid-guid", 97, "0, DE AD", &[0, 0xde, 0xad]),
    ("uap-servers", 98, "http://a", b"http://a"),
    ("geoconf-civic", 99, "0102", &[1, 2]),
    ("pcode", 100, "CET-1CEST\\,M3.5.0", b"CET-1CEST,M3.5.0"),
    ("tcode", 101, "Europe/Berlin", b"Europe/Berlin"),
    ("v6-only-preferred", 108, "1800", &[0, 0, 7, 8]),
    ("netinfo-server-address", 112, "10.0.0.1", &[10, 0, 0, 1]),
    ("netinfo-server-tag", 113, "tag", b"tag"),
    ("v4-captive-portal", 114, "https://p.test", b"https://p.test"),
    ("auto-config", 116, "0", &[0]),
    ("name-service-search", 117, "6, 41", &[0, 6, 0, 41]),
    ("subnet-selection", 118, "10.0.0.0", &[10, 0, 0, 0]),
    ("domain-search", 119, "a.test, b.", b"\x01a\x04test\0\x01b\0"),
    (
        "classless-static-route",
        121,
        "10.1.2.128/25 - 10.0.0.1, 0.0.0.0/0-10.0.0.2, 10.0.0.0/8 - 10.0.0.3",
        &[25, 10, 1, 2, 128, 10, 0, 0, 1, 0, 10, 0, 0, 2, 8, 10, 10, 0, 0, 3],
    ),
    ("vivco-suboptions", 124, "4491, 02 61 62", b"\0\0\x11\x8b\x02ab"),
    ("vivso-suboptions", 125, "4491", &[0, 0, 0x11, 0x8b, 0]),
    ("pana-agent", 136, "10.0.0.1", &[10, 0, 0, 1]),
    ("v4-lost", 137, "lost.test", b"\x04lost\x04test\0"),
    ("capwap-ac-v4", 138, "10.0.0.1", &[10, 0, 0, 1]),
    ("sip-ua-cs-domains", 141, "a, b", b"\x01a\0\x01b\0"),
    ("v4-sztp-redirect", 143, "https://a, b", b"\0\x09https://a\0\x01b"),
    (
        "rdnss-selection",
        146,
        "1, 10.0.0.1, 10.0.0.2, a, b",
        b"\x01\x0a\0\0\x01\x0a\0\0\x02\x01a\0\x01b\0",
    ),
    ("v4-portparams", 159, "2, 3/4", &[2, 4, 0x30, 0]),
    (
        "v4-dnr",
        162,
        "1, A.b., 10.0.0.1, alpn=dot\\,h2 port=853 dohpath=/q{?dns} | 2, c.",
        b"\0\x2a\0\x01\x05\x01a\x01b\0\x04\x0a\0\0\x01\
          \0\x01\0\x07\x03dot\x02h2\0\x03\0\x02\x03\x55\0\x07\0\x08/q{?dns}\
          \0\x06\0\x02\x03\x01c\0",
    ),
    (
        "option-6rd",
        212,
        "8, 32, 2001:db8::, 10.0.0.1",
        &[8, 32, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1],
    ),
    ("v4-access-domain", 213, "a", b"\x01a\0"),
];

#[test]
fn every_configurable_option_encodes_and_fits_its_own_definition() {
    for &(name, code, text, wire) in SAMPLES {
        let definition =
            standard_by_name(space::DHCP4, name).unwrap_or_else(|| panic!("{name} is standard"));
        assert_eq!(definition.code, code, "{name}");
        let encoded = definition.encode_csv(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(encoded, wire, "{name}");
        assert_eq!(definition.check(&encoded), Ok(()), "{name}");
        assert_eq!(standard_by_code(space::DHCP4, code).map(|found| &*found.name), Some(name));
    }
}

#[test]
fn options_that_the_server_fills_in_are_known_too() {
    let names = ["subnet-mask", "host-name", "dhcp-requested-address", "dhcp-lease-time"];
    let more = ["dhcp-message-type", "dhcp-parameter-request-list", "dhcp-renewal-time"];
    let rest = ["dhcp-rebinding-time", "dhcp-client-identifier", "fqdn", "dhcp-agent-options"];
    for name in names.iter().chain(&more).chain(&rest) {
        assert!(standard_by_name(space::DHCP4, name).is_some(), "{name}");
    }
    assert!(standard_by_name(space::DHCP4, "no-such-option").is_none());
    assert!(standard_by_code(space::DHCP4, code::PAD).is_none());
    assert!(standard_by_code(space::DHCP4, code::END).is_none());
}

#[test]
fn the_table_ascends_and_names_are_unique() {
    assert!(standard(space::DHCP4).windows(2).all(|pair| pair[0].code < pair[1].code));
    let names: std::collections::BTreeSet<_> =
        standard(space::DHCP4).iter().map(|it| &it.name).collect();
    assert_eq!(names.len(), standard(space::DHCP4).len());
}

/// (name, text, message)
const MISTAKES: &[(&str, &str, &str)] = &[
    ("routers", "home", "found 'home', expected an IPv4 address"),
    ("swap-server", "", "found 0 comma-separated values, expected 1"),
    ("domain-search", "", "found 0 comma-separated values, expected 1"),
    ("routers", "10.0.0.1, home", "found 'home', expected an IPv4 address"),
    ("routers", "2001:db8::1", "found '2001:db8::1', expected an IPv4 address"),
    ("default-ip-ttl", "256", "found 256, expected a number from 0 to 255"),
    ("default-ip-ttl", "-1", "found -1, expected a number from 0 to 255"),
    ("interface-mtu", "65536", "found 65536, expected a number from 0 to 65535"),
    (
        "time-offset",
        "2147483648",
        "found 2147483648, expected a number from -2147483648 to 2147483647",
    ),
    (
        "interface-mtu",
        "big",
        "found 'big', expected a decimal number, or a hexadecimal one (0x...)",
    ),
    ("ip-forwarding", "yes", "found 'yes', expected true, false, 1 or 0"),
    ("v4-portparams", "2", "found 1 comma-separated values, expected 2"),
    ("v4-portparams", "2, 3", "found '3', expected a PSID and its length in bits, like 3/4"),
    ("v4-portparams", "2, 16/4", "found 16, expected a number from 0 to 15"),
    ("v4-portparams", "2, 1/17", "found 17, expected a number from 0 to 16"),
    ("user-class", "abc", "found 'abc', expected pairs of hexadecimal digits"),
    ("user-class", "zz", "found 'zz', expected pairs of hexadecimal digits"),
    ("boot-file-name", "\0", "found '', expected a text of at least one character"),
    ("vendor-encapsulated-options", "x", "found 'x', expected no value"),
    (
        "classless-static-route",
        "10.0.0.0/33 - 10.0.0.1",
        "found '10.0.0.0/33 - 10.0.0.1', expected a route like 10.229.0.128/25 - 10.229.0.1",
    ),
    ("v4-dnr", "1", "found '1', expected 'PRIORITY, NAME[, ADDRESSES[, SERVICE PARAMETERS]]'"),
    (
        "v4-dnr",
        "1, a., 10.0.0.1, alpn=h2",
        "found 'alpn=h2', expected a dohpath beside an alpn of HTTP (RFC 9461)",
    ),
    (
        "v4-dnr",
        "1, a., 10.0.0.1, ipv4hint=10.0.0.1",
        "found 'ipv4hint', expected one of the service parameters alpn, port, dohpath",
    ),
    (
        "v4-dnr",
        "1, a., 10.0.0.1, port=1 port=2",
        "found 'port', expected each service parameter once",
    ),
];

#[test]
fn mistakes_say_what_was_found_and_expected() {
    for &(name, text, expected) in MISTAKES {
        assert_eq!(message(name, text), expected, "{name} '{text}'");
    }
    assert!(message("domain-search", "a..b").contains("expected a domain name"));
    assert!(message("domain-search", &"a".repeat(64)).contains("expected a domain name"));
    assert!(message("domain-search", &"a.".repeat(200)).contains("expected a domain name"));
    assert_eq!(message("root-path", &"x".repeat(1501)), "found 1501 bytes, expected at most 1500");
    assert_eq!(ok("root-path", &"x".repeat(1500)).len(), 1500);
}

#[test]
fn commas_and_blanks_follow_kea() {
    // Only the first value of a type that is no list counts.
    assert_eq!(ok("boot-file-name", "a, b"), b"a");
    assert_eq!(ok("boot-file-name", "a\\, b"), b"a, b");
    assert_eq!(ok("boot-file-name", "a\\\\b\\c"), b"a\\b\\c");
    assert_eq!(ok("boot-file-name", "  a b  "), b"a b");
    assert_eq!(ok("routers", ",, 10.0.0.1 ,, 10.0.0.2,"), [10, 0, 0, 1, 10, 0, 0, 2]);
    assert_eq!(ok("boot-size", "ff"), [0, 255]);
    assert_eq!(ok("routers", ""), b"");
}

#[test]
fn types_that_only_own_definitions_have() {
    let prefix = custom(Kind::Ipv6Prefix, false, &[]);
    assert_eq!(prefix.encode_csv("2001:db8:ffff::/33").unwrap(), [33, 0x20, 1, 0xd, 0xb8, 0x80]);
    assert_eq!(prefix.encode_csv("::/0").unwrap(), [0]);
    assert!(prefix.encode_csv("::/129").is_err());
    let tuple = custom(Kind::Tuple, true, &[]);
    assert_eq!(tuple.encode_csv("ab, c").unwrap(), b"\x02ab\x01c");
    let error = tuple.encode_csv(&"x".repeat(256)).unwrap_err();
    assert_eq!(error.to_string(), "found 256 bytes, expected at most 255");
    assert_eq!(custom(Kind::Int8, false, &[]).encode_csv("-128").unwrap(), [0x80]);
    assert!(custom(Kind::Int8, false, &[]).encode_csv("-129").is_err());
    assert_eq!(custom(Kind::Int16, false, &[]).encode_csv("-2").unwrap(), [0xff, 0xfe]);
    let record = custom(Kind::Record, false, &[Kind::Uint8, Kind::Tuple, Kind::String]);
    assert_eq!(record.encode_csv("1, ab, rest").unwrap(), b"\x01\x02abrest");
    assert!(custom(Kind::Record, false, &[Kind::Uint8, Kind::Record]).encode_csv("1, 2").is_err());
}

#[test]
fn hexadecimal_in_all_its_forms() {
    for text in ["0a0b0c", "0A0B0C", "0x0a0b0c", "a0b0c", "0a:0b:0c", "a:b:c", "0a 0b 0c", "a b c"]
    {
        assert_eq!(encode_hex(text).unwrap(), [10, 11, 12], "{text}");
    }
    assert_eq!(encode_hex("").unwrap(), b"");
    assert_eq!(encode_hex(" ' text ' ").unwrap(), b"text");
    for text in ["xyz", "0a::0b", "0a:0b:", "abc:de", "0x", "0a-0b", "é", "'"] {
        assert!(encode_hex(text).is_err(), "{text}");
    }
    assert!(encode_hex(&"00".repeat(1501)).is_err());
}

#[test]
fn hexadecimal_data_is_checked_against_the_type() {
    let check = |name, data: &[u8]| standard_by_name(space::DHCP4, name).unwrap().check(data);
    assert!(check("routers", &[10, 0, 0, 1]).is_ok());
    assert_eq!(
        check("routers", &[10, 0, 0]).unwrap_err().to_string(),
        "found 3 bytes, expected ipv4-address"
    );
    assert!(check("routers", &[10, 0, 0, 1, 10]).is_err());
    assert!(check("domain-search", b"\x01a").is_err());
    assert!(check("classless-static-route", &[33, 1, 2, 3, 4, 5, 6, 7, 8, 9]).is_err());
    assert!(check("classless-static-route", &[]).is_err());
    assert!(check("host-name", &[0, 0]).is_err());
    assert!(check("user-class", &[]).is_ok());
    assert!(check("domain-search", &[]).is_err());
    assert!(check("slp-directory-agent", &[]).is_err());
    assert!(check("routers", &[]).is_ok());
    assert!(check("vendor-encapsulated-options", &[1, 1, 0]).is_ok());
}

#[test]
fn texts_are_keas() {
    let text = |name, data: &[u8]| standard_by_name(space::DHCP4, name).unwrap().to_text(data);
    assert_eq!(text("host-name", b"box\0\0"), "box");
    assert_eq!(text("dhcp-message-type", &[1]), "type=053, len=001: 1 (uint8)");
    assert_eq!(text("dhcp-lease-time", &[0, 0, 14, 16]), "type=051, len=004: 3600 (uint32)");
    assert_eq!(text("time-offset", &[255; 4]), "type=002, len=004: -1 (int32)");
    assert_eq!(text("ip-forwarding", &[1]), "type=019, len=001: true (boolean)");
    assert_eq!(
        text("dhcp-requested-address", &[10, 0, 0, 1]),
        "type=050, len=004: 10.0.0.1 (ipv4-address)"
    );
    assert_eq!(
        text("routers", &[10, 0, 0, 1, 10, 0, 0, 2]),
        "type=003, len=008: 10.0.0.1 10.0.0.2"
    );
    assert_eq!(
        text("dhcp-parameter-request-list", &[1, 3]),
        "type=055, len=002: 1(uint8) 3(uint8)"
    );
    assert_eq!(text("dhcp-client-identifier", &[1, 2, 0xff]), "type=061, len=003: 01:02:ff");
    assert_eq!(text("user-class", b"ab"), "type=077, len=002: 61:62 'ab'");
    assert_eq!(text("user-class", b""), "type=077, len=000: ''");
    assert_eq!(text("v4-lost", b"\x01a\x01b\0"), "type=137, len=005: \"a.b.\" (fqdn)");
    assert_eq!(
        text("v4-portparams", &[2, 4, 0x30, 0]),
        "type=159, len=004: 2 (uint8) len=4,psid=3 (psid)"
    );
    assert_eq!(text("uuid-guid", &[0, 0xde]), "type=097, len=002: 0 (uint8) DE (binary)");
    assert_eq!(
        text("classless-static-route", &[8, 10, 10, 0, 0, 3]),
        "type=121(CLASSLESS_STATIC_ROUTE), len=6, Route 1 (subnet 10.0.0.0/8, router IP 10.0.0.3)"
    );
    assert_eq!(text("routers", &[10, 0]), "type=003, len=002: 0a:00");
}

/// A value: its type, the text that it is given as, its bytes, and how it is shown.
#[derive(Clone, Debug)]
struct Valued {
    kind: Kind,
    text: String,
    wire: Vec<u8>,
    shown: String,
}

/// A value that is shown as it is given.
fn plain(kind: Kind, text: impl ToString, wire: &[u8]) -> Valued {
    Valued { kind, text: text.to_string(), wire: wire.to_vec(), shown: text.to_string() }
}

/// A prefix without bits beyond its length.
fn prefix(octets: [u8; 16], len: u8) -> Valued {
    let bits = u128::from_be_bytes(octets);
    let bits = bits & u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    let used = usize::from(len).div_ceil(8);
    let wire = [&[len][..], &bits.to_be_bytes()[..used]].concat();
    plain(Kind::Ipv6Prefix, format!("{}/{len}", std::net::Ipv6Addr::from_bits(bits)), &wire)
}

fn name(text: String) -> Valued {
    let labels = text
        .split('.')
        .flat_map(|label| [label.len() as u8].into_iter().chain(label.bytes()).collect::<Vec<_>>());
    let wire: Vec<u8> = labels.chain([0]).collect();
    Valued { shown: format!("\"{text}.\""), kind: Kind::Fqdn, text, wire }
}

fn valued() -> impl Strategy<Value = Valued> {
    use std::net::{Ipv4Addr, Ipv6Addr};
    let quoted =
        |kind, text: String, wire| Valued { shown: format!("\"{text}\""), kind, text, wire };
    prop_oneof![
        any::<bool>().prop_map(|it| plain(Kind::Boolean, it, &[it.into()])),
        any::<i8>().prop_map(|it| plain(Kind::Int8, it, &it.to_be_bytes())),
        any::<i16>().prop_map(|it| plain(Kind::Int16, it, &it.to_be_bytes())),
        any::<i32>().prop_map(|it| plain(Kind::Int32, it, &it.to_be_bytes())),
        any::<u8>().prop_map(|it| plain(Kind::Uint8, it, &it.to_be_bytes())),
        any::<u16>().prop_map(|it| plain(Kind::Uint16, it, &it.to_be_bytes())),
        any::<u32>().prop_map(|it| plain(Kind::Uint32, it, &it.to_be_bytes())),
        any::<[u8; 4]>().prop_map(|it| plain(Kind::Ipv4Address, Ipv4Addr::from(it), &it)),
        any::<[u8; 16]>().prop_map(|it| plain(Kind::Ipv6Address, Ipv6Addr::from(it), &it)),
        (any::<[u8; 16]>(), 0_u8..=128).prop_map(|(it, len)| prefix(it, len)),
        (0_u8..=15).prop_map(|it| Valued {
            kind: Kind::Psid,
            text: format!("{it}/4"),
            wire: vec![4, it << 4, 0],
            shown: format!("len=4,psid={it}"),
        }),
        "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}".prop_map(name),
        "[a-z]{1,20}".prop_map(move |it| {
            let wire = [&[it.len() as u8][..], it.as_bytes()].concat();
            quoted(Kind::Tuple, it, wire)
        }),
        "[a-z]{1,20}".prop_map(move |it| {
            let wire = it.clone().into_bytes();
            quoted(Kind::String, it, wire)
        }),
        prop::collection::vec(any::<u8>(), 1..9).prop_map(|it| {
            let digits = |byte: &u8| format!("{byte:02X}");
            let shown: String = it.iter().map(digits).collect();
            Valued { kind: Kind::Binary, text: shown.to_lowercase(), wire: it, shown }
        }),
    ]
}

/// A definition, valid or not, and the values of one option that it would define.
fn defined() -> impl Strategy<Value = (Definition, Vec<Valued>)> {
    let fields = prop::collection::vec(valued(), 1..5);
    (fields, any::<bool>(), any::<bool>(), 1..4_usize).prop_map(|(fields, array, outer, times)| {
        let kinds: Vec<_> = fields.iter().map(|field| field.kind).collect();
        let mut values = fields.clone();
        let last = &fields[fields.len() - 1];
        values.extend((1..times).filter(|_| array).map(|_| last.clone()));
        let mut definition = custom(kinds[0], array, &[]);
        if kinds.len() > 1 {
            definition.kind = Kind::Record;
            definition.record = Cow::Owned(kinds);
        }
        if outer && !array {
            definition.encapsulate = Cow::Borrowed("inside");
        }
        (definition, values)
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_taken_from_a_query(text in "[0-9a-z./:, ]{1,30}", index in 0..standard(space::DHCP4).len()) {
        let definition = &standard(space::DHCP4)[index];
        if let Ok(encoded) = definition.encode_csv(&text) {
            // A list without elements is sent as configured, but no client is believed to mean one.
            let empty_list = definition.array && encoded.is_empty();
            prop_assert!(empty_list || definition.admits(&encoded, &standard_by_code));
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*", index in 0..standard(space::DHCP4).len()) {
        let definition = &standard(space::DHCP4)[index];
        if let Ok(encoded) = definition.encode_csv(&text) {
            prop_assert!(encoded.len() <= crate::limits::MAX_MESSAGE);
            prop_assert_eq!(definition.check(&encoded), Ok(()));
        }
        let _ = encode_hex(&text);
    }

    #[test]
    fn near_values_never_panic(text in "[0-9a-fx:./,| \\\\=-]{0,40}", index in 0..standard(space::DHCP4).len()) {
        let definition = &standard(space::DHCP4)[index];
        if let Ok(encoded) = definition.encode_csv(&text) {
            prop_assert_eq!(definition.check(&encoded), Ok(()));
        }
        let _ = encode_hex(&text);
    }

    #[test]
    fn any_bytes_have_a_text(
        data in prop::collection::vec(any::<u8>(), 0..300),
        index in 0..standard(space::DHCP4).len(),
    ) {
        let definition = &standard(space::DHCP4)[index];
        let _ = definition.check(&data);
        let text = definition.to_text(&data);
        prop_assert!(definition.kind == Kind::String || text.starts_with("type="));
    }

    #[test]
    fn what_is_defined_is_written_and_read_alike((definition, values) in defined()) {
        prop_assume!(definition.validate().is_ok());
        let text: Vec<_> = values.iter().map(|value| &*value.text).collect();
        let text = text.join(", ");
        let data = definition.encode_csv(&text).unwrap();
        let expected: Vec<u8> = values.iter().flat_map(|value| value.wire.clone()).collect();
        prop_assert_eq!(&data, &expected, "{:?} {}", definition, text);
        prop_assert_eq!(definition.check(&data), Ok(()), "{:?} {}", definition, text);
        prop_assert_eq!(definition.value_len(&data), data.len());
        let open = matches!(definition.record.last(), Some(Kind::String | Kind::Binary));
        if definition.inside().is_some() && !open {
            // What follows the value are options inside.
            let whole = [&data[..], &[7, 1, 0xff]].concat();
            prop_assert_eq!(definition.value_len(&whole), data.len());
            let inside: Vec<_> = sub_options(&whole[data.len()..]).collect();
            prop_assert_eq!(inside, [(7, &[0xff][..])]);
        }
        // What is read back are the same values in their order.
        let whole = definition.to_text(&data);
        if definition.kind == Kind::String {
            prop_assert_eq!(whole, text);
        } else if definition.kind != Kind::Binary {
            let (_, mut rest) = whole.split_once(':').unwrap();
            for value in &values {
                let found = rest.strip_prefix(' ').and_then(|rest| rest.strip_prefix(&*value.shown));
                prop_assert!(found.is_some(), "{:?} in {}", value, whole);
                // Up to the next value: its type, and bytes that can be printed as text.
                let after = found.unwrap();
                let types = [format!(" ({})", value.kind.name()), format!("({})", value.kind.name())];
                let end = types.iter().find_map(|end| Some(after.find(&**end)? + end.len()));
                rest = &after[end.unwrap_or(0)..];
            }
            prop_assert_eq!(rest, "");
        }
    }

    #[test]
    fn addresses_survive(addresses in prop::collection::vec(any::<[u8; 4]>(), 1..60)) {
        let text: Vec<String> =
            addresses.iter().map(|&octets| std::net::Ipv4Addr::from(octets).to_string()).collect();
        prop_assert_eq!(ok("routers", &text.join(", ")), addresses.concat());
    }

    #[test]
    fn hexadecimal_survives(
        data in prop::collection::vec(any::<u8>(), 1..255),
        separator in 0..3_usize,
    ) {
        let digits: Vec<String> = data.iter().map(|byte| format!("{byte:02x}")).collect();
        prop_assert_eq!(encode_hex(&digits.join(["", ":", " "][separator])).unwrap(), data);
    }
}
