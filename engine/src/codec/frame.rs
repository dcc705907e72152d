//! Ethernet (with 802.1Q tags), IPv4 (RFC 791) and UDP (RFC 768) headers for the raw socket: read, checked,
//! written. Pure. Must not know DHCP.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Bytes that [`header`] writes in front of a payload: Ethernet, IPv4 without options, UDP.
pub const HEADER: usize = ETHERNET + IPV4 + UDP;
/// Most bytes in front of a payload: a tagged frame whose IPv4 header is full of options.
pub const MAX_HEADER: usize = ETHERNET + TAG + 60 + UDP;
/// The Ethernet address of everybody.
pub const BROADCAST: [u8; 6] = [0xff; 6];
/// Most bytes of UDP payload in an IPv4 packet.
pub const MAX_PAYLOAD: usize = u16::MAX as usize - IPV4 - UDP;

const ETHERNET: usize = 14;
const TAG: usize = 4;
const IPV4: usize = 20;
const UDP: usize = 8;
const TYPE_IPV4: u16 = 0x0800;
const TYPE_VLAN: u16 = 0x8100;
const PROTOCOL_UDP: u8 = 17;
const TIME_TO_LIVE: u8 = 64;

/// A UDP datagram in an Ethernet frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Ethernet source.
    pub source_mac: [u8; 6],
    /// Ethernet destination.
    pub destination_mac: [u8; 6],
    /// VLAN of the tag in the frame; 0 without a tag, or with one that gives only a priority.
    pub vlan: u16,
    /// IP source and port.
    pub source: SocketAddrV4,
    /// IP destination and port.
    pub destination: SocketAddrV4,
    /// UDP payload.
    pub payload: &'a [u8],
}

/// What is known about the UDP checksum of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// As on the wire: check it.
    Complete,
    /// The frame never was on a wire and its checksum was left for a card that it did not meet.
    NotReady,
}

/// Why a frame is no UDP datagram for us. The client's or the network's fault; trying again is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// Shorter than its headers say.
    #[error("the frame ends before its headers or lengths do")]
    Truncated,
    /// No IPv4, or a header that contradicts itself.
    #[error("no IPv4 packet")]
    NotIpv4,
    /// A part of a larger datagram.
    #[error("an IP fragment")]
    Fragment,
    /// Some other protocol.
    #[error("no UDP datagram")]
    NotUdp,
    /// The IP header's checksum is wrong.
    #[error("wrong IP header checksum")]
    IpChecksum,
    /// The UDP checksum is wrong.
    #[error("wrong UDP checksum")]
    UdpChecksum,
}

/// Reads a frame. Bytes behind the datagram (Ethernet's padding) are not part of the payload.
pub fn parse(frame: &[u8], checksum: Checksum) -> Result<Frame<'_>, Refusal> {
    let mut reader = Reader(frame);
    let destination_mac = reader.array()?;
    let source_mac = reader.array()?;
    let mut ether_type = reader.u16()?;
    let mut vlan = 0;
    if ether_type == TYPE_VLAN {
        vlan = reader.u16()? & 0x0fff;
        ether_type = reader.u16()?;
    }
    if ether_type != TYPE_IPV4 {
        return Err(Refusal::NotIpv4);
    }
    let (source, destination, datagram) = parse_ip(reader.0)?;
    let (source_port, destination_port, payload) =
        parse_udp(datagram, source, destination, checksum)?;
    Ok(Frame {
        source_mac,
        destination_mac,
        vlan,
        source: SocketAddrV4::new(source, source_port),
        destination: SocketAddrV4::new(destination, destination_port),
        payload,
    })
}

