//! perfdhcp's options, turned into a plan and a link. Pure, but for two questions to the machine:
//! the address of an interface, and the first transaction identifier; and the lists that are read from files.

mod values;

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::compare;
use crate::echo;
use crate::fleet::{BASE_MAC, Fleet};
use crate::limits::{CHOSEN_OPTIONS, CLIENTS, MORE};
use crate::pace::Pace;
use crate::plan::{Exchange, Expected, Impatience, MaxDrop, Mix, Plan, Relays};
use crate::run::{Link, address_towards};
use crate::wire::Mac;

/// Exchanges under way when neither a rate nor a window is given: "as fast as possible", but not
/// more than fit into the packet queue (64) that a Kea has by default.
const DEFAULT_WINDOW: u32 = 32;
/// The port of DHCP servers and relays.
const SERVER_PORT: u16 = 67;

/// The whole command line: a load, or one of two words of our own.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "peregrine-perf",
    version,
    args_override_self = true,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true
)]
pub struct CommandLine {
    /// A word of our own.
    #[command(subcommand)]
    pub word: Option<Word>,
    /// Without one: a load.
    #[command(flatten)]
    pub load: Arguments,
}

/// Words of our own.
#[derive(Clone, Debug, Subcommand)]
pub enum Word {
    /// Answers every query with the least work there can be: what the network and this generator allow at most
    Echo(echo::Arguments),
    /// Measures the echo, Peregrine and each Kea side by side, and writes a table, JSON and a chart
    Compare(compare::Arguments),
}

