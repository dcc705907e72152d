//! A listing of leases (`lease4-get-page`, `lease4-get-all`), written and read without a tree of values: it may be long, and
//! a synchronisation consists of little else. Pure.
//!
//! The form is that of [`kea_text`](super::kea_text), keys in alphabetical order, byte for byte. What is read is this
//! form and no other; what differs from it is left to whoever reads any JSON and says what is wrong with it.

use serde_json::{Map, Value};

use super::text::{is_plain, write_string};
use super::{MAX_CLTT_S, kea_text, lease_body, lease_from_page, lease_to_json};
use crate::control::code;
use crate::lease::digits::{write_hex, write_number};
use crate::lease::{ClientId, HostName, HwAddress, Lease4, LeaseState};

/// Leases that a command lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The leases.
    pub leases: Vec<Lease4>,
    /// Their number stands before them, as in a page.
    pub with_count: bool,
}

/// About the length of one lease's text.
const USUAL_LENGTH: usize = 288;

impl Listing {
    /// The arguments of the answer.
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.with_count {
            map.insert("count".into(), self.leases.len().into());
        }
        map.insert("leases".into(), self.leases.iter().map(lease_to_json).collect());
        Value::Object(map)
    }

    /// The whole answer with this result and text, in its list of one.
    pub(crate) fn answer(&self, result: i64, text: Option<&str>) -> String {
        let mut out = Vec::with_capacity(self.leases.len() * USUAL_LENGTH + 128);
        out.extend_from_slice(b"[ { \"arguments\": { ");
        if self.with_count {
            out.extend_from_slice(b"\"count\": ");
            write_number(self.leases.len() as u64, b',', &mut out);
            out.push(b' ');
        }
        out.extend_from_slice(b"\"leases\": [ ");
        for (at, lease) in self.leases.iter().enumerate() {
            out.extend_from_slice(if at == 0 { b"" } else { b", " });
            write_lease(lease, &mut out);
        }
        out.extend_from_slice(b" ] }, \"result\": ");
        out.extend_from_slice(result.to_string().as_bytes());
        if let Some(text) = text {
            out.extend_from_slice(b", \"text\": ");
            write_text(text, &mut out);
        }
        out.extend_from_slice(b" } ]");
        String::from_utf8(out).expect("it was made of texts")
    }
}

fn write_lease(lease: &Lease4, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{ ");
    if let Some(client_id) = &lease.client_id {
        out.extend_from_slice(b"\"client-id\": \"");
        write_hex(client_id.as_bytes(), out);
        out.extend_from_slice(b"\", ");
    }
    out.extend_from_slice(b"\"cltt\": ");
    write_number(lease.cltt_s, b',', out);
    out.extend_from_slice(b" \"fqdn-fwd\": ");
    out.extend_from_slice(flag(lease.fqdn_fwd));
    out.extend_from_slice(b", \"fqdn-rev\": ");
    out.extend_from_slice(flag(lease.fqdn_rev));
    out.extend_from_slice(b", \"hostname\": ");
    write_text(&lease.hostname, out);
    out.extend_from_slice(b", \"hw-address\": \"");
    write_hex(lease.hw_address.as_bytes(), out);
    out.extend_from_slice(b"\", \"ip-address\": \"");
    for (octet, end) in lease.address.octets().into_iter().zip(*b"...\"") {
        write_number(octet.into(), end, out);
    }
    if lease.pool_id != 0 {
        out.extend_from_slice(b", \"pool-id\": ");
        out.extend_from_slice(lease.pool_id.to_string().as_bytes());
    }
    out.extend_from_slice(b", \"state\": ");
    write_number(lease.state as u64, b',', out);
    out.extend_from_slice(b" \"subnet-id\": ");
    write_number(lease.subnet_id.into(), b',', out);
    // Few have one.
    if lease.user_context.is_some()
        && let Some(context) = lease_body(lease).get("user-context")
    {
        out.extend_from_slice(b" \"user-context\": ");
        out.extend_from_slice(kea_text(context).as_bytes());
        out.push(b',');
    }
    out.extend_from_slice(b" \"valid-lft\": ");
    write_number(lease.valid_lifetime_s.into(), b' ', out);
    out.push(b'}');
}

const fn flag(flag: bool) -> &'static [u8] {
    if flag { b"true" } else { b"false" }
}

/// Nearly every text is as it is between its quotes.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    let mut quoted = String::new();
    write_string(&mut quoted, text);
    out.extend_from_slice(quoted.as_bytes());
}

