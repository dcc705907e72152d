//! The ha-* commands and the relationship's part of status-get (Kea guide, "High Availability: Control
//! Commands"): arguments read from JSON, the machine asked, the answer in Kea's shape (*shell*: some wait).

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use engine::control::{Answer, Channel, Command, Registry, code};
use engine::seam::service::Origin;
use serde_json::{Map, Value, json};

use super::{Half, Halves};
use crate::limits::{COMMAND_TIMEOUT, SYNC_COMMAND_TIMEOUT};
use crate::machine::{Relationship, Status, arguments, unknown_server};
use crate::wire::announce;
use crate::wire::date::{rfc1123, timestamp};

type Handler = fn(&Half, &Command<'_>) -> Result<Begun, Answer>;

/// How far a command got at once.
pub(crate) enum Begun {
    /// To its end.
    Done(Answer),
    /// The answer comes after an exchange with the partner, or is not waited for any longer.
    Waits(Receiver<Answer>, Duration),
}

/// Which relationships a command means.
#[derive(Clone, Copy)]
enum Whose {
    /// That of `server-name`.
    Named,
    /// All of them, in order; the last answer is given.
    All,
    /// All of them up to the first that answers with an error.
    AllThatCan,
}

const COMMANDS: [(&str, Whose, Handler); 9] = [
    ("ha-continue", Whose::Named, resume),
    ("ha-heartbeat", Whose::Named, heartbeat),
    ("ha-maintenance-cancel", Whose::All, cancel_maintenance),
    ("ha-maintenance-notify", Whose::Named, notify_maintenance),
    ("ha-maintenance-start", Whose::AllThatCan, start_maintenance),
    ("ha-reset", Whose::Named, reset),
    ("ha-scopes", Whose::Named, scopes),
    ("ha-sync", Whose::Named, sync),
    ("ha-sync-complete-notify", Whose::Named, sync_complete),
];

/// Begins a command of `half`, without waiting for the partner; `None` if there is none of that name.
#[cfg(any(test, feature = "sim"))]
pub(crate) fn begin(half: &Half, command: &Command<'_>) -> Option<Begun> {
    let (.., handler) = COMMANDS.iter().find(|(name, ..)| *name == command.name)?;
    Some(handler(half, command).unwrap_or_else(Begun::Done))
}

/// Registers the commands of the relationships of a server, at least one.
pub(crate) fn register(halves: &Halves, registry: &Registry) {
    for (name, whose, handler) in COMMANDS {
        let halves = Arc::clone(halves);
        registry.register(name, move |command| run(&halves.load(), whose, handler, command));
    }
    let halves = Arc::clone(halves);
    registry.extend_status(move |map| {
        let halves = halves.load();
        let parts = halves.iter().map(|half| relationship_json(half)).collect();
        map.insert("high-availability".into(), Value::Array(parts));
    });
}

fn run(halves: &[Arc<Half>], whose: Whose, handler: Handler, command: &Command<'_>) -> Answer {
    let answer = |half: &Half| match handler(half, command) {
        Ok(Begun::Done(answer)) | Err(answer) => answer,
        Ok(Begun::Waits(answer, patience)) => wait(&answer, patience),
    };
    let (first, others) = halves.split_first().expect("a server with these has a relationship");
    if let Whose::Named = whose {
        return answer(named(halves, command).unwrap_or(first));
    }
    let mut last = answer(first);
    for half in others {
        if let Whose::AllThatCan = whose
            && last.result != code::SUCCESS
        {
            break;
        }
        last = answer(half);
    }
    last
}

/// The relationship that has the peer `server-name`, else that of the listener through which the command came: Kea 2.2
/// names nobody. A name that none has is refused by whoever is asked.
pub(super) fn named<'a>(halves: &'a [Arc<Half>], command: &Command<'_>) -> Option<&'a Arc<Half>> {
    let name = arguments::server_name(command.name, command.arguments).ok().flatten();
    let by_name = name.and_then(|name| halves.iter().find(|half| half.has_peer(name)));
    by_name.or_else(|| match command.channel {
        Channel::Partner(index) => halves.iter().find(|half| half.index() == index),
        Channel::Control => None,
    })
}

fn heartbeat(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    let sender = check_server(half, command)?;
    let arguments = command.arguments.and_then(Value::as_object);
    let asker = arguments.and_then(announce::from_json);
    // Whoever asks on the control socket is no partner, and says nothing of it.
    if let Channel::Partner(_) = command.channel {
        half.see_heartbeat(sender.is_some(), asker.as_ref());
    }
    let status = half.heartbeat_status();
    let names: Vec<&str> = status.scopes.iter().map(|name| &**name).collect();
    let mut told = json!({
        "date-time": rfc1123(status.wall_s),
        "scopes": names,
        "state": status.state.name(),
        "unsent-update-count": status.unsent_updates,
    });
    if asker.is_some() {
        told[announce::FIELD] = announce::to_json(&half.announced());
    }
    Ok(Begun::Done(Answer::success("HA peer status returned.").and(told)))
}

fn reset(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    check_server(half, command)?;
    Ok(Begun::Done(match command.channel {
        Channel::Control => half.act(Relationship::reset_by_hand),
        Channel::Partner(_) => half.act(Relationship::reset_by_partner),
    }))
}

fn resume(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    check_server(half, command)?;
    Ok(Begun::Done(half.act(Relationship::resume)))
}

fn scopes(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    let names = arguments::scopes(command.arguments)?;
    check_server(half, command)?;
    Ok(Begun::Done(half.act(|machine, now| machine.set_scopes(now, &names))))
}

fn sync(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    let (server, period) = arguments::sync(command.arguments)?;
    let answer = half.act(|machine, _| {
        machine.order_sync(server, period)?;
        // The machine's lock is held: the transfer cannot end before there is somebody who waits.
        Ok::<_, Answer>(half.wait_for_sync())
    })?;
    Ok(Begun::Waits(answer, SYNC_COMMAND_TIMEOUT))
}

fn sync_complete(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    let named = arguments::sync_origin(command.arguments)?.map(Origin);
    let sender = check_server(half, command)?;
    if let (Channel::Partner(_), Some(sender)) = (command.channel, sender) {
        half.see_named(sender);
    }
    let origin = match command.channel {
        Channel::Control => named,
        // Kea 2.2 names none, and means itself.
        Channel::Partner(index) => {
            Some(command.channel.origin(named.unwrap_or(Origin::ha_remote(index))))
        }
    };
    let origin = origin.map(|origin| origin.0);
    Ok(Begun::Done(half.act(|machine, now| machine.sync_complete(now, origin))))
}

fn start_maintenance(half: &Half, _: &Command<'_>) -> Result<Begun, Answer> {
    ask_maintenance(half, |machine| machine.start_maintenance())
}

fn cancel_maintenance(half: &Half, _: &Command<'_>) -> Result<Begun, Answer> {
    ask_maintenance(half, |machine| machine.cancel_maintenance())
}

fn ask_maintenance(
    half: &Half,
    begin: impl FnOnce(&mut Relationship) -> Result<(), Answer>,
) -> Result<Begun, Answer> {
    let answer = half.act(|machine, _| {
        if !half.has_room_for_maintenance() {
            return Err(Answer::error("too many maintenance commands wait for the partner"));
        }
        begin(machine)?;
        Ok(half.wait_for_maintenance())
    })?;
    Ok(Begun::Waits(answer, COMMAND_TIMEOUT))
}

fn notify_maintenance(half: &Half, command: &Command<'_>) -> Result<Begun, Answer> {
    let (cancel, state) = arguments::maintenance_notify(command.arguments)?;
    check_server(half, command)?;
    if cancel {
        half.see_cancellation();
    }
    Ok(Begun::Done(half.act(|machine, now| machine.notify_maintenance(now, cancel, state))))
}

fn wait(answer: &Receiver<Answer>, patience: Duration) -> Answer {
    answer.recv_timeout(patience).unwrap_or_else(|_| {
        Answer::error("the command is under way and its end was not waited for")
    })
}

/// `server-name`, if given, has to be one of the relationship's peers.
fn check_server<'a>(half: &Half, command: &Command<'a>) -> Result<Option<&'a str>, Answer> {
    let name = arguments::server_name(command.name, command.arguments)?;
    match name {
        Some(name) if !half.has_peer(name) => Err(unknown_server(name)),
        _ => Ok(name),
    }
}

