//! What is written is read back; what is damaged is refused for its reason.

use proptest::prelude::*;

use super::*;

const FROM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
const TO: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];

fn frame(payload: &[u8]) -> Vec<u8> {
    let header = header(CLIENT, BROADCAST, FROM, TO, payload).unwrap();
    [&header[..], payload].concat()
}

/// `frame` with IPv4 options and with a VLAN tag, its IP checksum made right again.
fn with_options_and_tag(mut frame: Vec<u8>, options: &[u8], tag: Option<u16>) -> Vec<u8> {
    assert_eq!(options.len() % 4, 0);
    let length = u16::from_be_bytes([frame[16], frame[17]]) + options.len() as u16;
    frame[14] = 0x45 + (options.len() / 4) as u8;
    frame[16..18].copy_from_slice(&length.to_be_bytes());
    frame[24..26].fill(0);
    frame.splice(34..34, options.iter().copied());
    let checksum = !fold(sum(&frame[14..34 + options.len()]));
    frame[24..26].copy_from_slice(&checksum.to_be_bytes());
    if let Some(tag) = tag {
        frame.splice(12..12, [0x81, 0x00].into_iter().chain(tag.to_be_bytes()));
    }
    frame
}

#[test]
fn the_words_and_their_checksum_sum_to_all_ones() {
    // RFC 1071 section 1, step 3; an odd payload and a carry in the fold.
    let frame = frame(&[0xff, 0xff, 0x01]);
    assert_eq!(frame.len(), HEADER + 3);
    assert_eq!(fold(sum(&frame[14..34])), 0xffff);
    let from_udp = u64::from(PROTOCOL_UDP) + 11 + 2 * 0xffff + sum(&frame[34..]);
    assert_eq!(fold(from_udp), 0xffff);
    assert_eq!(parse(&frame, Checksum::Complete).unwrap().payload, [0xff, 0xff, 0x01]);
}

#[test]
fn ethernet_padding_is_no_payload() {
    let mut padded = frame(b"hello");
    padded.resize(60, 0xaa);
    assert_eq!(parse(&padded, Checksum::Complete).unwrap().payload, b"hello");
}

#[test]
fn a_checksum_that_is_not_ready_is_not_looked_at_and_zero_means_none() {
    let mut partial = frame(b"hello");
    partial[40] ^= 0x55;
    assert_eq!(parse(&partial, Checksum::Complete), Err(Refusal::UdpChecksum));
    assert!(parse(&partial, Checksum::NotReady).is_ok());
    partial[40..42].fill(0);
    assert!(parse(&partial, Checksum::Complete).is_ok());
}

#[test]
fn each_refusal_has_its_reason() {
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut frame = frame(b"hello");
        change(&mut frame);
        frame[24..26].fill(0);
        let checksum = !fold(sum(&frame[14..34]));
        frame[24..26].copy_from_slice(&checksum.to_be_bytes());
        parse(&frame, Checksum::Complete).unwrap_err()
    };
    assert_eq!(changed(&|f| f[12] = 0x86), Refusal::NotIpv4);
    assert_eq!(changed(&|f| f[14] = 0x65), Refusal::NotIpv4);
    assert_eq!(changed(&|f| f[14] = 0x44), Refusal::NotIpv4);
    assert_eq!(changed(&|f| f[20] = 0x20), Refusal::Fragment);
    assert_eq!(changed(&|f| f[21] = 0x01), Refusal::Fragment);
    assert_eq!(changed(&|f| f[23] = 6), Refusal::NotUdp);
    assert_eq!(changed(&|f| f[39] += 1), Refusal::Truncated);
    assert_eq!(changed(&|f| f[39] = 7), Refusal::Truncated);
    assert_eq!(changed(&|f| f[17] += 1), Refusal::Truncated);
    assert_eq!(changed(&|f| f[45] ^= 1), Refusal::UdpChecksum);
    let mut bad = frame(b"hello");
    bad[24] ^= 1;
    assert_eq!(parse(&bad, Checksum::NotReady), Err(Refusal::IpChecksum));
}

#[test]
fn what_is_too_long_for_ip_is_not_written() {
    let payload = vec![0; MAX_PAYLOAD + 1];
    assert!(header(CLIENT, BROADCAST, FROM, TO, &payload[1..]).is_some());
    assert!(header(CLIENT, BROADCAST, FROM, TO, &payload).is_none());
}

prop_compose! {
    fn endpoint()(ip in any::<u32>(), port in any::<u16>()) -> SocketAddrV4 {
        SocketAddrV4::new(ip.into(), port)
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        source_mac: [u8; 6],
        destination_mac: [u8; 6],
        source in endpoint(),
        destination in endpoint(),
        payload in prop::collection::vec(any::<u8>(), 0..1600),
        options in prop::collection::vec(any::<[u8; 4]>(), 0..=10),
        tag in any::<Option<u16>>(),
        padding in 0_usize..30,
    ) {
        let header = header(source_mac, destination_mac, source, destination, &payload).unwrap();
        let frame = [&header[..], &payload].concat();
        let mut frame = with_options_and_tag(frame, options.as_flattened(), tag);
        prop_assert!(frame.len() <= MAX_HEADER + payload.len());
        frame.resize(frame.len() + padding, 0);
        let vlan = tag.map_or(0, |tag| tag & 0x0fff);
        prop_assert_eq!(
            parse(&frame, Checksum::Complete),
            Ok(Frame {
                source_mac, destination_mac, vlan, source, destination, payload: &payload
            })
        );
    }

    #[test]
    fn a_cut_frame_is_refused(payload in prop::collection::vec(any::<u8>(), 0..100), cut: prop::sample::Index) {
        let frame = frame(&payload);
        let short = &frame[..cut.index(frame.len())];
        prop_assert_eq!(parse(short, Checksum::Complete), Err(Refusal::Truncated));
    }

    #[test]
    fn a_flipped_bit_behind_the_ethernet_header_is_noticed(
        payload in prop::collection::vec(any::<u8>(), 1..100),
        bit: prop::sample::Index,
    ) {
        let mut frame = frame(&payload);
        let bit = bit.index((frame.len() - ETHERNET) * 8) + ETHERNET * 8;
        frame[bit / 8] ^= 1 << (bit % 8);
        // A flip within the UDP checksum can only give 0, "none", if one bit of it was set.
        let none = frame[40..42] == [0, 0];
        prop_assert!(none || parse(&frame, Checksum::Complete).is_err());
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes, Checksum::Complete);
        let ip = [&[0; 12], &[8, 0, 0x45][..], &bytes].concat();
        let _ = parse(&ip, Checksum::NotReady);
    }
}
