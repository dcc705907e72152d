//! What must hold after every step: one client for an address, acknowledged leases where they have to be, each reply
//! once; and at the end, equal stores. Pure.

use std::collections::BTreeMap;

use engine::codec::v4::MessageType;
use engine::lease::LeaseState;
use engine::lease::csv::{Durability, row};

use super::ledger::{Holding, MAX_APART_S, Overlap, Promise, Told};
use super::message::Heard;
use super::plan::{SUBNET_ID, Setup};
use super::world::World;
use crate::family::{Address, Lease};
use crate::machine::{Role, ToBackups, ToPartner};

/// Nanoseconds before its end in which a lease may be over at a server whose clock was set.
const ROUNDING: u64 = 2_000_000_000;
/// Seconds around now in which a lease may have ended at one server and not at the other.
const SLACK_S: u64 = 90;
/// Nanoseconds that a reply waits at most, and the request that it waits for is on its way.
const LONGEST_WAIT: u64 = 30_000_000_000;

impl World {
    /// A reply leaves a server: it was asked for, and its lease is where it has to be.
    pub(super) fn check_reply(&mut self, from: usize, heard: &Heard) {
        let left = self.sites[from].expected.get_mut(&heard.xid).map(|left| {
            *left -= 1;
            *left
        });
        if left.is_none_or(|left| left < 0) {
            let (name, xid) = (self.name(from).to_owned(), heard.xid);
            return self.fail(|_| format!("{name} answers query {xid:#x} more often than it came"));
        }
        if heard.message_type == MessageType::Ack {
            if let Some(lease) = self.lease(from, heard.yiaddr) {
                self.ledger.acknowledge(self.now, from, heard.yiaddr, lease.cltt_s);
            }
            self.check_written(from, heard.yiaddr);
            self.check_acknowledged(from, heard.yiaddr);
        }
    }

    /// The lease file has the lease that is acknowledged.
    fn check_written(&mut self, from: usize, address: Address) {
        let Some(lease) = self.lease(from, address) else {
            let name = self.name(from).to_owned();
            return self.fail(|_| format!("{name} acknowledges {address} without a lease"));
        };
        let mut text = Vec::new();
        row::write(&lease, &mut text);
        let synced = self.plan.servers[from].durability == Durability::Disk;
        if !self.sites[from].disk.has(address, &text, synced) {
            let name = self.name(from).to_owned();
            self.fail(|_| format!("{name} acknowledges {address} before its row is written"));
        }
    }

    /// Everybody who had to has the lease.
    fn check_acknowledged(&mut self, from: usize, address: Address) {
        let Some(server) = &self.sites[from].server else { return };
        let policy = server.standing().updates;
        let Some(lease) = self.lease(from, address) else { return };
        for other in 0..self.sites.len() {
            let is_backup = self.plan.servers[other].role == Role::Backup;
            let waits = match is_backup {
                true => policy.backups == ToBackups::SendAndWait,
                false => policy.partner == ToPartner::Send,
            };
            if other == from || !waits {
                continue;
            }
            if self.sites[other].server.is_none() {
                self.check_left(from, other, &lease);
                continue;
            }
            let theirs = self.lease(other, address);
            let same = theirs.as_ref().is_some_and(|theirs| {
                is_same(theirs, &lease)
                    || covers(theirs, &lease)
                    || self.has_ended_there(from, other, theirs, &lease)
            });
            let since = self.lately().min(self.acknowledged(from, &lease));
            if !same && !self.ledger.is_excused(since, other, address) {
                let (name, peer) = (self.name(from).to_owned(), self.name(other).to_owned());
                return self.fail(|_| {
                    format!("{name} acknowledges {address}; {peer} has {theirs:?}, not {lease:?}")
                });
            }
        }
    }

    /// Whether the other server had the lease and has cleaned it up since, by a clock that was ahead of ours by more than a
    /// pair works with. Backups are told no time of day, so that nothing notices.
    fn has_ended_there(&self, from: usize, other: usize, theirs: &Lease, ours: &Lease) -> bool {
        let ahead_s = self.sites[other].ahead_s.1 - self.sites[from].error.ahead_at(self.now);
        let was_same = is_same(&Lease { state: ours.state, ..theirs.clone() }, ours);
        theirs.state == LeaseState::Reclaimed && was_same && ahead_s > MAX_APART_S
    }

