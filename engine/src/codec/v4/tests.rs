//! What is read and written is held against dhcproto; hostile bytes have a reason.

use std::net::Ipv4Addr;

use dhcproto::v4::borrowed::Message;
use proptest::prelude::*;

use super::*;

/// A DISCOVER with these options behind option 53.
fn discover(options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; OPTIONS_AT - COOKIE.len()];
    bytes[..4].copy_from_slice(&[1, 1, 6, 1]);
    bytes[4..8].copy_from_slice(&0x0102_0304u32.to_be_bytes());
    bytes[8..12].copy_from_slice(&[0, 7, 0x80, 0]);
    bytes[24..28].copy_from_slice(&[192, 0, 2, 9]);
    bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 1, 0]);
    bytes.extend_from_slice(&COOKIE);
    bytes.extend_from_slice(&[53, 1, 1]);
    bytes.extend_from_slice(options);
    bytes.push(code::END);
    bytes
}

fn reason(bytes: &[u8]) -> &'static str {
    Query::parse(bytes).unwrap_err().reason()
}

#[test]
fn the_fixed_fields_are_read() {
    let bytes = discover(&[50, 4, 192, 0, 2, 77, 51, 4, 0, 0, 1, 0, 55, 3, 6, 1, 3]);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.message_type(), MessageType::Discover);
    assert_eq!((query.xid(), query.secs(), query.flags()), (0x0102_0304, 7, 0x8000));
    assert!(query.wants_broadcast() && query.is_relayed());
    assert_eq!(query.giaddr(), Ipv4Addr::new(192, 0, 2, 9));
    assert_eq!(query.hw_address().to_string(), "02:00:00:00:01:00");
    assert_eq!(query.requested_address(), Some(Ipv4Addr::new(192, 0, 2, 77)));
    assert_eq!(query.requested_lifetime_s(), Some(256));
    assert_eq!(query.requested_options().iter().collect::<Vec<_>>(), [1, 3, 6]);
    assert_eq!(query.client_id(), None);
    assert_eq!(query.server_identifier(), None);
}

#[test]
fn an_option_in_pieces_is_one() {
    let bytes = discover(&[12, 2, b'h', b'o', 0, 60, 1, b'x', 12, 2, b's', b't', 60, 0]);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.option(12).unwrap().as_ref(), b"host");
    assert_eq!(query.option(60).unwrap().as_ref(), b"x");
    assert!(!query.has_option(61));
}

#[test]
fn options_go_on_in_file_and_sname() {
    let mut bytes = discover(&[60, 1, b'a', 52, 1, 3]);
    bytes[FILE_AT..FILE_AT + 8].copy_from_slice(&[0, 60, 1, b'b', 12, 1, b'f', 255]);
    bytes[SNAME_AT..SNAME_AT + 3].copy_from_slice(&[60, 1, b'c']);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.option(60).unwrap().as_ref(), b"abc");
    assert_eq!(query.option(12).unwrap().as_ref(), b"f");
    // Only the fields that option 52 names.
    let place = bytes.len() - 2;
    for (overload, expected) in [(1, &b"ab"[..]), (2, b"ac"), (0, b"a"), (4, b"a")] {
        bytes[place] = overload;
        let query = Query::parse(&bytes).unwrap();
        assert_eq!(query.option(60).unwrap().as_ref(), expected, "{overload}");
    }
    bytes[place] = 2;
    bytes[SNAME_AT + 1] = 64;
    // What reaches beyond the field is not looked at.
    assert_eq!(Query::parse(&bytes).unwrap().option(60).unwrap().as_ref(), b"a");
}

