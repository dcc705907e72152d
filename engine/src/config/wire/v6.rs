//! The keywords of `Dhcp6`. They are checked for their names and types; serving DHCPv6 is not built yet.

use super::shared::{
    ADDITIONAL, COMPATIBILITY, CONTEXT, DDNS, DDNS_TTL, GLOBAL, INTERFACES, LIFETIMES, LOCAL,
    NETWORK, OPTION_DATA,
};
use super::{Key, Kind, Shape, TEXT, U32, key};

const LEN: Kind = Kind::Int(0, 128);

/// Preferred lifetimes: global, shared network, subnet, class.
const PREFERRED: &[Key] = &[
    key("preferred-lifetime", U32),
    key("min-preferred-lifetime", U32),
    key("max-preferred-lifetime", U32),
];

/// Global, shared network, subnet.
const NETWORK6: &[Key] = &[key("pd-allocator", TEXT)];

/// Shared network, subnet.
const LOCAL6: &[Key] = &[key("interface-id", TEXT), key("rapid-commit", Kind::Flag)];

/// Pools of addresses and of prefixes.
const ANY_POOL: &[Key] = &[
    key("pool-id", U32),
    key("client-class", TEXT),
    key("client-classes", Kind::Texts),
    key("option-data", Kind::Maps(&OPTION_DATA)),
];

/// `Dhcp6`.
pub const DHCP6: Shape = Shape {
    name: "Dhcp6",
    groups: &[
        GLOBAL,
        &[
            key("subnet6", Kind::Maps(&SUBNET6)),
            key("shared-networks", Kind::Maps(&SHARED_NETWORK)),
            key("client-classes", Kind::Maps(&CLASS)),
            key("reservations", Kind::Maps(&RESERVATION)),
            key("interfaces-config", Kind::Map(&INTERFACES6)),
            key("compatibility", Kind::Map(&COMPATIBILITY6)),
            key("allow-address-registration", Kind::Flag),
            key("data-directory", TEXT),
            key("mac-sources", Kind::Texts),
            key("relay-supplied-options", Kind::Texts),
            key("server-id", Kind::Map(&SERVER_ID)),
        ],
        NETWORK,
        NETWORK6,
        PREFERRED,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &[],
};

const INTERFACES6: Shape =
    Shape { name: "interfaces-config", groups: &[INTERFACES, CONTEXT], mandatory: &[] };

const COMPATIBILITY6: Shape =
    Shape { name: "compatibility", groups: &[COMPATIBILITY, CONTEXT], mandatory: &[] };

const SERVER_ID: Shape = Shape {
    name: "server-id",
    groups: &[
        CONTEXT,
        &[
            key("type", Kind::Word(&["LLT", "EN", "LL"])),
            key("identifier", TEXT),
            key("time", U32),
            key("htype", Kind::Int(0, 65535)),
            key("enterprise-id", U32),
            key("persist", Kind::Flag),
        ],
    ],
    mandatory: &["type"],
};

const SHARED_NETWORK: Shape = Shape {
    name: "shared-networks",
    groups: &[
        &[key("name", TEXT), key("subnet6", Kind::Maps(&SUBNET6))],
        NETWORK,
        NETWORK6,
        LOCAL,
        LOCAL6,
        ADDITIONAL,
        PREFERRED,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &["name"],
};

const SUBNET6: Shape = Shape {
    name: "subnet6",
    groups: &[
        &[
            key("id", Kind::Int(0, u32::MAX as i64 - 1)),
            key("subnet", TEXT),
            key("pools", Kind::Maps(&POOL)),
            key("pd-pools", Kind::Maps(&PD_POOL)),
            key("reservations", Kind::Maps(&RESERVATION)),
        ],
        NETWORK,
        NETWORK6,
        LOCAL,
        LOCAL6,
        ADDITIONAL,
        PREFERRED,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &["subnet"],
};

const POOL: Shape = Shape {
    name: "pools",
    groups: &[&[key("pool", TEXT), DDNS_TTL], ANY_POOL, ADDITIONAL, DDNS, CONTEXT],
    mandatory: &["pool"],
};

const PD_POOL: Shape = Shape {
    name: "pd-pools",
    groups: &[
        &[
            key("prefix", Kind::Address),
            key("prefix-len", LEN),
            key("delegated-len", LEN),
            // Empty where there is none.
            key("excluded-prefix", TEXT),
            key("excluded-prefix-len", LEN),
        ],
        ANY_POOL,
        ADDITIONAL,
        CONTEXT,
    ],
    mandatory: &["prefix", "prefix-len", "delegated-len"],
};

const CLASS: Shape = Shape {
    name: "client-classes",
    groups: &[
        &[
            key("name", TEXT),
            key("test", TEXT),
            key("template-test", TEXT),
            key("only-in-additional-list", Kind::Flag),
            key("only-if-required", Kind::Flag),
            key("option-data", Kind::Maps(&OPTION_DATA)),
        ],
        PREFERRED,
        LIFETIMES,
        CONTEXT,
    ],
    mandatory: &["name"],
};

const RESERVATION: Shape = Shape {
    name: "reservations",
    groups: &[
        &[
            key("hw-address", TEXT),
            key("duid", TEXT),
            key("flex-id", TEXT),
            key("ip-addresses", Kind::Texts),
            key("prefixes", Kind::Texts),
            key("excluded-prefixes", Kind::Texts),
            key("hostname", TEXT),
            key("option-data", Kind::Maps(&OPTION_DATA)),
            key("client-classes", Kind::Texts),
        ],
        CONTEXT,
    ],
    mandatory: &[],
};