/// The leases of a successful answer in the usual form; none if it has another, or one of its leases is not understood.
pub fn read_listing(body: &[u8]) -> Option<Vec<Lease4>> {
    let mut rest = Rest(body.trim_ascii_end());
    rest.pass(b"[ { \"arguments\": { ")?;
    if rest.pass(b"\"count\": ").is_some() {
        rest.number()?;
        rest.pass(b", ")?;
    }
    rest.pass(b"\"leases\": [ ")?;
    let mut leases = Vec::with_capacity(rest.0.len() / USUAL_LENGTH + 1);
    if rest.0.starts_with(b"{") {
        leases.push(rest.lease()?);
        while rest.pass(b", ").is_some() {
            leases.push(rest.lease()?);
        }
    }
    rest.pass(b" ] }, \"result\": ")?;
    let result = rest.number()?;
    if ![code::SUCCESS, code::EMPTY].contains(&i64::try_from(result).ok()?) {
        return None;
    }
    if rest.pass(b", \"text\": ").is_some() {
        rest.text()?;
    }
    rest.pass(b" } ]")?;
    rest.0.is_empty().then_some(leases)
}

/// What is left to be read.
#[derive(Clone, Copy)]
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    /// Goes behind these bytes, if they come now.
    fn pass(&mut self, bytes: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(bytes)?;
        Some(())
    }

    /// A whole number without a sign. JSON knows no leading zeros.
    fn number(&mut self) -> Option<u64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        if count == 0 || (count > 1 && digits[0] == b'0') {
            return None;
        }
        let add =
            |number: u64, digit: &u8| number.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
        let number = digits.iter().try_fold(0, add)?;
        self.0 = rest;
        Some(number)
    }

    fn u32(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    fn flag(&mut self) -> Option<bool> {
        match self.pass(b"false") {
            Some(()) => Some(false),
            None => self.pass(b"true").map(|()| true),
        }
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.pass(b"\"")?;
        let end = self.0.iter().position(|byte| *byte == b'"')?;
        let (text, rest) = self.0.split_at(end);
        self.0 = &rest[1..];
        str::from_utf8(text).ok().filter(|_| is_plain(text))
    }

    /// The next lease: in the usual form, or else any that is a lease.
    fn lease(&mut self) -> Option<Lease4> {
        let mut usual = *self;
        if let Some(lease) = usual.usual_lease() {
            *self = usual;
            return Some(lease);
        }
        let mut values = serde_json::Deserializer::from_slice(self.0).into_iter::<Value>();
        let value = values.next()?.ok()?;
        let lease = lease_from_page(&value).ok()?;
        self.0 = self.0.get(values.byte_offset()..)?;
        Some(lease)
    }

    /// A lease without a user context, of which nothing else is to be said either.
    fn usual_lease(&mut self) -> Option<Lease4> {
        self.pass(b"{ ")?;
        let client_id = match self.pass(b"\"client-id\": ") {
            None => None,
            Some(()) => {
                let client_id = ClientId::parse(self.text()?).ok()?;
                self.pass(b", ")?;
                Some(client_id)
            }
        };
        self.pass(b"\"cltt\": ")?;
        let cltt_s = self.number().filter(|cltt_s| *cltt_s <= MAX_CLTT_S)?;
        self.pass(b", \"fqdn-fwd\": ")?;
        let fqdn_fwd = self.flag()?;
        self.pass(b", \"fqdn-rev\": ")?;
        let fqdn_rev = self.flag()?;
        self.pass(b", \"hostname\": ")?;
        let name = self.text()?;
        if name.is_empty() && (fqdn_fwd || fqdn_rev) {
            return None;
        }
        self.pass(b", \"hw-address\": ")?;
        let hw_address = HwAddress::parse(self.text()?).ok()?;
        self.pass(b", \"ip-address\": ")?;
        let address = self.text()?.parse().ok()?;
        self.pass(b", ")?;
        let mut pool_id = 0;
        if self.pass(b"\"pool-id\": ").is_some() {
            pool_id = self.u32()?;
            self.pass(b", ")?;
        }
        self.pass(b"\"state\": ")?;
        let state = self.number()?.try_into().ok()?;
        self.pass(b", \"subnet-id\": ")?;
        let subnet_id = self.u32().filter(|id| *id != 0)?;
        self.pass(b", \"valid-lft\": ")?;
        let valid_lifetime_s = self.u32()?;
        self.pass(b" }")?;
        (state != LeaseState::Registered).then_some(Lease4 {
            address,
            hw_address,
            client_id,
            valid_lifetime_s,
            cltt_s,
            subnet_id,
            fqdn_fwd,
            fqdn_rev,
            hostname: in_lower_case(name),
            state,
            user_context: None,
            pool_id,
        })
    }
}

/// Nearly all names are.
fn in_lower_case(name: &str) -> HostName {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_lower) { name.into() } else { name.to_lowercase().into() }
}

#[cfg(test)]
mod tests;
