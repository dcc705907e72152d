//! What a run is told as: perfdhcp's lines, or JSON. Pure.
//!
//! Where perfdhcp 2.2 prints `inf`, `-nan` or half a line for a stage without answers, `n/a` stands
//! here.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

use crate::fleet::Fleet;
use crate::pace::Pace;
use crate::plan::{Exchange, Plan};
use crate::tally::{Latency, Stage, Tally};

/// perfdhcp's final report.
pub fn text(plan: &Plan, tally: &Tally) -> String {
    let unit = match plan.exchange {
        Exchange::Dora => "4-way exchanges/second",
        Exchange::Offer => "DISCOVER-OFFER/second",
        Exchange::Rebind => "REQUEST-ACK/second",
        Exchange::Release => "RELEASE/second",
    };
    let mut out = String::from("***Rate statistics***\n");
    let _ = write!(out, "Rate: {} {unit}", significant(tally.rate()));
    if let Pace::Rate(all) = plan.pace {
        let _ = write!(out, ", expected rate: {}", expected_rate(plan, all));
    }
    let _ = writeln!(out, "\n\n***Malformed Packets***\nMalformed packets: {}", tally.malformed);
    if plan.exchange != Exchange::Rebind || tally.offer.sent > 0 {
        stage_text(&mut out, "DISCOVER-OFFER", &tally.offer);
    }
    if plan.exchange != Exchange::Offer {
        stage_text(&mut out, "REQUEST-ACK", &tally.ack);
    }
    if plan.mix.renewals > 0.0 {
        stage_text(&mut out, "REQUEST-ACK (renewal)", &tally.renewal);
    }
    if plan.mix.releases > 0.0 {
        let _ = writeln!(out, "***Statistics for: RELEASE***\nsent packets: {}\n", tally.released);
    }
    if tally.local_limit > 0 {
        let _ = writeln!(out, "locallimit: {}", tally.local_limit);
    }
    out
}

/// What is left of a pace for exchanges once the mix has its part.
fn expected_rate(plan: &Plan, all: u32) -> f64 {
    (f64::from(all) * (1.0 - plan.mix.renewals - plan.mix.releases)).round()
}

/// perfdhcp's line between two reports.
pub fn progress_line(tally: &Tally) -> String {
    let (offer, ack) = (&tally.offer, &tally.ack);
    format!(
        "sent: {}/{}; received: {}/{}; drops: {}/{}; rejected: {}/{}",
        offer.sent,
        ack.sent,
        offer.received,
        ack.received,
        offer.drops,
        ack.drops,
        offer.rejected,
        ack.rejected
    )
}

/// Why a run ended (perfdhcp's `-x e`).
pub fn exit_reason(plan: &Plan, tally: &Tally) -> String {
    let begun = tally.offer.sent + tally.ack.sent;
    let reason = if plan.enough.is_some_and(|enough| tally.completed >= enough) {
        "enough exchanges ended well (--enough)"
    } else if plan.exchanges.is_some_and(|limit| begun >= limit) {
        "all exchanges were begun (-n, -R)"
    } else if plan.period.is_some_and(|period| tally.elapsed + plan.warm_up >= period) {
        "the period is over (-p)"
    } else {
        "interrupted, or too many answers are missing (-D)"
    };
    format!("reason for exiting: {reason}")
}

/// Who served how many (perfdhcp's `-x s`).
pub fn servers_text(tally: &Tally) -> String {
    tally.by_server.iter().fold(String::new(), |mut out, (server, count)| {
        let _ = writeln!(out, "server id: {server}, exchanges: {count}");
        out
    })
}

/// Who holds what (perfdhcp's `-x l`).
pub fn leases(fleet: &Fleet) -> String {
    fleet.leases().fold(
        String::from("***Addresses and clients***\n"),
        |mut out, (client, lease)| {
            let mac = fleet.mac(client).map(|octet| format!("{octet:02x}")).join(":");
            let _ = writeln!(out, "{}\t{mac}", lease.address);
            out
        },
    )
}

/// The report for machines. Delays are in milliseconds, rates in exchanges per second.
pub fn json(plan: &Plan, tally: &Tally) -> Value {
    let expected = match plan.pace {
        Pace::Rate(all) => json!(expected_rate(plan, all)),
        Pace::Window(_) => Value::Null,
    };
    let window = match plan.pace {
        Pace::Window(window) => json!(window),
        Pace::Rate(_) => Value::Null,
    };
    json!({
        "rate": tally.rate(),
        "expected-rate": expected,
        "window": window,
        "throughput": tally.throughput(),
        "completed": tally.completed,
        "elapsed-s": tally.elapsed.as_secs_f64(),
        "malformed": tally.malformed,
        "local-limit": tally.local_limit,
        "clean": tally.is_clean(),
        "begun-in-s": tally.begun_in.as_secs_f64(),
        "reply-octets": tally.reply_size(),
        "released": tally.released,
        "servers": servers(tally),
        "exchange-ms": latency_json(&tally.exchange_ns),
        "discover-offer": stage_json(&tally.offer),
        "request-ack": stage_json(&tally.ack),
        "renewal": stage_json(&tally.renewal),
    })
}

