//! Keeps the open sockets what the configuration and the present interfaces make them (*shell*).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;

use super::interfaces::{self, Endpoint, Interface, Kind, plan};
use super::open::{self, Failed, Opened};
use super::sockets::{Change, Mailbox, Scan, SocketId, Watch};
use super::transmit::{Sender, Table};
use super::{OpenError, Ports, Problem};
use crate::config::model::Interfaces;
use crate::limits::RECEIVE_BUFFER;
use crate::log;
use crate::stats::Stats;
use crate::sync::Mutex;

/// How many looks after a closing an address in use is not yet called a problem.
const CLOSING_LOOKS: u32 = 100;

/// The real [`Watch`]: opens and closes sockets, tells the workers and the sender.
pub(super) struct Hub {
    mailboxes: Vec<Arc<Mailbox>>,
    sender: Arc<Sender>,
    ports: Ports,
    stats: Arc<Stats>,
    state: Mutex<State>,
}

struct State {
    wanted: Interfaces,
    open: BTreeMap<Endpoint, Open>,
    raw: Option<Arc<Socket>>,
    /// What was told already, so that it is told once.
    problems: BTreeSet<Problem>,
    next_id: usize,
    told_small_buffer: bool,
    /// Looks for which an address in use may still be our own, on its way to be closed by its worker.
    closing: u32,
}

/// An endpoint's sockets: who has the receiving ones, and those that send.
struct Open {
    receivers: Vec<(usize, SocketId)>,
    senders: Vec<Arc<Socket>>,
}

impl Hub {
    /// With nothing open yet.
    pub(super) fn new(
        wanted: &Interfaces,
        ports: Ports,
        mailboxes: Vec<Arc<Mailbox>>,
        sender: Arc<Sender>,
        stats: Arc<Stats>,
    ) -> Self {
        let state = State {
            wanted: wanted.clone(),
            open: BTreeMap::new(),
            raw: None,
            problems: BTreeSet::new(),
            next_id: 0,
            told_small_buffer: false,
            closing: 0,
        };
        Self { mailboxes, sender, ports, stats, state: Mutex::new(state) }
    }

    /// Opens what there is at start; again, `max_retries` times, while something that `require_all` requires is
    /// missing. An error if that does not help, or if nothing is open for a reason that waiting does not cure.
    pub(super) fn start(&self) -> Result<(), OpenError> {
        let wanted = self.state.lock().wanted.clone();
        let mut tries = 0;
        loop {
            self.scan();
            let state = self.state.lock();
            let problems: Vec<_> = state.problems.iter().cloned().collect();
            let fatal = problems.iter().any(|problem| matches!(problem, Problem::Failed(_)));
            if !problems.is_empty() && wanted.require_all {
                if tries == wanted.max_retries {
                    return Err(OpenError { problems });
                }
                tries += 1;
            } else if state.open.is_empty() && fatal {
                return Err(OpenError { problems });
            } else {
                return Ok(());
            }
            drop(state);
            std::thread::park_timeout(Duration::from_millis(wanted.retry_wait_ms.into()));
        }
    }

    /// Opens and closes until what is open is what `present` allows.
    fn apply(&self, present: &[Interface]) -> Scan {
        let mut state = self.state.lock();
        let (endpoints, absent) = plan(&state.wanted, present);
        let planned: BTreeSet<_> = endpoints.iter().cloned().collect();
        let mut problems: BTreeSet<_> = absent.into_iter().map(Problem::Absent).collect();
        let mut changed = self.close_others(&mut state, present, &planned);
        state.closing = if changed { CLOSING_LOOKS } else { state.closing.saturating_sub(1) };
        let mut unfinished = false;
        for endpoint in endpoints {
            if state.open.contains_key(&endpoint) {
                continue;
            }
            match self.open(&mut state, &endpoint) {
                Ok(()) => changed = true,
                Err(Failed::InUse { .. }) if state.closing > 0 => unfinished = true,
                Err(failed) => {
                    problems.insert(Problem::Failed(failed));
                }
            }
        }
        for problem in problems.difference(&state.problems) {
            log!(DHCPSRV_OPEN_SOCKET_FAIL, "{problem}; it is tried again");
        }
        state.problems = problems;
        if changed {
            self.sender.table.store(Arc::new(table(&state)));
        }
        match (unfinished, changed) {
            (true, _) => Scan::Unfinished,
            (false, true) => Scan::Changed,
            (false, false) => Scan::Same,
        }
    }