/// An entry of `high-availability` in status-get: Kea's, and our own words.
fn relationship_json(half: &Half) -> Value {
    let (status, partner, offset, gives) = half.act(|machine, now| {
        let announced = machine.announced().cloned();
        (machine.status(now), announced, machine.clock_offset(), machine.giving(now))
    });
    let mut entry = status_json(&status);
    let words = &status.words;
    let mut own = json!({
        "incarnation": half.announced().incarnation.to_string(),
        "since": words.since_s,
        "waits-for": words.waits_for,
        "why": words.why,
    });
    if half.gate().shares_pools() {
        own["gives"] = json!(gives);
    }
    if let Some(mut partner) = partner {
        // Its hashes tell people nothing; what differs is told.
        if partner.agreement.take().is_some() {
            own["drift"] = json!(half.drift());
        }
        own["partner"] = announce::to_json(&partner);
    }
    if let Some(offset) = offset {
        own["clock-offset"] = json!({"ms": offset.ms, "within-ms": offset.within_ms});
    }
    entry[announce::FIELD] = own;
    entry
}

/// An entry of `high-availability` in status-get, as Kea 3 shows it.
fn status_json(status: &Status) -> Value {
    let time = |wall_s: Option<u64>| wall_s.map_or(Value::Null, |s| json!(timestamp(s)));
    let names = |scopes: &[Arc<str>]| scopes.iter().map(|name| json!(**name)).collect::<Value>();
    let local = &status.local;
    let mut servers = Map::new();
    servers.insert(
        "local".into(),
        json!({
            "role": local.role.name(),
            "scopes": names(&local.scopes),
            "server-name": &*local.server_name,
            "state": local.state.name(),
            "system-time": time(local.system_time_s),
        }),
    );
    if let Some(remote) = &status.remote {
        servers.insert(
            "remote".into(),
            json!({
                "age": remote.age_s,
                "analyzed-packets": remote.analyzed_packets,
                "clock-skew": remote.clock_skew_s,
                "communication-interrupted": remote.communication_interrupted,
                "connecting-clients": remote.connecting_clients,
                "in-touch": remote.in_touch,
                "last-scopes": remote.last_scopes,
                "last-state": remote.last_state.name(),
                "role": remote.role.name(),
                "server-name": &*remote.server_name,
                "system-time": time(remote.system_time_s),
                "unacked-clients": remote.unacked_clients,
                "unacked-clients-left": remote.unacked_clients_left,
            }),
        );
    }
    json!({"ha-mode": status.mode.name(), "ha-servers": servers})
}

#[cfg(test)]
mod tests;
