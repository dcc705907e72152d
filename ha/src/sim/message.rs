//! DHCPv4 messages as the simulation's clients write and read them. Pure.

use std::net::{Ipv4Addr, SocketAddrV4};

use engine::codec::v4::{MessageType, OPTIONS_AT, code};
use engine::packet::{Arrival, Packet};

/// What a client says.
#[derive(Clone, Debug)]
pub(super) struct Saying {
    pub(super) message_type: MessageType,
    pub(super) hw_address: [u8; 6],
    pub(super) client_id: Option<[u8; 7]>,
    pub(super) xid: u32,
    pub(super) secs: u16,
    pub(super) ciaddr: Ipv4Addr,
    /// Option 50.
    pub(super) requested: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server: Option<Ipv4Addr>,
}

impl Saying {
    /// As it arrives at the server of this address, broadcast or not.
    pub(super) fn packet(&self, local: Ipv4Addr, broadcast: bool) -> Packet {
        let arrival = Arrival {
            interface: 2,
            source: SocketAddrV4::new(self.ciaddr, 68),
            destination: if broadcast { Ipv4Addr::BROADCAST } else { local },
            local,
            raw: true,
        };
        Packet { arrival, message: self.bytes() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; OPTIONS_AT];
        bytes[..3].copy_from_slice(&[1, 1, 6]);
        bytes[4..8].copy_from_slice(&self.xid.to_be_bytes());
        bytes[8..10].copy_from_slice(&self.secs.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ciaddr.octets());
        bytes[28..34].copy_from_slice(&self.hw_address);
        bytes[OPTIONS_AT - 4..].copy_from_slice(&engine::codec::v4::COOKIE);
        bytes.extend([code::MESSAGE_TYPE, 1, self.message_type as u8]);
        for (code, address) in
            [(code::REQUESTED_ADDRESS, self.requested), (code::SERVER_IDENTIFIER, self.server)]
        {
            if let Some(address) = address {
                bytes.extend([code, 4]);
                bytes.extend(address.octets());
            }
        }
        if let Some(id) = self.client_id {
            bytes.extend([code::CLIENT_IDENTIFIER, 7]);
            bytes.extend(id);
        }
        bytes.push(code::END);
        bytes
    }
}

/// What a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) message_type: MessageType,
    pub(super) xid: u32,
    pub(super) hw_address: [u8; 6],
    pub(super) yiaddr: Ipv4Addr,
    pub(super) server: Ipv4Addr,
    pub(super) lifetime_s: u32,
}

impl Heard {
    /// Reads a reply; `None` if it is no reply that a client understands.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let four = |at: usize| -> Option<[u8; 4]> { bytes.get(at..at + 4)?.try_into().ok() };
        let mut heard = Self {
            message_type: MessageType::Discover,
            xid: u32::from_be_bytes(four(4)?),
            hw_address: bytes.get(28..34)?.try_into().ok()?,
            yiaddr: four(16)?.into(),
            server: Ipv4Addr::UNSPECIFIED,
            lifetime_s: 0,
        };
        let mut at = OPTIONS_AT;
        while let [code, len] = *bytes.get(at..at + 2)? {
            match code {
                code::END => break,
                code::MESSAGE_TYPE => {
                    heard.message_type = MessageType::from_number(*bytes.get(at + 2)?)?;
                }
                code::SERVER_IDENTIFIER => heard.server = four(at + 2)?.into(),
                code::LEASE_TIME => heard.lifetime_s = u32::from_be_bytes(four(at + 2)?),
                _ => {}
            }
            at += 2 + usize::from(len);
            if bytes.get(at) == Some(&code::END) {
                break;
            }
        }
        Some(heard)
    }
}
