//! DHCPv4 messages on an Ethernet as bytes: queries written, replies read. Pure, and apart from the server's own
//! codec on purpose: a test must not share its faults.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const FIXED: usize = 236;
/// The most that one instance of an option holds (RFC 3396).
const MAX_PIECE: usize = 255;

/// A query, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pub(crate) op: u8,
    pub(crate) htype: u8,
    pub(crate) hlen: u8,
    pub(crate) hops: u8,
    pub(crate) xid: u32,
    pub(crate) secs: u16,
    pub(crate) flags: u16,
    pub(crate) ciaddr: [u8; 4],
    pub(crate) yiaddr: [u8; 4],
    pub(crate) siaddr: [u8; 4],
    pub(crate) giaddr: [u8; 4],
    pub(crate) chaddr: Vec<u8>,
    pub(crate) sname: Vec<u8>,
    pub(crate) file: Vec<u8>,
    /// In the order in which they are written.
    pub(crate) options: Vec<(u8, Vec<u8>)>,
    /// Bytes in place of the end mark.
    pub(crate) tail: Vec<u8>,
}

/// Where a frame comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) to_mac: [u8; 6],
    pub(crate) from_mac: [u8; 6],
    pub(crate) from: (Ipv4Addr, u16),
    pub(crate) to: (Ipv4Addr, u16),
}

impl Query {
    /// The payload of an option as servers see it: an option 125 that cannot be read ends what they look at.
    pub(crate) fn option(&self, wanted: u8) -> Option<&[u8]> {
        let is_readable = |(code, data): &&(u8, Vec<u8>)| *code != 125 || is_vendor_options(data);
        let mut options = self.options.iter().take_while(is_readable);
        options.find(|(code, _)| *code == wanted).map(|(_, data)| &data[..])
    }

    /// The UDP payload.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.op, self.htype, self.hlen, self.hops];
        bytes.extend(self.xid.to_be_bytes());
        bytes.extend(self.secs.to_be_bytes());
        bytes.extend(self.flags.to_be_bytes());
        [self.ciaddr, self.yiaddr, self.siaddr, self.giaddr].iter().for_each(|a| bytes.extend(a));
        for (field, len) in [(&self.chaddr, 16), (&self.sname, 64), (&self.file, 128)] {
            let mut field = field.clone();
            field.resize(len, 0);
            bytes.extend(field);
        }
        bytes.extend(COOKIE);
        for (code, data) in &self.options {
            let empty = [&data[..]];
            let pieces: Vec<&[u8]> = match data.is_empty() {
                true => empty.to_vec(),
                false => data.chunks(MAX_PIECE).collect(),
            };
            for piece in pieces {
                bytes.extend([*code, u8::try_from(piece.len()).unwrap()]);
                bytes.extend(piece);
            }
        }
        if !self.tail.is_empty() {
            bytes.extend(&self.tail);
            return bytes;
        }
        bytes.push(255);
        // Some servers expect no message below BOOTP's 300 bytes.
        bytes.resize(bytes.len().max(300), 0);
        bytes
    }

    /// The whole frame.
    pub(crate) fn frame(&self, route: &Route) -> Vec<u8> {
        let payload = self.bytes();
        let udp_len = u16::try_from(payload.len() + 8).unwrap();
        let mut ip = vec![0x45, 0x10];
        ip.extend((udp_len + 20).to_be_bytes());
        ip.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        ip.extend(route.from.0.octets());
        ip.extend(route.to.0.octets());
        let sum = checksum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let mut frame = [&route.to_mac[..], &route.from_mac, &[8, 0]].concat();
        frame.extend(ip);
        frame.extend(route.from.1.to_be_bytes());
        frame.extend(route.to.1.to_be_bytes());
        frame.extend(udp_len.to_be_bytes());
        // No checksum, as RFC 768 permits.
        frame.extend([0, 0]);
        frame.extend(payload);
        frame
    }
}

/// Whether an option 125 has an enterprise and then nothing, or so many bytes of options (RFC 3925 section 4).
fn is_vendor_options(data: &[u8]) -> bool {
    let [_, _, _, _, rest @ ..] = data else { return false };
    let [len, rest @ ..] = rest else { return true };
    let Some(mut left) = rest.get(..usize::from(*len)) else { return false };
    while let [_, len, after @ ..] = left {
        let Some(next) = after.get(usize::from(*len)..) else { return false };
        left = next;
    }
    left.is_empty()
}

fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap()
}

/// What a server sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) to_mac: [u8; 6],
    pub(crate) from: (Ipv4Addr, u16),
    pub(crate) to: (Ipv4Addr, u16),
    pub(crate) xid: u32,
    pub(crate) yiaddr: Ipv4Addr,
    pub(crate) ciaddr: Ipv4Addr,
    /// Every other field of the fixed part by its name.
    pub(crate) fields: BTreeMap<&'static str, Vec<u8>>,
    /// Payloads by code; what came in pieces is joined.
    pub(crate) options: BTreeMap<u8, Vec<u8>>,
}

