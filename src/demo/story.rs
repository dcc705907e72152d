//! What happens, in order: the pair forms, clients come, a server is killed, the other takes over,
//! the first one comes back. Shell. A step fails the demo by a check (and the story goes on) or by
//! an error (and it ends).

use std::collections::BTreeMap;
use std::time::Duration;

use perf::clock::{self, Clock};
use perf::syscall;
use perf::tally::Tally;
use serde_json::{Map, Value, json};

use super::books::{self, Comparison};
use super::crowd::Crowd;
use super::server::Server;
use super::site::{PAIR, Site};
use super::tell::{self, Teller, seconds};
use super::{Arguments, DemoError};

/// How long the pair may take to form, to fail over or to come together again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at a server's state.
const LOOK: Duration = Duration::from_millis(10);
/// New clients that come while one server is gone: one for so many old ones.
const OLD_PER_NEWCOMER: u32 = 10;
/// The states through which a server returns, in order.
const RETURN: [&str; 4] = ["waiting", "syncing", "ready", "load-balancing"];

/// Plays the demo and tells it; whether all of it held.
pub(super) fn tell_all(arguments: &Arguments) -> bool {
    let mut teller = Teller::new(arguments.json);
    let mut story = match Story::prepare(arguments) {
        Ok(story) => story,
        Err(error) => {
            teller.end(Some(&error.to_string()), &[]);
            return false;
        }
    };
    let failure = story.play(&mut teller).err();
    let held = failure.is_none() && teller.all_held();
    let mut logs = Vec::new();
    if !held && !matches!(failure, Some(DemoError::Interrupted)) {
        let told = |server: &Server| (server.member.name, tell::tail(&server.log_from(0)));
        logs.extend(story.servers.each_ref().map(told));
    }
    // The servers end before the last word is said.
    drop(story);
    teller.end(failure.map(|error| error.to_string()).as_deref(), &logs);
    held
}

/// The players. Fields are dropped in order: the servers before their directory.
struct Story {
    servers: [Server; 2],
    crowd: Crowd,
    site: Site,
    clock: Clock,
    old_clients: u32,
}

impl Story {
    fn prepare(arguments: &Arguments) -> Result<Self, DemoError> {
        let program = match &arguments.server_program {
            Some(program) => program.clone(),
            None => {
                std::env::current_exe().map_err(DemoError::machine("this program's own file"))?
            }
        };
        let site = Site::prepare(&arguments.hooks_directory)?;
        let old_clients = arguments.clients;
        let crowd = Crowd::gather(old_clients + newcomers(old_clients), &site)?;
        let port = crowd.relay_port()?;
        let [first, second] = PAIR.map(|member| Server::new(member, &program, &site, port));
        Ok(Self { servers: [first?, second?], crowd, site, clock: Clock::start(), old_clients })
    }

    fn play(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        self.form(teller)?;
        self.serve(teller)?;
        self.fail_over(teller)?;
        self.come_back(teller)?;
        self.serve_again(teller)
    }

    fn form(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        let [first, second] = PAIR.map(|member| format!("{} on {}", member.name, member.address));
        teller.line(&format!(
            "A load-balancing pair: {first}, {second}, port {}",
            self.site.dhcp_port
        ));
        self.servers[0].start()?;
        self.servers[1].start()?;
        let took = self.until("both servers load-balancing", |servers| {
            servers.iter().all(|server| is_in(server, "load-balancing"))
        })?;
        teller.labelled("paired", &format!("both load-balancing after {}", seconds(took)));
        teller.measure("paired-after-s", json!(took.as_secs_f64()));
        Ok(())
    }

    fn serve(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        let asked = u64::from(self.old_clients);
        let clients = (0..self.old_clients).collect();
        let mut told = 0;
        let tally = self.crowd.join(clients, &mut |done| {
            if std::mem::replace(&mut told, done) != done {
                teller.labelled("clients", &format!("{done} of {asked} have a lease"));
            }
        })?;
        let compared = self.compare()?;
        let duplicates = self.crowd.fleet.duplicate_addresses();
        teller.line("");
        for line in tell::table(&tally, duplicates, compared.only_one) {
            teller.line(&line);
        }
        teller.measure("served", tell::measured(&tally));
        check_run(teller, "every client got a lease", asked, &tally);
        let shares = PAIR.map(|member| tally.by_server.get(&member.address).copied().unwrap_or(0));
        let few = self.old_clients < 20;
        let shared = few || shares.iter().all(|share| share * 5 > asked);
        teller.check(
            "the servers share the clients",
            shared,
            format!("{} and {}", shares[0], shares[1]),
        );
        check_books(teller, "both servers know every lease", &compared);
        Ok(())
    }