    /// Closes what is not planned any more. The sockets of an interface that is only down stay: they work
    /// again when it is up.
    fn close_others(
        &self,
        state: &mut State,
        present: &[Interface],
        planned: &BTreeSet<Endpoint>,
    ) -> bool {
        let down: BTreeSet<_> = present.iter().filter(|i| !i.up).map(|i| i.index).collect();
        let before = state.open.len();
        let wanted = state.wanted.clone();
        state.open.retain(|endpoint, open| {
            let keep = planned.contains(endpoint)
                || (down.contains(&endpoint.interface) && still_wanted(&wanted, endpoint));
            if !keep {
                log!(PEREGRINE_SOCKET_CLOSED, "no longer listening on {}", Shown(endpoint));
                for (thread, id) in &open.receivers {
                    self.mailboxes[*thread].put(Change::Close(*id));
                }
            }
            keep
        });
        before != state.open.len()
    }

    fn open(&self, state: &mut State, endpoint: &Endpoint) -> Result<(), Failed> {
        if endpoint.link && state.raw.is_none() {
            let socket = open::open_link_sender()
                .map_err(|error| Failed::new(format!("raw socket {}", endpoint.name), &error))?;
            state.raw = Some(Arc::new(socket));
        }
        let threads = self.mailboxes.len();
        let Opened { receivers, senders, receive_buffer } =
            open::open(endpoint, self.ports.server, threads, &self.stats)?;
        if receive_buffer < RECEIVE_BUFFER && !state.told_small_buffer {
            state.told_small_buffer = true;
            log!(
                PEREGRINE_RECEIVE_BUFFER_SMALL,
                "asked for a receive buffer of {RECEIVE_BUFFER} bytes, got {receive_buffer}: raise \
                 net.core.rmem_max"
            );
        }
        let mut ids = Vec::new();
        for (thread, receiver) in receivers {
            let id = SocketId(state.next_id);
            state.next_id += 1;
            // What one thread alone may have goes to the threads in turn, with the socket for DISCOVERs beside it.
            let thread = thread.unwrap_or(id.0 / 2 % threads);
            self.mailboxes[thread].put(Change::Open(id, receiver));
            ids.push((thread, id));
        }
        log!(PEREGRINE_SOCKET_OPEN, "listening on {} port {}", Shown(endpoint), self.ports.server);
        state.open.insert(endpoint.clone(), Open { receivers: ids, senders });
        Ok(())
    }
}

impl Watch for Hub {
    fn scan(&self) -> Scan {
        match interfaces::scan() {
            Ok(present) => self.apply(&present),
            Err(error) => {
                log!(DHCPSRV_OPEN_SOCKET_FAIL, "cannot list the interfaces: {error}");
                Scan::Same
            }
        }
    }

    fn configure(&self, wanted: &Interfaces) {
        let mut state = self.state.lock();
        state.wanted = wanted.clone();
        self.sender.table.store(Arc::new(table(&state)));
    }
}

/// Whether the configuration as such, whatever the interface's state, could mean this endpoint.
fn still_wanted(wanted: &Interfaces, endpoint: &Endpoint) -> bool {
    use crate::config::model::InterfaceSpec;
    let raw = matches!(endpoint.kind, Kind::Raw { .. });
    let meant = |spec: &InterfaceSpec| match spec {
        InterfaceSpec::All => true,
        InterfaceSpec::Name(name) => *name == endpoint.name,
        InterfaceSpec::Address(name, address) => {
            let own = match &endpoint.kind {
                Kind::Unicast(own) => own == address,
                Kind::Broadcast { .. } | Kind::Raw { .. } => true,
            };
            *name == endpoint.name && own
        }
    };
    (wanted.raw || !raw) && wanted.listen.iter().any(meant)
}

fn table(state: &State) -> Table {
    let same_as_inbound = state.wanted.same_as_inbound;
    let mut table = Table { raw: state.raw.clone(), same_as_inbound, ..Table::default() };
    for (endpoint, open) in &state.open {
        table.names.entry(endpoint.interface).or_insert_with(|| endpoint.name.as_str().into());
        match &endpoint.kind {
            Kind::Unicast(address) => {
                table.udp.entry(*address).or_default().extend(open.senders.iter().cloned());
            }
            Kind::Raw { mac, .. } => {
                table.links.insert(endpoint.interface, *mac);
            }
            Kind::Broadcast { .. } => {}
        }
    }
    table.addresses = table.udp.keys().copied().collect();
    table
}

/// An endpoint as an operator names it.
struct Shown<'a>(&'a Endpoint);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.name;
        match &self.0.kind {
            Kind::Unicast(address) => write!(f, "{name}/{address}"),
            Kind::Broadcast { to, .. } => write!(f, "{name} (broadcasts to {to})"),
            Kind::Raw { .. } => write!(f, "{name} (raw)"),
        }
    }
}