/// Loads DHCPv4 servers as a relay with many clients does, and checks what they answer.
///
/// The options are perfdhcp's. Exit status: 0 all exchanges ended well, 1 general error, 2 wrong
/// arguments, 3 some exchanges did not end well.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// DHCPv4 (the default, and all there is)
    #[arg(short = '4')]
    pub v4: bool,
    /// Only DISCOVER and OFFER
    #[arg(short = 'i')]
    pub offer_only: bool,
    /// Exchanges to begin per second; without it, a window of exchanges is kept under way
    #[arg(short = 'r', value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,
    /// Exchanges under way at the same time; the end of one lets the next begin
    #[arg(long, value_name = "N", conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub window: Option<u32>,
    /// Renewals per second besides (needs -r)
    #[arg(short = 'f', value_name = "RENEW-RATE", requires = "rate", default_value_t = 0)]
    pub renew_rate: u32,
    /// Releases per second besides (needs -r)
    #[arg(short = 'F', value_name = "RELEASE-RATE", requires = "rate", default_value_t = 0)]
    pub release_rate: u32,
    /// Renewals among the queries, in percent (with a window)
    #[arg(long, value_name = "PERCENT", conflicts_with = "rate", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(..=49))]
    pub renewals: u8,
    /// Releases among the queries, in percent (with a window)
    #[arg(long, value_name = "PERCENT", conflicts_with = "rate", default_value_t = 0,
          value_parser = clap::value_parser!(u8).range(..=49))]
    pub releases: u8,
    /// Exchanges that begin at once at the start
    #[arg(short = 'P', value_name = "PRELOAD", default_value_t = 0)]
    pub preload: u64,
    /// Different clients
    #[arg(short = 'R', value_name = "RANGE", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CLIENTS)))]
    pub range: u32,
    /// Exchanges to begin
    #[arg(short = 'n', value_name = "NUM-REQUEST",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub num_request: Option<u64>,
    /// Time in which exchanges begin, in seconds
    #[arg(short = 'p', value_name = "PERIOD", value_parser = seconds)]
    pub period: Option<Duration>,
    /// Time after which an answer counts as missing, in seconds
    #[arg(short = 'd', value_name = "DROP-TIME", default_value = "1", value_parser = seconds)]
    pub drop_time: Duration,
    /// Missing answers that end the run; with %, of the queries
    #[arg(short = 'D', value_name = "MAX-DROP", value_parser = max_drop)]
    pub max_drop: Option<MaxDrop>,
    /// Time for what is under way after the last exchange began, in microseconds; without it, until
    /// each exchange has ended
    #[arg(short = 'W', value_name = "EXIT-WAIT")]
    pub exit_wait_us: Option<u64>,
    /// The relay's address or interface
    #[arg(short = 'l', value_name = "LOCAL")]
    pub local: Option<String>,
    /// The relay's port; 0 means 67
    #[arg(short = 'L', value_name = "LOCAL-PORT", default_value_t = 0)]
    pub local_port: u16,
    /// The servers' port; 0 means 67
    #[arg(short = 'N', value_name = "REMOTE-PORT", default_value_t = 0)]
    pub remote_port: u16,
    /// The first client's hardware address, as mac=00:0c:01:02:03:04
    #[arg(short = 'b', value_name = "BASE", value_parser = base)]
    pub base: Option<Mac>,
    /// A file with the clients' hardware addresses, one on each line
    #[arg(short = 'M', value_name = "MAC-LIST-FILE", conflicts_with = "base")]
    pub mac_list: Option<PathBuf>,
    /// A file with servers' addresses, one on each line: each exchange goes to one of them, in turn
    #[arg(short = 'J', value_name = "SERVER-LIST-FILE")]
    pub server_list: Option<PathBuf>,
    /// An option for each query, as 60,646f6373
    #[arg(short = 'o', value_name = "CODE,HEX", value_parser = values::chosen_option)]
    pub options: Vec<values::ChosenOption>,
    /// Clients want answers broadcast
    #[arg(short = 'B')]
    pub broadcast: bool,
    /// From this second on clients say that they have waited for long (with -y)
    #[arg(short = 'Y', value_name = "SECONDS", requires = "impatient_for", value_parser = seconds)]
    pub impatient_from: Option<Duration>,
    /// For so many seconds
    #[arg(short = 'y', value_name = "SECONDS", requires = "impatient_from", value_parser = seconds)]
    pub impatient_for: Option<Duration>,
    /// basic, or avalanche: all clients at once, and again with growing patience until each has a lease
    #[arg(long, value_name = "NAME", default_value = "basic", value_parser = ["basic", "avalanche"])]
    pub scenario: String,
    /// A command that is called with "start" before the run and "stop" after it
    #[arg(short = 'w', value_name = "COMMAND")]
    pub wrapped: Option<PathBuf>,
    /// What else is told: a arguments, e why the run ended, l leases, s server identifiers
    #[arg(short = 'x', value_name = "LETTERS", default_value = "")]
    pub diagnostics: String,
    /// Accepted for perfdhcp's sake: one thread is always enough here
    #[arg(short = 'g', value_name = "THREAD-MODE", value_parser = ["single", "multi"])]
    pub thread_mode: Option<String>,
    /// Accepted for perfdhcp's sake: each client takes the server of its own offer
    #[arg(short = '1')]
    pub first_server: bool,
    /// Relays in front of the clients, which are behind them in turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub relays: u32,
    /// The first relay's address (giaddr), if it is not the local one
    #[arg(long, value_name = "ADDRESS")]
    pub giaddr: Option<Ipv4Addr>,
    /// From one relay's address to the next one's
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub giaddr_step: u32,
    /// Relays say by option 82 whose query it is, and look whether it comes back
    #[arg(long)]
    pub option_82: bool,
    /// Every address must be of this subnet, as 10.0.0.0/8
    #[arg(long, value_name = "SUBNET", value_parser = values::subnet)]
    pub expect_subnet: Option<(Ipv4Addr, u8)>,
    /// Every address must have so many bits in common with its relay's
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(..=32))]
    pub expect_relay_prefix: Option<u8>,
    /// Every OFFER and ACK must have these options, as 1,3,51
    #[arg(long, value_name = "CODES", value_delimiter = ',')]
    pub expect_options: Vec<u8>,
    /// What happens in the first so many seconds is not counted
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub warm_up: Option<Duration>,
    /// The run is over after so many exchanges that ended well
    #[arg(long, value_name = "N")]
    pub enough: Option<u64>,
    /// The first window is written before any of it is sent, and given to the kernel 64 queries at a time (with
    /// --window)
    #[arg(long, requires = "window")]
    pub at_once: bool,
    /// After the run each client gives back what it has; that is not counted
    #[arg(long)]
    pub release_after: bool,
    /// Seconds between two interim reports
    #[arg(short = 't', value_name = "REPORT", value_parser = seconds)]
    pub report: Option<Duration>,
    /// Fixes the transaction identifiers; 0 means that they are drawn
    #[arg(short = 's', value_name = "SEED", default_value_t = 0)]
    pub seed: u32,
    /// Check that addresses are unique (always done; accepted for perfdhcp's sake)
    #[arg(short = 'u')]
    pub unique: bool,
    /// The report as JSON
    #[arg(long)]
    pub json: bool,
    /// The servers' addresses; each query goes to all of them
    #[arg(value_name = "SERVER")]
    pub servers: Vec<Ipv4Addr>,
}

