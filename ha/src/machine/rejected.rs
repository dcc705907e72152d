//! Clients whose lease updates the partner refused. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::clock::Mono;

use super::detector::ClientKey;
use super::limits::MAX_REJECTED_CLIENTS;

/// How long a refusal counts.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A bounded table of refused clients, each with the end of its entry.
#[derive(Clone, Debug, Default)]
pub(super) struct RejectedClients {
    until: BTreeMap<ClientKey, Mono>,
    not_remembered: u64,
}

impl RejectedClients {
    /// Remembers a refusal; counts it if there is no room.
    pub(super) fn insert(&mut self, now: Mono, client: ClientKey) {
        if self.until.len() >= MAX_REJECTED_CLIENTS && !self.until.contains_key(&client) {
            self.not_remembered += 1;
            return;
        }
        self.until.insert(client, now + LIFETIME);
    }

    pub(super) fn remove(&mut self, client: &ClientKey) {
        self.until.remove(client);
    }

    pub(super) fn clear(&mut self) {
        self.until.clear();
    }

    pub(super) fn expire(&mut self, now: Mono) {
        self.until.retain(|_, until| *until > now);
    }

    pub(super) fn len(&self) -> usize {
        self.until.len()
    }

    pub(super) const fn not_remembered(&self) -> u64 {
        self.not_remembered
    }
}
