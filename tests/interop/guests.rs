//! Clients as they are in life: they come, renew in good time, ask again as long as nobody answers, use no address
//! beyond its time, and go away without a word. And the books of what they were promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::sync::Mutex;
use perf::clock::{Clock, pause};
use perf::fleet::Fleet;
use perf::plan::{Exchange, Plan};
use serde_json::Value;

use crate::site::mac;
use crate::support::behind_relay::BehindRelay;
use crate::support::wait::wall_s;

/// Exchanges of one turn, and of them under way at a time.
const TURN: usize = 96;
const WINDOW: u32 = 48;
/// Who waits for longer says so.
const IMPATIENCE: Duration = Duration::from_millis(900);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_millis(500);

/// A lease as its client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) address: Ipv4Addr,
    /// Who acknowledged it last.
    pub(crate) server: Ipv4Addr,
    /// Since when without a break, when last asked for, and until when. Times are of the books.
    pub(crate) from: Duration,
    pub(crate) asked: Duration,
    pub(crate) until: Duration,
}

/// What must not happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mishap {
    /// An address was acknowledged to a client while another one uses it.
    Duplicate { one: (u32, Held), two: (u32, Held) },
    /// A client was refused what it holds.
    Refused { client: u32, held: Held, at: Duration },
    /// Nobody renewed a lease until its end, though its client asked, without an answer since then.
    RanOut { client: u32, held: Held, waits: Option<Duration> },
}

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mishap::Duplicate { one: (one, first), two: (two, second) } => {
                write!(f, "client {one} has {first:?}, client {two} got {second:?}")
            }
            Mishap::Refused { client, held, at } => {
                write!(f, "client {client} was refused {held:?} at {at:?}")
            }
            Mishap::RanOut { client, held, waits: Some(since) } => {
                write!(f, "client {client} lost {held:?}, having asked in vain since {since:?}")
            }
            Mishap::RanOut { client, held, waits: None } => {
                write!(f, "client {client} lost {held:?}; the test was too slow to let it ask")
            }
        }
    }
}

impl Mishap {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Mishap::Duplicate { .. } => "duplicate",
            Mishap::Refused { .. } => "refused",
            Mishap::RanOut { .. } => "ran out",
        }
    }

    /// What clients held or got.
    pub(crate) fn holds(&self) -> impl Iterator<Item = Held> {
        let (one, two) = match self {
            Mishap::Duplicate { one: (_, one), two: (_, two) } => (*one, Some(*two)),
            Mishap::Refused { held, .. } | Mishap::RanOut { held, .. } => (*held, None),
        };
        std::iter::once(one).chain(two)
    }

    /// Since when something may explain it, and until when.
    pub(crate) fn span(&self) -> (Duration, Duration) {
        match self {
            Mishap::Duplicate { one: (_, one), two: (_, two) } => {
                (one.from.min(two.from), one.asked.max(two.asked))
            }
            Mishap::Refused { held, at, .. } => (held.from, *at),
            Mishap::RanOut { held, .. } => (held.from, held.until),
        }
    }
}

/// Clients and their books.
pub(crate) struct Guests {
    clock: Clock,
    fleet: Fleet,
    lifetime: Duration,
    /// Those who want an address, and since when they wait for an answer.
    present: BTreeMap<u32, Option<Duration>>,
    held: BTreeMap<u32, Held>,
    users: BTreeMap<Ipv4Addr, BTreeSet<u32>>,
    next: u32,
    pub(crate) mishaps: Vec<Mishap>,
    pub(crate) acknowledged: u64,
    pub(crate) unanswered: u64,
}

impl Guests {
    /// Up to `size` different clients, whose leases last for `lifetime`; nobody has come yet.
    pub(crate) fn new(size: u32, lifetime: Duration) -> Self {
        Self {
            clock: Clock::start(),
            fleet: Fleet::new([2, 1, 0, 0, 0, 0], size),
            lifetime,
            present: BTreeMap::new(),
            held: BTreeMap::new(),
            users: BTreeMap::new(),
            next: 0,
            mishaps: Vec::new(),
            acknowledged: 0,
            unanswered: 0,
        }
    }

