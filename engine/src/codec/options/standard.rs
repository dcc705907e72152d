//! The standard DHCPv4 options under Kea's names (Kea guide, "List of Standard DHCPv4 Options"), by
//! space and ascending code. Pure data.

use std::borrow::Cow;

use super::Definition;
use super::Kind;
use super::Kind::{
    Binary, Boolean, Empty, Fqdn, Int32, Internal, Ipv4Address, Ipv6Address, Psid, Record, String,
    Tuple, Uint8, Uint16, Uint32,
};
use super::space::{AGENT, CABLELABS, DHCP4, DOCSIS, DOCSIS_BY_NAME, VENDOR_ENCAPSULATED};

/// The standard options of `space`, by ascending code.
pub(super) fn standard(space: &str) -> &'static [Definition] {
    match space {
        DHCP4 => STANDARD,
        AGENT => AGENT_OPTIONS,
        CABLELABS => CABLELABS_OPTIONS,
        DOCSIS => DOCSIS_OPTIONS,
        DOCSIS_BY_NAME => DOCSIS_OPTIONS_BY_NAME,
        _ => &[],
    }
}

/// Options of the message itself.
static STANDARD: &[Definition] = &[
    one("subnet-mask", 1, Ipv4Address),
    one("time-offset", 2, Int32),
    many("routers", 3, Ipv4Address),
    many("time-servers", 4, Ipv4Address),
    many("name-servers", 5, Ipv4Address),
    many("domain-name-servers", 6, Ipv4Address),
    many("log-servers", 7, Ipv4Address),
    many("cookie-servers", 8, Ipv4Address),
    many("lpr-servers", 9, Ipv4Address),
    many("impress-servers", 10, Ipv4Address),
    many("resource-location-servers", 11, Ipv4Address),
    one("host-name", 12, String),
    one("boot-size", 13, Uint16),
    one("merit-dump", 14, String),
    one("domain-name", 15, String),
    one("swap-server", 16, Ipv4Address),
    one("root-path", 17, String),
    one("extensions-path", 18, String),
    one("ip-forwarding", 19, Boolean),
    one("non-local-source-routing", 20, Boolean),
    many("policy-filter", 21, Ipv4Address),
    one("max-dgram-reassembly", 22, Uint16),
    one("default-ip-ttl", 23, Uint8),
    one("path-mtu-aging-timeout", 24, Uint32),
    many("path-mtu-plateau-table", 25, Uint16),
    one("interface-mtu", 26, Uint16),
    one("all-subnets-local", 27, Boolean),
    one("broadcast-address", 28, Ipv4Address),
    one("perform-mask-discovery", 29, Boolean),
    one("mask-supplier", 30, Boolean),
    one("router-discovery", 31, Boolean),
    one("router-solicitation-address", 32, Ipv4Address),
    many("static-routes", 33, Ipv4Address),
    one("trailer-encapsulation", 34, Boolean),
    one("arp-cache-timeout", 35, Uint32),
    one("ieee802-3-encapsulation", 36, Boolean),
    one("default-tcp-ttl", 37, Uint8),
    one("tcp-keepalive-interval", 38, Uint32),
    one("tcp-keepalive-garbage", 39, Boolean),
    one("nis-domain", 40, String),
    many("nis-servers", 41, Ipv4Address),
    many("ntp-servers", 42, Ipv4Address),
    space("vendor-encapsulated-options", 43, VENDOR_ENCAPSULATED),
    many("netbios-name-servers", 44, Ipv4Address),
    many("netbios-dd-server", 45, Ipv4Address),
    one("netbios-node-type", 46, Uint8),
    one("netbios-scope", 47, String),
    many("font-servers", 48, Ipv4Address),
    many("x-display-manager", 49, Ipv4Address),
    one("dhcp-requested-address", 50, Ipv4Address),
    one("dhcp-lease-time", 51, Uint32),
    one("dhcp-option-overload", 52, Uint8),
    one("dhcp-message-type", 53, Uint8),
    one("dhcp-server-identifier", 54, Ipv4Address),
    many("dhcp-parameter-request-list", 55, Uint8),
    one("dhcp-message", 56, String),
    one("dhcp-max-message-size", 57, Uint16),
    one("dhcp-renewal-time", 58, Uint32),
    one("dhcp-rebinding-time", 59, Uint32),
    one("vendor-class-identifier", 60, String),
    one("dhcp-client-identifier", 61, Binary),
    one("nwip-domain-name", 62, String),
    one("nwip-suboptions", 63, Binary),
    one("nisplus-domain-name", 64, String),
    many("nisplus-servers", 65, Ipv4Address),
    one("tftp-server-name", 66, String),
    one("boot-file-name", 67, String),
    many("mobile-ip-home-agent", 68, Ipv4Address),
    many("smtp-server", 69, Ipv4Address),
    many("pop-server", 70, Ipv4Address),
    many("nntp-server", 71, Ipv4Address),
    many("www-server", 72, Ipv4Address),
    many("finger-server", 73, Ipv4Address),
    many("irc-server", 74, Ipv4Address),
    many("streettalk-server", 75, Ipv4Address),
    many("streettalk-directory-assistance-server", 76, Ipv4Address),
    one("user-class", 77, Binary),
    list("slp-directory-agent", 78, &[Boolean, Ipv4Address]),
    record("slp-service-scope", 79, &[Boolean, String]),
    record("fqdn", 81, &[Uint8, Uint8, Uint8, Fqdn]),
    space("dhcp-agent-options", 82, AGENT),
    many("nds-servers", 85, Ipv4Address),
    one("nds-tree-name", 86, String),
    one("nds-context", 87, String),
    many("bcms-controller-names", 88, Fqdn),
    many("bcms-controller-address", 89, Ipv4Address),
    one("authenticate", 90, Binary),
    one("client-last-transaction-time", 91, Uint32),
    many("associated-ip", 92, Ipv4Address),
    many("client-system", 93, Uint16),
    record("client-ndi", 94, &[Uint8, Uint8, Uint8]),
    record("uuid-guid", 97, &[Uint8, Binary]),
    one("uap-servers", 98, String),
    one("geoconf-civic", 99, Binary),
    one("pcode", 100, String),
    one("tcode", 101, String),
    one("v6-only-preferred", 108, Uint32),
    many("netinfo-server-address", 112, Ipv4Address),
    one("netinfo-server-tag", 113, String),
    one("v4-captive-portal", 114, String),
    one("auto-config", 116, Uint8),
    many("name-service-search", 117, Uint16),
    one("subnet-selection", 118, Ipv4Address),
    many("domain-search", 119, Fqdn),
    one("classless-static-route", 121, Internal),
    space("cablelabs-client-conf", 122, CABLELABS),
    record("vivco-suboptions", 124, &[Uint32, Binary]),
    one("vivso-suboptions", 125, Uint32),
    many("pana-agent", 136, Ipv4Address),
    one("v4-lost", 137, Fqdn),
    many("capwap-ac-v4", 138, Ipv4Address),
    many("sip-ua-cs-domains", 141, Fqdn),
    many("v4-sztp-redirect", 143, Tuple),
    list("rdnss-selection", 146, &[Uint8, Ipv4Address, Ipv4Address, Fqdn]),
    record("status-code", 151, &[Uint8, String]),
    one("base-time", 152, Uint32),
    one("start-time-of-state", 153, Uint32),
    one("query-start-time", 154, Uint32),
    one("query-end-time", 155, Uint32),
    one("dhcp-state", 156, Uint8),
    one("data-source", 157, Uint8),
    record("v4-portparams", 159, &[Uint8, Psid]),
    one("v4-dnr", 162, Internal),
    list("option-6rd", 212, &[Uint8, Uint8, Ipv6Address, Ipv4Address]),
    one("v4-access-domain", 213, Fqdn),
];

