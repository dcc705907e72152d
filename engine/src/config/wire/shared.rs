//! Maps and groups of keywords that `Dhcp4` and `Dhcp6` share.

use crate::config::names::ReplaceClientName;

use super::{Key, Kind, MAX_U32, SHARE, Same, Shape, TEXT, U32, inert, key, later, only};

const PORT: Kind = Kind::Int(0, 65535);
/// Only what is off anyway.
pub const FALSE: &[Same] = &[Same::Flag(false)];
const DDNS_OFF: &str = "DNS updates are off";
const QUEUED: &str = "packets always wait in the workers' queues (packet-queue-size)";
const NO_SQL: &str = "it belongs to the databases";

/// Allowed nearly everywhere.
pub const CONTEXT: &[Key] = &[key("comment", TEXT), key("user-context", Kind::Free)];

/// Lifetimes: global, shared network, subnet, class.
pub const LIFETIMES: &[Key] =
    &[key("valid-lifetime", U32), key("min-valid-lifetime", U32), key("max-valid-lifetime", U32)];

/// DNS updates: global, shared network, subnet, pool.
pub const DDNS: &[Key] = &[
    inert("ddns-send-updates", Kind::Flag, DDNS_OFF),
    inert("ddns-override-no-update", Kind::Flag, DDNS_OFF),
    inert("ddns-override-client-update", Kind::Flag, DDNS_OFF),
    key("ddns-replace-client-name", Kind::Word(&ReplaceClientName::WORDS)),
    key("ddns-generated-prefix", TEXT),
    key("ddns-qualifying-suffix", TEXT),
    inert("ddns-update-on-renew", Kind::Flag, DDNS_OFF),
    inert("ddns-conflict-resolution-mode", TEXT, DDNS_OFF),
    inert("ddns-ttl-min", U32, DDNS_OFF),
    inert("ddns-ttl-max", U32, DDNS_OFF),
    inert("ddns-ttl-percent", Kind::Real(0.0, 100.0), DDNS_OFF),
    key("hostname-char-set", TEXT),
    key("hostname-char-replacement", TEXT),
];

/// DNS updates: shared network, subnet, pool.
pub const DDNS_TTL: Key = inert("ddns-ttl", U32, DDNS_OFF);

/// Global, shared network and subnet of both families.
pub const NETWORK: &[Key] = &[
    key("renew-timer", U32),
    key("rebind-timer", U32),
    key("calculate-tee-times", Kind::Flag),
    key("t1-percent", SHARE),
    key("t2-percent", SHARE),
    key("option-data", Kind::Maps(&OPTION_DATA)),
    key("cache-threshold", SHARE),
    key("cache-max-age", U32),
    key("allocator", Kind::Word(&["iterative", "random", "flq", "shared-flq"])),
    key("adaptive-lease-time-threshold", SHARE),
    key("store-extended-info", Kind::Flag),
    key("reservations-global", Kind::Flag),
    key("reservations-in-subnet", Kind::Flag),
    key("reservations-out-of-pool", Kind::Flag),
    key("reservation-mode", TEXT),
    inert("ddns-use-conflict-resolution", Kind::Flag, DDNS_OFF),
];

/// Shared network and subnet.
pub const LOCAL: &[Key] = &[
    key("interface", TEXT),
    key("relay", Kind::Map(&RELAY)),
    key("client-class", TEXT),
    key("client-classes", Kind::Texts),
    DDNS_TTL,
];

/// Network, subnet and pool: classes that are evaluated late.
pub const ADDITIONAL: &[Key] =
    &[key("evaluate-additional-classes", Kind::Texts), key("require-client-classes", Kind::Texts)];

/// Global, both families.
pub const GLOBAL: &[Key] = &[
    key("control-socket", Kind::Map(&CONTROL_SOCKET)),
    key("control-sockets", Kind::Maps(&CONTROL_SOCKET)),
    key("multi-threading", Kind::Map(&MULTI_THREADING)),
    key("lease-database", Kind::Map(&LEASE_DATABASE)),
    key("expired-leases-processing", Kind::Map(&EXPIRED_LEASES)),
    key("hooks-libraries", Kind::Maps(&HOOK)),
    key("loggers", Kind::Maps(&LOGGER)),
    key("decline-probation-period", U32),
    key("parked-packet-limit", U32),
    key("option-def", Kind::Maps(&OPTION_DEF)),
    later("hosts-database", Kind::Map(&DATABASE), "host databases"),
    later("hosts-databases", Kind::Maps(&DATABASE), "host databases"),
    later("config-control", Kind::Map(&CONFIG_CONTROL), "configuration databases"),
    key("dhcp-ddns", Kind::Map(&DHCP_DDNS)),
    key("dhcp-queue-control", Kind::Map(&QUEUE_CONTROL)),
    key("sanity-checks", Kind::Map(&SANITY_CHECKS)),
    only("dhcp4o6-port", PORT, &[Same::Int(0)], "DHCPv4 over DHCPv6"),
    key("early-global-reservations-lookup", Kind::Flag),
    key("host-reservation-identifiers", Kind::Texts),
    key("ip-reservations-unique", Kind::Flag),
    inert("reservations-lookup-first", Kind::Flag, "reservations are always looked at first"),
    inert("server-tag", TEXT, "there are no configuration databases"),
    key("statistic-default-sample-age", U32),
    key("statistic-default-sample-count", U32),
];