    /// The clock of the books.
    pub(crate) const fn clock(&self) -> Clock {
        self.clock
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }

    /// How many want an address, and how many have one.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.present.len(), self.held.len())
    }

    /// `number` clients come: new ones, or such that went away long ago.
    pub(crate) fn come(&mut self, number: u32) {
        for _ in 0..number {
            let client = self.next % self.fleet.size();
            self.next += 1;
            self.present.entry(client).or_insert(None);
        }
    }

    /// One of those who are here goes away without a word, by `lot`.
    pub(crate) fn go(&mut self, lot: usize) {
        let going = self.present.keys().copied().nth(lot % self.present.len().max(1));
        if let Some(client) = going {
            self.present.remove(&client);
            self.let_go(client);
        }
    }

    /// Everybody who is due asks once; who gets no answer is due again. Gives how many asked.
    pub(crate) fn turn(&mut self, clients: &BehindRelay) -> usize {
        self.run_out();
        let now = self.now();
        let due = self.present.iter().filter(|(client, waits)| {
            let held = self.held.get(client);
            let early = held.is_some_and(|held| now < self.renews_at(**client, held));
            waits.is_some() || !early
        });
        let since_when = |(client, waits): (&u32, &Option<Duration>)| {
            let renewal = self.held.get(client).map(|held| self.renews_at(*client, held));
            (waits.or(renewal).unwrap_or(now), *client, waits.unwrap_or(now))
        };
        let mut due: Vec<_> = due.map(since_when).collect();
        // Who has been due for longest goes first: with more of them than a turn holds nobody is passed over again and again.
        due.sort_unstable();
        due.truncate(TURN);
        // Who has waited for long says so.
        let (patient, impatient): (Vec<_>, Vec<_>) =
            due.iter().partition(|(.., since)| now.saturating_sub(*since) < IMPATIENCE);
        for (group, secs) in [(impatient, 10), (patient, 0)] {
            let group: Vec<u32> = group.iter().map(|(_, client, _)| *client).collect();
            if !group.is_empty() {
                self.ask(clients, &group, secs);
            }
        }
        due.len()
    }

    /// Between a twentieth and a third of the lease's time after it was asked for, so that somebody always does.
    fn renews_at(&self, client: u32, held: &Held) -> Duration {
        let lot = client.wrapping_mul(0x9e37_79b9) ^ held.asked.subsec_micros();
        held.asked + self.lifetime * (5 + lot % 29) / 100
    }

    fn ask(&mut self, clients: &BehindRelay, group: &[u32], secs: u16) {
        let asked = self.now();
        self.fleet.begin_round();
        let plan = Plan::each_once(group.to_vec(), WINDOW, clients.relay());
        let plan = Plan { exchange: Exchange::Rebind, secs, drop_time: ANSWER, ..plan };
        clients.drive(&mut self.fleet, plan);
        let silent: BTreeSet<u32> =
            self.fleet.not_yet_granted(group.to_vec()).into_iter().collect();
        for client in group.iter().copied() {
            let before = self.held.get(&client).copied();
            match self.fleet.lease(client) {
                Some(lease) if !silent.contains(&client) => {
                    self.note(client, before, lease.address, lease.server, asked);
                }
                None if before.is_some() => self.refused(client),
                _ => {
                    self.unanswered += 1;
                    let waits = self.present.entry(client).or_insert(None);
                    waits.get_or_insert(asked);
                }
            }
        }
    }

    /// A client was given an address, or may keep it.
    fn note(
        &mut self,
        client: u32,
        before: Option<Held>,
        address: Ipv4Addr,
        server: Ipv4Addr,
        asked: Duration,
    ) {
        self.acknowledged += 1;
        self.present.insert(client, None);
        let from = before.filter(|held| held.address == address).map_or(asked, |held| held.from);
        let held = Held { address, server, from, asked, until: asked + self.lifetime };
        if before.is_some_and(|held| held.address != address) {
            self.let_go_of_address(client);
        }
        self.held.insert(client, held);
        let users = self.users.entry(address).or_default();
        if users.insert(client) {
            let others = users.iter().filter(|other| **other != client);
            for other in others {
                let one = (*other, self.held[other]);
                self.mishaps.push(Mishap::Duplicate { one, two: (client, held) });
            }
        }
    }

    fn refused(&mut self, client: u32) {
        let at = self.now();
        if let Some(held) = self.let_go(client) {
            self.mishaps.push(Mishap::Refused { client, held, at });
        }
        self.present.insert(client, None);
    }

    /// What was not renewed until now is used no longer.
    fn run_out(&mut self) {
        let now = self.now();
        let out = self.held.iter().filter(|(_, held)| held.until <= now);
        let out: Vec<u32> = out.map(|(client, _)| *client).collect();
        for client in out {
            let waits = self.present.get(&client).copied().flatten();
            if let Some(held) = self.let_go(client) {
                self.mishaps.push(Mishap::RanOut { client, held, waits });
            }
        }
    }

    fn let_go(&mut self, client: u32) -> Option<Held> {
        self.let_go_of_address(client);
        self.fleet.forget(client);
        self.held.remove(&client)
    }

    fn let_go_of_address(&mut self, client: u32) {
        let Some(held) = self.held.get(&client) else { return };
        if let Some(users) = self.users.get_mut(&held.address) {
            users.remove(&client);
        }
    }

    /// Who holds which address.
    pub(crate) fn addresses(&self) -> BTreeMap<u32, Ipv4Addr> {
        self.held.iter().map(|(client, held)| (*client, held.address)).collect()
    }

    /// Addresses in two hands now that no mishap names.
    pub(crate) fn shared(&self) -> Vec<Ipv4Addr> {
        let disputed = self.disputed();
        let shared = self.users.iter().filter(|(_, users)| users.len() > 1);
        let shared = shared.map(|(address, _)| *address);
        shared.filter(|address| !disputed.contains(address)).collect()
    }

    /// What was promised until now and holds still.
    pub(crate) fn promises(&self) -> Promises {
        let disputed = self.disputed();
        let held = self.held.iter().filter(|(_, held)| !disputed.contains(&held.address));
        let held = held.map(|(client, held)| (mac(&self.fleet, *client), *held));
        Promises { held: held.collect(), now: self.now(), wall_s: wall_s() }
    }

    /// Addresses of which a mishap says that two clients have them, or why one lost it.
    fn disputed(&self) -> BTreeSet<Ipv4Addr> {
        self.mishaps.iter().flat_map(Mishap::holds).map(|held| held.address).collect()
    }
}

