//! The failure detector: clients of the partner that nobody answers (Kea guide,
//! "max-unacked-clients"). Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use engine::seam::{Client, Waiting};

use super::limits::MAX_WATCHED_CLIENTS;

/// A client as tables of clients know it: hardware address and client identifier, or DUID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(Box<[u8]>);

impl ClientKey {
    /// The key of a client; none if it has neither.
    pub fn new(hw_address: &[u8], client_id: &[u8]) -> Option<Self> {
        if hw_address.is_empty() && client_id.is_empty() {
            return None;
        }
        let length = u8::try_from(hw_address.len()).unwrap_or(u8::MAX);
        Some(Self([&[length], hw_address, client_id].concat().into()))
    }
}

/// Clients heard since the interruption.
#[derive(Clone, Debug, Default)]
pub(super) struct UnackedClients {
    acked: BTreeSet<ClientKey>,
    unacked: BTreeSet<ClientKey>,
    analyzed: u64,
    not_remembered: u64,
}

impl UnackedClients {
    /// Looks at a query that the partner should answer. Whether its client has become unacked by
    /// it.
    pub(super) fn analyze(&mut self, client: &Client<'_>, max_ack_delay: Duration) -> bool {
        self.analyzed += 1;
        let key = match client.waiting {
            Waiting::Seconds(_) => ClientKey::new(client.hw_address, client.client_id),
            Waiting::Centiseconds(_) => ClientKey::new(&[], client.client_id),
        };
        let Some(key) = key else { return false };
        if self.unacked.contains(&key) {
            return false;
        }
        if waited(client.waiting) > max_ack_delay {
            self.acked.remove(&key);
            return self.remember(key, true);
        }
        self.remember(key, false);
        false
    }

    fn remember(&mut self, key: ClientKey, unacked: bool) -> bool {
        let set = if unacked { &mut self.unacked } else { &mut self.acked };
        if set.len() >= MAX_WATCHED_CLIENTS {
            self.not_remembered += u64::from(!set.contains(&key));
            return false;
        }
        set.insert(key)
    }

    /// Forgets all: the partner was heard.
    pub(super) fn clear(&mut self) {
        *self = Self { not_remembered: self.not_remembered, ..Self::default() };
    }

    pub(super) fn connecting(&self) -> usize {
        self.acked.len() + self.unacked.len()
    }

    pub(super) fn unacked(&self) -> usize {
        self.unacked.len()
    }

    pub(super) const fn analyzed(&self) -> u64 {
        self.analyzed
    }

    pub(super) const fn not_remembered(&self) -> u64 {
        self.not_remembered
    }
}

/// How long a client says it has waited.
fn waited(waiting: Waiting) -> Duration {
    match waiting {
        // Some clients send their seconds in little-endian order: 0x0500 means 5.
        Waiting::Seconds(secs) if secs > 255 && secs & 0xff == 0 => {
            Duration::from_secs(u64::from(secs.swap_bytes()))
        }
        Waiting::Seconds(secs) => Duration::from_secs(u64::from(secs)),
        Waiting::Centiseconds(value) => Duration::from_millis(u64::from(value) * 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(id: u8, waiting: Waiting) -> [bool; 1] {
        let mut clients = UnackedClients::default();
        [clients.analyze(&client(&[id], waiting), Duration::from_secs(1))]
    }

    fn client(id: &[u8], waiting: Waiting) -> Client<'_> {
        Client { key: Some(id), hw_address: &[], client_id: id, waiting, balanced: true }
    }

    #[test]
    fn waiting_for_more_than_the_delay_is_unacked() {
        for secs in [0, 1, 0x0100] {
            assert_eq!(query(1, Waiting::Seconds(secs)), [false], "{secs}");
        }
        for secs in [2, 3, 255, 0x0500, 0x0101] {
            assert_eq!(query(1, Waiting::Seconds(secs)), [true], "{secs}");
        }
        assert_eq!(query(1, Waiting::Centiseconds(100)), [false]);
        assert_eq!(query(1, Waiting::Centiseconds(101)), [true]);
    }

    #[test]
    fn a_client_counts_once_and_never_turns_back() {
        let mut clients = UnackedClients::default();
        let delay = Duration::from_secs(1);
        let mut hear =
            |id: &[u8], secs| clients.analyze(&client(id, Waiting::Seconds(secs)), delay);
        assert_eq!([hear(b"a", 0), hear(b"a", 9), hear(b"a", 9)], [false, true, false]);
        assert!(!hear(b"a", 0));
        assert!(!hear(b"b", 0));
        assert_eq!([clients.connecting(), clients.unacked()], [2, 1]);
        assert_eq!(clients.analyzed(), 5);
        clients.clear();
        assert_eq!([clients.connecting(), clients.unacked()], [0, 0]);
        assert_eq!(clients.analyzed(), 0);
    }

    #[test]
    fn a_dhcpv6_client_without_duid_is_only_counted() {
        let mut clients = UnackedClients::default();
        assert!(!clients.analyze(&client(&[], Waiting::Centiseconds(9999)), Duration::ZERO));
        assert_eq!((clients.analyzed(), clients.connecting()), (1, 0));
    }

    #[test]
    fn the_tables_are_bounded() {
        let mut clients = UnackedClients::default();
        for n in 0..=u32::try_from(MAX_WATCHED_CLIENTS).unwrap() {
            clients.analyze(&client(&n.to_be_bytes(), Waiting::Seconds(0)), Duration::ZERO);
        }
        assert_eq!(clients.connecting(), MAX_WATCHED_CLIENTS);
        assert_eq!(clients.not_remembered(), 1);
        assert!(clients.analyze(&client(b"new", Waiting::Seconds(9)), Duration::ZERO));
    }

    /// The greatest max-unacked-clients that a configuration may have can be exceeded.
    #[test]
    fn the_greatest_limit_is_reached() {
        let mut clients = UnackedClients::default();
        for n in 0..=65_535_u32 {
            clients.analyze(&client(&n.to_be_bytes(), Waiting::Seconds(9)), Duration::ZERO);
        }
        assert!(clients.unacked() > 65_535);
    }
}
