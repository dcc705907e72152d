//! What is written and read, octet by octet.

use proptest::prelude::*;

use super::*;

const RELAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
const MAC: Mac = [0, 0x0c, 1, 2, 3, 4];

fn query(form: Form) -> Query<'static> {
    let giaddr = Ipv4Addr::new(127, 0, 0, 3);
    let (broadcast, more, circuit) = (false, [].as_slice(), None);
    Query { xid: 0x0102_0304, secs: 7, mac: MAC, giaddr, form, broadcast, more, circuit }
}

fn answer(message_type: u8, options: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; FIXED];
    octets[..3].copy_from_slice(&[2, 1, 6]);
    octets[4..8].copy_from_slice(&[9, 8, 7, 6]);
    octets[16..20].copy_from_slice(&[10, 0, 0, 5]);
    octets[28..34].copy_from_slice(&MAC);
    octets[236..240].copy_from_slice(&COOKIE);
    octets.extend([MESSAGE_TYPE, 1, message_type]);
    octets.extend(options);
    octets
}

#[test]
fn a_discover_is_perfdhcps() {
    let datagram = encode(&query(Form::Discover));
    let octets = datagram.octets();
    assert_eq!(octets.len(), 262, "perfdhcp 2.2 sends as many");
    assert_eq!(octets[..12], [1, 1, 6, 1, 1, 2, 3, 4, 0, 7, 0, 0]);
    assert_eq!(octets[24..34], [127, 0, 0, 3, 0, 0x0c, 1, 2, 3, 4]);
    let options = [53, 1, 1, 55, 7, 1, 28, 2, 3, 15, 6, 12, 61, 7, 1, 0, 0x0c, 1, 2, 3, 4, 255];
    assert_eq!(octets[FIXED..], options);
}

#[test]
fn a_request_names_the_offer() {
    let (address, server) = (Ipv4Addr::new(10, 1, 0, 9), Ipv4Addr::new(127, 0, 0, 2));
    let datagram = encode(&query(Form::Select { address, server }));
    let taken = [53, 1, 3, 50, 4, 10, 1, 0, 9, 54, 4, 127, 0, 0, 2];
    assert_eq!(datagram.octets().len(), 274, "perfdhcp 2.2 sends as many");
    assert_eq!(datagram.octets()[FIXED..FIXED + taken.len()], taken);
    assert_eq!(datagram.octets()[12..16], [0; 4]);
}

#[test]
fn a_rebinding_client_fills_ciaddr_only() {
    let datagram = encode(&query(Form::Rebind { address: Ipv4Addr::new(10, 1, 0, 9) }));
    assert_eq!(datagram.octets()[12..16], [10, 1, 0, 9]);
    assert_eq!(datagram.octets()[FIXED..FIXED + 4], [53, 1, 3, 55], "no options 50 and 54");
}

#[test]
fn a_release_names_address_and_server() {
    let (address, server) = (Ipv4Addr::new(10, 1, 0, 9), Ipv4Addr::new(127, 0, 0, 2));
    let datagram = encode(&query(Form::Release { address, server }));
    assert_eq!(datagram.octets()[12..16], [10, 1, 0, 9]);
    assert_eq!(datagram.octets()[FIXED..FIXED + 10], [53, 1, 7, 54, 4, 127, 0, 0, 2, 61]);
}

#[test]
fn options_of_the_users_choice_and_of_the_relay_come_last() {
    let more = [60, 2, b'h', b'i'];
    let query =
        Query { more: &more, circuit: Some(0x0a0b), broadcast: true, ..query(Form::Discover) };
    let datagram = encode(&query);
    let octets = datagram.octets();
    assert_eq!(octets[10..12], [0x80, 0]);
    let relay = [82, 14, 1, 4, 0, 0, 0x0a, 0x0b, 2, 6, 0, 0x0c, 1, 2, 3, 4, 255];
    assert!(octets.ends_with(&[&more[..], &relay].concat()), "{octets:?}");
    let longest =
        Query { more: &[0; 1000], form: Form::Select { address: RELAY, server: RELAY }, ..query };
    assert!(encode(&longest).octets().len() <= QUERY);
}

#[test]
fn an_answer_tells_its_options() {
    let octets = answer(5, &[51, 4, 0, 0, 0, 9, 82, 3, 1, 1, 7, 255]);
    let reply = decode(&octets).unwrap();
    assert_eq!(reply.relay_information, Some(&[1, 1, 7][..]));
    assert!(reply.codes.contains_all(&[51, 82].into_iter().collect()));
    assert!(!reply.codes.contains_all(&[51, 3].into_iter().collect()));
}

#[test]
fn an_answer_is_read() {
    let octets = answer(5, &[0, 51, 4, 0, 0, 0, 9, 54, 4, 127, 0, 0, 2, 255, 1]);
    let reply = decode(&octets).unwrap();
    assert_eq!((reply.xid, reply.kind, reply.mac), (0x0908_0706, Kind::Ack, MAC));
    assert_eq!(reply.address, Ipv4Addr::new(10, 0, 0, 5));
    assert_eq!(reply.server, Some(Ipv4Addr::new(127, 0, 0, 2)));
}

#[test]
fn what_is_no_answer_is_named() {
    assert_eq!(decode(&[2; 20]), Err(Malformed::TooShort { found: 20 }));
    assert_eq!(decode(encode(&query(Form::Discover)).octets()), Err(Malformed::NotAReply));
    assert_eq!(decode(&answer(1, &[])), Err(Malformed::MessageType { found: Some(1) }));
    assert_eq!(decode(&answer(2, &[54, 4, 1])), Err(Malformed::OptionOverrun { code: 54 }));
    assert_eq!(decode(&answer(2, &[54])), Err(Malformed::OptionOverrun { code: 54 }));
}

proptest! {
    #[test]
    fn no_octets_panic(
        head in any::<bool>(),
        tail in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut octets = if head { answer(2, &[]) } else { Vec::new() };
        octets.extend(tail);
        let _ = decode(&octets);
    }
}