    /// A server that is down has left the lease on its disk.
    fn check_left(&mut self, from: usize, other: usize, lease: &Lease) {
        let address = lease.address;
        let mut text = Vec::new();
        row::write(lease, &mut text);
        let there = self.sites[other].disk.has(address, &text, false);
        let since = self.lately().min(self.acknowledged(from, lease));
        if !there && !self.ledger.is_excused(since, other, address) {
            let (name, peer) = (self.name(from).to_owned(), self.name(other).to_owned());
            self.fail(|_| format!("{name} acknowledges {address}; {peer} is down without its row"));
        }
    }

    /// When a server first acknowledged its version of a lease.
    fn acknowledged(&self, server: usize, lease: &Lease) -> u64 {
        self.ledger.acknowledged(self.now, server, (lease.address, lease.cltt_s))
    }

    /// No reply waits for longer than since then.
    const fn lately(&self) -> u64 {
        self.now.saturating_sub(LONGEST_WAIT)
    }

    /// What a server knows that acknowledges a lease now.
    pub(super) fn promise(&self, from: usize, address: Address) -> Option<Promise> {
        let site = &self.sites[from];
        let server = site.server.as_ref()?;
        let updates = server.standing().updates;
        let told = match updates.partner {
            ToPartner::Send => Told::Partner,
            ToPartner::Queue | ToPartner::Nothing | ToPartner::Count => Told::Nobody,
        };
        let heard = site.took_over.unwrap_or(self.now - self.silence(from));
        let ahead_s = site.error.ahead_at(self.now);
        let since = server.lease(address).map(|lease| self.acknowledged(from, &lease));
        Some(Promise {
            server: from,
            at: self.now,
            since: since.unwrap_or(self.now),
            backed_up: updates.backups == ToBackups::SendAndWait,
            told,
            apart: updates.partner == ToPartner::Queue,
            alone: site.alone,
            heard,
            process: site.process,
            ahead_s,
        })
    }

    /// A client holds an address: nobody else does.
    pub(super) fn check_hold(&mut self, client: usize, promise: Promise, address: Address) {
        let Some(held) = self.clients[client].held(self.now) else { return };
        let new = Holding { client, until: held.until, promise, excuse: None };
        let Some((old, excuse)) = self.ledger.hold(self.now, address, new) else { return };
        match excuse {
            Some(excuse) => {
                self.report.exception(excuse.name());
                self.tell(|_| format!("{address} is held twice: {excuse:?}"));
            }
            None => self.fail(|world| {
                format!(
                    "{address} is held by client {} (by {}, until {:.1} s, {:?}) and by client {client} (by {}, {:?})",
                    old.client,
                    world.name(old.promise.server),
                    old.until as f64 / 1e9,
                    old.promise,
                    world.name(promise.server),
                    promise,
                )
            }),
        }
    }

    /// A server that was ready begins normal operation: it has each lease that the other promised alone, and it is no excuse
    /// that it lacked them so far.
    pub(super) fn check_handed_over(&mut self, at: usize) {
        if self.plan.forgets() {
            return;
        }
        let addresses: Vec<Address> = self.ledger.addresses().collect();
        for address in addresses {
            let Some(by) = self.promise(at, address) else { return };
            let by = Promise { alone: false, heard: self.now, ..by };
            let lease = self.lease(at, address);
            let lacks = |held: &&Holding| {
                let Promise { server, process, told, .. } = held.promise;
                let other = &self.sites[server];
                let is_there = other.server.is_some() && other.process == process;
                // A wrong configuration refuses leases, or has its own refused.
                let is_right = [&self.sites[at], other].map(|it| it.setup) == [Setup::Right; 2];
                // What it promised since it lost its partner again, that one need not know.
                let state = other.server.as_ref().map(super::server::Server::state);
                let is_there = is_there && is_right && state == Some(self.plan.mode.normal());
                let counts = server != at && told == Told::Nobody && is_there;
                let has = lease.as_ref().is_some_and(|lease| is_of(held.client, lease));
                // What is about to end may have ended by the clock of the one or the other.
                let lasts = held.until > self.now + MAX_APART_S.unsigned_abs() * 1_000_000_000;
                counts && lasts && !has && !self.ledger.may_lack(self.now, address, held, &by)
            };
            let lacking = self.ledger.holders(self.now, address).find(lacks).copied();
            if let Some(held) = lacking {
                let name = self.name(at).to_owned();
                return self
                    .fail(|_| format!("{name} serves without the lease of {address}: {held:?}"));
            }
        }
    }

