//! The lease commands (Kea guide, "lease_cmds: Lease Commands"): lease4-add, -update, -del, -get, -get-all, -get-page.
//! A partner's updates are these commands, too. Pure but for the clock and the journal it is given: a change is
//! answered when its row is written.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::Value;

use super::{Answer, Channel, Command, Registry, code};
use crate::clock::Clock;
use crate::lease::json::{
    BadLease, LeaseSubnet, Listing, SubnetKey, lease_from_json, lease_to_json,
};
use crate::lease::{
    Applied, ChangeNumber, ClientId, HwAddress, Identity, Lease4, LeaseState, LeaseStore, Origin,
    Overwrite, Stored,
};
use crate::seam::{Guard, GuardPost, Verdict};

/// What the commands work on.
#[derive(Clone)]
pub struct LeaseCommands {
    /// The leases.
    pub store: Arc<dyn LeaseStore>,
    /// Reads the time.
    pub clock: Arc<dyn Clock>,
    /// Finds a subnet of the configuration.
    pub subnet: Arc<dyn Fn(SubnetKey) -> Option<LeaseSubnet> + Send + Sync>,
    /// Returns when the lease file has everything up to a change, or says why it has not.
    pub written: Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>,
    /// Has a say about a partner's updates.
    pub guard: GuardPost,
}

/// What became of a partner's update: its answer, and the change that has to be written before it is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The answer.
    pub answer: Answer,
    /// The change, if one was made.
    pub change: Option<ChangeNumber>,
}

/// Between Peregrines: an argument of an update that is taken only if its address is free, or the same client's.
pub const ONLY_IF_FREE: &str = "only-if-free";

/// Leases a listing takes from the store at a time.
const SLICE: usize = 1024;
/// How often a lease is looked for that is changed before it can be deleted.
const MAX_TRIES: usize = 8;

