//! Ethernet, IPv4 and UDP headers for the raw socket: read, checked, written. Pure.
