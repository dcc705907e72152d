//! The answers of Kea 3.3.1 as captured (tests/data/README.md), byte for byte where the bytes were captured. The
//! queries and the configuration are made again here, in the order of the capture; host reservations, shared networks
//! and what vendors ask for in option 125 are left out.

use serde_json::Value;

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::model::Dhcp4;
use crate::packet::Destination;
use crate::v4::Outcome;

/// The server of the capture.
fn captured_config() -> Dhcp4 {
    let mut config = config();
    let mut first = subnet(1, ip(0), 24, &[(ip(100), ip(200))]);
    first.options.push(option(code::ROUTERS, ip(254).octets()));
    let link = |last| std::net::Ipv4Addr::new(198, 51, 100, last);
    let second = subnet(10, link(0), 28, &[(link(2), link(3))]);
    let third = subnet(11, link(16), 28, &[(link(18), link(19))]);
    config.subnets.extend([first, second, third].map(std::sync::Arc::new));
    config
}

struct Capture {
    world: World,
    answers: Value,
}

impl Capture {
    /// Compares the answer to `ask` with the captured one of this name; none if `null`, `[]`.
    fn check(&self, name: &str, ask: &Ask) -> Option<Answer> {
        let captured = match &self.answers[name] {
            Value::Array(list) => list.first(),
            one => Some(one),
        };
        let Some(captured) = captured else {
            let outcome = self.world.ask(ask);
            assert!(!matches!(outcome, Outcome::Reply(_)), "{name}: {outcome:?}");
            return None;
        };
        let answer = self.world.reply(ask);
        let text = |field: &str| captured[field].as_str().unwrap().to_owned();
        assert_eq!(captured["type"], answer.message_type as u8, "{name}");
        assert_eq!(text("flags"), format!("{:04x}", answer.flags), "{name}");
        assert_eq!(text("ciaddr"), answer.ciaddr.to_string(), "{name}");
        assert_eq!(text("yiaddr"), answer.yiaddr.to_string(), "{name}");
        assert_eq!(text("siaddr"), answer.siaddr.to_string(), "{name}");
        assert_eq!(text("giaddr"), answer.giaddr.to_string(), "{name}");
        assert_eq!(text("from"), answer.reply.departure.source.to_string(), "{name}");
        let hex = |data: &[u8]| data.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let options = answer
            .options
            .iter()
            .map(|(code, data)| Value::Array(vec![(*code).into(), hex(data).into()]));
        assert_eq!(captured["options"], Value::Array(options.collect()), "{name}");
        assert_eq!(captured["len"], answer.reply.departure.message.len(), "{name}");
        Some(answer)
    }

    /// DISCOVER, then the REQUEST whose ACK was captured.
    fn dora(&self, name: &str, client: Ask) {
        let offer = self.world.reply(&client.clone().of(MessageType::Discover));
        self.check(name, &client.selecting(offer.yiaddr));
    }
}

fn named(number: u8, with_id: bool) -> Ask {
    let ask = Ask::relayed(number).option(code::HOST_NAME, format!("host{number}"));
    let id = [1, 2, 0, 0, 0, 1, number];
    if with_id { ask.option(code::CLIENT_IDENTIFIER, id) } else { ask }
}

#[test]
fn answers_are_those_of_kea() {
    let answers = include_str!("../../../tests/data/dhcp4-exchanges-v3.json");
    let capture = Capture {
        world: World::new(captured_config()),
        answers: serde_json::from_str(answers).unwrap(),
    };
    let with_id =
        |number| Ask::relayed(number).option(code::CLIENT_IDENTIFIER, [1, 2, 0, 0, 0, 1, number]);
    capture.dora("dora0", named(0, true));
    capture.dora("dora1", named(1, true));
    capture.check("renew", &with_id(1).renewing(ip(101)));
    assert_eq!(&*capture.world.lease(ip(101)).unwrap().hostname, "");
    capture.dora("dora2", named(2, true));
    capture.check("release", &with_id(2).releasing(ip(102)));
    capture.dora("dora3", named(3, false));
    capture.check("decline", &Ask::relayed(3).declining(ip(103)));
    capture.dora("dora4", named(4, false));
    let elsewhere =
        Ask::relayed(4).rebooting(ip(104)).option(code::SERVER_IDENTIFIER, ip(250).octets());
    capture.check("request other server id", &elsewhere);
    capture.check("init-reboot own", &Ask::relayed(4).rebooting(ip(104)));
    capture.check("init-reboot foreign addr in subnet", &Ask::relayed(4).rebooting(ip(101)));
    let outside = std::net::Ipv4Addr::new(10, 9, 9, 9);
    capture.check("init-reboot outside subnet", &Ask::relayed(4).rebooting(outside));
    capture.check("renew other clients address", &Ask::relayed(4).renewing(ip(101)));
    capture.dora("dora5", named(5, false));
    capture
        .check("init-reboot unknown client, addr in subnet", &Ask::relayed(8).rebooting(ip(150)));
    let reserved = Ask::relayed(0xaa).option(code::REQUESTED_ADDRESS, ip(110).octets());
    capture.world.reply(&reserved);
    capture.check("reserved2", &Ask::relayed(0xaa).selecting(ip(110)));
    capture
        .dora("lease time requested 60", Ask::relayed(9).option(code::LEASE_TIME, [0, 0, 0, 60]));
    capture.dora("fqdn", Ask::relayed(10).option(code::CLIENT_FQDN, b"\x05\0\0\x04myfq\x02ex\0"));
    assert_eq!(&*capture.world.lease(ip(107)).unwrap().hostname, "myfq.ex.");
    let relay = b"\x01\x03abc\x02\x02xy";
    capture.check("echo unknown option 82", &Ask::relayed(11).option(82, relay));
    capture.check("link selection", &Ask::relayed(12).option(82, [5, 4, 198, 51, 100, 0]));
    capture.check("rapid commit 80", &Ask::relayed(14).option(80, []));
    capture.check("vendor43", &Ask::relayed(15).option(60, b"APC").option(55, [43]));
}

