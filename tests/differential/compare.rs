//! What two servers answered and stored, held against each other. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::lab::kind_of;
use crate::message::{Query, Reply};

/// One thing that is not the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) what: What,
    pub(crate) kea: String,
    pub(crate) ours: String,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The reply's type, or whether there is one.
    Reply,
    /// A field of the message, or where it was sent.
    Field(&'static str),
    Option(u8),
    /// A member of a lease, or `present`.
    Lease(String),
    /// The result of a command of this name.
    Command(String),
    /// The value of a statistic.
    Statistic(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Reply => f.write_str("reply")?,
            What::Field(name) => f.write_str(name)?,
            What::Option(code) => write!(f, "option {code}")?,
            What::Lease(member) => write!(f, "lease: {member}")?,
            What::Command(name) => write!(f, "{name}")?,
            What::Statistic(name) => write!(f, "statistic {name}")?,
        }
        write!(f, ": Kea {}, Peregrine {}", self.kea, self.ours)
    }
}

/// The pools of a configuration: addresses that are chosen freely may differ inside one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pools {
    all: Vec<(Ipv4Addr, Ipv4Addr)>,
    /// Whether a client may be given an address of one or of another.
    several: bool,
}

fn list(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().cloned().unwrap_or_default()
}

/// All of a configuration.
fn subnets(config: &Value) -> Vec<Value> {
    let networks = list(config, "shared-networks");
    let inside = networks.iter().flat_map(|network| list(network, "subnet4"));
    list(config, "subnet4").into_iter().chain(inside).collect()
}

/// Reserved addresses and whose they are: identifiers without their colons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservations(Vec<(Ipv4Addr, String)>);

impl Reservations {
    /// Those of every subnet.
    pub(crate) fn of(config: &Value) -> Self {
        let hosts = subnets(config).into_iter().flat_map(|subnet| list(&subnet, "reservations"));
        let known = hosts.filter_map(|host| {
            let kinds = ["hw-address", "client-id", "duid", "circuit-id"];
            let identifier = kinds.iter().find_map(|kind| host[kind].as_str())?;
            let address = host["ip-address"].as_str()?.parse().ok()?;
            let text = identifier.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
            let bytes = text.map(|text| hex(text.as_bytes()));
            Some((address, bytes.unwrap_or_else(|| identifier.replace(':', ""))))
        });
        Self(known.collect())
    }

    /// Whether the address that a query asks for is kept for another client.
    pub(crate) fn keep(&self, query: &Query) -> bool {
        let asked = query.option(50).unwrap_or(&query.ciaddr);
        let own = Self::identifiers(query);
        self.0.iter().any(|(address, whose)| address.octets() == asked && !own.contains(whose))
    }

    /// Whether `wanted` is kept for the client of a query.
    pub(crate) fn give(&self, query: &Query, wanted: Ipv4Addr) -> bool {
        let own = Self::identifiers(query);
        self.0.iter().any(|(address, whose)| *address == wanted && own.contains(whose))
    }

    /// By what the client of a query is known, in hexadecimal digits.
    fn identifiers(query: &Query) -> [String; 4] {
        let client_id = query.option(61).unwrap_or_default();
        let duid = client_id.strip_prefix(&[255]).and_then(|rest| rest.get(4..));
        let circuit_id = match query.option(82) {
            Some([1, len, rest @ ..]) => &rest[..rest.len().min(usize::from(*len))],
            _ => &[],
        };
        [&query.chaddr, client_id, duid.unwrap_or_default(), circuit_id].map(hex)
    }
}

impl Pools {
    /// Every pool of every subnet.
    pub(crate) fn of(config: &Value) -> Self {
        let subnets = subnets(config);
        let many = |subnet: &Value| list(subnet, "pools").len() > 1;
        let several = subnets.iter().any(many) || !list(config, "shared-networks").is_empty();
        let pools = subnets.iter().flat_map(|subnet| list(subnet, "pools"));
        let all = pools.filter_map(|pool| range(pool["pool"].as_str()?)).collect();
        Self { all, several }
    }

    /// Whether a client may be given an address of one or of another.
    pub(crate) fn are_several(&self) -> bool {
        self.several
    }

    /// What pool it is in; the address itself if it is in none.
    pub(crate) fn name(&self, address: Ipv4Addr) -> String {
        let pool = self.all.iter().find(|(first, last)| (*first..=*last).contains(&address));
        pool.map_or_else(|| address.to_string(), |(first, last)| format!("{first}-{last}"))
    }
}

fn range(text: &str) -> Option<(Ipv4Addr, Ipv4Addr)> {
    if let Some((first, last)) = text.split_once('-') {
        return Some((first.trim().parse().ok()?, last.trim().parse().ok()?));
    }
    let (network, length) = text.split_once('/')?;
    let network = u32::from(network.trim().parse::<Ipv4Addr>().ok()?);
    let hosts = u32::MAX.checked_shr(length.trim().parse().ok()?).unwrap_or(0);
    Some((Ipv4Addr::from(network), Ipv4Addr::from(network | hosts)))
}