impl LeaseCommands {
    /// Registers the commands.
    pub fn register(self, registry: &Registry) {
        type Handler = fn(&LeaseCommands, &Command<'_>) -> Result<Answer, Answer>;
        let commands: [(&'static str, Handler); 6] = [
            ("lease4-add", Self::add),
            ("lease4-update", Self::update),
            ("lease4-del", Self::delete),
            ("lease4-get", Self::find),
            ("lease4-get-all", Self::list),
            ("lease4-get-page", Self::page),
        ];
        for (name, handler) in commands {
            let commands = self.clone();
            registry.register(name, move |command| {
                if !commands.store.is_complete() {
                    return Answer::error("the leases are still being read from the lease file");
                }
                handler(&commands, command).unwrap_or_else(|answer| answer)
            });
        }
    }

    fn add(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        let lease = self.lease(arguments(command)?)?;
        let (address, subnet_id) = (lease.address, lease.subnet_id);
        match self.store.apply(lease, Overwrite::Absent, Origin::Administrator) {
            Applied::Added(number) | Applied::Updated(number) => {
                self.written(number)?;
                let text = format!("Lease for address {address}, subnet-id {subnet_id} added.");
                Ok(Answer::success(text))
            }
            Applied::Kept => Err(Answer::error("IPv4 lease already exists.").coded(code::CONFLICT)),
        }
    }

    /// As `lease4-update` with these arguments by this way, but that the change is not written yet.
    pub fn take_update(&self, arguments: &Value, channel: Channel) -> Taken {
        Taken::of(self.updated(arguments, channel))
    }

    /// As `lease4-del` with these arguments by this way, but that the change is not written yet.
    pub fn take_deletion(&self, arguments: &Value, channel: Channel) -> Taken {
        Taken::of(self.deleted(arguments, channel))
    }

    fn update(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        let (change, answer) = self.updated(arguments(command)?, command.channel)?;
        change.map_or(Ok(()), |number| self.written(number))?;
        Ok(answer)
    }

    fn updated(
        &self,
        arguments: &Value,
        channel: Channel,
    ) -> Result<(Option<ChangeNumber>, Answer), Answer> {
        let lease = self.lease(arguments)?;
        let address = lease.address;
        let create = match arguments.get("force-create") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(|| {
                Answer::error(
                    "invalid type specified for parameter 'force-create' (expected boolean)",
                )
            })?,
        };
        let origin = updater(arguments);
        let applied = match (origin, create, self.guard.get()) {
            (Origin::Partner, true, Some(guard)) => {
                hear(&**guard, lease.subnet_id, arguments, channel);
                self.take_in(lease, arguments, &**guard)?
            }
            (_, true, _) => self.store.apply(lease, Overwrite::Always, origin),
            (_, false, _) => self.store.apply(lease, Overwrite::Existing, origin),
        };
        match applied {
            Applied::Added(number) => Ok((Some(number), Answer::success("IPv4 lease added."))),
            Applied::Updated(number) => {
                Ok((Some(number), Answer::success("IPv4 lease updated.")))
            }
            Applied::Kept => Err(Answer::error(format!(
                "failed to update the lease with address {address} either because the lease has \
                 been deleted or it has changed in the database, in both cases a retry might succeed"
            ))
            .coded(code::CONFLICT)),
        }
    }

    /// A partner's update overwrites what it was held against, unless the guard says otherwise.
    fn take_in(
        &self,
        lease: Lease4,
        arguments: &Value,
        guard: &dyn Guard,
    ) -> Result<Applied, Answer> {
        let only_if_free = arguments.get(ONLY_IF_FREE).and_then(Value::as_bool) == Some(true);
        let identity =
            Identity { client_id: lease.client_id.as_ref(), hw_address: &lease.hw_address };
        for _ in 0..MAX_TRIES {
            let held = self.store.find(lease.address);
            if let Some(held) = &held {
                let is_free = !held.keeps_address(self.clock.now().wall_s);
                if only_if_free && !is_free && !identity.owns(&held.lease) {
                    let text = format!("IPv4 address {} is not free", lease.address);
                    return Err(Answer::error(text).coded(code::CONFLICT));
                }
                match guard.judge(held, &lease) {
                    Verdict::Take => {}
                    Verdict::Keep => return Ok(Applied::Updated(held.version)),
                    Verdict::Refuse(answer) => return Err(answer),
                }
            }
            let unchanged = Overwrite::Unchanged(held.as_ref().map(Stored::mark));
            match self.store.apply(lease.clone(), unchanged, Origin::Partner) {
                Applied::Kept => {}
                applied => return Ok(applied),
            }
        }
        Ok(Applied::Kept)
    }

    fn delete(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        let (change, answer) = self.deleted(arguments(command)?, command.channel)?;
        change.map_or(Ok(()), |number| self.written(number))?;
        Ok(answer)
    }

    fn deleted(
        &self,
        arguments: &Value,
        channel: Channel,
    ) -> Result<(Option<ChangeNumber>, Answer), Answer> {
        let origin = deleter(arguments);
        let subnet_id = arguments.get("subnet-id").and_then(Value::as_u64);
        let subnet_id = subnet_id.and_then(|id| u32::try_from(id).ok());
        if let (Origin::Partner, Some(id), Some(guard)) = (origin, subnet_id, self.guard.get()) {
            hear(&**guard, id, arguments, channel);
        }
        for _ in 0..MAX_TRIES {
            let Some(stored) =
                self.selected(arguments)?.filter(|it| !self.came_since(it, arguments))
            else {
                return Ok((None, Answer::success("IPv4 lease not found.").coded(code::EMPTY)));
            };
            let (address, version) = (stored.lease.address, stored.version);
            // What was selected is what is deleted: meanwhile the address may be another client's.
            if let Some(number) = self.store.delete_version(address, version, origin) {
                return Ok((Some(number), Answer::success("IPv4 lease deleted.")));
            }
        }
        Err(Answer::error("the lease changes all the time, a retry might succeed")
            .coded(code::CONFLICT))
    }

    /// Whether the lease came after the one that is named whole, as partners do: the address was given anew since, and a
    /// deletion that comes late, or for the second time, does not mean that. Within one second the client says so.
    fn came_since(&self, stored: &Stored, arguments: &Value) -> bool {
        let Ok(named) = self.lease(arguments) else { return false };
        let client = |lease: &Lease4| (lease.hw_address, lease.client_id.clone());
        let has_client = !named.hw_address.is_empty() || named.client_id.is_some();
        let is_live = stored.lease.state == LeaseState::Assigned;
        let is_anothers = has_client && is_live && client(&named) != client(&stored.lease);
        named.cltt_s < stored.lease.cltt_s || (named.cltt_s == stored.lease.cltt_s && is_anothers)
    }

    fn find(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        Ok(match self.selected(arguments(command)?)? {
            Some(stored) => Answer::success("IPv4 lease found.").and(lease_to_json(&stored.lease)),
            None => Answer::success("Lease not found.").coded(code::EMPTY),
        })
    }

    fn list(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        let subnets = match command.arguments {
            None => None,
            Some(arguments) => Some(subnet_list(arguments)?),
        };
        let mut leases = Vec::new();
        let mut after = None;
        loop {
            let slice = self.store.page(after, SLICE);
            after = slice.last().map(|lease| lease.address);
            let more = slice.len() == SLICE;
            let wanted = slice
                .into_iter()
                .filter(|lease| subnets.as_ref().is_none_or(|ids| ids.contains(&lease.subnet_id)));
            leases.extend(wanted);
            if !more {
                return Ok(listing(leases, false));
            }
        }
    }

    fn page(&self, command: &Command<'_>) -> Result<Answer, Answer> {
        let arguments = arguments(command)?;
        let from =
            arguments.get("from").ok_or_else(|| Answer::error("'from' parameter not specified"))?;
        let limit = arguments
            .get("limit")
            .ok_or_else(|| Answer::error("'limit' parameter not specified"))?;
        let bad_from = "'from' parameter value is neither 'start' keyword nor a valid IPv4 address";
        let after = match from.as_str() {
            Some("start") => None,
            Some(text) => Some(text.parse::<Ipv4Addr>().map_err(|_| Answer::error(bad_from))?),
            None => return Err(Answer::error("'from' parameter must be a string")),
        };
        let limit = match limit.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(0) => return Err(Answer::error("'limit' parameter must not be 0.")),
            Some(limit) => limit,
            None => return Err(Answer::error("'limit' parameter must be a number")),
        };
        Ok(listing(self.store.page(after, limit), true))
    }

