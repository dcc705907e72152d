//! perfdhcp's options, turned into a plan and a link. Pure, but for two questions to the machine:
//! the address of an interface, and the first transaction identifier.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use clap::Parser;

use crate::fleet::{BASE_MAC, Fleet};
use crate::limits::CLIENTS;
use crate::pace::Pace;
use crate::plan::{Exchange, MaxDrop, Plan};
use crate::run::{Link, address_towards};
use crate::wire::Mac;

/// Exchanges under way when neither a rate nor a window is given: "as fast as possible", but not
/// more than fit into the packet queue (64) that a Kea has by default.
const DEFAULT_WINDOW: u32 = 32;
/// The port of DHCP servers and relays.
const SERVER_PORT: u16 = 67;

/// Loads DHCPv4 servers as a relay with many clients does, and checks what they answer.
///
/// The options are perfdhcp's. Exit status: 0 all exchanges ended well, 1 general error, 2 wrong
/// arguments, 3 some exchanges did not end well.
#[derive(Clone, Debug, Parser)]
#[command(name = "peregrine-perf", version, args_override_self = true)]
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
            local: SocketAddrV4::new(address, port(self.local_port)),
            device,
            servers: servers.into_iter().map(|server| SocketAddrV4::new(server, remote)).collect(),
        })
    }

    /// The plan that the arguments describe, for a relay at `giaddr`.
    pub fn plan(&self, giaddr: Ipv4Addr) -> Plan {
        let window = self.window.unwrap_or(DEFAULT_WINDOW).min(self.range);
        let exchange = if self.offer_only { Exchange::Offer } else { Exchange::Dora };
        Plan {
            exchange,
            pace: self.rate.map_or(Pace::Window(window), Pace::Rate),
            exchanges: self.num_request.or_else(|| self.once()),
            period: self.period,
            drop_time: self.drop_time,
            max_drop: self.max_drop,
            exit_wait: self.exit_wait_us.map(Duration::from_micros),
            first_xid: if self.seed == 0 { drawn() } else { self.seed },
            report_every: self.report.unwrap_or(Duration::from_secs(1)),
            ..Plan::each_once((0..self.range).collect(), window, giaddr)
        }
    }

    /// The clients that the arguments describe.
    pub fn fleet(&self) -> Fleet {
        Fleet::new(self.base.unwrap_or(BASE_MAC), self.range)
    }

    /// Without rate, number or period each client makes one exchange: "effectively pinging the
    /// server".
    fn once(&self) -> Option<u64> {
        (self.rate.is_none() && self.period.is_none()).then(|| u64::from(self.range))
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
    let octets: Result<Vec<u8>, _> = digits
        .split(':')
        .filter(|octet| !octet.is_empty())
        .map(|octet| u8::from_str_radix(octet, 16))
        .collect();
    octets.ok().and_then(|octets| octets.try_into().ok()).ok_or_else(wrong)
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
        Arguments::try_parse_from(std::iter::once("peregrine-perf").chain(line.split_whitespace()))
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
        let plan = arguments.plan(*link.local.ip());
        assert_eq!((plan.pace, plan.exchanges), (Pace::Rate(1000), Some(9)));
        assert_eq!(
            (plan.drop_time, plan.period.unwrap()),
            (Duration::from_millis(500), Duration::from_millis(2500))
        );
        assert_eq!(plan.max_drop, Some(MaxDrop::Percent(5.0)));
        assert_eq!(plan.exit_wait, Some(Duration::from_millis(300)));
        assert_eq!(arguments.fleet().mac(1), [2, 0, 0, 0, 0, 2]);
    }

    #[test]
    fn without_limits_each_client_asks_once() {
        let plan = parse("-R 7 127.0.0.1").unwrap().plan(Ipv4Addr::LOCALHOST);
        assert_eq!((plan.pace, plan.exchanges), (Pace::Window(7), Some(7)));
        let plan = parse("-R 7 -p 1 127.0.0.1").unwrap().plan(Ipv4Addr::LOCALHOST);
        assert_eq!(plan.exchanges, None);
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
