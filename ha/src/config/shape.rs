//! The keywords of `high-availability`, as tables like those of the engine's configuration.

use engine::config::wire::{Key, Kind, Same, Shape, TEXT, U32, inert, key, only};

use crate::machine::limits::{MAX_REJECTED_CLIENTS, MAX_WATCHED_CLIENTS};

const CONTEXT: &[Key] = &[key("comment", TEXT), key("user-context", Kind::Free)];

/// TLS, for the relationship or a peer.
const TLS: &[Key] = &[key("trust-anchor", TEXT), key("cert-file", TEXT), key("key-file", TEXT)];

/// Threads on either side of HTTP: more than anybody has cores.
const THREADS: Kind = Kind::Int(0, 65535);

/// A limit beyond what is remembered would never be reached. This one has to be exceeded.
const UNACKED: Kind = Kind::Int(0, MAX_WATCHED_CLIENTS as i64 - 1);
/// This one has to be reached.
const REJECTED: Kind = Kind::Int(0, MAX_REJECTED_CLIENTS as i64);

/// With the listener of its own switched off, a server is reached over a control socket of HTTP.
pub(super) const NO_LISTENER: &str = "High Availability without a listener of its own";
const ON: &[Same] = &[Same::Flag(true)];

/// The parameters of the hook library.
pub const PARAMETERS: Shape = Shape {
    name: "parameters of libdhcp_ha",
    groups: &[CONTEXT, &[key("high-availability", Kind::Maps(&RELATIONSHIP))]],
    mandatory: &["high-availability"],
};

/// A relationship.
pub const RELATIONSHIP: Shape = Shape {
    name: "high-availability",
    groups: &[
        &[
            key("this-server-name", TEXT),
            key("mode", Kind::Word(&["load-balancing", "hot-standby", "passive-backup"])),
            key("peers", Kind::Maps(&PEER)),
            key("heartbeat-delay", U32),
            key("max-response-delay", U32),
            key("max-ack-delay", U32),
            key("max-unacked-clients", UNACKED),
            key("max-rejected-lease-updates", REJECTED),
            key("send-lease-updates", Kind::Flag),
            key("sync-leases", Kind::Flag),
            key("sync-timeout", U32),
            key("sync-page-limit", Kind::Int(1, u32::MAX as i64)),
            key("delayed-updates-limit", U32),
            key("wait-backup-ack", Kind::Flag),
            key("clock-skew", Kind::Word(&["terminate", "tolerate"])),
            key("takeover-delay", U32),
            key("conflict-resolution", Kind::Word(&["terminate", "repair"])),
            key("multi-threading", Kind::Map(&MULTI_THREADING)),
            key("state-machine", Kind::Map(&STATE_MACHINE)),
            key("require-client-certs", Kind::Flag),
            key("restrict-commands", Kind::Flag),
        ],
        TLS,
        CONTEXT,
    ],
    // Without `this-server-name` the machine says who it is.
    mandatory: &["mode", "peers"],
};

/// A peer.
pub const PEER: Shape = Shape {
    name: "peers",
    groups: &[
        &[
            key("name", TEXT),
            key("url", TEXT),
            key("role", Kind::Word(&["primary", "secondary", "standby", "backup"])),
            key("auto-failover", Kind::Flag),
            key("basic-auth-user", TEXT),
            key("basic-auth-user-file", TEXT),
            key("basic-auth-password", TEXT),
            key("basic-auth-password-file", TEXT),
            inert("require-client-certs", Kind::Flag, "it is the relationship's that counts"),
        ],
        TLS,
        CONTEXT,
    ],
    mandatory: &["name", "url", "role"],
};

const MULTI_THREADING: Shape = Shape {
    name: "multi-threading",
    groups: &[
        &[
            only("enable-multi-threading", Kind::Flag, ON, NO_LISTENER),
            only("http-dedicated-listener", Kind::Flag, ON, NO_LISTENER),
            key("http-listener-threads", THREADS),
            key("http-client-threads", THREADS),
        ],
        CONTEXT,
    ],
    mandatory: &[],
};

const STATE_MACHINE: Shape = Shape {
    name: "state-machine",
    groups: &[&[key("states", Kind::Maps(&STATE))], CONTEXT],
    mandatory: &["states"],
};

const STATE: Shape = Shape {
    name: "states",
    groups: &[
        &[key("state", TEXT), key("pause", Kind::Word(&["always", "never", "once"]))],
        CONTEXT,
    ],
    mandatory: &["state"],
};