/// How addresses are held against each other.
#[derive(Clone, Debug)]
pub(crate) enum Addresses {
    /// They are the same.
    Identical,
    /// They are of the same pool, and each client has one of its own.
    SamePool(Pools),
}

impl Addresses {
    /// What stands for an address where both sides are compared.
    pub(crate) fn name(&self, address: Ipv4Addr) -> String {
        match self {
            Self::Identical => address.to_string(),
            Self::SamePool(pools) => pools.name(address),
        }
    }
}

/// A value in words, with addresses of the side's own replaced by what they are.
struct Words<'a> {
    addresses: &'a Addresses,
    reply: &'a Reply,
}

impl Words<'_> {
    fn address(&self, address: Ipv4Addr) -> String {
        match self.addresses {
            Addresses::SamePool(_) if address == self.reply.yiaddr => "yiaddr".into(),
            Addresses::SamePool(_) if address == self.reply.ciaddr => "ciaddr".into(),
            _ => address.to_string(),
        }
    }

    fn bytes(&self, bytes: &[u8]) -> String {
        let mut hex = hex(bytes);
        if let Addresses::SamePool(_) = self.addresses {
            // Names that are made of an address.
            let address = self.reply.yiaddr.to_string().replace('.', "-");
            let written: String = address.bytes().map(|byte| format!("{byte:02x}")).collect();
            hex = hex.replace(&written, "<yiaddr>");
        }
        hex
    }

    /// Who the frame is for. What is for a client that has its address may go through the kernel, which asks for
    /// whoever has the address.
    fn mac(&self) -> String {
        let relayed = self.reply.fields["giaddr"] != [0; 4];
        let unoffered = self.reply.yiaddr.is_unspecified() && !self.reply.to.0.is_broadcast();
        if relayed || unoffered || self.reply.to.0 == self.reply.ciaddr {
            return "holder".into();
        }
        self.bytes(&self.reply.to_mac)
    }
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares replies field by field and option by option.
pub(crate) fn replies(
    kea: Option<&Reply>,
    ours: Option<&Reply>,
    addresses: &Addresses,
) -> Vec<Difference> {
    let kinds = (kind_of(kea), kind_of(ours));
    if kinds.0 != kinds.1 {
        let (kea, ours) = (kinds.0.to_string(), kinds.1.to_string());
        return vec![Difference { what: What::Reply, kea, ours }];
    }
    let (Some(kea), Some(ours)) = (kea, ours) else { return Vec::new() };
    let (kea, ours) = (members(kea, addresses), members(ours, addresses));
    let mut found = Vec::new();
    let names: BTreeSet<_> = kea.keys().chain(ours.keys()).cloned().collect();
    for name in names {
        let absent = || "absent".to_owned();
        let value = |side: &BTreeMap<Name, String>| side.get(&name).cloned().unwrap_or_else(absent);
        let (kea, ours) = (value(&kea), value(&ours));
        if kea != ours {
            let what = match name {
                Name::Field(name) => What::Field(name),
                Name::Option(code) => What::Option(code),
            };
            found.push(Difference { what, kea, ours });
        }
    }
    found
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Field(&'static str),
    Option(u8),
}

/// Every member of a reply in words.
fn members(reply: &Reply, addresses: &Addresses) -> BTreeMap<Name, String> {
    let words = Words { addresses, reply };
    let mut all: BTreeMap<Name, String> = [
        ("yiaddr", addresses.name(reply.yiaddr)),
        ("ciaddr", addresses.name(reply.ciaddr)),
        ("to", words.address(reply.to.0)),
        ("to-port", reply.to.1.to_string()),
        ("from", reply.from.0.to_string()),
        ("to-mac", words.mac()),
    ]
    .map(|(name, value)| (Name::Field(name), value))
    .into();
    all.extend(reply.fields.iter().map(|(name, value)| (Name::Field(name), words.bytes(value))));
    all.extend(reply.options.iter().map(|(code, value)| (Name::Option(*code), words.bytes(value))));
    all
}

/// Members of a lease that are compared; `cltt` only roughly, since each side has its own moment.
const MEMBERS: [&str; 10] = [
    "valid-lft",
    "hw-address",
    "client-id",
    "hostname",
    "state",
    "subnet-id",
    "fqdn-fwd",
    "fqdn-rev",
    "user-context",
    "cltt",
];
/// How far the moments of two servers may lie apart, in seconds.
const MOMENT_S: u64 = 1;

/// Compares the leases of both sides; `longest_s` is how long an exchange took at most, in which either side may have had the
/// query at another moment.
pub(crate) fn leases(
    kea: &[Value],
    ours: &[Value],
    addresses: &Addresses,
    now_s: u64,
    longest_s: u64,
) -> Vec<Difference> {
    let (kea, ours) = (by_name(kea, addresses, now_s), by_name(ours, addresses, now_s));
    let mut found = Vec::new();
    for name in kea.keys().chain(ours.keys()).collect::<BTreeSet<_>>() {
        match (kea.get(name), ours.get(name)) {
            (Some(kea), Some(ours)) => found.extend(members_of_lease(kea, ours, longest_s)),
            (kea, ours) => {
                let say = |side: Option<&Value>| side.map_or("absent".into(), Value::to_string);
                let what = What::Lease("present".into());
                found.push(Difference { what, kea: say(kea), ours: say(ours) });
            }
        }
    }
    found
}

/// Leases by their address; or, where addresses may differ, by whose they are and where, numbered. There, leases
/// that are over or about to be do not count: each side gives others of them away.
fn by_name(leases: &[Value], addresses: &Addresses, now_s: u64) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    let mut leases: Vec<_> = leases.iter().collect();
    // Those of one name are numbered as they came.
    leases.sort_by_key(|lease| lease["cltt"].as_u64());
    for lease in leases {
        let address: Ipv4Addr = lease["ip-address"].as_str().unwrap().parse().unwrap();
        let end_s = lease["cltt"].as_u64().unwrap_or(0) + lease["valid-lft"].as_u64().unwrap_or(0);
        if !matches!(addresses, Addresses::Identical) && end_s <= now_s + MOMENT_S {
            continue;
        }
        let name = match addresses {
            Addresses::Identical => address.to_string(),
            Addresses::SamePool(pools) => {
                let (who, pool) = (&lease["hw-address"], pools.name(address));
                format!("{who} {} {} {pool}", lease["client-id"], lease["state"])
            }
        };
        let free = (0..).map(|n| format!("{name} {n}")).find(|name| !all.contains_key(name));
        all.insert(free.unwrap(), lease.clone());
    }
    all
}

