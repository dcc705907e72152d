//! Raw sockets on veth pairs in network namespaces. Each test runs in a namespace of its own that it creates, with a
//! name of its own, and removes. They need root: without it they say so and pass, or fail if
//! `PEREGRINE_REQUIRE_ROOT_TESTS` is set.
//!
//! In a namespace, `srv` (192.0.2.1/24) is the server's interface and `cli` the other end of the cable, where frames
//! are written and read as a client's.
#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

mod packet_support;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;
use std::time::Duration;

use engine::codec::frame::{self, BROADCAST, Checksum, HEADER};
use engine::config::model::{InterfaceSpec, Interfaces};
use engine::packet::interfaces::{Interface, scan};
use engine::packet::link::LinkSocket;
use engine::packet::{Arrival, Ports};
use engine::stats::Counter;

use packet_support::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SUBNET_BROADCAST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 255);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 50);
const NOBODY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);
const SRV_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const CHILD: &str = "PEREGRINE_NETNS_TEST";

/// Removes its namespace.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output().expect("iproute2 is installed");
    assert!(output.status.success(), "ip {line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Runs `body` in a namespace: this very test again, in a process of its own.
fn in_namespace(test: &str, body: fn()) {
    if std::env::var(CHILD).is_ok_and(|name| name == test) {
        prepare();
        return body();
    }
    if !is_root() {
        let required = std::env::var_os("PEREGRINE_REQUIRE_ROOT_TESTS").is_some();
        assert!(!required, "{test} needs root");
        return eprintln!("skipped: {test} needs root");
    }
    let namespace = Namespace(format!("pg-{}-{test}", std::process::id()));
    ip(&format!("netns add {}", namespace.0));
    let output = Command::new("ip")
        .args(["netns", "exec", &namespace.0])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, test)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && told.contains(" 1 passed"), "{told}{errors}");
    errors.lines().filter(|line| line.starts_with("skipped")).for_each(|line| eprintln!("{line}"));
}

macro_rules! in_namespaces {
    ($($name:ident $body:block)*) => {
        $(
            #[test]
            fn $name() {
                in_namespace(stringify!($name), || $body);
            }
        )*
    };
}

fn prepare() {
    ip("link set lo up");
    ip("link add srv address 02:00:00:00:00:01 type veth peer name cli address 02:00:00:00:00:02");
    ip("addr add 192.0.2.1/24 brd + dev srv");
    ip("link set srv up");
    ip("link set cli up");
    wait_for_carrier(["srv", "cli"]);
    // The server's ARP would find nobody behind the cable.
    ip("neigh add 192.0.2.50 lladdr 02:00:00:00:01:01 dev srv");
}

