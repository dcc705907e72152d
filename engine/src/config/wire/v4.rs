//! The keywords of `Dhcp4`.

use super::shared::{
    ADDITIONAL, COMPATIBILITY, CONTEXT, DDNS, DDNS_TTL, GLOBAL, INTERFACES, LIFETIMES, LOCAL,
    NETWORK, OPTION_DATA, OPTION_DEF,
};
use super::{Key, Kind, Shape, TEXT, U32, inert, key, later};

/// What stands in the fixed part of a message: global, shared network, subnet, class, reservation.
const BOOT: &[Key] = &[
    key("next-server", TEXT),
    key("server-hostname", Kind::Text(63)),
    key("boot-file-name", Kind::Text(127)),
];

/// Global, shared network, subnet.
const NETWORK4: &[Key] = &[
    key("authoritative", Kind::Flag),
    key("match-client-id", Kind::Flag),
    key("offer-lifetime", U32),
];

/// `Dhcp4`.
pub const DHCP4: Shape = Shape {
    name: "Dhcp4",
    groups: &[
        GLOBAL,
        &[
            key("subnet4", Kind::Maps(&SUBNET4)),
            key("shared-networks", Kind::Maps(&SHARED_NETWORK)),
            key("client-classes", Kind::Maps(&CLASS)),
            key("reservations", Kind::Maps(&RESERVATION)),
            key("interfaces-config", Kind::Map(&INTERFACES4)),
            key("compatibility", Kind::Map(&COMPATIBILITY4)),
            key("echo-client-id", Kind::Flag),
            key("stash-agent-options", Kind::Flag),
        ],
        NETWORK,
        NETWORK4,
        BOOT,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &[],
};

/// The parameters of `libdhcp_flex_id`.
pub const FLEX_ID: Shape = Shape {
    name: "libdhcp_flex_id",
    groups: &[
        CONTEXT,
        &[
            key("identifier-expression", TEXT),
            key("replace-client-id", Kind::Flag),
            key("cid-as-rfc4361-duid", Kind::Flag),
            inert("ignore-iaid", Kind::Flag, "DHCPv4 has no IAID"),
        ],
    ],
    mandatory: &[],
};

const INTERFACES4: Shape = Shape {
    name: "interfaces-config",
    groups: &[
        INTERFACES,
        &[
            key("dhcp-socket-type", Kind::Word(&["raw", "udp"])),
            key("outbound-interface", Kind::Word(&["same-as-inbound", "use-routing"])),
        ],
        CONTEXT,
    ],
    mandatory: &[],
};

const COMPATIBILITY4: Shape = Shape {
    name: "compatibility",
    groups: &[
        COMPATIBILITY,
        &[
            key("ignore-dhcp-server-identifier", Kind::Flag),
            key("ignore-rai-link-selection", Kind::Flag),
            key("exclude-first-last-24", Kind::Flag),
        ],
        CONTEXT,
    ],
    mandatory: &[],
};

/// A shared network.
pub const SHARED_NETWORK: Shape = Shape {
    name: "shared-networks",
    groups: &[
        &[key("name", TEXT), key("subnet4", Kind::Maps(&SUBNET4))],
        NETWORK,
        NETWORK4,
        LOCAL,
        ADDITIONAL,
        BOOT,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &["name"],
};

/// A subnet.
pub const SUBNET4: Shape = Shape {
    name: "subnet4",
    groups: &[
        &[
            // 0 asks for an automatic one, as none at all does.
            key("id", Kind::Int(0, u32::MAX as i64 - 1)),
            key("subnet", TEXT),
            key("pools", Kind::Maps(&POOL)),
            key("reservations", Kind::Maps(&RESERVATION)),
            later("4o6-interface", TEXT, "DHCPv4 over DHCPv6"),
            later("4o6-interface-id", TEXT, "DHCPv4 over DHCPv6"),
            later("4o6-subnet", TEXT, "DHCPv4 over DHCPv6"),
        ],
        NETWORK,
        NETWORK4,
        LOCAL,
        ADDITIONAL,
        BOOT,
        LIFETIMES,
        DDNS,
        CONTEXT,
    ],
    mandatory: &["subnet"],
};

const POOL: Shape = Shape {
    name: "pools",
    groups: &[
        &[
            key("pool", TEXT),
            key("pool-id", U32),
            key("client-class", TEXT),
            key("client-classes", Kind::Texts),
            key("option-data", Kind::Maps(&OPTION_DATA)),
            DDNS_TTL,
        ],
        ADDITIONAL,
        DDNS,
        CONTEXT,
    ],
    mandatory: &["pool"],
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
            key("option-def", Kind::Maps(&OPTION_DEF)),
            key("offer-lifetime", U32),
        ],
        BOOT,
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
            key("client-id", TEXT),
            key("circuit-id", TEXT),
            key("flex-id", TEXT),
            key("ip-address", TEXT),
            key("hostname", TEXT),
            key("option-data", Kind::Maps(&OPTION_DATA)),
            key("client-classes", Kind::Texts),
        ],
        BOOT,
        CONTEXT,
    ],
    mandatory: &[],
};