/// The name of a lease, if it is made of the address without that.
pub(crate) fn name_of_lease(lease: &Value) -> String {
    let own = lease["ip-address"].as_str().unwrap_or_default().replace('.', "-");
    lease["hostname"].as_str().unwrap_or_default().replace(&own, "<address>")
}

fn members_of_lease(kea: &Value, ours: &Value, longest_s: u64) -> Vec<Difference> {
    // When a lease began that does not end is of no matter.
    let endless = ours["valid-lft"] == u32::MAX;
    let same = |member: &str| match member {
        "cltt" if endless => true,
        "cltt" => {
            let moment = |lease: &Value| lease["cltt"].as_u64().unwrap_or(0);
            moment(kea).abs_diff(moment(ours)) <= MOMENT_S + longest_s
        }
        "hostname" => name_of_lease(kea) == name_of_lease(ours),
        other => kea[other] == ours[other],
    };
    let different = MEMBERS.into_iter().filter(|member| !same(member));
    different
        .map(|member| {
            let say = |lease: &Value| format!("{} of {}", lease[member], lease["ip-address"]);
            Difference { what: What::Lease(member.into()), kea: say(kea), ours: say(ours) }
        })
        .collect()
}

/// Counters in which the sentinels of a side are counted, too.
const WITH_SENTINELS: [&str; 4] =
    ["pkt4-received", "pkt4-inform-received", "pkt4-sent", "pkt4-ack-sent"];

/// The newest values of all statistics that a side tells of, without its sentinels.
pub(crate) fn statistics(answer: &Value, sentinels: u32) -> BTreeMap<String, i64> {
    let all = answer["arguments"].as_object().into_iter().flatten();
    all.map(|(name, samples)| {
        let value = samples[0][0].as_i64().unwrap_or(i64::MIN);
        let without = WITH_SENTINELS.contains(&name.as_str());
        (name.clone(), if without { value - i64::from(sentinels) } else { value })
    })
    .collect()
}

/// Holds statistics of both sides against each other. What only Peregrine has is Kea 3's or its own.
pub(crate) fn statistics_of_both(
    kea: &BTreeMap<String, i64>,
    ours: &BTreeMap<String, i64>,
) -> Vec<Difference> {
    let mut found = Vec::new();
    for (name, value) in kea {
        let here = ours.get(name).map_or("absent".into(), i64::to_string);
        if here != value.to_string() {
            let what = What::Statistic(name.clone());
            found.push(Difference { what, kea: value.to_string(), ours: here });
        }
    }
    found
}

/// What an answer about statistics says beside its moments: the newest value of each, in place of all its samples.
pub(crate) fn without_moments(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let arguments = answer.get_mut("arguments").and_then(Value::as_object_mut);
    for (_, value) in arguments.into_iter().flatten() {
        if let Some(set) = value.as_object_mut() {
            set.remove("timestamp");
        } else {
            *value = value[0][0].clone();
        }
    }
    answer
}