/// Sub-options of the relay agent's option 82.
static AGENT_OPTIONS: &[Definition] = &[
    inner(AGENT, "circuit-id", 1, Binary),
    inner(AGENT, "remote-id", 2, Binary),
    inner(AGENT, "docsis-device-class", 4, Uint32),
    inner(AGENT, "link-selection", 5, Ipv4Address),
    inner(AGENT, "subscriber-id", 6, String),
    inner(AGENT, "radius", 7, Binary),
    inner(AGENT, "auth", 8, Binary),
    inner(AGENT, "vendor-specific-info", 9, Binary),
    inner(AGENT, "relay-flags", 10, Uint8),
    inner(AGENT, "server-id-override", 11, Ipv4Address),
    inner(AGENT, "relay-id", 12, Binary),
    inner(AGENT, "access-techno-type", 13, Uint16),
    inner(AGENT, "access-network-name", 14, String),
    inner(AGENT, "access-point-name", 15, String),
    inner(AGENT, "access-point-bssid", 16, Binary),
    inner(AGENT, "operator-id", 17, Uint32),
    inner(AGENT, "operator-realm", 18, String),
    inner(AGENT, "relay-port", 19, Uint16),
    inner(AGENT, "virtual-subnet-select", 151, Binary),
    inner(AGENT, "virtual-subnet-select-ctrl", 152, Empty),
];

