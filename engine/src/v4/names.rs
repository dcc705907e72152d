//! The client's host name: option 12 (RFC 2132 section 3.14) or option 81 (RFC 4702), with DNS updates switched
//! off. Pure.

use std::net::Ipv4Addr;

use crate::codec::v4::{Query, code};

/// Flags of option 81.
const SERVER_UPDATES: u8 = 0x01;
const OVERRIDDEN: u8 = 0x02;
const WIRE_FORMAT: u8 = 0x04;
const NO_UPDATES: u8 = 0x08;
/// What a generated name starts with (`ddns-generated-prefix`).
const GENERATED_PREFIX: &str = "myhost";
/// Bounds of a domain name and of a label (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// A name as the lease keeps it and as the reply tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// In lower case.
    pub(super) hostname: Box<str>,
    /// The option that carries it: 12 or 81.
    pub(super) code: u8,
    /// That option's data, if it is not the name itself.
    other: Option<Vec<u8>>,
}

impl Name {
    /// The data of the option.
    pub(super) fn option(&self) -> &[u8] {
        self.other.as_deref().unwrap_or(self.hostname.as_bytes())
    }
}

/// The name of the client of `query`, which gets `address`: the one that is `reserved` for it, else the one it sent, if
/// that can be read.
pub(super) fn name_of(
    query: &Query<'_>,
    address: Ipv4Addr,
    reserved: Option<&str>,
) -> Option<Name> {
    let reserved = reserved.filter(|name| !name.is_empty());
    if let Some(data) = query.option(code::CLIENT_FQDN) {
        return fqdn(&data, address, reserved);
    }
    if let Some(name) = reserved {
        let hostname = name.to_ascii_lowercase();
        return Some(Name { hostname: hostname.into(), code: code::HOST_NAME, other: None });
    }
    let data = query.option(code::HOST_NAME)?;
    let text = std::str::from_utf8(&data).ok()?.trim_end_matches('\0').trim();
    let hostname = if text == "." { generated(address) } else { sanitized(text)? };
    Some(Name { hostname: hostname.into(), code: code::HOST_NAME, other: None })
}

fn generated(address: Ipv4Addr) -> String {
    format!("{GENERATED_PREFIX}-{}", address.to_string().replace('.', "-"))
}

/// `text` in lower case without the characters that a host name has not; none if nothing is left or its labels are
/// no labels.
fn sanitized(text: &str) -> Option<String> {
    let labels = text.strip_suffix('.').unwrap_or(text).split('.');
    let readable = text.len() < MAX_NAME
        && labels.into_iter().all(|label| (1..=MAX_LABEL).contains(&label.len()));
    let kept = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let name: String = text.chars().filter(kept).map(|c| c.to_ascii_lowercase()).collect();
    (readable && !name.is_empty()).then_some(name)
}

/// Answers option 81: updates are not done here (N), not by the server (S), and O tells a client that wanted it.
fn fqdn(data: &[u8], address: Ipv4Addr, reserved: Option<&str>) -> Option<Name> {
    let [flags, rcode1, rcode2, domain @ ..] = data else { return None };
    let wire = flags & WIRE_FORMAT != 0;
    let labels = if wire { wire_labels(domain)? } else { text_labels(domain)? };
    let labels = match reserved {
        Some(name) => {
            let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
            name.split('.').map(str::to_owned).collect()
        }
        None if labels.is_empty() => vec![generated(address)],
        None => labels.iter().map(|label| sanitized_label(label)).collect::<Option<_>>()?,
    };
    let overridden = if flags & SERVER_UPDATES != 0 { OVERRIDDEN } else { 0 };
    let mut option = vec![flags & WIRE_FORMAT | NO_UPDATES | overridden, *rcode1, *rcode2];
    let hostname = labels.join(".") + ".";
    if hostname.len() >= MAX_NAME {
        return None;
    }
    if wire {
        for label in &labels {
            option.push(u8::try_from(label.len()).ok()?);
            option.extend_from_slice(label.as_bytes());
        }
        option.push(0);
    } else {
        option.extend_from_slice(hostname.as_bytes());
    }
    Some(Name { hostname: hostname.into(), code: code::CLIENT_FQDN, other: Some(option) })
}

fn sanitized_label(label: &[u8]) -> Option<String> {
    sanitized(&String::from_utf8_lossy(label)).filter(|label| !label.contains('.'))
}

/// Labels in the wire form of RFC 1035 without compression; a partial name lacks the closing zero.
fn wire_labels(mut data: &[u8]) -> Option<Vec<&[u8]>> {
    let mut labels = Vec::new();
    while let Some((len, rest)) = data.split_first().filter(|(len, _)| **len != 0) {
        let len = usize::from(*len);
        let (label, after) = rest.split_at_checked(len).filter(|_| len <= MAX_LABEL)?;
        labels.push(label);
        data = after;
    }
    Some(labels)
}

/// Labels in the deprecated text form.
fn text_labels(data: &[u8]) -> Option<Vec<&[u8]>> {
    let data = data.strip_suffix(b".").unwrap_or(data);
    if data.is_empty() {
        return Some(Vec::new());
    }
    let labels: Vec<_> = data.split(|byte| *byte == b'.').collect();
    labels.iter().all(|label| (1..=MAX_LABEL).contains(&label.len())).then_some(labels)
}