    fn fail_over(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        teller.line(&format!("\n{} is killed", PAIR[1].name));
        let orphaned = self.crowd.fleet.served_by(self.servers[1].identifier());
        self.servers[1].kill();
        let took =
            self.until("server1 partner-down", |servers| is_in(&servers[0], "partner-down"))?;
        teller.labelled("partner-down", &format!("{} after {}", PAIR[0].name, seconds(took)));
        teller.measure("partner-down-after-s", json!(took.as_secs_f64()));

        let asked = orphaned.len() as u64;
        let renewed = self.crowd.rebind(orphaned, &mut |_| ())?;
        teller.labelled(
            "renewed",
            &format!("{} of {asked} clients of {}", renewed.completed, PAIR[1].name),
        );
        check_run(teller, "the clients of the dead server keep their leases", asked, &renewed);
        teller.measure("renewed", tell::measured(&renewed));

        let newcomers = (self.old_clients..self.crowd.fleet.size()).collect::<Vec<_>>();
        let asked = newcomers.len() as u64;
        let joined = self.crowd.join(newcomers, &mut |_| ())?;
        teller.labelled("newcomers", &format!("{} of {asked} have a lease", joined.completed));
        check_run(teller, "newcomers get leases from the survivor", asked, &joined);
        teller.measure("newcomers", tell::measured(&joined));
        Ok(())
    }

    fn come_back(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        teller.line(&format!("\n{} is started again", PAIR[1].name));
        let mut steps = Steps::default();
        let log_from = self.servers[1].log_len();
        let started = self.clock.now();
        let clock = self.clock;
        self.servers[1].start()?;
        self.until("both servers load-balancing again", |servers| {
            let since = clock.now().saturating_sub(started);
            steps.note_log(&servers[1].log_from(log_from), since);
            if let Some(state) = servers[1].state() {
                steps.note(&state, since);
            }
            steps.reached("load-balancing") && is_in(&servers[0], "load-balancing")
        })?;
        for (state, since) in steps.in_order() {
            teller.labelled(state, &format!("after {}", seconds(since)));
        }
        teller.check("the server came back by synchronising", steps.is_whole(), steps.told());
        teller.measure("came-back", Value::Object(steps.measured()));
        let compared = self.compare()?;
        let Comparison { both, only_one, .. } = compared;
        teller
            .labelled("compared", &format!("{both} leases known to both, {only_one} to one only"));
        check_books(teller, "the returned server knows every lease", &compared);
        Ok(())
    }

    fn serve_again(&mut self, teller: &mut Teller) -> Result<(), DemoError> {
        let clients: Vec<_> = (0..self.crowd.fleet.size()).collect();
        let asked = clients.len() as u64;
        let tally = self.crowd.rebind(clients, &mut |_| ())?;
        teller.labelled(
            "renewed",
            &format!("{} of {asked} clients, with both again", tally.completed),
        );
        check_run(teller, "both serve again", asked, &tally);
        teller.measure("renewed-with-both", tell::measured(&tally));
        let back = tally.by_server.contains_key(&PAIR[1].address) || asked < 20;
        teller.check("the returned server takes its share", back, format!("{:?}", tally.by_server));
        check_books(teller, "both know every renewal", &self.compare()?);
        let duplicates = self.crowd.fleet.duplicate_addresses();
        teller.check(
            "no address has two clients",
            duplicates == 0,
            format!("{duplicates} duplicates"),
        );
        teller.measure("duplicate-addresses", json!(duplicates));
        Ok(())
    }

    fn compare(&self) -> Result<Comparison, DemoError> {
        let books = [self.servers[0].book()?, self.servers[1].book()?];
        Ok(books::compare(&books, &self.crowd.fleet))
    }