/// Sub-options of CableLabs' client configuration, option 122 (RFC 3495).
static CABLELABS_OPTIONS: &[Definition] = &[
    inner(CABLELABS, "tsp-primary-server", 1, Ipv4Address),
    inner(CABLELABS, "tsp-secondary-server", 2, Ipv4Address),
    fields(CABLELABS, "tsp-as-parameters", 4, &[Uint32, Uint32, Uint32]),
    fields(CABLELABS, "tsp-ap-parameters", 5, &[Uint32, Uint32, Uint32]),
    inner(CABLELABS, "tsp-realm", 6, Fqdn),
    inner(CABLELABS, "tsp-use-tgt", 7, Boolean),
    inner(CABLELABS, "tsp-provisioning-timer", 8, Uint8),
    inner(CABLELABS, "tsp-sct", 9, Uint16),
    array(inner(CABLELABS, "kdc-server", 10, Ipv4Address)),
];

/// CableLabs' vendor options (enterprise 4491 of option 125).
static DOCSIS_OPTIONS: &[Definition] = &docsis(DOCSIS);
static DOCSIS_OPTIONS_BY_NAME: &[Definition] = &docsis(DOCSIS_BY_NAME);

const fn docsis(space: &'static str) -> [Definition; 2] {
    [array(inner(space, "oro", 1, Uint8)), array(inner(space, "tftp-servers", 2, Ipv4Address))]
}

/// An option of one value.
const fn one(name: &'static str, code: u8, kind: Kind) -> Definition {
    inner(DHCP4, name, code, kind)
}

/// An option of one value in `space`.
const fn inner(space: &'static str, name: &'static str, code: u8, kind: Kind) -> Definition {
    Definition {
        space: Cow::Borrowed(space),
        name: Cow::Borrowed(name),
        code,
        kind,
        array: false,
        record: Cow::Borrowed(&[]),
        encapsulate: Cow::Borrowed(""),
    }
}

const fn many(name: &'static str, code: u8, kind: Kind) -> Definition {
    array(one(name, code, kind))
}

/// The same with its value repeated.
const fn array(mut definition: Definition) -> Definition {
    definition.array = true;
    definition
}

/// A record of `fields`.
const fn record(name: &'static str, code: u8, kinds: &'static [Kind]) -> Definition {
    fields(DHCP4, name, code, kinds)
}

/// A record of `kinds` in `space`.
const fn fields(
    space: &'static str,
    name: &'static str,
    code: u8,
    kinds: &'static [Kind],
) -> Definition {
    Definition {
        space: Cow::Borrowed(space),
        name: Cow::Borrowed(name),
        code,
        kind: Record,
        array: false,
        record: Cow::Borrowed(kinds),
        encapsulate: Cow::Borrowed(""),
    }
}

/// A record whose last field may be repeated.
const fn list(name: &'static str, code: u8, fields: &'static [Kind]) -> Definition {
    array(record(name, code, fields))
}

/// An option that holds nothing but options of the space `inside`.
const fn space(name: &'static str, code: u8, inside: &'static str) -> Definition {
    Definition {
        space: Cow::Borrowed(DHCP4),
        name: Cow::Borrowed(name),
        code,
        kind: Empty,
        array: false,
        record: Cow::Borrowed(&[]),
        encapsulate: Cow::Borrowed(inside),
    }
}
