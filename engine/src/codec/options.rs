//! DHCPv4 option definitions and the configuration's text form of their values.
//!
//! Pure. Must not know messages or the configuration's shape.
