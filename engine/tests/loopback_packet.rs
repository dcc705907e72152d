//! Sockets and workers over the loopback, without root: each test has addresses of its own.
#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

mod packet_support;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};

use engine::config::model::InterfaceSpec;
use engine::packet::interfaces::Absent;
use engine::packet::{self, Departure, Destination, Failed, Ports, Problem};
use engine::stats::{Counter, Stats};

use packet_support::*;

/// A client with an address of its own, and a port that is free on `server`.
fn client(server: Ipv4Addr) -> (UdpSocket, Ports) {
    let port = UdpSocket::bind((server, 0)).unwrap().local_addr().unwrap().port();
    let socket = UdpSocket::bind((own_loopback(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    (socket, Ports { server: port, client: None })
}

fn address(socket: &UdpSocket) -> SocketAddrV4 {
    match socket.local_addr().unwrap() {
        std::net::SocketAddr::V4(address) => address,
        other => panic!("{other} is no IPv4 address"),
    }
}

#[test]
fn two_servers_share_a_host_and_each_answers_from_the_address_that_was_asked() {
    let addresses = [own_loopback(), own_loopback()];
    let (client, ports) = client(addresses[0]);
    let servers =
        addresses.map(|own| serve(&[on_loopback(own)], true, ports, 1).expect("it can listen"));
    for (server, own) in servers.iter().zip(addresses) {
        let query = message(Ask::Source, 1, own.octets()[3].into());
        client.send_to(&query, (own, ports.server)).unwrap();
        let seen = server.next();
        assert_eq!(seen.message, query);
        let arrival = seen.arrival;
        assert_eq!((arrival.source, arrival.destination), (address(&client), own));
        assert_eq!((arrival.local, arrival.raw), (own, false));
        let mut reply = [0; 2048];
        let (length, from) = client.recv_from(&mut reply).unwrap();
        assert_eq!((&reply[..length], from), (&query[..], (own, ports.server).into()));
    }
    assert!(servers.iter().all(|server| server.seen.try_recv().is_err()));
}

#[test]
fn one_server_with_two_addresses_answers_from_the_one_that_was_asked() {
    let addresses = [own_loopback(), own_loopback()];
    let (client, ports) = client(addresses[0]);
    let _server = serve(&addresses.map(on_loopback), true, ports, 2).unwrap();
    for own in [addresses[1], addresses[0]] {
        client.send_to(&message(Ask::Source, 1, 1), (own, ports.server)).unwrap();
        let (_, from) = client.recv_from(&mut [0; 2048]).unwrap();
        assert_eq!(from, (own, ports.server).into());
    }
}

#[test]
fn the_clients_of_one_relay_are_spread_over_the_threads_and_each_stays_on_one() {
    let own = own_loopback();
    let (relay, ports) = client(own);
    let server = serve(&[on_loopback(own)], true, ports, 2).unwrap();
    let mut takers = BTreeSet::new();
    for client in 0..50 {
        let mut own_takers = BTreeSet::new();
        for number in 0..3 {
            let query = message(Ask::Source, client, number);
            relay.send_to(&query, (own, ports.server)).unwrap();
            let seen = server.next();
            assert_eq!(seen.message, query);
            own_takers.insert(format!("{:?}", seen.taken_by));
            relay.recv_from(&mut [0; 2048]).unwrap();
        }
        assert_eq!(own_takers.len(), 1);
        takers.extend(own_takers);
    }
    assert_eq!(takers.len(), 2);
}

#[test]
fn a_burst_from_one_relay_is_answered_completely() {
    let own = own_loopback();
    let (relay, ports) = client(own);
    let server = serve(&[on_loopback(own)], true, ports, 2).unwrap();
    let mut answered = BTreeSet::new();
    for burst in 0..20_u16 {
        for client in 0..100 {
            let query = message(Ask::Source, client, burst);
            relay.send_to(&query, (own, ports.server)).unwrap();
        }
        for _ in 0..100 {
            let mut reply = [0; 2048];
            relay.recv_from(&mut reply).unwrap();
            answered.insert((reply[33], burst));
        }
    }
    assert_eq!(answered.len(), 2000);
    assert_eq!(server.count(Counter::SendFailed), 0);
    assert_eq!(server.count(Counter::KernelDrop), 0);
}

#[test]
fn the_client_port_overrides_where_answers_go() {
    let own = own_loopback();
    let (asking, ports) = client(own);
    let other = UdpSocket::bind((*address(&asking).ip(), 0)).unwrap();
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    let ports = Ports { client: Some(address(&other).port()), ..ports };
    let _server = serve(&[on_loopback(own)], true, ports, 1).unwrap();
    asking.send_to(&message(Ask::Source, 1, 7), (own, ports.server)).unwrap();
    let (length, from) = other.recv_from(&mut [0; 2048]).unwrap();
    assert_eq!((length, from), (244, (own, ports.server).into()));
}

#[test]
fn oversized_messages_are_counted_and_empty_ones_are_packets() {
    let own = own_loopback();
    let (client, ports) = client(own);
    let server = serve(&[on_loopback(own)], true, ports, 1).unwrap();
    let to = (own, ports.server);
    for length in [engine::limits::MAX_MESSAGE + 1, 60_000] {
        client.send_to(&vec![3; length], to).unwrap();
    }
    client.send_to(&vec![3; engine::limits::MAX_MESSAGE], to).unwrap();
    client.send_to(&[], to).unwrap();
    assert_eq!(server.next().message.len(), engine::limits::MAX_MESSAGE);
    assert_eq!(server.next().message.len(), 0);
    assert_eq!(server.count(Counter::Oversized), 2);
    assert_eq!(server.count(Counter::ReceiveDrop), 2);
}

#[test]
fn an_address_that_is_taken_is_refused_even_by_a_group_of_sockets() {
    let own = own_loopback();
    let (_, ports) = client(own);
    for threads in [1, 2] {
        let _first = serve(&[on_loopback(own)], true, ports, threads).unwrap();
        for threads in [1, 2] {
            let wanted = interfaces(&[on_loopback(own)], true);
            let error = packet::open(&wanted, ports, threads, &Default::default()).err().unwrap();
            assert!(
                matches!(&error.problems[..], [Problem::Failed(Failed::InUse { .. })]),
                "{error}"
            );
            assert!(error.to_string().contains(&own.to_string()), "{error}");
        }
    }
}

#[test]
fn what_is_required_and_absent_is_an_error_that_names_each() {
    let own = own_loopback();
    let (_, ports) = client(own);
    let absent = Ipv4Addr::new(203, 0, 113, 1);
    let specs = [
        on_loopback(own),
        InterfaceSpec::Name("no-such-if".into()),
        InterfaceSpec::Address("lo".into(), absent),
    ];
    let mut wanted = interfaces(&specs, true);
    assert!(packet::open(&wanted, ports, 1, &Default::default()).is_ok());
    wanted.require_all = true;
    wanted.max_retries = 2;
    wanted.retry_wait_ms = 1;
    let error = packet::open(&wanted, ports, 1, &Default::default()).err().unwrap();
    assert_eq!(
        error.problems,
        [
            Problem::Absent(Absent::Interface("no-such-if".into())),
            Problem::Absent(Absent::OtherAddress("lo".into(), absent)),
        ]
    );
}

#[test]
fn a_new_configuration_opens_and_closes_only_what_changed() {
    let [stays, goes, comes] = std::array::from_fn(|_| own_loopback());
    let (client, ports) = client(stays);
    let server = serve(&[stays, goes].map(on_loopback), true, ports, 2).unwrap();
    server.pool.listening().configure(&interfaces(&[stays, comes].map(on_loopback), true));
    for own in [comes, stays] {
        client.send_to(&message(Ask::Source, 1, 1), (own, ports.server)).unwrap();
        let (_, from) = client.recv_from(&mut [0; 2048]).unwrap();
        assert_eq!(from, (own, ports.server).into());
    }
    // The socket is closed by its worker in its next turn.
    let mut tries = 0;
    while UdpSocket::bind((goes, ports.server)).is_err() {
        tries += 1;
        assert!(tries < 10_000, "{goes} is still open");
        std::thread::park_timeout(std::time::Duration::from_millis(1));
    }
}

#[test]
fn a_server_without_interfaces_runs_and_gets_some_later() {
    let own = own_loopback();
    let (client, ports) = client(own);
    let server = serve(&[], true, ports, 1).unwrap();
    server.pool.listening().configure(&interfaces(&[on_loopback(own)], true));
    client.send_to(&message(Ask::Source, 1, 1), (own, ports.server)).unwrap();
    client.recv_from(&mut [0; 2048]).unwrap();
}

#[test]
fn a_reply_that_cannot_be_sent_is_counted_and_the_others_go() {
    let own = own_loopback();
    let (client, ports) = client(own);
    let stats = std::sync::Arc::<Stats>::default();
    let sockets = packet::open(&interfaces(&[on_loopback(own)], true), ports, 2, &stats).unwrap();
    let reply = |number, port| Departure {
        interface: 1,
        source: own,
        destination: Destination::Ip { to: SocketAddrV4::new(*address(&client).ip(), port) },
        message: message(Ask::Silence, 1, number),
    };
    let port = address(&client).port();
    let mut batch: Vec<_> = (0..100).map(|number| reply(number, port)).collect();
    batch[1] = reply(1, 0); // nobody can have port 0
    batch[80].message = vec![0; 70_000];
    let elsewhere = Departure { source: Ipv4Addr::new(192, 0, 2, 9), ..reply(7, port) };
    batch.insert(50, elsewhere); // not an address of this host
    sockets.transmit().transmit(&mut batch);
    for number in (0..100).filter(|number| ![1, 80].contains(number)) {
        let mut got = [0; 244];
        let (_, from) = client.recv_from(&mut got).unwrap();
        assert_eq!(
            (&got[..], from),
            (&message(Ask::Silence, 1, number)[..], (own, ports.server).into())
        );
    }
    assert_eq!(stats.value(Counter::SendFailed), 3);
}