/// Waits until the kernel sends through both ends of a cable; before that it drops what is sent.
fn wait_for_carrier(ends: [&str; 2]) {
    let up = |end: &str| {
        let state = std::fs::read_to_string(format!("/sys/class/net/{end}/operstate"));
        state.is_ok_and(|state| state.trim() == "up")
    };
    let mut tries = 0;
    while !ends.iter().all(|end| up(end)) {
        tries += 1;
        assert!(tries < 20_000, "{ends:?} do not come up");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn interface(name: &str) -> Interface {
    scan().unwrap().into_iter().find(|interface| interface.name == name).unwrap()
}

fn srv() -> InterfaceSpec {
    InterfaceSpec::Name("srv".into())
}

fn start(raw: bool, threads: usize) -> (Server, LinkSocket) {
    let server = serve(&[srv()], raw, Ports::default(), threads).unwrap();
    (server, LinkSocket::open(interface("cli").index, PATIENCE).unwrap())
}

/// A frame of `client` with a query.
fn query(
    to_mac: [u8; 6],
    from: SocketAddrV4,
    to: Ipv4Addr,
    ask: Ask,
    client: u8,
    number: u16,
) -> Vec<u8> {
    let payload = message(ask, client, number);
    let to = SocketAddrV4::new(to, 67);
    let header = frame::header(mac(client), to_mac, from, to, &payload).unwrap();
    [&header[..], &payload].concat()
}

/// The next frame that the server sent to a client's port, its headers and checksums right.
fn reply(link: &LinkSocket) -> (frame::Frame<'static>, u16) {
    for _ in 0..1000 {
        let frame: &'static [u8] = link.receive().unwrap().expect("a reply in time").leak();
        match frame::parse(frame, Checksum::NotReady) {
            Ok(frame) if frame.destination.port() == 68 && frame.source.port() == 67 => {
                let number = frame.payload.len() - 2;
                let number = u16::from_be_bytes([frame.payload[number], frame.payload[number + 1]]);
                return (frame, number);
            }
            _ => {} // ARP, IPv6 and the like
        }
    }
    panic!("no reply among a thousand frames");
}

/// Sends each frame twice, with a number each, and checks that the server gets each once, as `expected`.
fn each_arrives_once(raw: bool, threads: usize, cases: &[([u8; 6], SocketAddrV4, Ipv4Addr, bool)]) {
    let (server, link) = start(raw, threads);
    let interface = interface("srv").index;
    let mut number = 0;
    for &(to_mac, source, destination, _) in cases {
        for client in [1, 2] {
            number += 1;
            let frame = query(to_mac, source, destination, Ask::Silence, client, number);
            link.send(&frame).unwrap();
            let seen = server.next();
            let expected = Arrival { interface, source, destination, local: SERVER, raw };
            assert_eq!((seen.arrival, &seen.message[..]), (expected, &frame[HEADER..]));
        }
    }
    // Had one come twice, it would come before this one.
    let last = query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 1, 999);
    link.send(&last).unwrap();
    link.send(&query(SRV_MAC, client_address(), SERVER, Ask::Silence, 1, 1000)).unwrap();
    let rest = [server.next(), server.next()];
    let mut rest = rest.map(|seen| seen.message[242..].to_vec());
    rest.sort();
    assert_eq!(rest, [999_u16.to_be_bytes(), 1000_u16.to_be_bytes()]);
    assert!(server.seen.recv_timeout(Duration::from_millis(50)).is_err());
}

fn client_address() -> SocketAddrV4 {
    SocketAddrV4::new(CLIENT, 68)
}

/// Every way a packet can be addressed to us: Ethernet destination, source, destination, whether it is broadcast.
fn ways() -> Vec<([u8; 6], SocketAddrV4, Ipv4Addr, bool)> {
    let from = client_address();
    vec![
        (BROADCAST, NOBODY, Ipv4Addr::BROADCAST, true),
        (BROADCAST, from, Ipv4Addr::BROADCAST, true),
        (BROADCAST, from, SUBNET_BROADCAST, true),
        (BROADCAST, from, SERVER, true),
        (SRV_MAC, from, SERVER, false),
        (SRV_MAC, from, Ipv4Addr::BROADCAST, false),
        (SRV_MAC, NOBODY, Ipv4Addr::BROADCAST, false),
        (SRV_MAC, from, SUBNET_BROADCAST, false),
    ]
}

in_namespaces! {
    beside_raw_sockets_each_packet_arrives_once {
        each_arrives_once(true, 1, &ways());
    }

    beside_groups_of_raw_sockets_each_packet_arrives_once {
        each_arrives_once(true, 3, &ways());
    }

    with_udp_sockets_only_each_packet_arrives_once {
        each_arrives_once(false, 1, &ways());
    }

    with_groups_of_udp_sockets_only_each_packet_arrives_once {
        each_arrives_once(false, 3, &ways());
    }

    frames_of_direct_clients_are_spread_over_the_threads {
        let (server, link) = start(true, 2);
        let mut takers = std::collections::BTreeSet::new();
        for client in 0..50 {
            let to = Ipv4Addr::BROADCAST;
            link.send(&query(BROADCAST, NOBODY, to, Ask::Silence, client, 1)).unwrap();
            takers.insert(format!("{:?}", server.next().taken_by));
        }
        assert_eq!(takers.len(), 2);
    }

    a_client_without_an_address_is_answered_below_ip {
        let (server, link) = start(true, 2);
        for number in 1..10 {
            let to = Ipv4Addr::BROADCAST;
            link.send(&query(BROADCAST, NOBODY, to, Ask::Link, 7, number)).unwrap();
            let (frame, answered) = reply(&link);
            assert_eq!(answered, number);
            assert_eq!((frame.source_mac, frame.destination_mac), (SRV_MAC, mac(7)));
            assert_eq!(frame.source, SocketAddrV4::new(SERVER, 67));
            assert_eq!(frame.destination, SocketAddrV4::new(OFFERED, 68));
            assert_eq!(frame.payload.len(), 244);
        }
        assert_eq!(server.count(Counter::SendFailed), 0);
    }

    a_frame_written_here_has_right_checksums_on_the_wire {
        let (_server, link) = start(true, 1);
        link.send(&query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Link, 7, 1)).unwrap();
        loop {
            let frame = link.receive().unwrap().expect("a reply in time");
            if frame[..6] == mac(7) {
                frame::parse(&frame, Checksum::Complete).unwrap();
                break;
            }
        }
    }

    with_udp_sockets_a_reply_leaves_through_the_interface_of_its_query_unless_it_is_to_be_routed {
        // The way back to the relay is through another interface; on both there is somebody with its address.
        for kind in ["all", "srv"] {
            std::fs::write(format!("/proc/sys/net/ipv4/conf/{kind}/rp_filter"), "0").unwrap();
        }
        ip("link add other address 02:00:00:00:00:03 type veth peer name far");
        ip("addr add 198.51.100.1/24 dev other");
        ip("link set other up");
        ip("link set far up");
        wait_for_carrier(["other", "far"]);
        ip("route add 203.0.113.0/24 dev other");
        ip("neigh add 203.0.113.5 lladdr 02:00:00:00:01:01 dev srv");
        ip("neigh add 203.0.113.5 lladdr 02:00:00:00:01:01 dev other");
        let relay = SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 5), 68);
        for (same_as_inbound, way) in [(true, "cli"), (false, "far")] {
            let wanted = Interfaces { same_as_inbound, ..interfaces(&[srv()], false) };
            let _server = serve_as(&wanted, Ports::default(), 1).unwrap();
            let client = LinkSocket::open(interface("cli").index, PATIENCE).unwrap();
            let answers = LinkSocket::open(interface(way).index, PATIENCE).unwrap();
            client.send(&query(SRV_MAC, relay, SERVER, Ask::Source, 1, 7)).unwrap();
            let (frame, number) = reply(&answers);
            assert_eq!((frame.destination, number), (relay, 7), "{way}");
        }
    }

    a_broadcast_reply_leaves_through_the_interface_of_its_query {
        // A second interface whose route would be taken for 255.255.255.255.
        ip("link add other type veth peer name far");
        ip("addr add 198.51.100.1/24 dev other");
        ip("link set other up");
        ip("link set far up");
        wait_for_carrier(["other", "far"]);
        ip("route add default dev other");
        for raw in [true, false] {
            let (server, link) = start(raw, 1);
            let to = Ipv4Addr::BROADCAST;
            link.send(&query(BROADCAST, NOBODY, to, Ask::Broadcast, 7, 3)).unwrap();
            let (frame, number) = reply(&link);
            assert_eq!((number, frame.destination_mac), (3, BROADCAST));
            assert_eq!(frame.source, SocketAddrV4::new(SERVER, 67));
            assert_eq!(frame.destination, SocketAddrV4::new(to, 68));
            assert_eq!(server.count(Counter::SendFailed), 0);
            server.pool.stop();
        }
    }

    a_renewing_client_is_answered_through_ip {
        let (_server, link) = start(true, 2);
        link.send(&query(SRV_MAC, client_address(), SERVER, Ask::Source, 1, 5)).unwrap();
        let (frame, number) = reply(&link);
        assert_eq!((number, frame.destination_mac), (5, mac(1)));
        assert_eq!(frame.source, SocketAddrV4::new(SERVER, 67));
        assert_eq!(frame.destination, client_address());
    }

    a_checksum_left_to_the_card_is_no_error_and_a_wrong_one_is {
        let (server, link) = start(true, 1);
        ip("addr add 198.51.100.5/24 dev cli");
        let local = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
        local.bind_device(Some(b"cli")).unwrap();
        local.set_broadcast(true).unwrap();
        let from = SocketAddrV4::new(Ipv4Addr::new(198, 51, 100, 5), 68);
        local.bind(&from.into()).unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::BROADCAST, 67);
        let payload = message(Ask::Silence, 1, 1);
        local.send_to(&payload, &to.into()).unwrap();
        let seen = server.next();
        assert_eq!((seen.arrival.source, seen.message), (from, payload));

        let mut wrong = query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 1, 2);
        wrong[HEADER + 100] ^= 1;
        link.send(&wrong).unwrap();
        link.send(&query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 1, 3)).unwrap();
        assert_eq!(server.next().message[243], 3);
        assert_eq!(server.count(Counter::FrameChecksum), 1);
    }

    what_is_not_for_the_server_is_counted_or_never_seen {
        let (server, link) = start(true, 1);
        let good = || query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 1, 1);
        // Another VLAN, another port, another protocol, a later fragment: the kernel's filter.
        let mut tagged = good();
        tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
        link.send(&tagged).unwrap();
        for (at, value) in [(37, 68), (23, 6), (21, 1), (12, 0x86)] {
            let mut other = good();
            other[at] = value;
            link.send(&other).unwrap();
        }
        // Another server's address; a first fragment; a frame cut short.
        let elsewhere = Ipv4Addr::new(192, 0, 2, 2);
        link.send(&query(BROADCAST, NOBODY, elsewhere, Ask::Silence, 1, 1)).unwrap();
        let mut fragment = good();
        fragment[20] = 0x20;
        fragment[24] = fragment[24].wrapping_add(0x20); // 0x4000 -> 0x2000 in the header's sum
        link.send(&fragment).unwrap();
        link.send(&good()[..100]).unwrap();
        link.send(&good()).unwrap();
        server.next();
        assert!(server.seen.try_recv().is_err());
        assert_eq!(server.count(Counter::NotOurAddress), 1);
        assert_eq!(server.count(Counter::FrameFragment), 1);
        assert_eq!(server.count(Counter::FrameTruncated), 1);
        assert_eq!(server.count(Counter::OtherVlan), 0);
        assert_eq!(server.count(Counter::ReceiveDrop), 3);
    }

    a_priority_tag_is_no_vlan {
        let (server, link) = start(true, 1);
        let mut tagged = query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 1, 4);
        tagged.splice(12..12, [0x81, 0x00, 0xe0, 0x00]);
        link.send(&tagged).unwrap();
        assert_eq!(server.next().message[243], 4);
    }

    a_vlan_s_interface_gets_its_frames_and_the_card_below_does_not {
        let vlan = "link add link srv name srv.5 type vlan id 5";
        if !Command::new("ip").args(vlan.split(' ')).output().unwrap().status.success() {
            return eprintln!("skipped: this kernel has no 802.1Q interfaces");
        }
        ip("addr add 198.51.100.1/24 brd + dev srv.5");
        ip("link set srv.5 up");
        let server = serve(&[InterfaceSpec::All], true, Ports::default(), 2).unwrap();
        let link = LinkSocket::open(interface("cli").index, PATIENCE).unwrap();
        let to = Ipv4Addr::BROADCAST;
        let mut tagged = query(BROADCAST, NOBODY, to, Ask::Link, 1, 4);
        tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
        link.send(&tagged).unwrap();
        assert_eq!(server.next().arrival.interface, interface("srv.5").index);
        link.send(&query(BROADCAST, NOBODY, to, Ask::Silence, 1, 5)).unwrap();
        let seen = server.next();
        assert_eq!((seen.arrival.interface, seen.message[243]), (interface("srv").index, 5));
        assert!(server.seen.recv_timeout(Duration::from_millis(50)).is_err());
    }

    a_reload_changes_the_socket_type_at_once {
        let (server, link) = start(true, 3);
        for raw in [false, true, false] {
            server.pool.listening().configure(&interfaces(&[srv()], raw));
            for (number, (mac, from, to, _)) in (0..).zip(ways()) {
                link.send(&query(mac, from, to, Ask::Silence, 1, number)).unwrap();
                let seen = server.next();
                assert_eq!((seen.arrival.raw, seen.message[243]), (raw, number as u8));
            }
        }
    }

    interfaces_and_addresses_that_come_later_are_picked_up_and_gone_ones_left {
        let late = InterfaceSpec::Name("late".into());
        let server = serve(&[srv(), late], true, Ports::default(), 2).unwrap();
        for round in 1..=2 {
            ip("link add late type veth peer name peer");
            ip("link set peer up");
            ip("link set late up");
            wait_for_carrier(["late", "peer"]);
            server.pool.listening().look();
            ip("addr add 198.51.100.1/24 brd + dev late");
            // From here on the server finds it by itself.
            let link = LinkSocket::open(interface("peer").index, PATIENCE).unwrap();
            let mut tries = 0;
            let seen = loop {
                link.send(&query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Link, 9, round))
                    .unwrap();
                match server.seen.recv_timeout(Duration::from_millis(20)) {
                    Ok(seen) => break seen,
                    Err(_) => tries += 1,
                }
                assert!(tries < 1000, "never picked up");
            };
            assert_eq!(seen.arrival.interface, interface("late").index);
            assert_eq!(seen.arrival.local, Ipv4Addr::new(198, 51, 100, 1));
            assert_eq!(reply(&link).1, round);
            ip("link del late");
            server.pool.listening().look();
        }
        let link = LinkSocket::open(interface("cli").index, PATIENCE).unwrap();
        link.send(&query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Silence, 9, 50)).unwrap();
        while server.next().message[243] != 50 {}
    }

    an_interface_that_goes_down_and_up_again_is_served_again {
        let (server, link) = start(true, 2);
        let probe = |number| query(BROADCAST, NOBODY, Ipv4Addr::BROADCAST, Ask::Link, 1, number);
        link.send(&probe(1)).unwrap();
        assert_eq!(reply(&link).1, 1);
        ip("link set srv down");
        server.pool.listening().look();
        ip("link set srv up");
        wait_for_carrier(["srv", "cli"]);
        server.pool.listening().look();
        let link = LinkSocket::open(interface("cli").index, PATIENCE).unwrap();
        link.send(&probe(2)).unwrap();
        assert_eq!(reply(&link).1, 2);
    }

    without_permission_the_error_says_what_to_do {
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "started_without_permission", "--nocapture"])
            .env("PEREGRINE_WITHOUT_PERMISSION", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        for needed in ["CAP_NET_RAW", "CAP_NET_BIND_SERVICE", "dhcp-socket-type", "srv"] {
            assert!(text.contains(needed), "{needed}: {text}");
        }
    }
}

/// The inner part of the test above.
#[test]
fn started_without_permission() {
    if std::env::var_os("PEREGRINE_WITHOUT_PERMISSION").is_some() {
        let error = serve(&[srv()], true, Ports::default(), 1).err().unwrap();
        println!("{error}");
    }
}