#[test]
fn suboptions_of_the_relay_are_found() {
    let bytes = discover(&[82, 13, 1, 2, b'a', b'b', 5, 4, 10, 0, 0, 1, 19, 0, 9]);
    let query = Query::parse(&bytes).unwrap();
    assert_eq!(query.relay_suboption(1).unwrap().as_ref(), b"ab");
    assert_eq!(query.relay_address(suboption::LINK_SELECTION), Some(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(query.relay_suboption(suboption::RELAY_SOURCE_PORT).unwrap().as_ref(), b"");
    // A sub-option that overruns is not there, and hurts none before it.
    assert_eq!(query.relay_suboption(9), None);
}

#[test]
fn what_is_no_message_has_its_reason() {
    let good = discover(&[]);
    assert_eq!(reason(&[]), "too-short");
    assert_eq!(reason(&good[..OPTIONS_AT - 1]), "too-short");
    assert_eq!(reason(&vec![0; 1501]), "too-long");
    assert_eq!(reason(&good[..OPTIONS_AT]), "no-message-type");
    for cut in OPTIONS_AT + 1..OPTIONS_AT + 3 {
        assert_eq!(reason(&good[..cut]), "no-message-type");
    }
    let change = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    assert_eq!(reason(&change(2, 17)), "hardware-length");
    assert_eq!(reason(&change(2, 255)), "hardware-length");
    assert_eq!(reason(&change(236, 0)), "cookie");
    assert_eq!(reason(&change(OPTIONS_AT + 1, 200)), "no-message-type");
    assert_eq!(reason(&change(OPTIONS_AT + 2, 99)), "unknown-message-type");
    for short in [&[61, 0][..], &[61, 1, 1], &[50, 3, 1, 2, 3], &[54, 0], &[51, 1, 9]] {
        assert_eq!(reason(&discover(short)), "option-length", "{short:?}");
    }
}

#[test]
fn what_cannot_be_read_ends_the_options() {
    for last in [
        &[12, 9][..],
        &[12],
        &[125, 3, 0, 0, 1],
        &[125, 6, 0, 0, 1, 83, 9, 1],
        &[125, 7, 0, 0, 1, 83, 2, 1, 9],
    ] {
        let options = [&[60, 1, b'a'], last, &[60, 1, b'b']].concat();
        let bytes = discover(&options);
        let query = Query::parse(&bytes).unwrap();
        assert_eq!(query.option(60).unwrap().as_ref(), b"a", "{last:?}");
        assert!(!query.has_option(125) && !query.has_option(12), "{last:?}");
    }
    let bytes = discover(&[125, 8, 0, 0, 1, 83, 3, 1, 1, 9, 60, 1, b'b']);
    assert!(Query::parse(&bytes).unwrap().has_option(60));
}

#[test]
fn options_must_be_readable_as_their_types() {
    let refused = |option: &[u8]| {
        matches!(Query::parse(&discover(option)), Err(Malformed::OptionLength { .. }))
    };
    let unreadable: [&[u8]; 9] = [
        &[1, 3, 255, 255, 255],
        &[3, 5, 10, 0, 0, 1, 10],
        &[25, 0],
        &[50, 3, 10, 0, 0],
        &[55, 0],
        &[57, 1, 5],
        &[93, 3, 0, 7, 0],
        &[119, 3, 1, b'a', 1],
        &[119, 0],
    ];
    assert!(unreadable.into_iter().all(refused));
    let readable: [&[u8]; 7] = [
        &[3, 0],
        &[12, 0],
        &[43, 0],
        &[50, 6, 10, 0, 0, 1, 2, 3],
        &[60, 0],
        &[119, 3, 1, b'a', 0],
        // One address in two pieces.
        &[1, 2, 255, 255, 1, 2, 255, 0],
    ];
    assert!(!readable.into_iter().any(refused));
}

#[test]
fn an_fqdn_with_contradicting_flags_is_refused() {
    assert_eq!(reason(&discover(&[81, 3, 9, 0, 0])), "fqdn-flags");
    assert!(Query::parse(&discover(&[81, 3, 8, 0, 0])).is_ok());
}

#[test]
fn what_lies_beyond_the_hardware_address_is_not_sent_back() {
    let mut bytes = discover(&[]);
    (bytes[2], bytes[34]) = (6, 0xaa);
    let query = Query::parse(&bytes).unwrap();
    let reply = ReplyWriter::new(&query, MessageType::Offer, Vec::new()).finish();
    assert_eq!((&reply[28..34], reply[34]), (&bytes[28..34], 0));
}

#[test]
fn a_message_without_an_end_is_read() {
    let mut bytes = discover(&[12, 1, b'a']);
    bytes.pop();
    assert_eq!(Query::parse(&bytes).unwrap().option(12).unwrap().as_ref(), b"a");
}

#[test]
fn a_reply_copies_what_rfc_2131_table_3_says() {
    let bytes = discover(&[]);
    let query = Query::parse(&bytes).unwrap();
    let mut writer = ReplyWriter::new(&query, MessageType::Offer, Vec::new());
    writer.yiaddr([192, 0, 2, 100].into());
    writer.siaddr([192, 0, 2, 200].into());
    writer.server_name("boot");
    writer.boot_file("pxelinux.0");
    let message = writer.finish();
    let read = Message::new(&message).unwrap();
    assert_eq!((message[0], message[1], read.hlen(), read.hops()), (2, 1, 6, 1));
    assert_eq!((read.xid(), read.secs(), u16::from(read.flags())), (0x0102_0304, 0, 0x8000));
    assert_eq!(read.ciaddr(), Ipv4Addr::UNSPECIFIED);
    assert_eq!(read.yiaddr(), Ipv4Addr::new(192, 0, 2, 100));
    assert_eq!(read.siaddr(), Ipv4Addr::new(192, 0, 2, 200));
    assert_eq!(read.giaddr(), Ipv4Addr::new(192, 0, 2, 9));
    assert_eq!(read.chaddr(), query.chaddr());
    assert_eq!((read.sname(), read.fname()), (&b"boot"[..], &b"pxelinux.0"[..]));
    // Kea's shortest messages are not padded either: 240 bytes, option 53, the end.
    assert_eq!(message.len(), 244);
}

#[test]
fn what_does_not_fit_into_a_frame_is_left_out() {
    let bytes = discover(&[]);
    let mut writer = ReplyWriter::new(&Query::parse(&bytes).unwrap(), MessageType::Ack, Vec::new());
    assert!(writer.option(43, &[7; 1000]));
    assert!(!writer.option(44, &[8; 250]));
    assert!(writer.option(51, &[0; 4]));
    assert_eq!(writer.omitted(), 1);
    let message = writer.finish();
    let codes: Vec<u8> =
        Message::new(&message).unwrap().opts().map(|it| it.code().into()).collect();
    assert_eq!(codes, [53u8, 43, 51]);
}

fn options() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let data = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        1 => prop::collection::vec(any::<u8>(), 250..520),
    ];
    // What is no option 125 ends what a query says.
    let reserved = [code::PAD, code::MESSAGE_TYPE, code::VENDOR_OPTIONS, code::END];
    let code = any::<u8>().prop_filter("reserved", move |code| !reserved.contains(code));
    prop::collection::btree_map(code, data, 0..12).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn dhcproto_reads_what_is_written(options in options()) {
        let bytes = discover(&[]);
        let mut writer = ReplyWriter::new(&Query::parse(&bytes).unwrap(), MessageType::Ack, Vec::new());
        let mut written = vec![(code::MESSAGE_TYPE, vec![5])];
        for (code, data) in options {
            if writer.option(code, &data) {
                written.push((code, data));
            }
        }
        let message = writer.finish();
        prop_assert!(message.len() <= 1472);
        let read: Vec<(u8, Vec<u8>)> = Message::new(&message).unwrap().opts()
            .map(|option| (option.code().into(), option.data().to_vec()))
            .collect();
        prop_assert_eq!(&read, &written);
        if let Ok(query) = Query::parse(&message) {
            for (code, data) in written {
                let found = query.option(code);
                prop_assert_eq!(found.as_deref(), Some(data.as_slice()));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
        let _ = Query::parse(&bytes);
    }

    #[test]
    fn any_options_are_read_or_refused(tail in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = discover(&tail);
        if let Ok(query) = Query::parse(&bytes) {
            for code in 0..=255 {
                prop_assert_eq!(query.option(code).is_some(), query.has_option(code));
                let _ = query.relay_suboption(code);
            }
        }
    }

    #[test]
    fn a_code_set_is_a_set(codes in prop::collection::btree_set(any::<u8>(), 0..256), out: u8) {
        let mut set = CodeSet::of(&codes.iter().copied().collect::<Vec<_>>());
        prop_assert!(set.iter().eq(codes.iter().copied()));
        set.remove(out);
        prop_assert!(!set.contains(out));
    }
}
