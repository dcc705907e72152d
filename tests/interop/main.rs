//! Black-box tests with real servers and real clients in network namespaces. They need root, iproute2, Kea 2.2
//! and perfdhcp, ISC dhclient, udhcpc and dhcpcd.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

mod batches;
#[path = "../../ha/tests/support/certificates.rs"]
mod certificates;
mod cli;
mod clients;
mod crowd;
mod durability;
mod examples;
mod guests;
mod halves;
mod homecoming;
mod hostile;
mod http;
mod hub;
mod modes;
mod one_file;
mod overload;
mod pair;
mod relay;
mod reload;
mod renewal;
mod repair;
mod replacement;
mod shortage;
mod site;
mod soak;
#[path = "../support/mod.rs"]
mod support;
mod tls;
mod transport;
mod truth;
