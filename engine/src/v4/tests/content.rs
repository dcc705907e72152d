//! What replies carry: options by level, lifetimes, timers, names; and what classes change about it.

use std::sync::Arc;

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::model::{ClientClass, Dhcp4, Lifetime, OptionData, Timer};
use crate::v4::{AllocationFailure, DropReason, Outcome};

fn class(config: &mut Dhcp4, name: &str) -> ClientClass {
    ClientClass {
        definitions: Default::default(),
        template: None,
        id: config.class_names.intern(name),
        test: None,
        only_in_additional_list: false,
        options: Vec::new(),
        lifetime: None,
        offer_lifetime_s: None,
        next_server: None,
        server_hostname: None,
        boot_file_name: None,
    }
}

#[test]
fn lifetimes_are_clamped_and_classes_come_first() {
    let bounds = Lifetime { default_s: 3000, min_s: 1000, max_s: 5000 };
    let world = World::with(|_, subnet| subnet.lifetime = bounds);
    let asked = |seconds: u32| Ask::direct(1).option(code::LEASE_TIME, seconds.to_be_bytes());
    assert_eq!(world.reply(&Ask::direct(1)).number(51), Some(3000));
    // A wish for nothing is none.
    for (asked_s, given_s) in [(0, 3000), (60, 1000), (4444, 4444), (u32::MAX, 5000)] {
        assert_eq!(world.reply(&asked(asked_s)).number(51), Some(given_s));
    }
    let mut config = config();
    let mut short = class(&mut config, "HA_short");
    short.lifetime = Some(Lifetime { default_s: 300, min_s: 300, max_s: 300 });
    config.classes.push(short);
    config.subnets.push(Arc::new(subnet(1, ip(0), 24, &[(ip(100), ip(110))])));
    let world = World::admitting(config, &["HA_other".into(), "HA_short".into()]);
    let seconds = |class| match world.ask_as(&Ask::direct(1), class) {
        Outcome::Reply(reply) => reply.departure.message,
        other => panic!("{other:?}"),
    };
    let has = |message: &[u8], s: u32| message.windows(4).any(|w| w == s.to_be_bytes());
    assert!(
        has(&seconds(Some(1)), 300) && has(&seconds(Some(0)), 4000) && has(&seconds(None), 4000)
    );
}

#[test]
fn timers_are_sent_in_their_order_or_not_at_all() {
    let timers = |renew, rebind| {
        let world = World::with(|_, subnet| (subnet.renew, subnet.rebind) = (renew, rebind));
        let offer = world.reply(&Ask::direct(1));
        (offer.number(58), offer.number(59))
    };
    use Timer::{Fixed, Share, Unset};
    assert_eq!(timers(Unset, Unset), (None, None));
    assert_eq!(timers(Share(0.5), Share(0.875)), (Some(2000), Some(3500)));
    assert_eq!(timers(Fixed(900), Fixed(1800)), (Some(900), Some(1800)));
    assert_eq!(timers(Fixed(1800), Fixed(1800)), (None, Some(1800)));
    assert_eq!(timers(Fixed(1801), Fixed(1800)), (None, Some(1800)));
    assert_eq!(timers(Fixed(900), Fixed(4000)), (Some(900), None));
    assert_eq!(timers(Fixed(4000), Unset), (None, None));
}

