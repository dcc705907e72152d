//! The JSON form of a lease, as Kea's lease commands and partners write it (Kea guide, "lease_cmds"). Pure.
//!
//! [`lease_to_json`] writes the form with `cltt`; [`lease_from_json`] reads the arguments of `lease4-add` and
//! `lease4-update` with Kea's checks and texts; [`lease_from_page`] reads a lease that a partner listed.
//! Must not know the configuration: which subnets there are is asked of the caller.

mod listing;
mod text;

use std::net::Ipv4Addr;

use serde_json::{Map, Value, json};

pub use listing::{Listing, read_listing};
pub use text::kea_text;

use super::{ClientId, HostName, HwAddress, INFINITE_LIFETIME, Lease4, LeaseState};
use crate::clock::Now;

/// With any lifetime added it still is a number of the files.
const MAX_CLTT_S: u64 = i64::MAX as u64 - INFINITE_LIFETIME as u64;

/// What a lease command has to know of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseSubnet {
    /// Its id.
    pub id: u32,
    /// Its network address.
    pub network: Ipv4Addr,
    /// The length of its prefix, 0 to 32.
    pub prefix_len: u8,
    /// The lifetime that its leases get by default, in seconds.
    pub valid_lifetime_s: u32,
}

/// How a subnet is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubnetKey {
    /// By its id.
    Id(u32),
    /// The subnet whose prefix holds this address.
    Address(Ipv4Addr),
}

/// Why a map is no lease that can be taken. The client of the command is to blame; the texts are Kea's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLease {
    /// Not understood: result 1.
    #[error("{0}")]
    Malformed(String),
    /// Understood, but at odds with the configured subnets: result 4 (1 in Kea 2.2).
    #[error("{0}")]
    Conflict(String),
}

impl BadLease {
    /// Kea 3's result code for it.
    pub const fn result(&self) -> i64 {
        match self {
            Self::Malformed(_) => crate::control::code::ERROR,
            Self::Conflict(_) => crate::control::code::CONFLICT,
        }
    }
}

/// The lease as lease4-get and its kin show it, keys in alphabetical order.
pub fn lease_to_json(lease: &Lease4) -> Value {
    let mut map = lease_body(lease);
    map.insert("cltt".into(), json!(lease.cltt_s));
    Value::Object(map)
}

/// All of a lease but its time: the caller adds `cltt` or `expire`.
pub fn lease_body(lease: &Lease4) -> Map<String, Value> {
    let mut map = Map::new();
    if let Some(client_id) = &lease.client_id {
        map.insert("client-id".into(), client_id.to_string().into());
    }
    map.insert("fqdn-fwd".into(), json!(lease.fqdn_fwd));
    map.insert("fqdn-rev".into(), json!(lease.fqdn_rev));
    map.insert("hostname".into(), json!(&*lease.hostname));
    map.insert("hw-address".into(), lease.hw_address.to_string().into());
    map.insert("ip-address".into(), lease.address.to_string().into());
    if lease.pool_id != 0 {
        map.insert("pool-id".into(), json!(lease.pool_id));
    }
    map.insert("state".into(), json!(lease.state as u8));
    map.insert("subnet-id".into(), json!(lease.subnet_id));
    let context = lease.user_context.as_deref().and_then(|text| serde_json::from_str(text).ok());
    if let Some(context @ Value::Object(_)) = context {
        map.insert("user-context".into(), context);
    }
    map.insert("valid-lft".into(), json!(lease.valid_lifetime_s));
    map
}

