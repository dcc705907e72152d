//! A record as few bytes: numbers of a fixed width, then hardware address, client identifier and host name in their
//! own lengths. Pure.
//!
//! The address is not among them: whoever has the bytes knows it.

use std::net::Ipv4Addr;

use crate::lease::{ChangeNumber, ClientId, HostName, HwAddress, Lease4, LeaseState, Stored};

/// Bytes of the longest record that is packed.
pub(super) const MAX: usize = 255;

/// Bytes before the hardware address.
const HEAD: usize = 36;
const FLAGS: usize = 32;
/// Where the three lengths are.
const LENGTHS: usize = 33;

const STATE: u8 = 0b111;
const FQDN_FWD: u8 = 1 << 3;
const FQDN_REV: u8 = 1 << 4;
const CONFIRMED: u8 = 1 << 5;
const FOREIGN: u8 = 1 << 6;

/// Puts the record to the beginning of `into`: its length, or none if it is too long, or has a user context.
pub(super) fn write(stored: &Stored, into: &mut [u8; MAX]) -> Option<usize> {
    let Stored { lease, version, confirmed, foreign, promised_s } = stored;
    let parts = [
        lease.hw_address.as_bytes(),
        lease.client_id.as_ref().map_or(&[][..], ClientId::as_bytes),
        lease.hostname.as_bytes(),
    ];
    let length = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
    if lease.user_context.is_some() || length > MAX {
        return None;
    }
    into[..8].copy_from_slice(&version.0.to_le_bytes());
    into[8..16].copy_from_slice(&lease.cltt_s.to_le_bytes());
    into[16..20].copy_from_slice(&lease.valid_lifetime_s.to_le_bytes());
    into[20..24].copy_from_slice(&lease.subnet_id.to_le_bytes());
    into[24..28].copy_from_slice(&lease.pool_id.to_le_bytes());
    into[28..32].copy_from_slice(&promised_s.to_le_bytes());
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    into[FLAGS] = lease.state as u8
        | flag(lease.fqdn_fwd, FQDN_FWD)
        | flag(lease.fqdn_rev, FQDN_REV)
        | flag(*confirmed, CONFIRMED)
        | flag(*foreign, FOREIGN);
    let mut at = HEAD;
    for (place, part) in parts.into_iter().enumerate() {
        into[LENGTHS + place] = u8::try_from(part.len()).ok()?;
        into[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    Some(length)
}

/// The record of `address` that `bytes` begin with.
pub(super) fn read(address: Ipv4Addr, bytes: &[u8]) -> Stored {
    let number = |at: usize| u32::from_le_bytes(four(bytes, at));
    let [hw_length, client_length, name_length] = lengths(bytes);
    let (hw_address, rest) = bytes[HEAD..].split_at(hw_length);
    let (client_id, rest) = rest.split_at(client_length);
    let flags = bytes[FLAGS];
    let lease = Lease4 {
        address,
        hw_address: HwAddress::new(hw_address).expect("it was one"),
        client_id: ClientId::new(client_id),
        valid_lifetime_s: number(16),
        cltt_s: long(bytes, 8),
        subnet_id: number(20),
        fqdn_fwd: flags & FQDN_FWD != 0,
        fqdn_rev: flags & FQDN_REV != 0,
        hostname: HostName::from(std::str::from_utf8(&rest[..name_length]).expect("it was a str")),
        state: LeaseState::try_from(u64::from(flags & STATE)).expect("it was one"),
        user_context: None,
        pool_id: number(24),
    };
    Stored {
        lease,
        version: version(bytes),
        confirmed: flags & CONFIRMED != 0,
        foreign: flags & FOREIGN != 0,
        promised_s: number(28),
    }
}

/// The version of the record that `bytes` begin with.
pub(super) fn version(bytes: &[u8]) -> ChangeNumber {
    ChangeNumber(long(bytes, 0))
}

/// The length of the record that `bytes` begin with.
pub(super) fn length(bytes: &[u8]) -> usize {
    HEAD + lengths(bytes).iter().sum::<usize>()
}

fn lengths(bytes: &[u8]) -> [usize; 3] {
    std::array::from_fn(|place| usize::from(bytes[LENGTHS + place]))
}

fn four(bytes: &[u8], at: usize) -> [u8; 4] {
    std::array::from_fn(|place| bytes[at + place])
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|place| bytes[at + place]))
}