fn servers(tally: &Tally) -> Map<String, Value> {
    let entry = |(server, count): (&Ipv4Addr, &u64)| (server.to_string(), json!(count));
    tally.by_server.iter().map(entry).collect()
}

fn stage_json(stage: &Stage) -> Value {
    json!({
        "sent": stage.sent,
        "received": stage.received,
        "drops": stage.drops,
        "drops-percent": stage.drop_percent(),
        "orphans": stage.orphans,
        "rejected": stage.rejected,
        "non-unique-addresses": stage.duplicates,
        "wrong-addresses": stage.wrong_address,
        "wrong-subnets": stage.wrong_subnet,
        "wrong-options": stage.wrong_options,
        "delay-ms": latency_json(stage.latency()),
    })
}

fn latency_json(latency: &Latency) -> Value {
    let histogram = latency.histogram();
    let ms = |ns: f64| (!histogram.is_empty()).then_some(ns / 1e6);
    json!({
        "min": ms(histogram.min() as f64),
        "avg": ms(histogram.mean()),
        "stddev": ms(histogram.stdev()),
        "p50": latency.percentile_ms(50.0),
        "p90": latency.percentile_ms(90.0),
        "p99": latency.percentile_ms(99.0),
        "p999": latency.percentile_ms(99.9),
        "max": ms(histogram.max() as f64),
    })
}

fn stage_text(out: &mut String, name: &str, stage: &Stage) {
    let ratio = stage.drop_percent().map_or("n/a".to_owned(), |percent| format!("{percent:.3} %"));
    let _ = write!(
        out,
        "***Statistics for: {name}***\n\
         sent packets: {}\nreceived packets: {}\ndrops: {}\ndrops ratio: {ratio}\n\
         orphans: {}\nrejected leases: {}\nnon unique addresses: {}\n",
        stage.sent, stage.received, stage.drops, stage.orphans, stage.rejected, stage.duplicates
    );
    for (wrong, count) in [
        ("addresses", stage.wrong_address),
        ("subnets", stage.wrong_subnet),
        ("options", stage.wrong_options),
    ] {
        if count > 0 {
            let _ = writeln!(out, "wrong {wrong}: {count}");
        }
    }
    let latency = stage.latency_ns();
    let delay = |ns: f64| match stage.received {
        0 => "n/a".to_owned(),
        _ => format!("{:.3} ms", ns / 1e6),
    };
    let _ = write!(
        out,
        "\nmin delay: {}\navg delay: {}\nmax delay: {}\nstd deviation: {}\n\
         collected packets: {}\n\n",
        delay(latency.min() as f64),
        delay(latency.mean()),
        delay(latency.max() as f64),
        delay(latency.stdev()),
        stage.drops
    );
}

/// Six significant digits without trailing zeros, as perfdhcp prints a rate.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let before = value.abs().log10().floor() as i32 + 1;
    let after = usize::try_from(6 - before).unwrap_or(0);
    let digits = format!("{value:.after$}");
    if !digits.contains('.') {
        return digits;
    }
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn plan() -> Plan {
        let clients = vec![0];
        Plan { pace: Pace::Rate(100), ..Plan::each_once(clients, 1, Ipv4Addr::LOCALHOST) }
    }

    #[test]
    fn a_report_has_perfdhcps_lines() {
        let mut tally = Tally { completed: 2, elapsed: Duration::from_secs(3), ..Tally::default() };
        tally.offer.sent = 4;
        tally.offer.answer(Duration::from_micros(100));
        tally.offer.answer(Duration::from_micros(300));
        tally.offer.drops = 2;
        let text = text(&plan(), &tally);
        for line in [
            "Rate: 0.666667 4-way exchanges/second, expected rate: 100\n",
            "***Malformed Packets***\nMalformed packets: 0\n***Statistics for: DISCOVER-OFFER***\n",
            "sent packets: 4\nreceived packets: 2\ndrops: 2\ndrops ratio: 50.000 %\norphans: 0\n",
            "rejected leases: 0\nnon unique addresses: 0\n\nmin delay: 0.100 ms\n",
            "avg delay: 0.200 ms\n",
            "max delay: 0.300 ms\nstd deviation: 0.100 ms\ncollected packets: 2\n\n",
            "***Statistics for: REQUEST-ACK***\nsent packets: 0\n",
            "drops ratio: n/a\n",
        ] {
            assert!(text.contains(line), "{line:?} expected in\n{text}");
        }
    }

    #[test]
    fn numbers_have_six_digits() {
        let printed: Vec<_> =
            [99.441_71, 9144.991, 66.0, 1_234_567.8, 0.5].map(significant).to_vec();
        assert_eq!(printed, ["99.4417", "9144.99", "66", "1234568", "0.5"]);
    }

    #[test]
    fn machines_get_null_for_what_was_not_measured() {
        let value = json(&plan(), &Tally::default());
        assert_eq!(value["request-ack"]["delay-ms"]["p99"], Value::Null);
        assert_eq!(value["exchange-ms"]["max"], Value::Null);
        assert_eq!(value["request-ack"]["drops-percent"], Value::Null);
        assert_eq!(value["clean"], json!(true));
    }
}
