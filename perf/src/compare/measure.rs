//! Contenders side by side: each is started, loaded and stopped in turn, round by round. Shell.

use std::fmt;
use std::rc::Rc;

use serde_json::Value;

use super::CompareError;
use super::configuration::{self, Mode, Threads};
use super::lab::{Host, Lab};
use super::lease_file::LeaseFile;
use super::load::{Generators, Load, Outcome};
use super::options::{Arguments, Generator};
use super::program::{Program, Programs};
use super::result::{Figure, Samples};
use super::server::{self, Server};
use crate::limits::CLIENTS;
use crate::pace::Pace;

/// Changes a configuration.
pub(super) type Change = Rc<dyn Fn(&mut Value, &Host)>;

/// One server of a contender.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) program: Program,
    pub(super) change: Option<Change>,
    /// The leases that it finds when it starts.
    pub(super) leases: Option<LeaseFile>,
}

/// What is measured against others.
#[derive(Clone)]
pub(super) struct Contender {
    /// As it is called in the results.
    pub(super) label: String,
    /// The server, or the two of a pair, primary first.
    pub(super) places: Vec<Place>,
    /// How a pair shares the work.
    pub(super) mode: Option<Mode>,
    /// Started once for all rounds: its start takes long.
    pub(super) kept: bool,
    /// Clients of each run at most.
    pub(super) clients: u32,
    /// Relays in front of them.
    pub(super) relays: u32,
    /// Further options of the generator.
    pub(super) more: Vec<String>,
    /// Seconds of each run that are not counted.
    pub(super) warm_up_s: f64,
    /// Workers, if not as many as was asked for all.
    pub(super) workers: Option<u16>,
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Contender {
    /// One server under its own name, in the plain setup.
    pub(super) fn plain(program: Program) -> Self {
        let label = program.label();
        Self {
            label,
            places: vec![Place { program, change: None, leases: None }],
            mode: None,
            kept: false,
            clients: CLIENTS,
            relays: 1,
            more: Vec::new(),
            warm_up_s: 0.3,
            workers: None,
        }
    }

    /// A pair of servers.
    pub(super) fn pair(label: impl Into<String>, programs: [Program; 2], mode: Mode) -> Self {
        let [one, two] = programs;
        let mut pair = Self { label: label.into(), mode: Some(mode), ..Self::plain(one) };
        pair.places.push(Place { program: two, change: None, leases: None });
        pair
    }

    /// Under another name.
    pub(super) fn called(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With its configuration changed.
    pub(super) fn changed(mut self, change: impl Fn(&mut Value, &Host) + 'static) -> Self {
        let change: Change = Rc::new(change);
        for place in &mut self.places {
            place.change = Some(Rc::clone(&change));
        }
        self
    }

    /// With leases from the start.
    pub(super) fn with_leases(mut self, leases: LeaseFile) -> Self {
        for place in &mut self.places {
            place.leases = Some(leases.clone());
        }
        self
    }
}

/// Everything that a scenario needs.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) programs: &'a Programs,
    pub(super) lab: Lab,
    /// Of the next run; each has clients of its own.
    pub(super) next_run: u32,
}

/// A contender at its place.
pub(super) struct Stand {
    pub(super) contender: Contender,
    pub(super) hosts: Vec<Host>,
    pub(super) servers: Vec<Server>,
    pub(super) window: u32,
}

impl<'a> Bench<'a> {
    /// Who makes loads.
    pub(super) fn generators(&self) -> Generators<'a> {
        Generators { programs: self.programs, arguments: self.arguments }
    }

    /// A place for each contender; nothing is started yet.
    pub(super) fn stand(&mut self, contender: Contender) -> Result<Stand, CompareError> {
        let hosts = match contender.places.len() {
            1 => vec![self.lab.add_host()?],
            _ => self.lab.add_pair()?.to_vec(),
        };
        let window = self.arguments.windows.first().copied().unwrap_or(32);
        Ok(Stand { contender, hosts, servers: Vec::new(), window })
    }

    /// Starts what is not running, with clean files, and waits until it serves.
    pub(super) fn start(&self, stand: &mut Stand) -> Result<(), CompareError> {
        if !stand.servers.is_empty() {
            return Ok(());
        }
        for place in 0..stand.contender.places.len() {
            self.prepare(stand, place)?;
            let server = self.spawn(stand, place)?;
            stand.servers.push(server);
        }
        for server in &mut stand.servers {
            server.wait_until_ready()?;
        }
        if let Some(mode) = stand.contender.mode {
            for server in &mut stand.servers {
                server.wait_for_state(mode.name())?;
            }
        }
        if stand.contender.kept {
            stand.servers.iter_mut().try_for_each(Server::wait_for_rest)?;
        }
        Ok(())
    }

    /// Clean files, and the leases that the server is to find.
    pub(super) fn prepare(&self, stand: &Stand, place: usize) -> Result<(), CompareError> {
        let host = &stand.hosts[place];
        server::clean(host)?;
        match &stand.contender.places[place].leases {
            Some(leases) => leases.write(&host.folder.join("leases.csv")),
            None => Ok(()),
        }
    }