/// A reply's type, or that there was none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Nothing,
    Offer,
    Ack,
    Nak,
    /// Anything else; a reply to BOOTP has none.
    Other(u8),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Offer => f.write_str("offer"),
            Self::Ack => f.write_str("ack"),
            Self::Nak => f.write_str("nak"),
            Self::Other(number) => write!(f, "type-{number}"),
        }
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "nothing" => Self::Nothing,
            "offer" => Self::Offer,
            "ack" => Self::Ack,
            "nak" => Self::Nak,
            other => match other.strip_prefix("type-").and_then(|number| number.parse().ok()) {
                Some(number) => Self::Other(number),
                None => return Err(format!("{other} is no kind of reply")),
            },
        })
    }
}

impl Reply {
    /// Reads a frame; none if it holds no reply of a DHCP server.
    pub(crate) fn read(frame: &[u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_at_checked(14)?;
        let header = usize::from(packet.first()? & 0xf) * 4;
        if ethernet[12..] != [8, 0] || packet.get(9) != Some(&17) {
            return None;
        }
        let (ip, datagram) = packet.split_at_checked(header)?;
        let (udp, bytes) = datagram.split_at_checked(8)?;
        let port = |at: usize| u16::from_be_bytes([udp[at], udp[at + 1]]);
        let length = usize::from(port(4)).checked_sub(8)?;
        let bytes = bytes.get(..length)?;
        if port(0) != 67 || bytes.len() < FIXED + 4 || bytes[0] != 2 {
            return None;
        }
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&ip[at..at + 4]).unwrap());
        let inner = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap());
        let fields = [
            ("op", 0..1),
            ("htype", 1..2),
            ("hlen", 2..3),
            ("hops", 3..4),
            ("secs", 8..10),
            ("flags", 10..12),
            ("siaddr", 20..24),
            ("giaddr", 24..28),
            ("chaddr", 28..44),
            ("sname", 44..108),
            ("file", 108..236),
            ("cookie", 236..240),
        ];
        Some(Self {
            to_mac: ethernet[..6].try_into().unwrap(),
            from: (address(12), port(0)),
            to: (address(16), port(2)),
            xid: u32::from_be_bytes(bytes[4..8].try_into().unwrap()),
            ciaddr: inner(12),
            yiaddr: inner(16),
            fields: fields.map(|(name, range)| (name, bytes[range].to_vec())).into(),
            options: options(&bytes[FIXED + 4..]),
        })
    }

    /// Its type.
    pub(crate) fn kind(&self) -> Kind {
        match self.options.get(&53).and_then(|data| data.first()) {
            Some(2) => Kind::Offer,
            Some(5) => Kind::Ack,
            Some(6) => Kind::Nak,
            other => Kind::Other(other.copied().unwrap_or(0)),
        }
    }

    /// All of it in one line for each thing.
    pub(crate) fn describe(&self) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let trimmed = |bytes: &[u8]| hex(bytes).trim_end_matches("00").to_owned();
        let mut text = format!("{} from {:?} to {:?}", self.kind(), self.from, self.to);
        text +=
            &format!(" {}, yiaddr {} ciaddr {}\n  ", hex(&self.to_mac), self.yiaddr, self.ciaddr);
        let fields = self.fields.iter().filter(|(_, value)| value.iter().any(|byte| *byte != 0));
        text.extend(fields.map(|(name, value)| format!(" {name} {}", trimmed(value))));
        text += "\n  ";
        text.extend(self.options.iter().map(|(code, value)| format!(" {code}:{}", hex(value))));
        text
    }

    /// The address in the option 54.
    pub(crate) fn server(&self) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.options.get(&54)?.as_slice().try_into().ok()?;
        Some(bytes.into())
    }
}

fn options(mut bytes: &[u8]) -> BTreeMap<u8, Vec<u8>> {
    let mut found: BTreeMap<u8, Vec<u8>> = BTreeMap::new();
    while let [code, rest @ ..] = bytes {
        bytes = match (code, rest) {
            (255, _) => break,
            (0, rest) => rest,
            (code, [len, rest @ ..]) => {
                let (data, rest) = rest.split_at(usize::from(*len).min(rest.len()));
                found.entry(*code).or_default().extend(data);
                rest
            }
            _ => break,
        };
    }
    found
}

/// A sub-option of option 125: its enterprise, its code and its data.
pub(crate) type VendorOption = (u32, u8, Vec<u8>);

/// The sub-options in the data of options 125.
pub(crate) fn vendor_options(mut data: &[u8]) -> Vec<VendorOption> {
    let mut found = Vec::new();
    while let [a, b, c, d, len, rest @ ..] = data {
        let enterprise = u32::from_be_bytes([*a, *b, *c, *d]);
        let (inside, after) = rest.split_at(usize::from(*len).min(rest.len()));
        found.extend(options(inside).into_iter().map(|(code, data)| (enterprise, code, data)));
        data = after;
    }
    found
}

/// The parts of options 124 or 125, each with its enterprise, as hexadecimal digits.
pub(crate) fn enterprises(mut data: &[u8]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    while let [a, b, c, d, len, ..] = data {
        let (part, after) = data.split_at((5 + usize::from(*len)).min(data.len()));
        let text = part.iter().map(|byte| format!("{byte:02x}")).collect();
        found.push((u32::from_be_bytes([*a, *b, *c, *d]), text));
        data = after;
    }
    found
}