/// Why the arguments make no run.
#[derive(Debug, thiserror::Error)]
pub enum ArgumentError {
    /// Nobody to send to.
    #[error("no server given: an address, or an interface (-l) on which to broadcast, expected")]
    NoServer,
    /// The local address could not be found.
    #[error("no local address towards {server}: {error}")]
    NoLocalAddress {
        /// The server.
        server: Ipv4Addr,
        /// What the kernel said.
        error: std::io::Error,
    },
    /// A list could not be read.
    #[error("{}: {found}", file.display())]
    List {
        /// The file.
        file: PathBuf,
        /// What was found there, and what was expected.
        found: String,
    },
    /// More queries than the kind that they are mixed into.
    #[error(
        "-f {renewals} and -F {releases} found, together at most the rate of -r {rate} expected"
    )]
    Mix {
        /// Of renewals.
        renewals: u32,
        /// Of releases.
        releases: u32,
        /// Of exchanges.
        rate: u32,
    },
    /// Options that do not fit into a query.
    #[error(
        "{octets} octets in {count} options (-o) found, at most {MORE} in {CHOSEN_OPTIONS} expected"
    )]
    Options {
        /// How many.
        count: usize,
        /// How long they are together.
        octets: usize,
    },
}

impl Arguments {
    /// The link that the arguments describe.
    ///
    /// # Errors
    /// [`ArgumentError`].
    pub fn link(&self) -> Result<Link, ArgumentError> {
        let address = self.local.as_ref().and_then(|local| local.parse::<Ipv4Addr>().ok());
        let device = self.local.clone().filter(|_| address.is_none());
        let mut servers = self.servers.clone();
        if let Some(file) = &self.server_list {
            servers.extend(values::list::<Ipv4Addr>(file, |line| line.parse().ok())?);
        }
        if servers.is_empty() && device.is_some() {
            servers.push(Ipv4Addr::BROADCAST);
        }
        let server = *servers.first().ok_or(ArgumentError::NoServer)?;
        let address = match address {
            Some(address) => address,
            None => address_towards(server, device.as_deref())
                .map_err(|error| ArgumentError::NoLocalAddress { server, error })?,
        };
        let port = |given: u16| if given == 0 { SERVER_PORT } else { given };
        let remote = port(self.remote_port);
        Ok(Link {
            // The other relays' addresses are this machine's, too, or nothing comes back.
            local: SocketAddrV4::new(
                if self.relays > 1 || self.giaddr.is_some() {
                    Ipv4Addr::UNSPECIFIED
                } else {
                    address
                },
                port(self.local_port),
            ),
            device,
            servers: servers.into_iter().map(|server| SocketAddrV4::new(server, remote)).collect(),
        })
    }

    /// The plan that the arguments describe, for a relay at `local` unless they name another.
    ///
    /// # Errors
    /// [`ArgumentError`].
    pub fn plan(&self, local: Ipv4Addr, clients: u32) -> Result<Plan, ArgumentError> {
        let window = self.window.unwrap_or(DEFAULT_WINDOW).min(clients);
        let exchange = if self.offer_only { Exchange::Offer } else { Exchange::Dora };
        let (pace, mix) = self.pace(window)?;
        let impatience = self.impatient_from.zip(self.impatient_for);
        Ok(Plan {
            exchange,
            pace,
            mix,
            exchanges: self.num_request.or_else(|| self.once(clients)),
            period: self.period,
            drop_time: self.drop_time,
            max_drop: self.max_drop,
            exit_wait: self.exit_wait_us.map(Duration::from_micros),
            preload: self.preload,
            at_once: self.at_once,
            warm_up: self.warm_up.unwrap_or_default(),
            enough: self.enough,
            first_xid: if self.seed == 0 { drawn() } else { self.seed },
            report_every: self.report.unwrap_or(Duration::from_secs(1)),
            expected: Expected {
                subnet: self.expect_subnet,
                relay_prefix: self.expect_relay_prefix,
                options: self.expect_options.iter().copied().collect(),
            },
            relays: Relays {
                count: self.relays,
                step: self.giaddr_step,
                option_82: self.option_82,
            },
            more: self.more()?,
            broadcast: self.broadcast,
            one_server: self.server_list.is_some(),
            impatience: impatience.map(|(from, span)| Impatience { from, span }),
            ..Plan::each_once((0..clients).collect(), window, self.giaddr.unwrap_or(local))
        })
    }