/// `interfaces-config` of both families.
pub const INTERFACES: &[Key] = &[
    key("interfaces", Kind::Texts),
    inert("re-detect", Kind::Flag, "interfaces are looked at again all the time"),
    key("service-sockets-require-all", Kind::Flag),
    key("service-sockets-max-retries", U32),
    key("service-sockets-retry-wait-time", U32),
];

const LEASE_DATABASE: Shape = Shape {
    name: "lease-database",
    groups: &[
        CONTEXT,
        &[
            key("type", Kind::Word(&["memfile", "mysql", "postgresql"])),
            key("persist", Kind::Flag),
            key("lfc-interval", U32),
            key("max-row-errors", U32),
        ],
        SQL,
    ],
    mandatory: &["type"],
};

/// What a database needs to be reached.
const SQL: &[Key] = &[
    key("name", TEXT),
    inert("host", TEXT, NO_SQL),
    inert("port", PORT, NO_SQL),
    inert("user", TEXT, NO_SQL),
    inert("password", TEXT, NO_SQL),
    inert("password-file", TEXT, NO_SQL),
    inert("connect-timeout", U32, NO_SQL),
    inert("read-timeout", U32, NO_SQL),
    inert("write-timeout", U32, NO_SQL),
    inert("tcp-user-timeout", U32, NO_SQL),
    inert("reconnect-wait-time", U32, NO_SQL),
    inert("max-reconnect-tries", U32, NO_SQL),
    inert("on-fail", TEXT, NO_SQL),
    inert("retry-on-startup", Kind::Flag, NO_SQL),
    inert("readonly", Kind::Flag, NO_SQL),
    inert("trust-anchor", TEXT, NO_SQL),
    inert("cert-file", TEXT, NO_SQL),
    inert("key-file", TEXT, NO_SQL),
    inert("cipher-list", TEXT, NO_SQL),
    inert("ssl-mode", TEXT, NO_SQL),
];

const DATABASE: Shape = Shape {
    name: "database",
    groups: &[CONTEXT, &[key("type", Kind::Word(&["memfile", "mysql", "postgresql"]))], SQL],
    mandatory: &["type"],
};

const EXPIRED_LEASES: Shape = Shape {
    name: "expired-leases-processing",
    groups: &[
        CONTEXT,
        &[
            key("reclaim-timer-wait-time", U32),
            key("flush-reclaimed-timer-wait-time", U32),
            key("hold-reclaimed-time", U32),
            key("max-reclaim-leases", U32),
            key("max-reclaim-time", U32),
            key("unwarned-reclaim-cycles", U32),
        ],
    ],
    mandatory: &[],
};

const MULTI_THREADING: Shape = Shape {
    name: "multi-threading",
    groups: &[
        CONTEXT,
        &[
            key("enable-multi-threading", Kind::Flag),
            key("thread-pool-size", Kind::Int(0, 65535)),
            key("packet-queue-size", U32),
        ],
    ],
    mandatory: &[],
};

const SANITY_CHECKS: Shape = Shape {
    name: "sanity-checks",
    groups: &[
        CONTEXT,
        &[
            key("lease-checks", Kind::Word(&["none", "warn", "fix", "fix-del", "del"])),
            inert("extended-info-checks", TEXT, "what a lease says of its relay is kept as it is"),
        ],
    ],
    mandatory: &[],
};

const QUEUE_CONTROL: Shape = Shape {
    name: "dhcp-queue-control",
    groups: &[
        CONTEXT,
        &[
            inert("enable-queue", Kind::Flag, QUEUED),
            inert("queue-type", TEXT, QUEUED),
            inert("capacity", U32, QUEUED),
        ],
    ],
    mandatory: &[],
};