    /// A server does not know what a client holds by the word of somebody else any more: that may be.
    fn check_lack(&mut self, at: usize, address: Address, held: &Holding, how: &str) {
        let Some(by) = self.promise(at, address) else { return };
        if self.ledger.may_lack(self.now, address, held, &by) {
            return self.ledger.end(self.now, address, &by);
        }
        // Ends are reckoned in whole seconds, and so is how far a clock was set forward.
        if held.until <= self.now + ROUNDING {
            return self.ledger.forget(address, held.client);
        }
        let lease = self.lease(at, address);
        // What it has may be somebody else's word, who may not have known what the client holds.
        let others = (0..self.sites.len()).filter(|other| *other != at);
        let givers = others.filter(|other| lease.is_some() && self.lease(*other, address) == lease);
        let words: Vec<_> = givers.filter_map(|other| self.promise(other, address)).collect();
        if words.iter().any(|by| self.ledger.may_lack(self.now, address, held, by)) {
            return;
        }
        let Holding { client, until, promise, .. } = held;
        let until = *until as f64 / 1e9;
        self.fail(|world| {
            let (name, giver) = (world.name(at), world.name(promise.server));
            format!(
                "{address} is held by client {client} (by {giver}, until {until:.1} s, {promise:?}); \
                 {name} {how}: it has {lease:?}, {by:?}"
            )
        });
    }

    /// A server has changed leases: those of clients that hold the address by its word, or by its partner's who told it,
    /// are still theirs.
    pub(super) fn check_kept(&mut self, at: usize, changed: &[Address]) {
        for address in changed {
            let alone = |by: &Promise| by.told == Told::Nobody && !by.apart;
            if self.promise(at, *address).as_ref().is_some_and(alone) {
                self.ledger.changed_alone(self.now, at, *address);
            }
            let holders = self.ledger.holders(self.now, *address);
            let held: Vec<_> = holders.filter(|held| self.has_to_know(at, held)).copied().collect();
            for held in held {
                let lease = self.lease(at, *address);
                if !lease.is_some_and(|lease| is_of(held.client, &lease)) {
                    self.check_lack(at, *address, &held, "gave it up");
                }
            }
        }
    }

    /// Whether a server must know of what a client holds.
    fn has_to_know(&self, at: usize, held: &Holding) -> bool {
        let told = match self.plan.servers[at].role {
            Role::Backup => held.promise.backed_up,
            _ => held.promise.told == Told::Partner && !self.plan.forgets(),
        };
        held.promise.server == at || told
    }

    /// A client is told that what it holds is not its own. A server may refuse a client whose lease it has: one in the wrong
    /// mode gives the client's class other addresses.
    pub(super) fn check_refusal(&mut self, client: usize, from: usize, address: Address) {
        let held = self.ledger.holders(self.now, address).find(|held| held.client == client);
        let lease = self.lease(from, address);
        if let Some(held) = held.copied()
            && !lease.is_some_and(|lease| is_of(client, &lease))
        {
            self.check_lack(from, address, &held, "refuses it");
        }
    }

    /// At the end everything that clients hold is where it has to be.
    fn check_holds(&mut self) {
        let addresses: Vec<Address> = self.ledger.addresses().collect();
        (0..self.sites.len()).for_each(|at| self.check_kept(at, &addresses));
    }

    /// Whether two servers serve one scope at the same time, or have come together again.
    pub(super) fn look_at_scopes(&mut self) {
        match self.overlap() {
            Some(why) => self.ledger.overlaps(self.now, why),
            None if self.is_normal() => self.ledger.agree(self.now),
            None => {}
        }
    }

    /// Whether two servers serve one scope, and because of whom: an administrator, or nobody but themselves.
    fn overlap(&self) -> Option<Overlap> {
        let mut served = 0;
        let mut twice = 0;
        let mut twice_of_themselves = 0;
        let mut of_themselves = 0;
        for site in &self.sites {
            let own = site.served();
            twice |= served & own;
            served |= own;
            if !site.scopes_by_hand {
                twice_of_themselves |= of_themselves & own;
                of_themselves |= own;
            }
        }
        match (twice, twice_of_themselves) {
            (0, _) => None,
            (_, 0) => Some(Overlap::ByHand),
            _ => Some(Overlap::OfThemselves),
        }
    }