    fn pace(&self, window: u32) -> Result<(Pace, Mix), ArgumentError> {
        let Some(rate) = self.rate else {
            let part = |percent: u8| f64::from(percent) / 100.0;
            let mix = Mix { renewals: part(self.renewals), releases: part(self.releases) };
            return Ok((Pace::Window(window), mix));
        };
        let (renewals, releases) = (self.renew_rate, self.release_rate);
        let besides = renewals.saturating_add(releases);
        if besides > rate {
            return Err(ArgumentError::Mix { renewals, releases, rate });
        }
        let all = rate.saturating_add(besides);
        let part = |rate: u32| f64::from(rate) / f64::from(all);
        Ok((Pace::Rate(all), Mix { renewals: part(renewals), releases: part(releases) }))
    }

    fn more(&self) -> Result<Vec<u8>, ArgumentError> {
        let octets: Vec<u8> = self.options.iter().flat_map(|option| option.0.clone()).collect();
        if self.options.len() > CHOSEN_OPTIONS || octets.len() > MORE {
            let (count, octets) = (self.options.len(), octets.len());
            return Err(ArgumentError::Options { count, octets });
        }
        Ok(octets)
    }

    /// The clients that the arguments describe.
    ///
    /// # Errors
    /// [`ArgumentError::List`] if their list cannot be read.
    pub fn fleet(&self) -> Result<Fleet, ArgumentError> {
        Ok(match &self.mac_list {
            Some(file) => Fleet::listed(values::list(file, values::mac)?),
            None => Fleet::new(self.base.unwrap_or(BASE_MAC), self.range),
        })
    }

    /// Without rate, number or period each client makes one exchange: "effectively pinging the
    /// server".
    fn once(&self, clients: u32) -> Option<u64> {
        let unlimited = self.rate.is_some() || self.period.is_some() || self.enough.is_some();
        (!unlimited).then(|| u64::from(clients))
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("{text:?} found, seconds expected"))?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if !span.is_zero() => Ok(span),
        _ => Err(format!("{text} found, a time above 0 expected")),
    }
}

fn max_drop(text: &str) -> Result<MaxDrop, String> {
    let wrong = || format!("{text:?} found, a number or a percentage expected");
    match text.strip_suffix('%') {
        None => text.parse().map(MaxDrop::Count).map_err(|_| wrong()),
        Some(percent) => match percent.parse::<f64>() {
            Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(MaxDrop::Percent(percent)),
            _ => Err(wrong()),
        },
    }
}

fn base(text: &str) -> Result<Mac, String> {
    let wrong = || format!("{text:?} found, mac=00:0c:01:02:03:04 or the like expected");
    let digits =
        text.strip_prefix("mac=").or_else(|| text.strip_prefix("ether=")).ok_or_else(wrong)?;
    values::mac(digits).ok_or_else(wrong)
}