#[test]
fn pools_follow_the_classes_of_the_query() {
    let mut config = config();
    let mut subnet = subnet(1, ip(0), 24, &[(ip(100), ip(109)), (ip(110), ip(119))]);
    for (pool, name) in subnet.pools.iter_mut().zip(["HA_one", "HA_two"]) {
        pool.guard.push(config.class_names.intern(name));
    }
    config.subnets.push(Arc::new(subnet));
    let world = World::admitting(config, &["HA_one".into(), "HA_two".into()]);
    let yiaddr = |class| match world.ask_as(&Ask::direct(1), class) {
        Outcome::Reply(reply) => reply.departure.message[16..20].to_vec(),
        Outcome::Drop(reason) => panic!("{reason}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(yiaddr(Some(1)), ip(110).octets());
    assert_eq!(yiaddr(Some(0)), ip(100).octets());
    let failure = DropReason::NoAddress(AllocationFailure::Classes);
    assert_eq!(world.dropped(&Ask::direct(1)), failure);
    let poolless = World::with(|_, subnet| subnet.pools.clear());
    let failure = DropReason::NoAddress(AllocationFailure::NoPools);
    assert_eq!(poolless.dropped(&Ask::direct(1)), failure);
}

#[test]
fn class_drop_is_dropped() {
    let mut config = config();
    config.class_names.intern("DROP");
    config.subnets.push(Arc::new(subnet(1, ip(0), 24, &[(ip(100), ip(110))])));
    let world = World::admitting(config, &["DROP".into()]);
    let outcome = world.ask_as(&Ask::direct(1), Some(0));
    assert!(matches!(outcome, Outcome::Drop(DropReason::ClassDrop)), "{outcome:?}");
}

#[test]
fn options_come_from_the_strongest_level_that_has_them() {
    let mut config = config();
    let mut by_class = class(&mut config, "HA_one");
    by_class.options = vec![option(42, [3; 4]), option(44, [3; 4]), option(45, [3; 4])];
    by_class.next_server = Some(ip(77));
    config.classes.push(by_class);
    config.options = [42, 44, 45, 6].map(|code| option(code, [4; 4])).to_vec();
    config.options.push(option(15, b"example"));
    let mut subnet = subnet(1, ip(0), 24, &[(ip(100), ip(110))]);
    subnet.options = vec![option(42, [2; 4]), option(44, [2; 4]), option(3, [2; 4])];
    subnet.pools[0].options = vec![option(42, [1; 4])];
    subnet.next_server = ip(66);
    config.subnets.push(Arc::new(subnet));
    let world = World::admitting(config, &["HA_one".into()]);

    let asked = Ask::direct(1).option(55, [42, 44, 45, 99, 53, 54, 51, 82, 255, 0]);
    let offer = world.reply(&asked);
    assert_eq!(
        offer.codes(),
        [53, 1, 3, 6, 15, 42, 44, 51, 54]
            .into_iter()
            .flat_map(|code| if code == 44 { vec![44, 45] } else { vec![code] })
            .collect::<Vec<u8>>()
    );
    assert_eq!(offer.option(42), Some(&[1; 4][..]));
    assert_eq!(offer.option(44), Some(&[2; 4][..]));
    assert_eq!(offer.option(45), Some(&[4; 4][..]));
    assert_eq!(offer.siaddr, ip(66));
    let Outcome::Reply(reply) = world.ask_as(&asked, Some(0)) else { panic!("no reply") };
    let message = reply.departure.message;
    assert!(message.windows(6).any(|w| w == [45, 4, 3, 3, 3, 3]));
    assert_eq!(message[20..24], ip(77).octets());
    assert_eq!(world.reply(&Ask::direct(1)).codes(), [53, 1, 3, 6, 15, 51, 54]);
}

#[test]
fn always_and_never_count_at_every_level() {
    let world = World::with(|config, subnet| {
        let mut always = option(42, [4; 4]);
        always.always_send = true;
        config.options.push(always);
        subnet.options.push(option(42, [2; 4]));
        let mut never = option(6, [2; 4]);
        never.never_send = true;
        subnet.options.push(never);
        config.options.push(option(6, [4; 4]));
    });
    let offer = world.reply(&Ask::direct(1).option(55, [6]));
    assert_eq!(offer.option(42), Some(&[2; 4][..]));
    assert_eq!(offer.option(6), None);
}

#[test]
fn the_client_hears_back_what_it_said() {
    let world = World::plain();
    let spoken = Ask::relayed(1)
        .option(code::CLIENT_IDENTIFIER, b"\0ab")
        .option(82, b"\x01\x01a")
        .option(118, ip(0).octets());
    let offer = world.reply(&spoken);
    assert_eq!(offer.codes(), [53, 1, 51, 54, 61, 118, 82]);
    let nak = world.reply(
        &Ask::relayed(2).option(61, b"\0cd").selecting(offer.yiaddr).option(82, b"\x01\x01a"),
    );
    assert_eq!((nak.message_type, nak.codes()), (MessageType::Nak, vec![53, 54, 61, 82]));
    assert_eq!(world.reply(&Ask::relayed(1).option(82, b"")).option(82), None);

    let quiet = World::with(|config, _| config.echo_client_id = false);
    assert_eq!(quiet.reply(&spoken).codes(), [53, 1, 51, 54, 118, 82]);
}

#[test]
fn names_are_made_fit() {
    let world = World::plain();
    let long = "x".repeat(64);
    let cases: [(&[u8], Option<&str>); 8] = [
        (b"Host-1.Example.ORG", Some("host-1.example.org")),
        (b" host_1 ", Some("host1")),
        (b".", Some("myhost-192-0-2-100")),
        (b"", None),
        (b"a..b", None),
        (b"###", None),
        (b"\xff\xfe", None),
        (long.as_bytes(), None),
    ];
    for (sent, kept) in cases {
        let offer = world.reply(&Ask::direct(1).option(12, sent));
        assert_eq!(offer.option(12), kept.map(str::as_bytes), "{sent:?}");
    }
    let fqdn: [(&[u8], Option<&[u8]>); 7] = [
        (b"\x05\0\0\x04MyFQ\x02ex\0", Some(b"\x0e\0\0\x04myfq\x02ex\0")),
        (b"\x04\0\0\x04myfq", Some(b"\x0c\0\0\x04myfq\0")),
        (b"\x0c\0\0\x01a\0", Some(b"\x0c\0\0\x01a\0")),
        (b"\x01\0\0host.ex", Some(b"\x0a\0\0host.ex.")),
        (b"\x04\0\0", Some(b"\x0c\0\0\x12myhost-192-0-2-100\0")),
        (b"\x04\0\0\x09abc", None),
        (b"\0\0\0a..b", None),
    ];
    for (sent, answered) in fqdn {
        let offer = world.reply(&Ask::direct(1).option(81, sent).option(12, "other"));
        assert_eq!((offer.option(81), offer.option(12)), (answered, None), "{sent:?}");
    }
}

#[test]
fn boot_fields_come_from_the_first_class_that_sets_them() {
    let mut config = config();
    let mut first = class(&mut config, "HA_one");
    (first.boot_file_name, first.next_server) = (Some(String::new()), Some([0; 4].into()));
    first.server_hostname = Some("one".into());
    let mut second = class(&mut config, "ALL");
    second.boot_file_name = Some("two.0".into());
    (first.id, second.id) = (second.id, first.id);
    config.classes.extend([first, second]);
    let mut subnet = subnet(1, ip(0), 24, &[(ip(100), ip(110))]);
    subnet.boot_file_name = "subnet.0".into();
    subnet.next_server = ip(66);
    config.subnets.push(Arc::new(subnet));
    let world = World::admitting(config, &["HA_one".into()]);
    let fields = |class| {
        let Outcome::Reply(reply) = world.ask_as(&Ask::direct(1), class) else { panic!("silent") };
        let text = |range: std::ops::Range<usize>| {
            let field = &reply.departure.message[range];
            String::from_utf8_lossy(field).trim_end_matches('\0').to_owned()
        };
        (reply.departure.message[20..24].to_vec(), text(44..108), text(108..236))
    };
    let next_server = ip(66).octets().to_vec();
    assert_eq!(fields(None), (next_server.clone(), "one".into(), "subnet.0".into()));
    assert_eq!(fields(Some(0)), (next_server, "one".into(), "two.0".into()));
}

#[test]
fn what_the_exchange_says_has_room_however_much_is_configured() {
    let filled = |sizes: &[(u8, usize)]| {
        World::with(|_, subnet| {
            let always = |(code, len): &(u8, usize)| OptionData {
                always_send: true,
                ..option(*code, vec![7; *len])
            };
            subnet.options = sizes.iter().map(always).collect();
        })
    };
    let own =
        |answer: &Answer, codes: &[u8]| codes.iter().all(|code| answer.option(*code).is_some());
    let client = Ask::direct(1).option(code::CLIENT_IDENTIFIER, [1, 2, 3, 4, 5, 6, 7]);
    let answer = filled(&[(43, 1100), (44, 100)]).reply(&client);
    assert!(own(&answer, &[1, 43, 51, 54, 61]), "{:?}", answer.codes());
    assert_eq!((answer.option(44), answer.reply.omitted), (None, 1));
    assert!(answer.reply.departure.message.len() <= 1472);
    // Through IP it may come in fragments, within limits.
    let client = Ask::relayed(1).option(code::RELAY_AGENT_INFORMATION, [1, 2, 3, 4]);
    let answer = filled(&[(43, 1300), (44, 1300)]).reply(&client);
    assert!(own(&answer, &[1, 43, 44, 51, 54, 82]), "{:?}", answer.codes());
    assert_eq!(answer.reply.omitted, 0);
    assert!(answer.reply.departure.message.len() > 2600);
    let answer = filled(&[43, 44, 45, 46].map(|code| (code, 1450))).reply(&client);
    assert!(own(&answer, &[1, 43, 44, 45, 51, 54, 82]), "{:?}", answer.codes());
    assert_eq!((answer.option(46), answer.reply.omitted), (None, 1));
}