    /// Looks until `condition` holds; says how long that took.
    fn until(
        &mut self,
        what: &str,
        mut condition: impl FnMut(&[Server; 2]) -> bool,
    ) -> Result<Duration, DemoError> {
        let start = self.clock.now();
        while !condition(&self.servers) {
            if syscall::interrupted() {
                return Err(DemoError::Interrupted);
            }
            for server in &mut self.servers {
                server.check_running()?;
            }
            if self.clock.now().saturating_sub(start) > PATIENCE {
                return Err(DemoError::Late { what: what.to_owned(), limit: PATIENCE });
            }
            clock::pause(LOOK);
        }
        Ok(self.clock.now().saturating_sub(start))
    }
}

/// When a returning server was first seen in each of the states of [`RETURN`].
#[derive(Debug, Default)]
struct Steps(BTreeMap<usize, Duration>);

impl Steps {
    fn note(&mut self, state: &str, since: Duration) {
        if let Some(rank) = RETURN.iter().position(|one| *one == state) {
            self.0.entry(rank).or_insert(since);
        }
    }

    /// States too short to be seen by asking are told by the log.
    fn note_log(&mut self, log: &str, since: Duration) {
        for line in log.lines().filter(|line| line.contains("HA_STATE_TRANSITION")) {
            for state in states_named(line) {
                self.note(&state, since);
            }
        }
    }

    fn reached(&self, state: &str) -> bool {
        self.in_order().any(|(one, _)| one == state)
    }

    /// Whether it went all the way, and did so by synchronising.
    fn is_whole(&self) -> bool {
        self.0.len() == RETURN.len()
    }

    fn in_order(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        self.0.iter().map(|(rank, since)| (RETURN[*rank], *since))
    }

    fn told(&self) -> String {
        self.in_order().map(|(state, _)| state).collect::<Vec<_>>().join(", ")
    }

    fn measured(&self) -> Map<String, Value> {
        self.in_order()
            .map(|(state, since)| (state.to_owned(), json!(since.as_secs_f64())))
            .collect()
    }
}

/// The states between "from" and the comma of a transition's log line: "... from WAITING to SYNCING
/// state, ...".
fn states_named(line: &str) -> Vec<String> {
    let change = line.split_once(" from ").map_or("", |(_, rest)| rest);
    let change = change.split_once(" state").map_or("", |(change, _)| change);
    change.split(" to ").map(str::to_ascii_lowercase).collect()
}

fn newcomers(old_clients: u32) -> u32 {
    old_clients.div_ceil(OLD_PER_NEWCOMER)
}

fn is_in(server: &Server, state: &str) -> bool {
    server.state().as_deref() == Some(state)
}

fn check_run(teller: &mut Teller, what: &'static str, asked: u64, tally: &Tally) {
    let (naks, wrong, twice) = (tally.ack.rejected, tally.ack.wrong_address, tally.ack.duplicates);
    let held = tally.completed == asked && naks + wrong + twice == 0;
    let found = format!(
        "{} of {asked}, {naks} NAKs, {wrong} addresses not as offered, {twice} held by another",
        tally.completed
    );
    teller.check(what, held, found);
}

fn check_books(teller: &mut Teller, what: &'static str, compared: &Comparison) {
    let Comparison { both, only_one, different, forgotten } = compared;
    let found = format!(
        "{both} known to both ({different} of them differ), {only_one} to one only, \
         {forgotten} promised and not known to both"
    );
    teller.check(what, compared.holds(), found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transitions_are_read_from_the_log() {
        let mut steps = Steps::default();
        let second = Duration::from_secs(1);
        let line = "INFO [x] HA_STATE_TRANSITION server2: server transitions from WAITING to \
                    SYNCING state, partner state is PARTNER-DOWN\nother from A to READY state";
        steps.note_log(line, second);
        assert_eq!(steps.told(), "waiting, syncing");
        steps.note("load-balancing", second * 2);
        assert!(steps.reached("load-balancing") && !steps.is_whole());
        steps.note("ready", second);
        steps.note("syncing", second * 9);
        assert!(steps.is_whole());
        assert_eq!(steps.in_order().nth(1), Some(("syncing", second)), "the first time counts");
    }

    #[test]
    fn a_run_that_left_somebody_out_does_not_hold() {
        let mut teller = Teller::new(true);
        let tally = Tally { completed: 9, ..Tally::default() };
        check_run(&mut teller, "all", 9, &tally);
        assert!(teller.all_held());
        check_run(&mut teller, "all", 10, &tally);
        assert!(!teller.all_held());
    }

    #[test]
    fn a_single_client_brings_a_newcomer() {
        assert_eq!([1, 10, 11].map(newcomers), [1, 1, 2]);
    }
}
