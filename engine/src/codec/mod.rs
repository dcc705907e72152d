//! Messages, options and frames. [`v4`] reads a query over dhcproto's borrowed form and writes a reply
//! straight into the send buffer; [`options`] knows the standard options and turns the configuration's
//! text into bytes; [`frame`] is Ethernet, IP and UDP for the raw socket. Pure.

pub mod frame;
pub mod options;
pub mod v4;