/// A number that differs between runs, so that late answers to an earlier run are seen as that.
fn drawn() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().hash_one(0_u8).to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        let words = std::iter::once("peregrine-perf").chain(line.split_whitespace());
        CommandLine::try_parse_from(words).map(|line| line.load)
    }

    fn plan(line: &str) -> Plan {
        let arguments = parse(line).unwrap();
        arguments.plan(Ipv4Addr::LOCALHOST, arguments.range).unwrap()
    }

    #[test]
    fn perfdhcps_options_are_taken() {
        let line = "-4 -r 1000 -R 500 -p 2.5 -n 9 -l 127.0.0.3 -L 1068 -N 1067 -D 5% -d 0.5 \
                    -W 300000 -b mac=02::00:00:00:00:01 127.0.0.1 127.0.0.2";
        let arguments = parse(line).unwrap();
        let link = arguments.link().unwrap();
        assert_eq!(link.local, "127.0.0.3:1068".parse().unwrap());
        let servers = ["127.0.0.1:1067", "127.0.0.2:1067"].map(|text| text.parse().unwrap());
        assert_eq!(link.servers, servers);
        let plan = arguments.plan(*link.local.ip(), 500).unwrap();
        assert_eq!((plan.pace, plan.exchanges), (Pace::Rate(1000), Some(9)));
        assert_eq!(
            (plan.drop_time, plan.period.unwrap()),
            (Duration::from_millis(500), Duration::from_millis(2500))
        );
        assert_eq!(plan.max_drop, Some(MaxDrop::Percent(5.0)));
        assert_eq!(plan.exit_wait, Some(Duration::from_millis(300)));
        assert_eq!(arguments.fleet().unwrap().mac(1), [2, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn without_limits_each_client_asks_once() {
        let once = plan("-R 7 127.0.0.1");
        assert_eq!((once.pace, once.exchanges), (Pace::Window(7), Some(7)));
        assert_eq!(plan("-R 7 -p 1 127.0.0.1").exchanges, None);
    }

    #[test]
    fn renewals_and_releases_are_mixed_in() {
        let paced = plan("-r 100 -f 60 -F 40 127.0.0.1");
        assert_eq!(paced.pace, Pace::Rate(200));
        assert_eq!(paced.mix, Mix { renewals: 0.3, releases: 0.2 });
        let windowed = plan("-R 9 --window 4 --renewals 25 127.0.0.1");
        assert_eq!(windowed.pace, Pace::Window(4));
        assert_eq!(windowed.mix, Mix { renewals: 0.25, releases: 0.0 });
        let more = parse("-r 100 -f 60 -F 41 127.0.0.1").unwrap();
        assert!(matches!(more.plan(Ipv4Addr::LOCALHOST, 1), Err(ArgumentError::Mix { .. })));
    }

    #[test]
    fn options_and_expectations_are_taken() {
        let plan = plan(
            "-o 60,6869 -o 77,01 --expect-subnet 10.0.0.0/8 --expect-options 1,3 -B 127.0.0.1",
        );
        assert_eq!(plan.more, [60, 2, b'h', b'i', 77, 1, 1]);
        assert_eq!(plan.expected.subnet, Some((Ipv4Addr::new(10, 0, 0, 0), 8)));
        assert!(
            plan.broadcast && plan.expected.options.contains_all(&[1, 3].into_iter().collect())
        );
    }

    #[test]
    fn clients_may_be_listed_in_a_file() {
        let file = std::env::temp_dir().join(format!("peregrine-perf-macs-{}", std::process::id()));
        std::fs::write(&file, "# mine\n00:0c:01:02:03:09\n\n00:0c:01:02:03:0a\n").unwrap();
        let arguments = parse(&format!("-M {} 127.0.0.1", file.display())).unwrap();
        let fleet = arguments.fleet();
        std::fs::write(&file, "00:0c\n").unwrap();
        let wrong = arguments.fleet().map(|_| ()).unwrap_err().to_string();
        std::fs::remove_file(&file).unwrap();
        assert_eq!((fleet.as_ref().unwrap().size(), fleet.unwrap().mac(1)[5]), (2, 10));
        assert!(wrong.contains("line 1"), "{wrong}");
    }

    #[test]
    fn words_of_our_own_are_no_servers() {
        let word = |line: &[&str]| CommandLine::try_parse_from(line).unwrap().word;
        let echo = word(&["peregrine-perf", "echo", "127.0.0.1:1067"]);
        assert!(matches!(echo, Some(Word::Echo(_))));
        let compare = word(&["peregrine-perf", "compare", "--quick"]);
        assert!(matches!(compare, Some(Word::Compare(_))));
    }

    #[test]
    fn an_interface_gives_the_address_and_broadcast() {
        let link = parse("-l lo 127.0.0.1").unwrap().link().unwrap();
        assert_eq!((link.device.as_deref(), *link.local.ip()), (Some("lo"), Ipv4Addr::LOCALHOST));
        assert!(matches!(parse("-r 5").unwrap().link(), Err(ArgumentError::NoServer)));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for line in
            ["-r 0 127.0.0.1", "-D x 1.2.3.4", "-p 0 1.2.3.4", "-b duid=01 1.2.3.4", "-6", "x"]
        {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
