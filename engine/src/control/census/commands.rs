//! The commands for statistics (Kea guide, "Statistics" and "stat_cmds"). Pure.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::ledger::{Limit, Reading, Sample};
use super::{Office, rows};
use crate::control::{Answer, Command, Registry};

type Handler = fn(&Office, &Command<'_>) -> Result<Answer, String>;

/// What a command for one statistic does with it; whether it was there.
type Deed = fn(&Office, &Reading) -> bool;

const COMMANDS: [(&str, Handler); 13] = [
    ("statistic-get", get),
    ("statistic-get-all", |office, _| Ok(Answer::with(office.all(|_| true)))),
    ("statistic-global-get-all", |office, _| {
        Ok(Answer::with(office.all(|name| !name.starts_with("subnet["))))
    }),
    ("statistic-reset", |office, command| one(office, command, reset, "reset.")),
    ("statistic-remove", |office, command| one(office, command, remove, "removed.")),
    ("statistic-reset-all", |office, _| {
        Ok(each(office, reset, "All statistics reset to neutral values."))
    }),
    ("statistic-remove-all", |office, _| {
        let done = "Warning: statistic-remove-all command is deprecated. All statistics removed.";
        Ok(each(office, remove, done))
    }),
    ("statistic-sample-age-set", |office, command| limit(office, command, age, "duration")),
    ("statistic-sample-count-set", |office, command| limit(office, command, count, "count")),
    ("statistic-sample-age-set-all", |office, command| limit_all(office, command, age, "duration")),
    ("statistic-sample-count-set-all", |office, command| {
        limit_all(office, command, count, "count")
    }),
    ("stat-lease4-get", rows::answer),
    ("leases-reclaim", |office, command| {
        office.census.reclaim(command)?;
        Ok(Answer::success("Reclamation of expired leases is complete."))
    }),
];

pub(super) fn register(office: &Arc<Office>, registry: &Registry) {
    for (name, handler) in COMMANDS {
        let office = Arc::clone(office);
        registry
            .register(name, move |command| handler(&office, command).unwrap_or_else(Answer::error));
    }
}

fn reset(office: &Office, reading: &Reading) -> bool {
    office.ledger.lock().reset(reading, office.census.moment())
}

fn remove(office: &Office, reading: &Reading) -> bool {
    office.ledger.lock().remove(reading, office.census.moment())
}

impl Office {
    /// The statistics whose names are wanted, each with its samples.
    fn all(&self, wanted: impl Fn(&str) -> bool) -> Value {
        let readings = self.census.readings();
        let moment = self.census.moment();
        let mut ledger = self.ledger.lock();
        let told = readings.into_iter().filter(|reading| wanted(&reading.name));
        let told = told.filter_map(|reading| Some((ledger.look(&reading, moment)?, reading.name)));
        let all: Map<_, _> = told.map(|(samples, name)| (name, show(&samples))).collect();
        all.into()
    }
}

fn get(office: &Office, command: &Command<'_>) -> Result<Answer, String> {
    let name = name(command)?;
    let mut found = Map::new();
    if let Some(reading) = office.census.reading(name)
        && let Some(samples) = office.ledger.lock().look(&reading, office.census.moment())
    {
        found.insert(reading.name, show(&samples));
    }
    Ok(Answer::with(found.into()))
}

fn one(office: &Office, command: &Command<'_>, deed: Deed, done: &str) -> Result<Answer, String> {
    let name = name(command)?;
    let found = office.census.reading(name).is_some_and(|reading| deed(office, &reading));
    match found {
        true => Ok(Answer::success(format!("Statistic '{name}' {done}"))),
        false => Err(format!("No '{name}' statistic found")),
    }
}

fn each(office: &Office, deed: Deed, done: &str) -> Answer {
    for reading in office.census.readings() {
        deed(office, &reading);
    }
    Answer::success(done)
}

fn limit(
    office: &Office,
    command: &Command<'_>,
    read: fn(&Command<'_>) -> Result<Limit, String>,
    what: &str,
) -> Result<Answer, String> {
    let name = name(command)?;
    let limit = read(command)?;
    let moment = office.census.moment();
    let mut set = |reading: Reading| office.ledger.lock().limit(&reading, limit, moment);
    match office.census.reading(name).is_some_and(&mut set) {
        true => Ok(Answer::success(format!("Statistic '{name}' {what} limit is set."))),
        false => Err(format!("No '{name}' statistic found")),
    }
}

fn limit_all(
    office: &Office,
    command: &Command<'_>,
    read: fn(&Command<'_>) -> Result<Limit, String>,
    what: &str,
) -> Result<Answer, String> {
    let limit = read(command)?;
    if limit == Limit::Count(0) {
        return Err("'max-samples' parameter must not be zero".into());
    }
    office.ledger.lock().limit_all(limit);
    Ok(Answer::success(format!("All statistics {what} limit are set.")))
}

fn argument<'a>(command: &Command<'a>, name: &str) -> Result<&'a Value, String> {
    let found = command.arguments.and_then(|arguments| arguments.get(name));
    found.ok_or_else(|| format!("Missing mandatory '{name}' parameter."))
}

fn name<'a>(command: &Command<'a>) -> Result<&'a str, String> {
    let name = argument(command, "name")?.as_str();
    name.ok_or_else(|| "'name' parameter expected to be a string.".into())
}

/// `duration`, seconds.
fn age(command: &Command<'_>) -> Result<Limit, String> {
    let seconds = argument(command, "duration")?.as_u64();
    let seconds = seconds.ok_or("'duration' parameter expected to be a number of seconds.")?;
    Ok(Limit::Age(seconds.saturating_mul(1000)))
}

fn count(command: &Command<'_>) -> Result<Limit, String> {
    let count = argument(command, "max-samples")?.as_u64();
    let count = count.ok_or("'max-samples' parameter expected to be an integer.")?;
    Ok(Limit::Count(count.try_into().unwrap_or(usize::MAX)))
}

/// Samples as Kea shows them.
fn show(samples: &[Sample]) -> Value {
    samples.iter().map(|(value, ms)| json!([value, moment(*ms)])).collect()
}

/// Local time with the parts of a second.
pub(super) fn moment(ms: u64) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at = at.unwrap_or_default().to_zoned(TimeZone::system());
    at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}