const DHCP_DDNS: Shape = Shape {
    name: "dhcp-ddns",
    groups: &[
        CONTEXT,
        &[
            only("enable-updates", Kind::Flag, FALSE, "DNS updates"),
            inert("server-ip", Kind::Address, DDNS_OFF),
            inert("server-port", PORT, DDNS_OFF),
            inert("sender-ip", Kind::Address, DDNS_OFF),
            inert("sender-port", PORT, DDNS_OFF),
            inert("max-queue-size", U32, DDNS_OFF),
            inert("ncr-protocol", TEXT, DDNS_OFF),
            inert("ncr-format", TEXT, DDNS_OFF),
            inert("override-no-update", Kind::Flag, DDNS_OFF),
            inert("override-client-update", Kind::Flag, DDNS_OFF),
            key("replace-client-name", Kind::Word(&ReplaceClientName::WORDS)),
            key("generated-prefix", TEXT),
            key("qualifying-suffix", TEXT),
            key("hostname-char-set", TEXT),
            key("hostname-char-replacement", TEXT),
        ],
    ],
    mandatory: &[],
};

/// `compatibility` of both families.
pub const COMPATIBILITY: &[Key] = &[key("lenient-option-parsing", Kind::Flag)];

const CONFIG_CONTROL: Shape = Shape {
    name: "config-control",
    groups: &[
        CONTEXT,
        &[key("config-databases", Kind::Maps(&DATABASE)), key("config-fetch-wait-time", U32)],
    ],
    mandatory: &[],
};

const CONTROL_SOCKET: Shape = Shape {
    name: "control-socket",
    groups: &[
        CONTEXT,
        &[
            key("socket-type", Kind::Word(&["unix", "http", "https"])),
            key("socket-name", TEXT),
            key("socket-address", Kind::Address),
            key("socket-port", PORT),
            key("trust-anchor", TEXT),
            key("cert-file", TEXT),
            key("key-file", TEXT),
            key("cert-required", Kind::Flag),
            key("http-headers", Kind::Maps(&HTTP_HEADER)),
            key("authentication", Kind::Map(&AUTHENTICATION)),
        ],
    ],
    mandatory: &["socket-type"],
};

const HTTP_HEADER: Shape = Shape {
    name: "http-headers",
    groups: &[CONTEXT, &[key("name", TEXT), key("value", TEXT)]],
    mandatory: &["name", "value"],
};

const AUTHENTICATION: Shape = Shape {
    name: "authentication",
    groups: &[
        CONTEXT,
        &[
            key("type", Kind::Word(&["basic"])),
            key("realm", TEXT),
            key("directory", TEXT),
            key("clients", Kind::Maps(&AUTHENTICATION_CLIENT)),
        ],
    ],
    mandatory: &[],
};

const AUTHENTICATION_CLIENT: Shape = Shape {
    name: "clients",
    groups: &[
        CONTEXT,
        &[
            key("user", TEXT),
            key("user-file", TEXT),
            key("password", TEXT),
            key("password-file", TEXT),
        ],
    ],
    mandatory: &[],
};

const HOOK: Shape = Shape {
    name: "hooks-libraries",
    groups: &[CONTEXT, &[key("library", TEXT), key("parameters", Kind::Free)]],
    mandatory: &["library"],
};

const LOGGER: Shape = Shape {
    name: "loggers",
    groups: &[
        CONTEXT,
        &[
            key("name", TEXT),
            key("severity", TEXT),
            key("debuglevel", Kind::Int(0, 99)),
            key("output-options", Kind::Maps(&OUTPUT)),
            key("output_options", Kind::Maps(&OUTPUT)),
        ],
    ],
    mandatory: &["name"],
};

const OUTPUT: Shape = Shape {
    name: "output-options",
    groups: &[
        CONTEXT,
        &[
            key("output", TEXT),
            key("flush", Kind::Flag),
            key("maxsize", Kind::Int(0, i64::MAX)),
            key("maxver", Kind::Int(1, MAX_U32)),
            key("pattern", TEXT),
        ],
    ],
    mandatory: &["output"],
};

/// An option that is sent.
pub const OPTION_DATA: Shape = Shape {
    name: "option-data",
    groups: &[
        CONTEXT,
        &[
            key("name", TEXT),
            key("code", Kind::Int(0, 65535)),
            key("space", TEXT),
            key("data", TEXT),
            key("csv-format", Kind::Flag),
            key("always-send", Kind::Flag),
            key("never-send", Kind::Flag),
            key("client-classes", Kind::Texts),
        ],
    ],
    mandatory: &[],
};

/// An option's definition.
pub const OPTION_DEF: Shape = Shape {
    name: "option-def",
    groups: &[
        CONTEXT,
        &[
            key("name", TEXT),
            key("code", Kind::Int(0, 65535)),
            key("type", TEXT),
            key("array", Kind::Flag),
            key("record-types", TEXT),
            key("space", TEXT),
            key("encapsulate", TEXT),
        ],
    ],
    mandatory: &["name", "code", "type"],
};

const RELAY: Shape = Shape {
    name: "relay",
    groups: &[CONTEXT, &[key("ip-address", TEXT), key("ip-addresses", Kind::Texts)]],
    mandatory: &[],
};