    fn lease(&self, arguments: &Value) -> Result<Lease4, Answer> {
        lease_from_json(arguments, self.clock.now(), &*self.subnet)
            .map_err(|bad: BadLease| Answer::error(bad.to_string()).coded(bad.result()))
    }

    /// The lease that `ip-address`, or an identifier in a subnet, selects.
    fn selected(&self, arguments: &Value) -> Result<Option<Stored>, Answer> {
        let text = |key: &str| arguments.get(key).and_then(Value::as_str);
        if let Some(address) = text("ip-address") {
            let address = address.parse::<Ipv4Addr>().map_err(|_| {
                Answer::error(format!(
                    "'{address}' is no IPv4 address: expected one such as 192.0.2.1"
                ))
            })?;
            return Ok(self.store.find(address));
        }
        let subnet = arguments
            .get("subnet-id")
            .and_then(Value::as_u64)
            .and_then(|id| u32::try_from(id).ok())
            .ok_or_else(|| Answer::error("Mandatory 'subnet-id' parameter missing."))?;
        let kind = text("identifier-type").ok_or_else(|| {
            Answer::error("No 'ip-address' provided and 'identifier-type' is missing.")
        })?;
        let identifier = text("identifier").ok_or_else(|| {
            Answer::error("No 'ip-address' provided and 'identifier' is missing.")
        })?;
        self.identified(kind, identifier, subnet)
    }

    fn identified(&self, kind: &str, text: &str, subnet: u32) -> Result<Option<Stored>, Answer> {
        let now = self.clock.now();
        let bad = |error: crate::lease::identity::BadIdentifier| Answer::error(error.to_string());
        match kind {
            "hw-address" => {
                let hw_address = HwAddress::parse(text).map_err(bad)?;
                let identity = Identity { client_id: None, hw_address: &hw_address };
                Ok(self.store.find_of(identity, &[subnet], now))
            }
            "client-id" => {
                let client_id = ClientId::parse(text).map_err(bad)?;
                let identity =
                    Identity { client_id: Some(&client_id), hw_address: &HwAddress::default() };
                Ok(self.store.find_of(identity, &[subnet], now))
            }
            other => Err(Answer::error(format!(
                "Incorrect identifier type: {other}, the only supported values are: hw-address, \
                 duid, client-id"
            ))),
        }
    }

    fn written(&self, number: ChangeNumber) -> Result<(), Answer> {
        (self.written)(number).map_err(|why| {
            Answer::error(format!(
                "the lease was changed, but the lease file was not written: {why}"
            ))
        })
    }
}

impl Taken {
    fn of(result: Result<(Option<ChangeNumber>, Answer), Answer>) -> Self {
        match result {
            Ok((change, answer)) => Self { answer, change },
            Err(answer) => Self { answer, change: None },
        }
    }
}

fn arguments<'a>(command: &Command<'a>) -> Result<&'a Value, Answer> {
    command.arguments.ok_or_else(|| {
        Answer::error(format!("no arguments specified for the '{}' command", command.name))
    })
}

/// Tells whether a partner named itself in an update. Who writes as a partner does on the control socket is none.
fn hear(guard: &dyn Guard, subnet_id: u32, arguments: &Value, channel: Channel) {
    if let Channel::Partner(_) = channel {
        guard.heard(subnet_id, arguments.get("origin").is_some());
    }
}

/// Kea 3's partners name themselves, those of 2.2 always force; an administrator does neither.
fn updater(arguments: &Value) -> Origin {
    let partner = arguments.get("origin").is_some() || arguments.get("force-create").is_some();
    if partner { Origin::Partner } else { Origin::Administrator }
}

/// Partners name the whole lease with its end.
fn deleter(arguments: &Value) -> Origin {
    if arguments.get("expire").is_some() { Origin::Partner } else { updater(arguments) }
}

fn subnet_list(arguments: &Value) -> Result<Vec<u32>, Answer> {
    let list = arguments
        .get("subnets")
        .ok_or_else(|| Answer::error("'subnets' parameter not specified"))?
        .as_array()
        .ok_or_else(|| Answer::error("'subnets' parameter must be a list"))?;
    list.iter()
        .map(|id| id.as_u64().and_then(|id| u32::try_from(id).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| Answer::error("listed subnet identifiers must be numbers"))
}

fn listing(leases: Vec<Lease4>, with_count: bool) -> Answer {
    let count = leases.len();
    let result = if count == 0 { code::EMPTY } else { code::SUCCESS };
    let answer = Answer::success(format!("{count} IPv4 lease(s) found."));
    answer.coded(result).listing(Listing { leases, with_count })
}

#[cfg(test)]
mod tests;