/// Ethernet, IPv4 and UDP headers, with both checksums, for `payload` from `source` to `destination`. `None` if
/// the payload is longer than [`MAX_PAYLOAD`].
pub fn header(
    source_mac: [u8; 6],
    destination_mac: [u8; 6],
    source: SocketAddrV4,
    destination: SocketAddrV4,
    payload: &[u8],
) -> Option<[u8; HEADER]> {
    let udp_length = u16::try_from(UDP + payload.len()).ok()?;
    let ip_length = u16::try_from(IPV4 + UDP + payload.len()).ok()?;
    let mut header = [0; HEADER];
    let (ethernet, rest) = header.split_at_mut(ETHERNET);
    let (ip, udp) = rest.split_at_mut(IPV4);

    ethernet[0..6].copy_from_slice(&destination_mac);
    ethernet[6..12].copy_from_slice(&source_mac);
    ethernet[12..14].copy_from_slice(&TYPE_IPV4.to_be_bytes());

    ip[0] = 0x45;
    ip[1] = 0x10; // low delay, as DHCP servers send
    ip[2..4].copy_from_slice(&ip_length.to_be_bytes());
    ip[6] = 0x40; // don't fragment: the identification may stay 0 (RFC 6864 section 4.1)
    ip[8] = TIME_TO_LIVE;
    ip[9] = PROTOCOL_UDP;
    ip[12..16].copy_from_slice(&source.ip().octets());
    ip[16..20].copy_from_slice(&destination.ip().octets());
    let ip_checksum = !fold(sum(ip));
    ip[10..12].copy_from_slice(&ip_checksum.to_be_bytes());

    udp[0..2].copy_from_slice(&source.port().to_be_bytes());
    udp[2..4].copy_from_slice(&destination.port().to_be_bytes());
    udp[4..6].copy_from_slice(&udp_length.to_be_bytes());
    let pseudo = pseudo_header(*source.ip(), *destination.ip(), udp_length);
    let checksum = match !fold(pseudo + sum(udp) + sum(payload)) {
        0 => u16::MAX, // 0 on the wire means "none"
        checksum => checksum,
    };
    udp[6..8].copy_from_slice(&checksum.to_be_bytes());
    Some(header)
}

/// Source, destination and the bytes that the total length covers.
fn parse_ip(packet: &[u8]) -> Result<(Ipv4Addr, Ipv4Addr, &[u8]), Refusal> {
    let mut reader = Reader(packet);
    let [version, _tos] = reader.array()?;
    let header_length = usize::from(version & 0x0f) * 4;
    if version >> 4 != 4 || header_length < IPV4 {
        return Err(Refusal::NotIpv4);
    }
    let total_length = usize::from(reader.u16()?);
    let _identification = reader.u16()?;
    let fragment = reader.u16()?;
    let [_ttl, protocol] = reader.array()?;
    let _checksum = reader.u16()?;
    let source = Ipv4Addr::from(reader.array::<4>()?);
    let destination = Ipv4Addr::from(reader.array::<4>()?);

    let header = packet.get(..header_length).ok_or(Refusal::Truncated)?;
    let datagram = packet.get(header_length..total_length).ok_or(Refusal::Truncated)?;
    if fold(sum(header)) != u16::MAX {
        return Err(Refusal::IpChecksum);
    }
    if fragment & 0x3fff != 0 {
        return Err(Refusal::Fragment);
    }
    if protocol != PROTOCOL_UDP {
        return Err(Refusal::NotUdp);
    }
    Ok((source, destination, datagram))
}

/// Source port, destination port, payload.
fn parse_udp(
    datagram: &[u8],
    source: Ipv4Addr,
    destination: Ipv4Addr,
    checksum: Checksum,
) -> Result<(u16, u16, &[u8]), Refusal> {
    let mut reader = Reader(datagram);
    let source_port = reader.u16()?;
    let destination_port = reader.u16()?;
    let length = reader.u16()?;
    let received = reader.u16()?;
    let covered = datagram.get(..usize::from(length)).ok_or(Refusal::Truncated)?;
    let payload = covered.get(UDP..).ok_or(Refusal::Truncated)?;
    if checksum == Checksum::Complete && received != 0 {
        let pseudo = pseudo_header(source, destination, length);
        if fold(pseudo + sum(covered)) != u16::MAX {
            return Err(Refusal::UdpChecksum);
        }
    }
    Ok((source_port, destination_port, payload))
}

/// What UDP's checksum covers besides the datagram (RFC 768).
fn pseudo_header(source: Ipv4Addr, destination: Ipv4Addr, udp_length: u16) -> u64 {
    let protocol = u64::from(PROTOCOL_UDP);
    sum(&source.octets()) + sum(&destination.octets()) + protocol + u64::from(udp_length)
}

/// The sum of `bytes` as 16-bit words (RFC 1071); it cannot overflow within a packet. Every part but the last
/// of what is summed must have an even length.
fn sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks_exact(2);
    let last = words.remainder().first().map_or(0, |last| u64::from(*last) << 8);
    words.map(|word| u64::from(u16::from_be_bytes([word[0], word[1]]))).sum::<u64>() + last
}

/// The one's complement sum in 16 bits.
fn fold(mut sum: u64) -> u16 {
    while sum > u64::from(u16::MAX) {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).expect("folded to 16 bits")
}

/// Takes fields from the front.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (front, rest) = self.0.split_first_chunk::<N>().ok_or(Refusal::Truncated)?;
        self.0 = rest;
        Ok(*front)
    }

    fn u16(&mut self) -> Result<u16, Refusal> {
        self.array().map(u16::from_be_bytes)
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