/// The leases that clients held at some moment.
pub(crate) struct Promises {
    /// By the clients' hardware addresses.
    held: Vec<(String, Held)>,
    /// The moment, by the clock of the books and by everybody's.
    now: Duration,
    wall_s: u64,
}

impl Promises {
    /// What `leases` (by address) do not have as its client's for as long as it was promised, and a line about each.
    pub(crate) fn missing(&self, leases: &BTreeMap<String, Value>) -> Vec<(Held, String)> {
        let missing = self.held.iter().filter(|(client, held)| {
            let left_s = held.until.saturating_sub(self.now).as_secs();
            let lease = leases.get(&held.address.to_string());
            // Whole seconds on both sides.
            let kept = lease.is_some_and(|lease| {
                let ends_s = lease["cltt"].as_u64().unwrap() + lease["valid-lft"].as_u64().unwrap();
                let holder = lease["hw-address"] == *client;
                holder && lease["state"] == 0 && ends_s + 2 >= self.wall_s + left_s
            });
            // What is about to end may have ended.
            left_s > 5 && !kept
        });
        missing
            .map(|(client, held)| {
                let found = leases.get(&held.address.to_string());
                (*held, format!("client {client}: {held:?}, the server has {found:?}"))
            })
            .collect()
    }
}

/// Lets the guests live while `act` runs, in a thread of their own.
pub(crate) fn live_while<T>(
    guests: &Mutex<Guests>,
    clients: &BehindRelay,
    act: impl FnOnce() -> T,
) -> T {
    /// Ends the guests' thread also when `act` fails.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Acquire) {
                let asked = guests.lock().turn(clients);
                if asked == 0 {
                    pause(Duration::from_millis(5));
                }
            }
        });
        let _over = Over(&over);
        act()
    })
}