    /// Starts one server, and does not wait.
    pub(super) fn spawn(&self, stand: &Stand, place: usize) -> Result<Server, CompareError> {
        let at = &stand.contender.places[place];
        let workers = stand.contender.workers.unwrap_or(self.arguments.workers.get());
        let threads = Threads { workers, kea: self.arguments.kea_threads };
        let host = &stand.hosts[place];
        let mut all = configuration::server(&at.program, host, threads);
        if let (Some(mode), [one, two]) = (stand.contender.mode, &stand.hosts[..]) {
            let hosts = [one.clone(), two.clone()];
            configuration::make_pair(&mut all, &at.program, &hosts, place, mode);
        }
        if let Some(change) = &at.change {
            change(&mut all, host);
        }
        Server::spawn(self.programs, &at.program, host, &all, workers)
    }

    /// A load on a contender: clients that never came before.
    pub(super) fn load(&mut self, stand: &Stand, pace: Pace, seconds: f64) -> Load {
        self.next_run += 1;
        Load {
            servers: stand.hosts.iter().map(|host| host.address).collect(),
            pace,
            seconds,
            clients: stand.contender.clients,
            run: self.next_run,
            relays: stand.contender.relays,
            more: stand.contender.more.clone(),
        }
    }

    /// One measurement.
    pub(super) fn measure(&mut self, stand: &mut Stand) -> Result<Outcome, CompareError> {
        self.start(stand)?;
        let warm_up_s = stand.contender.warm_up_s;
        let seconds = f64::from(self.arguments.seconds()) + warm_up_s;
        let mut load = self.load(stand, Pace::Window(stand.window), seconds);
        if warm_up_s > 0.0 {
            load.more.extend(["--warm-up".to_owned(), warm_up_s.to_string()]);
        }
        let outcome = self.generators().run(&self.lab, &load)?;
        for server in &mut stand.servers {
            server.check_running()?;
        }
        Ok(outcome)
    }

    /// Which of the windows suits a contender best.
    pub(super) fn choose_window(&mut self, stand: &mut Stand) -> Result<(), CompareError> {
        let windows = self.arguments.windows.clone();
        if windows.len() < 2 || self.arguments.generator == Generator::Perfdhcp {
            return Ok(());
        }
        let mut best = 0.0;
        for window in windows {
            self.start(stand)?;
            let seconds = if self.arguments.quick { 0.3 } else { 1.0 };
            let load = self.load(stand, Pace::Window(window), seconds);
            let outcome = self.generators().run(&self.lab, &load)?;
            if outcome.rate > best {
                (best, stand.window) = (outcome.rate, window);
            }
        }
        Ok(())
    }

    /// The rates of all contenders, each at its best window, in turn and round by round.
    pub(super) fn rates(
        &mut self,
        contenders: Vec<Contender>,
    ) -> Result<Vec<Figure>, CompareError> {
        let mut stands = Vec::new();
        for contender in contenders {
            let mut stand = self.stand(contender)?;
            tell(&format!("{}: looks for the best window", stand.contender.label));
            self.choose_window(&mut stand)?;
            stand.rest();
            stands.push((stand, Vec::<Outcome>::new()));
        }
        let count = stands.len();
        for round in 0..self.arguments.rounds() {
            // Each round begins with another one, so that nobody always follows the same.
            for turn in 0..count {
                let (stand, outcomes) = &mut stands[(turn + round as usize) % count];
                let outcome = self.measure(stand)?;
                tell(&format!(
                    "{}: round {} of {}: {:.0}/s",
                    stand.contender.label,
                    round + 1,
                    self.arguments.rounds(),
                    outcome.rate
                ));
                outcomes.push(outcome);
                stand.rest();
            }
        }
        Ok(stands.iter().map(|(stand, outcomes)| figure(stand, outcomes)).collect())
    }
}

impl Stand {
    /// Stops the servers unless they are kept.
    pub(super) fn rest(&mut self) {
        if !self.contender.kept {
            self.servers.clear();
        }
    }
}

fn figure(stand: &Stand, outcomes: &[Outcome]) -> Figure {
    let each = |of: fn(&Outcome) -> f64| Samples(outcomes.iter().map(of).collect());
    let sent: u64 = outcomes.iter().map(|outcome| outcome.sent[0] + outcome.sent[1]).sum();
    let drops: u64 = outcomes.iter().map(|outcome| outcome.drops[0] + outcome.drops[1]).sum();
    let wrong: u64 = outcomes.iter().map(|outcome| outcome.wrong).sum();
    let note = format!(
        "window {}, p50 {:.2} ms, p99 {:.2} ms, {drops} of {sent} unanswered, {wrong} wrong",
        stand.window,
        each(|outcome| outcome.latency_ms[0]).median(),
        each(|outcome| outcome.latency_ms[1]).median(),
    );
    let (label, samples) = (stand.contender.label.clone(), each(|outcome| outcome.rate));
    // An exchange with the echo gives nobody a lease.
    let echo = matches!(stand.contender.places[0].program, Program::Echo { .. });
    Figure { label, unit: if echo { "exchanges/s" } else { "leases/s" }, samples, note }
}

/// Tells who waits what is being done.
pub(super) fn tell(what: &str) {
    eprintln!("  {what}");
}