/// Reads the arguments of `lease4-add` or `lease4-update`. `subnet` answers for the configuration; a missing
/// `valid-lft` is the subnet's, a missing `expire` and `cltt` mean that the client was seen at `now`.
pub fn lease_from_json(
    arguments: &Value,
    now: Now,
    subnet: &dyn Fn(SubnetKey) -> Option<LeaseSubnet>,
) -> Result<Lease4, BadLease> {
    let fields = Fields::of(arguments)?;
    let address = fields.address()?;
    let hw_address = fields.hw_address()?;
    let found = fields.subnet(address, subnet)?;
    let client_id = fields.client_id()?;
    let valid_lifetime_s = fields.u32("valid-lft")?.unwrap_or(found.valid_lifetime_s);
    let cltt_s = fields.cltt(address, valid_lifetime_s)?.unwrap_or(now.wall_s);
    fields.finish(Lease4 {
        address,
        hw_address,
        client_id,
        valid_lifetime_s,
        cltt_s,
        subnet_id: found.id,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: HostName::default(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    })
}

/// Reads one lease of a partner's page (`lease4-get-page`): whole, with `cltt`, and with the partner's subnet
/// id, which is not checked against any subnet.
pub fn lease_from_page(lease: &Value) -> Result<Lease4, BadLease> {
    let subnet = |key| match key {
        SubnetKey::Id(id) => Some(LeaseSubnet {
            id,
            network: Ipv4Addr::UNSPECIFIED,
            prefix_len: 0,
            valid_lifetime_s: 0,
        }),
        SubnetKey::Address(_) => None,
    };
    for key in ["valid-lft", "cltt"] {
        Fields::of(lease)?.mandatory(key)?;
    }
    lease_from_json(lease, Now::default(), &subnet)
}

/// A lease's JSON map.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn of(value: &'a Value) -> Result<Self, BadLease> {
        value.as_object().map(Self).ok_or_else(|| malformed("Parameters missing or are not a map."))
    }

    fn mandatory(&self, key: &str) -> Result<&'a Value, BadLease> {
        self.0.get(key).ok_or_else(|| malformed(format!("missing parameter '{key}'")))
    }

    fn string(&self, key: &str) -> Result<&'a str, BadLease> {
        self.mandatory(key)?.as_str().ok_or_else(|| invalid_type("string", key))
    }

    fn i64(&self, key: &str) -> Result<Option<i64>, BadLease> {
        let integer = |value: &Value| value.as_i64().ok_or_else(|| invalid_type("integer", key));
        self.0.get(key).map(integer).transpose()
    }

    fn u32(&self, key: &str) -> Result<Option<u32>, BadLease> {
        let Some(number) = self.i64(key)? else {
            return Ok(None);
        };
        u32::try_from(number).map(Some).map_err(|_| {
            malformed(format!("out of range value ({number}) specified for parameter '{key}'"))
        })
    }

    fn bool(&self, key: &str) -> Result<bool, BadLease> {
        let boolean = |value: &Value| value.as_bool().ok_or_else(|| invalid_type("boolean", key));
        self.0.get(key).map_or(Ok(false), boolean)
    }

    fn address(&self) -> Result<Ipv4Addr, BadLease> {
        let text = self.string("ip-address")?;
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Err(malformed(format!("Non-IPv4 address specified: {text}")));
        }
        text.parse().map_err(|_| {
            malformed(format!(
                "Failed to convert '{text}' to address: Failed to convert string to address \
                 '{text}': Invalid argument"
            ))
        })
    }

    fn hw_address(&self) -> Result<HwAddress, BadLease> {
        let text = self.string("hw-address")?;
        HwAddress::parse(text).map_err(|_| malformed(bad_hex(text)))
    }

    fn client_id(&self) -> Result<Option<ClientId>, BadLease> {
        if !self.0.contains_key("client-id") {
            return Ok(None);
        }
        let text = self.string("client-id")?;
        ClientId::parse(text).map(Some).map_err(|_| malformed(bad_hex(text)))
    }

    fn subnet(
        &self,
        address: Ipv4Addr,
        lookup: &dyn Fn(SubnetKey) -> Option<LeaseSubnet>,
    ) -> Result<LeaseSubnet, BadLease> {
        let id = self.u32("subnet-id")?.unwrap_or(0);
        if id == 0 {
            return lookup(SubnetKey::Address(address)).ok_or_else(|| {
                BadLease::Conflict(format!(
                    "subnet-id not specified and failed to find a subnet for address {address}"
                ))
            });
        }
        let subnet = lookup(SubnetKey::Id(id)).ok_or_else(|| {
            BadLease::Conflict(format!(
                "Invalid subnet-id: No IPv4 subnet with subnet-id={id} currently configured."
            ))
        })?;
        if subnet.contains(address) { Ok(subnet) } else { Err(subnet.refuse(address)) }
    }

    /// `cltt` as given, or reckoned back from `expire`.
    fn cltt(&self, address: Ipv4Addr, valid_lifetime_s: u32) -> Result<Option<u64>, BadLease> {
        if let Some(expire) = self.i64("expire")? {
            if expire <= 0 {
                let text = format!("expiration time must be positive for address {address}");
                return Err(malformed(text));
            }
            let cltt = expire - i64::from(valid_lifetime_s);
            return u64::try_from(cltt).map(Some).map_err(|_| {
                malformed(format!(
                    "expiration time must be greater than valid lifetime for address {address}"
                ))
            });
        }
        let Some(cltt) = self.i64("cltt")? else {
            return Ok(None);
        };
        let fits = u64::try_from(cltt).ok().filter(|cltt_s| *cltt_s <= MAX_CLTT_S);
        fits.map(Some).ok_or_else(|| {
            malformed(format!("out of range value ({cltt}) specified for parameter 'cltt'"))
        })
    }

    fn state(&self) -> Result<LeaseState, BadLease> {
        let Some(number) = self.i64("state")? else {
            return Ok(LeaseState::Assigned);
        };
        let known = u64::try_from(number).ok().and_then(|number| LeaseState::try_from(number).ok());
        known.filter(|state| *state != LeaseState::Registered).ok_or_else(|| {
            malformed(format!(
                "Invalid state value: {number}, supported values are: 0 (default), 1 (declined), \
                 2 (expired-reclaimed), 3 (released) and 4 (registered)"
            ))
        })
    }

    /// The user context with `comment` lifted into it, as one line.
    fn user_context(&self) -> Result<Option<Box<str>>, BadLease> {
        let mut context = match self.0.get("user-context") {
            None => Map::new(),
            Some(Value::Object(map)) => map.clone(),
            Some(_) => return Err(malformed("Invalid user context: expected a map")),
        };
        if self.0.contains_key("comment") {
            let comment = self.string("comment")?;
            if context.insert("comment".into(), json!(comment)).is_some() {
                return Err(malformed(format!("Duplicated comment entry '{comment}'")));
            }
        }
        let given = self.0.contains_key("user-context") || !context.is_empty();
        Ok(given.then(|| kea_text(&Value::Object(context)).into()))
    }

    fn finish(&self, lease: Lease4) -> Result<Lease4, BadLease> {
        let hostname = match self.0.get("hostname") {
            None => String::new(),
            Some(_) => self.string("hostname")?.to_lowercase(),
        };
        let (fqdn_fwd, fqdn_rev) = (self.bool("fqdn-fwd")?, self.bool("fqdn-rev")?);
        if hostname.is_empty() && (fqdn_fwd || fqdn_rev) {
            return Err(malformed(
                "No hostname specified and either forward or reverse fqdn was set to true.",
            ));
        }
        Ok(Lease4 {
            fqdn_fwd,
            fqdn_rev,
            hostname: hostname.into(),
            state: self.state()?,
            user_context: self.user_context()?,
            pool_id: self.u32("pool-id")?.unwrap_or(0),
            ..lease
        })
    }
}

impl LeaseSubnet {
    fn contains(&self, address: Ipv4Addr) -> bool {
        let host_bits = 32_u32.saturating_sub(u32::from(self.prefix_len));
        let differing = u32::from(self.network) ^ u32::from(address);
        differing.checked_shr(host_bits).unwrap_or(0) == 0
    }

    fn refuse(&self, address: Ipv4Addr) -> BadLease {
        let Self { id, network, prefix_len, .. } = self;
        BadLease::Conflict(format!(
            "The address {address} does not belong to subnet {network}/{prefix_len}, subnet-id={id}"
        ))
    }
}

fn malformed(text: impl Into<String>) -> BadLease {
    BadLease::Malformed(text.into())
}

fn invalid_type(expected: &str, key: &str) -> BadLease {
    malformed(format!("invalid type specified for parameter '{key}', expected a {expected}"))
}

fn bad_hex(text: &str) -> String {
    match text.chars().find(|c| !c.is_ascii_hexdigit() && *c != ':') {
        Some(c) => format!("'{c}' is not a valid hexadecimal digit in decoded string '{text}'"),
        None => format!("invalid identifier '{text}'"),
    }
}

#[cfg(test)]
mod tests;
