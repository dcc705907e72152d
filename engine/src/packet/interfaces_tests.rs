//! What is opened for which configuration.

use super::*;

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const A2: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const A_ALL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 255);
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn lo() -> Interface {
    Interface {
        index: 1,
        name: "lo".into(),
        up: true,
        loopback: true,
        addresses: vec![(Ipv4Addr::LOCALHOST, None)],
        ..Interface::default()
    }
}

fn eth0() -> Interface {
    Interface {
        index: 2,
        name: "eth0".into(),
        up: true,
        mac: Some(MAC),
        addresses: vec![(A, Some(A_ALL)), (A2, Some(A_ALL))],
        ..Interface::default()
    }
}

fn wanted(listen: &[InterfaceSpec], raw: bool) -> Interfaces {
    Interfaces { listen: listen.to_vec(), raw, ..Interfaces::default() }
}

fn name(name: &str) -> InterfaceSpec {
    InterfaceSpec::Name(name.into())
}

fn kinds(spec: &[InterfaceSpec], raw: bool) -> Vec<Kind> {
    let (endpoints, absent) = plan(&wanted(spec, raw), &[lo(), eth0()]);
    assert_eq!(absent, []);
    endpoints.into_iter().map(|endpoint| endpoint.kind).collect()
}

#[test]
fn a_raw_interface_has_raw_broadcast_and_unicast_sockets() {
    let broadcast = |to| Kind::Broadcast { to, local: A };
    let udp =
        [Kind::Unicast(A), Kind::Unicast(A2), broadcast(A_ALL), broadcast(Ipv4Addr::BROADCAST)];
    assert_eq!(kinds(&[name("eth0")], false), udp);
    let raw = Kind::Raw { mac: MAC, served: vec![A, A2], broadcasts: vec![A_ALL] };
    assert_eq!(kinds(&[InterfaceSpec::All], true), [&udp[..], &[raw]].concat());
}

#[test]
fn one_address_of_the_loopback_is_one_socket() {
    let second = Ipv4Addr::new(127, 0, 0, 2);
    let spec = InterfaceSpec::Address("lo".into(), second);
    assert_eq!(kinds(&[spec], true), [Kind::Unicast(second)]);
}

#[test]
fn an_address_named_twice_or_within_its_interface_is_served_once_and_the_first_answers() {
    let spec = [InterfaceSpec::Address("eth0".into(), A2), name("eth0"), name("eth0")];
    let kinds = kinds(&spec, true);
    assert_eq!(kinds.iter().filter(|kind| matches!(kind, Kind::Unicast(_))).count(), 2);
    assert!(kinds.contains(&Kind::Broadcast { to: A_ALL, local: A2 }));
}

#[test]
fn what_is_absent_is_named_with_its_reason() {
    let down = Interface { up: false, ..eth0() };
    let bare = Interface { name: "eth1".into(), index: 3, addresses: vec![], ..eth0() };
    let spec = [
        name("eth0"),
        name("eth1"),
        name("eth2"),
        InterfaceSpec::Address("lo".into(), A),
        InterfaceSpec::All,
    ];
    let (endpoints, absent) = plan(&wanted(&spec, true), &[lo(), down, bare]);
    assert_eq!(endpoints, []);
    assert_eq!(
        absent,
        [
            Absent::Down("eth0".into()),
            Absent::NoAddress("eth1".into()),
            Absent::Interface("eth2".into()),
            Absent::OtherAddress("lo".into(), A),
        ]
    );
}

#[test]
fn a_label_is_an_address_of_its_interface() {
    let link = EntryAddress::Link { index: 2, mac: Some(MAC) };
    let ip = |address| EntryAddress::Ip { address, broadcast: Some(A_ALL) };
    let flags = libc::IFF_UP as u32;
    let entry = |name: &str, address| syscall::Entry { name: name.into(), flags, address };
    let entries = vec![entry("eth0", ip(A)), entry("eth0:1", ip(A2)), entry("eth0", link)];
    assert_eq!(gather(entries), [eth0()]);
}

#[test]
fn this_machine_has_a_loopback() {
    let interfaces = scan().unwrap();
    let lo = interfaces.iter().find(|interface| interface.loopback).unwrap();
    assert!(lo.index > 0 && lo.mac.is_none());
}
