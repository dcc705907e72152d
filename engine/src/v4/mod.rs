//! The DHCPv4 exchange: query + configuration + store + now -> outcome. Pure.
