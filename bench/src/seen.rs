//! A query as the class expressions see it, without the server around it. Pure.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use engine::classify::{ClassId, Subject};
use engine::codec::v4::Query;

use crate::{RELAY, SERVER};

/// A query that is in no class.
pub struct Seen<'a>(pub Query<'a>);

impl Subject for Seen<'_> {
    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>> {
        self.0.option(u8::try_from(code).ok()?)
    }

    fn interface(&self) -> &str {
        "eth0"
    }

    fn source(&self) -> IpAddr {
        RELAY.into()
    }

    fn destination(&self) -> IpAddr {
        SERVER.into()
    }

    fn length(&self) -> u32 {
        u32::try_from(self.0.bytes().len()).unwrap_or(u32::MAX)
    }

    fn hardware_address(&self) -> &[u8] {
        self.0.chaddr()
    }

    fn hardware_len(&self) -> u8 {
        u8::try_from(self.0.chaddr().len()).unwrap_or(u8::MAX)
    }

    fn hardware_type(&self) -> u8 {
        self.0.htype()
    }

    fn ciaddr(&self) -> Ipv4Addr {
        self.0.ciaddr()
    }

    fn giaddr(&self) -> Ipv4Addr {
        self.0.giaddr()
    }

    fn yiaddr(&self) -> Ipv4Addr {
        self.0.yiaddr()
    }

    fn siaddr(&self) -> Ipv4Addr {
        self.0.siaddr()
    }

    fn message_type(&self) -> u8 {
        self.0.message_type() as u8
    }

    fn transaction_id(&self) -> u32 {
        self.0.xid()
    }

    fn is_member(&self, _class: ClassId) -> bool {
        false
    }
}
