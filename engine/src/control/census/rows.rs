//! `stat-lease4-get`: what each subnet has, as rows (Kea guide, "stat_cmds: Statistics Commands for Supplemental Lease
//! Statistics"). Pure.

use std::ops::RangeInclusive;

use serde_json::{Value, json};

use super::commands::moment;
use super::{Configured, Office, reading};
use crate::control::{Answer, Command, code};
use crate::stats::{Counter, Place};

/// Which subnets are meant.
enum Selection {
    All,
    One(u32),
    Range(RangeInclusive<u32>),
}

impl Selection {
    fn has(&self, id: u32) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => *one == id,
            Self::Range(range) => range.contains(&id),
        }
    }

    /// As answers name it, and what they say if there is no such subnet.
    fn words(&self) -> (String, String) {
        let range = |first, last| {
            format!("selected ID range: {first} through {last} includes no known subnets")
        };
        match self {
            Self::All => ("[all subnets]".into(), range(0, 0)),
            Self::One(id) => {
                (format!("[subnet-id={id}]"), format!("subnet-id: {id} does not exist"))
            }
            Self::Range(ids) => {
                let (first, last) = (*ids.start(), *ids.end());
                (format!("[subnets {first} through {last}]"), range(first, last))
            }
        }
    }
}

/// The answer to `stat-lease4-get`.
pub(super) fn answer(office: &Office, command: &Command<'_>) -> Result<Answer, String> {
    let census = &office.census;
    let configured = (census.configured)();
    let selection = selection(command.arguments)?;
    let rows = rows(office, &configured, &selection);
    let (named, unknown) = selection.words();
    if rows.is_empty() {
        let text = format!("stat-lease4-get{named}: no matching data, {unknown}");
        return Ok(Answer::success(text).and(json!({})).coded(code::EMPTY));
    }
    let text = format!("stat-lease4-get{named}: {} rows found", rows.len());
    let columns = [
        "subnet-id",
        "total-addresses",
        "cumulative-assigned-addresses",
        "assigned-addresses",
        "declined-addresses",
    ];
    let timestamp = moment(census.clock.wall_ms());
    let set = json!({ "columns": columns, "rows": rows, "timestamp": timestamp });
    Ok(Answer::success(text).and(json!({ "result-set": set })))
}

fn rows(office: &Office, configured: &Configured, selection: &Selection) -> Vec<Value> {
    let census = &office.census;
    let counts = census.count();
    let moment = census.moment();
    let mut ledger = office.ledger.lock();
    let chosen = configured.subnets.iter().filter(|subnet| selection.has(subnet.id));
    chosen
        .map(|subnet| {
            let place = Place::subnet(subnet.id);
            let of = counts.get(&place).copied().unwrap_or_default();
            // The statistics, which commands may have set back; what is in the leases beside them.
            let mut told = |what: &str, value: u64, is_gauge: bool| {
                let reading = reading(format!("subnet[{}].{what}", subnet.id), value, is_gauge);
                ledger.look(&reading, moment).map_or(0, |samples| samples[0].0)
            };
            let total = told("total-addresses", subnet.total(), true);
            let counter = Counter::CumulativeAssigned;
            let cumulative = told(counter.name(), census.stats.value_at(counter, place), false);
            // Here the declined ones stand apart.
            json!([subnet.id, total, cumulative, of.assigned - of.declined, of.declined])
        })
        .collect()
}

fn selection(arguments: Option<&Value>) -> Result<Selection, String> {
    let Some(arguments) = arguments else { return Ok(Selection::All) };
    if !arguments.is_object() {
        return Err("'arguments' parameter is not a map".into());
    }
    let one =
        arguments.get("subnet-id").map(|value| id(Some(value), "subnet-id", "is not integer"));
    let Some(range) = arguments.get("subnet-range") else {
        return one.transpose().map(|id| id.map_or(Selection::All, Selection::One));
    };
    if one.transpose()?.is_some() {
        return Err("cannot specify both subnet-id and subnet-range".into());
    }
    if !range.is_object() {
        return Err("subnet-range parameter is not a map".into());
    }
    let end = |name: &str| id(range.get(name), name, "missing or not an integer");
    let (first, last) = (end("first-subnet-id")?, end("last-subnet-id")?);
    match first <= last {
        true => Ok(Selection::Range(first..=last)),
        false => Err("'last-subnet-id' must be greater than 'first-subnet-id'".into()),
    }
}

fn id(value: Option<&Value>, name: &str, unless: &str) -> Result<u32, String> {
    let number = value.and_then(Value::as_i64);
    let number = number.ok_or_else(|| format!("'{name}' parameter {unless}"))?;
    match u32::try_from(number) {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(format!("'{name}' parameter must be > 0")),
    }
}
