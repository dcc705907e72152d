//! Black-box tests with real servers and real clients in network namespaces. They need root, iproute2, Kea 2.2
//! and perfdhcp, ISC dhclient, udhcpc and dhcpcd.

mod net;
mod pair;
mod server;
mod wait;