    /// After healing, the stores of the pair are equal.
    pub(super) fn check_stores(&mut self) {
        self.check_holds();
        let pair: Vec<usize> = (0..self.sites.len())
            .filter(|server| self.plan.servers[*server].role != Role::Backup)
            .collect();
        for (server, site) in self.sites.iter().enumerate() {
            let waiting = site.server.as_ref().map_or(0, super::server::Server::pending);
            if waiting > 0 {
                let name = self.name(server).to_owned();
                return self
                    .fail(|_| format!("{waiting} replies of {name} are neither sent nor dropped"));
            }
        }
        let [one, two] = pair[..] else { return };
        let (ours, theirs) = (self.live(one), self.live(two));
        let addresses = ours.keys().chain(theirs.keys());
        let mut by_clocks = 0;
        let different = addresses.copied().find(|address| {
            let same = match (ours.get(address), theirs.get(address)) {
                (Some(ours), Some(theirs)) => {
                    by_clocks += u64::from(ours.cltt_s != theirs.cltt_s);
                    self.agree(ours, theirs)
                }
                // It may just have ended at one of them, or before the clocks were set back to heal them.
                (Some(lease), None) => self.ends_soon(one, lease) || self.had_ended(lease),
                (None, Some(lease)) => self.ends_soon(two, lease) || self.had_ended(lease),
                (None, None) => true,
            };
            // What a wrong configuration left behind no partner takes, whoever has read it right since.
            let is_misplaced =
                |at| self.lease(at, *address).is_some_and(|lease| lease.subnet_id != SUBNET_ID);
            let counts = !is_misplaced(one) && !is_misplaced(two);
            !same && counts && !self.ledger.is_by_hand(*address) && !self.plan.forgets()
        });
        for _ in 0..by_clocks {
            self.report.count("leases that differ by the clocks at the end");
        }
        if let Some(address) = different {
            let (ours, theirs) = (ours.get(&address).cloned(), theirs.get(&address).cloned());
            self.fail(|_| format!("the stores differ at {address}: {ours:?} and {theirs:?}"));
        }
    }

    /// The same lease, with the same end up to the difference of the clocks by which it was written.
    fn agree(&self, ours: &Lease, theirs: &Lease) -> bool {
        let least = self.sites.iter().map(|site| site.ahead_s.0).min().unwrap_or(0);
        let most = self.sites.iter().map(|site| site.ahead_s.1).max().unwrap_or(0);
        let apart_s = ours.cltt_s.abs_diff(theirs.cltt_s);
        // Each is cut off to a second, and a query reaches two servers at two times.
        let within = apart_s <= (most - least).unsigned_abs() + 1;
        within && is_same(ours, &Lease { cltt_s: ours.cltt_s, ..theirs.clone() })
    }

    fn lease(&self, server: usize, address: Address) -> Option<Lease> {
        self.sites[server].server.as_ref().and_then(|server| server.lease(address))
    }

    /// By the server's own clock: all are set right at the end, which need not be true time.
    pub(super) fn wall_s(&self, server: usize) -> u64 {
        let true_s = super::clock::EPOCH_S + self.now / 1_000_000_000;
        true_s.saturating_add_signed(self.sites[server].error.ahead_at(self.now))
    }

    fn ends_soon(&self, server: usize, lease: &Lease) -> bool {
        lease.expires_at_s().abs_diff(self.wall_s(server)) < SLACK_S
    }

    fn had_ended(&self, lease: &Lease) -> bool {
        lease.expires_at_s() <= self.healed_at_s
    }

    /// Leases that hold their address.
    fn live(&self, server: usize) -> BTreeMap<Address, Lease> {
        let leases = self.sites[server].server.as_ref().map_or_else(Vec::new, |it| it.leases());
        let now = self.wall_s(server);
        // What a wrong configuration left behind no partner takes.
        let known = leases.into_iter().filter(|lease| lease.subnet_id == SUBNET_ID);
        let live = known.filter(|lease| lease.holds_address(now));
        live.map(|lease| (lease.address, lease)).collect()
    }
}

/// Whether it is the lease of a client by its number, and holds the address.
fn is_of(client: usize, lease: &Lease) -> bool {
    let number = lease.hw_address.as_bytes().last().copied().map(usize::from);
    number == Some(client) && lease.state == LeaseState::Assigned
}

/// The same client's lease, for no shorter time: the promise is known.
fn covers(theirs: &Lease, ours: &Lease) -> bool {
    let client = |lease: &Lease| (lease.state, lease.hw_address, lease.client_id.clone());
    let same = ours.state == LeaseState::Assigned && client(theirs) == client(ours);
    same && theirs.expires_at_s() >= ours.expires_at_s()
}

/// The same lease, as far as anybody else can see.
fn is_same(one: &Lease, two: &Lease) -> bool {
    let of = |lease: &Lease| {
        let state = (lease.state == LeaseState::Assigned, lease.state == LeaseState::Declined);
        (state, lease.hw_address, lease.client_id.clone(), lease.expires_at_s())
    };
    of(one) == of(two)
}
