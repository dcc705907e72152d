//! What was counted. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::limits::LATENCY_NS;

/// One half of an exchange: DISCOVER and OFFER, or REQUEST and ACK.
#[derive(Clone, Debug, Default)]
pub struct Stage {
    /// Queries sent (each once, however many servers got it).
    pub sent: u64,
    /// Answers that belong to a query, a NAK included.
    pub received: u64,
    /// Queries whose answer did not come in time.
    pub drops: u64,
    /// Answers that belong to no query: late, twice, or somebody else's.
    pub orphans: u64,
    /// Answers that refuse: NAK, or an OFFER that offers nothing.
    pub rejected: u64,
    /// Answers whose address another client holds.
    pub duplicates: u64,
    /// Acknowledgements of another address than was asked for.
    pub wrong_address: u64,
    /// Answers with an address that is not of the client's subnet.
    pub wrong_subnet: u64,
    /// Answers without one of the options that they must have, or with an option 82 that is not the query's.
    pub wrong_options: u64,
    latency_ns: Latency,
}

/// How long something took, in nanoseconds.
#[derive(Clone, Debug)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        let histogram = Histogram::new_with_bounds(1, LATENCY_NS, 3);
        Self(histogram.expect("1 < LATENCY_NS, and 3 digits are allowed"))
    }
}

impl Latency {
    /// Notes one.
    pub fn record(&mut self, latency: Duration) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(ns.clamp(1, LATENCY_NS));
    }

    /// All of them.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }

    /// Under which `percent` of them were, in milliseconds; `None` if there were none.
    pub fn percentile_ms(&self, percent: f64) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.value_at_quantile(percent / 100.0) as f64 / 1e6)
    }

    fn absorb(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }
}

impl Stage {
    /// Notes an answer and how long it took.
    pub fn answer(&mut self, latency: Duration) {
        self.received += 1;
        self.latency_ns.record(latency);
    }

    /// Adds what another run counted.
    pub fn absorb(&mut self, other: &Self) {
        self.sent += other.sent;
        self.received += other.received;
        self.drops += other.drops;
        self.orphans += other.orphans;
        self.rejected += other.rejected;
        self.duplicates += other.duplicates;
        self.wrong_address += other.wrong_address;
        self.wrong_subnet += other.wrong_subnet;
        self.wrong_options += other.wrong_options;
        self.latency_ns.absorb(&other.latency_ns);
    }

    /// The latencies, in nanoseconds.
    pub fn latency_ns(&self) -> &Histogram<u64> {
        self.latency_ns.histogram()
    }

    /// The latencies.
    pub fn latency(&self) -> &Latency {
        &self.latency_ns
    }

    /// The latency under which `percent` of the answers came, in milliseconds; `None` without
    /// answers.
    pub fn percentile_ms(&self, percent: f64) -> Option<f64> {
        self.latency_ns.percentile_ms(percent)
    }

    /// Missing answers, in percent of the queries; `None` without queries.
    pub fn drop_percent(&self) -> Option<f64> {
        (self.sent > 0).then(|| self.drops as f64 * 100.0 / self.sent as f64)
    }

    /// Answers that are wrong: what they give is another's, or not what was asked for, or of another subnet, or lacks
    /// options. One may count more than once.
    pub fn wrong(&self) -> u64 {
        self.duplicates + self.wrong_address + self.wrong_subnet + self.wrong_options
    }

    /// Whether every query was answered as it should be.
    pub fn is_clean(&self) -> bool {
        self.drops + self.rejected + self.wrong() == 0
    }
}

/// Everything that a run counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// DISCOVER and OFFER.
    pub offer: Stage,
    /// REQUEST and ACK.
    pub ack: Stage,
    /// REQUEST and ACK of renewals that were mixed in.
    pub renewal: Stage,
    /// Releases that were mixed in; nobody answers them.
    pub released: u64,
    /// From the moment when an exchange should have begun to its end, for those that ended well.
    pub exchange_ns: Latency,
    /// From the start until the last exchange began.
    pub begun_in: Duration,
    /// Octets of all answers.
    pub reply_octets: u64,
    /// Exchanges that ended well.
    pub completed: u64,
    /// From the start to the last exchange that ended well.
    pub completed_in: Duration,
    /// From the start to the end of the run.
    pub elapsed: Duration,
    /// Datagrams that are no answer.
    pub malformed: u64,
    /// Exchanges not begun, and datagrams not sent, because of limits of this machine.
    pub local_limit: u64,
    /// Exchanges that ended well, by server identifier.
    pub by_server: BTreeMap<Ipv4Addr, u64>,
}

impl Tally {
    /// Whether every exchange ended well, and no address twice.
    pub fn is_clean(&self) -> bool {
        [&self.offer, &self.ack, &self.renewal].into_iter().all(Stage::is_clean)
    }

    /// Adds what a run counted that followed this one.
    pub fn absorb(&mut self, later: &Self) {
        self.offer.absorb(&later.offer);
        self.ack.absorb(&later.ack);
        self.renewal.absorb(&later.renewal);
        self.released += later.released;
        self.exchange_ns.absorb(&later.exchange_ns);
        self.reply_octets += later.reply_octets;
        self.begun_in = self.elapsed + later.begun_in;
        self.completed += later.completed;
        self.completed_in = self.elapsed + later.completed_in;
        self.elapsed += later.elapsed;
        self.malformed += later.malformed;
        self.local_limit += later.local_limit;
        for (server, count) in &later.by_server {
            *self.by_server.entry(*server).or_default() += count;
        }
    }

    /// Octets of an answer, on average; `None` without answers.
    pub fn reply_size(&self) -> Option<f64> {
        let received = self.offer.received + self.ack.received + self.renewal.received;
        (received > 0).then(|| self.reply_octets as f64 / received as f64)
    }

    /// Exchanges per second over the whole run, as perfdhcp reckons.
    pub fn rate(&self) -> f64 {
        per_second(self.completed, self.elapsed)
    }

    /// Exchanges per second until the last one ended well: what the servers did, without the final
    /// wait.
    pub fn throughput(&self) -> f64 {
        per_second(self.completed, self.completed_in)
    }
}

fn per_second(count: u64, span: Duration) -> f64 {
    if span.is_zero() { 0.0 } else { count as f64 / span.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_follow_each_other_add_up() {
        let second = Duration::from_secs(1);
        let mut first =
            Tally { completed: 3, elapsed: second, completed_in: second, ..Tally::default() };
        first.ack.answer(Duration::from_millis(2));
        let mut later = Tally { completed: 1, elapsed: second, ..Tally::default() };
        later.completed_in = Duration::from_millis(500);
        later.ack.answer(Duration::from_millis(8));
        later.by_server.insert(Ipv4Addr::LOCALHOST, 1);
        first.absorb(&later);
        assert_eq!((first.completed, first.ack.received), (4, 2));
        assert_eq!((first.rate(), first.throughput()), (2.0, 4.0 / 1.5));
        assert_eq!(first.by_server[&Ipv4Addr::LOCALHOST], 1);
        assert!(first.ack.percentile_ms(99.0).unwrap() > 7.9);
    }
}