/// The server that answered the client on the link.
fn direct_config() -> Dhcp4 {
    let mut config = config();
    let mut on_link = subnet(1, ip(0), 24, &[(ip(100), ip(200))]);
    on_link.options =
        [3, 6, 15, 42, 43, 125, 250].map(|code| option(code, ip(1).octets())).to_vec();
    on_link.next_server = ip(200);
    config.subnets.push(std::sync::Arc::new(on_link));
    config
}

/// A meant difference: Kea sends a NAK to the `ciaddr` of a client on the link; RFC 2131 section 4.1 has every such NAK
/// broadcast.
const NAKS_TO_CIADDR: [&str; 1] = ["nak: renew of foreign net, unicast"];

/// Compares fields, option codes and where the answer goes with the captured answer of this name.
fn check_direct(world: &World, answers: &Value, name: &str, ask: &Ask) {
    let Some(captured) = answers[name].as_array().unwrap().first() else {
        let outcome = world.ask(ask);
        assert!(!matches!(outcome, Outcome::Reply(_)), "{name}: {outcome:?}");
        return;
    };
    let answer = world.reply(ask);
    let (mac, to) = match answer.to {
        Destination::Link { mac, to } => (Some(mac), to),
        Destination::Ip { to } => (None, to),
    };
    if let Some(mac) = mac {
        let broadcast = captured["eth_dst"] == "ffffffffffff";
        assert_eq!(broadcast, mac == [0xff; 6], "{name}");
        assert!(broadcast || mac.as_slice() == ask.mac, "{name}");
    }
    if NAKS_TO_CIADDR.contains(&name) {
        assert_eq!(captured["ip_dst"], ask.ciaddr.to_string(), "{name}");
        assert!(to.ip().is_broadcast(), "{name}");
    } else {
        assert_eq!(captured["ip_dst"], to.ip().to_string(), "{name}");
    }
    assert_eq!(captured["dport"], to.port(), "{name}");
    assert_eq!(captured["type"], answer.message_type as u8, "{name}");
    assert_eq!(captured["flags"], format!("{:04x}", answer.flags), "{name}");
    let addresses = [
        ("ciaddr", answer.ciaddr),
        ("yiaddr", answer.yiaddr),
        ("siaddr", answer.siaddr),
        ("giaddr", answer.giaddr),
    ];
    for (field, address) in addresses {
        assert_eq!(captured[field], address.to_string(), "{name}: {field}");
    }
    assert_eq!(captured["options"], Value::from(answer.codes()), "{name}");
}

#[test]
fn answers_on_the_link_are_those_of_kea() {
    let answers = include_str!("../../../tests/data/direct-exchanges-v3.json");
    let answers: Value = serde_json::from_str(answers).unwrap();
    let mut world = World::new(direct_config());
    let check = |world: &World, name: &str, ask: &Ask| check_direct(world, &answers, name, ask);
    let foreign = std::net::Ipv4Addr::new(10, 1, 2, 3);
    let client = || Ask::direct(1);
    let informing = |ask: Ask| ask.of(MessageType::Inform);
    let asking = [6, 15, 42, 43, 66, 67, 125, 250];

    check(&world, "discover, no broadcast flag", &client());
    check(&world, "discover, broadcast flag", &Ask { flags: 0x8000, ..Ask::direct(2) });
    check(&world, "discover secs 9", &Ask::direct(3));
    check(&world, "request selecting", &client().selecting(ip(100)));
    check(&world, "renew unicast", &client().renewing(ip(100)));
    check(&world, "rebind broadcast", &client().rebinding(ip(100)));
    check(&world, "nak: init-reboot wrong address", &client().rebooting(ip(111)));
    check(&world, "nak: renew of foreign net, unicast", &client().renewing(foreign));
    check(&world, "rebind broadcast ciaddr of foreign net", &client().rebinding(foreign));
    let with_address = Ask { ciaddr: ip(9), ..informing(Ask::direct(4)) };
    check(&world, "inform broadcast ciaddr", &with_address.option(55, asking));
    let source = std::net::SocketAddrV4::new(ip(9), 68);
    check(&world, "inform without ciaddr, source set", &Ask { source, ..informing(client()) });
    check(&world, "inform source 0", &informing(client()));
    check(&world, "no prl", &Ask::direct(5));
    check(&world, "prl 6,15,42,43,66,67,125,250", &Ask::direct(6).option(55, asking));
    world.dora(&Ask::direct(7));
    let nobody = Ask { mac: Vec::new(), ..client() };
    check(&world, "hlen 0 no client-id", &nobody);
    let named = Ask { flags: 0x8000, ..nobody }.option(code::CLIENT_IDENTIFIER, b"\0name");
    assert_eq!(world.reply(&named).yiaddr, ip(106));
    check(&world, "server-id in discover", &client().option(54, LOCAL.octets()));
    let relayed = Ask { mac: client().mac, ..Ask::relayed(1) };
    let overridden = relayed.rebooting(ip(100)).option(54, [203, 0, 113, 7]);
    let overridden = overridden.option(82, [11, 4, 203, 0, 113, 7]);
    check(&world, "giaddr set with server-id override", &overridden);

    world = World::with(|_, subnet| subnet.authoritative = true);
    check(&world, "authoritative: init-reboot of unknown client", &client().rebooting(ip(150)));
}
