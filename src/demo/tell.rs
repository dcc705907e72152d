//! What people and machines read. The texts are pure; one function prints.

use std::time::Duration;

use perf::tally::Tally;
use serde_json::{Value, json};

use super::site::PAIR;

/// The width of the first column.
const LABEL: usize = 16;

/// Something that had to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) what: &'static str,
    pub(super) held: bool,
    pub(super) found: String,
}

/// The result of a demo: what held, and what was measured.
#[derive(Debug)]
pub(super) struct Teller {
    json: bool,
    checks: Vec<Check>,
    measured: Value,
}

impl Teller {
    /// Tells people line by line, or machines one object at the end.
    pub(super) fn new(json: bool) -> Self {
        Self { json, checks: Vec::new(), measured: json!({}) }
    }

    /// A line for people.
    pub(super) fn line(&self, text: &str) {
        if !self.json {
            println!("{text}");
        }
    }

    /// A line with a label in the first column.
    pub(super) fn labelled(&self, label: &str, text: &str) {
        self.line(&format!("  {label:LABEL$}{text}"));
    }

    /// Notes a number for machines.
    pub(super) fn measure(&mut self, name: &str, value: Value) {
        self.measured[name] = value;
    }

    /// Notes whether something held.
    pub(super) fn check(&mut self, what: &'static str, held: bool, found: impl Into<String>) {
        self.checks.push(Check { what, held, found: found.into() });
    }

    /// Whether all of it held, up to now.
    pub(super) fn all_held(&self) -> bool {
        self.checks.iter().all(|check| check.held)
    }

    /// Says the end: what did not hold (with `logs` of the servers), or that all did.
    pub(super) fn end(self, failure: Option<&str>, logs: &[(&'static str, String)]) {
        if self.json {
            println!("{:#}", self.result(failure, logs));
            return;
        }
        println!();
        if failure.is_none() && self.all_held() {
            println!("All of it held.");
            return;
        }
        for check in self.checks.iter().filter(|check| !check.held) {
            println!("Did not hold: {}: {}", check.what, check.found);
        }
        if let Some(failure) = failure {
            println!("Did not come to its end: {failure}");
        }
        for (name, log) in logs {
            print!("\nThe last words of {name}:\n{log}");
        }
    }

    fn result(&self, failure: Option<&str>, logs: &[(&str, String)]) -> Value {
        let check =
            |check: &Check| json!({"what": check.what, "held": check.held, "found": check.found});
        let log = |(name, log): &(&str, String)| ((*name).to_owned(), json!(log));
        json!({
            "held": failure.is_none() && self.all_held(),
            "failure": failure,
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "measured": self.measured,
            "logs": logs.iter().map(log).collect::<serde_json::Map<_, _>>(),
        })
    }
}

/// A span of time as people read it.
pub(super) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}

/// The table of a run with both servers. `only_one`: leases that only one of them knows.
pub(super) fn table(tally: &Tally, duplicates: usize, only_one: usize) -> Vec<String> {
    let [first, second] = PAIR.map(|member| served_by(tally, &member.address));
    let delay = |percent| {
        let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.2} ms"));
        [ms(tally.offer.percentile_ms(percent)), ms(tally.ack.percentile_ms(percent))]
    };
    let [offer_p50, ack_p50] = delay(50.0);
    let [offer_p99, ack_p99] = delay(99.0);
    let number = |value: u64| value.to_string();
    let rate = format!("{:.0}", tally.throughput());
    let rows: [(&str, [String; 3]); 8] = [
        ("", [PAIR[0].name.to_owned(), PAIR[1].name.to_owned(), "both".to_owned()]),
        ("leases given", [number(first), number(second), number(tally.completed)]),
        ("leases per second", ["".into(), "".into(), rate]),
        ("", ["".into(), "p50".into(), "p99".into()]),
        ("DISCOVER to OFFER", ["".into(), offer_p50, offer_p99]),
        ("REQUEST to ACK", ["".into(), ack_p50, ack_p99]),
        ("duplicate addresses", ["".into(), "".into(), duplicates.to_string()]),
        ("leases only one server knows", ["".into(), "".into(), only_one.to_string()]),
    ];
    let row =
        |(label, [a, b, c]): &(&str, [String; 3])| format!("  {label:30}{a:>10}{b:>10}{c:>10}");
    rows.iter().map(row).collect()
}

/// What machines get of a run.
pub(super) fn measured(tally: &Tally) -> Value {
    let stage = |stage: &perf::tally::Stage| {
        let (p50, p99) = (stage.percentile_ms(50.0), stage.percentile_ms(99.0));
        json!({"p50-ms": p50, "p99-ms": p99, "sent": stage.sent, "drops": stage.drops})
    };
    json!({
        "leases": tally.completed,
        "leases-per-second": tally.throughput(),
        "by-server": PAIR
            .iter()
            .map(|member| (member.name.to_owned(), json!(served_by(tally, &member.address))))
            .collect::<serde_json::Map<_, _>>(),
        "discover-offer": stage(&tally.offer),
        "request-ack": stage(&tally.ack),
    })
}

fn served_by(tally: &Tally, server: &std::net::Ipv4Addr) -> u64 {
    tally.by_server.get(server).copied().unwrap_or(0)
}

/// The last lines of a log.
pub(super) fn tail(log: &str) -> String {
    const LINES: usize = 15;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].iter().map(|line| format!("  {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let second = Duration::from_secs(1);
        let mut tally = Tally { completed: 5, completed_in: second, ..Tally::default() };
        tally.by_server.extend([(PAIR[0].address, 3), (PAIR[1].address, 2)]);
        tally.offer.answer(Duration::from_millis(2));
        tally
    }

    #[test]
    fn the_table_is_aligned() {
        let lines = table(&tally(), 0, 7);
        assert!(lines.iter().all(|line| line.len() == 62), "{lines:#?}");
        assert_eq!(
            lines[1].split_whitespace().collect::<Vec<_>>(),
            ["leases", "given", "3", "2", "5"]
        );
        assert!(
            lines[4].ends_with("2.00 ms") && lines[5].ends_with('-') && lines[7].ends_with(" 7")
        );
    }

    #[test]
    fn one_check_that_fails_fails_all() {
        let mut teller = Teller::new(true);
        teller.check("addresses are unique", true, "0 duplicates");
        assert!(teller.all_held());
        teller.check("both know all leases", false, "3 known to one only");
        teller.measure("first", measured(&tally()));
        let result = teller.result(None, &[]);
        assert_eq!(result["held"], false);
        assert_eq!(result["checks"][1]["found"], "3 known to one only");
        assert_eq!(result["measured"]["first"]["by-server"]["server2"], 2);
        assert_eq!(Teller::new(true).result(Some("interrupted"), &[])["held"], false);
    }

    #[test]
    fn a_tail_is_short() {
        let log: String = (0..40).map(|n| format!("line {n}\n")).collect();
        assert_eq!(tail(&log).lines().count(), 15);
        assert!(tail(&log).ends_with("line 39\n"));
    }
}
