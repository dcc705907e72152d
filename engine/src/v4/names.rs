//! The client's host name: option 12 (RFC 2132 section 3.14) or option 81 (RFC 4702), with DNS updates switched
//! off. Pure.

use std::net::Ipv4Addr;

use crate::codec::v4::{Query, code};
use crate::config::model::{NameRules, ReplaceClientName};
use crate::lease::HostName;

/// Flags of option 81.
const SERVER_UPDATES: u8 = 0x01;
const OVERRIDDEN: u8 = 0x02;
const WIRE_FORMAT: u8 = 0x04;
const NO_UPDATES: u8 = 0x08;
/// Bounds of a domain name and of a label (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// A name as the lease keeps it and as the reply tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// What the lease keeps.
    pub(super) hostname: HostName,
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

/// The name of the client of `query`, which gets `address`; none if it sent none that can be read, and none is made
/// up for it. One that is `reserved` goes before the client's.
pub(super) fn name_of(
    query: &Query<'_>,
    address: Ipv4Addr,
    rules: &NameRules,
    reserved: Option<&str>,
) -> Option<Name> {
    if let Some(data) = query.option(code::CLIENT_FQDN) {
        return fqdn(&data, address, rules, reserved);
    }
    let hostname = match (reserved, query.option(code::HOST_NAME).as_deref()) {
        (Some(reserved), _) => qualified(reserved, rules, false).to_ascii_lowercase(),
        (None, None | Some([])) => match rules.replace {
            ReplaceClientName::Always | ReplaceClientName::WhenNotPresent => {
                generated(address, rules, false)
            }
            ReplaceClientName::Never | ReplaceClientName::WhenPresent => return None,
        },
        (None, Some(data)) => hostname(data, address, rules)?,
    };
    Some(Name { hostname: hostname.into(), code: code::HOST_NAME, other: None })
}

/// The name for the client's option 12: without a dot inside it is partial, a dot alone asks for a name.
fn hostname(data: &[u8], address: Ipv4Addr, rules: &NameRules) -> Option<String> {
    let text = std::str::from_utf8(data).ok()?.trim_end_matches('\0').trim();
    if !is_readable(text) {
        return None;
    }
    if rules.replace.replaces_sent() || text == "." {
        return Some(generated(address, rules, false));
    }
    let clean = rules.clean(text).to_ascii_lowercase();
    if clean.is_empty() || !is_readable(&clean) {
        return None;
    }
    let is_partial = !clean.strip_suffix('.').unwrap_or(&clean).contains('.');
    Some(if is_partial { qualified(&clean, rules, false) } else { clean })
}

/// Whether `text` can be a domain name: labels of a possible length between dots.
fn is_readable(text: &str) -> bool {
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    text == "."
        || text.len() < MAX_NAME && labels.all(|label| (1..=MAX_LABEL).contains(&label.len()))
}

fn generated(address: Ipv4Addr, rules: &NameRules, last_dot: bool) -> String {
    let name = format!("{}-{}", rules.generated_prefix, address.to_string().replace('.', "-"));
    qualified(&name, rules, last_dot)
}

/// `name` with the suffix, unless it ends with it or with a dot.
fn qualified(name: &str, rules: &NameRules, last_dot: bool) -> String {
    let suffix = rules.qualifying_suffix.trim_end_matches('.');
    let has_suffix =
        || name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let mut whole = name.to_owned();
    if !suffix.is_empty() && !name.ends_with('.') && !has_suffix() {
        whole.push('.');
        whole.push_str(suffix);
    }
    whole.truncate(whole.strip_suffix('.').map_or(whole.len(), str::len));
    if last_dot {
        whole.push('.');
    }
    whole
}

/// Answers option 81: updates are not done here (N), not by the server (S), and O tells a client that wanted it.
fn fqdn(data: &[u8], address: Ipv4Addr, rules: &NameRules, reserved: Option<&str>) -> Option<Name> {
    let [flags, rcode1, rcode2, domain @ ..] = data else { return None };
    let contradiction = SERVER_UPDATES | NO_UPDATES;
    if flags & contradiction == contradiction {
        return None;
    }
    let wire = flags & WIRE_FORMAT != 0;
    let hostname = match reserved {
        Some(reserved) => qualified(reserved, rules, true).to_ascii_lowercase(),
        None if domain.is_empty() || rules.replace.replaces_sent() => {
            generated(address, rules, true)
        }
        None => sent_domain(domain, wire, rules)?,
    };
    if hostname.len() >= MAX_NAME || !is_readable(&hostname) {
        return None;
    }
    let overridden = if flags & SERVER_UPDATES != 0 { OVERRIDDEN } else { 0 };
    let mut option = vec![flags & WIRE_FORMAT | NO_UPDATES | overridden, *rcode1, *rcode2];
    if wire {
        for label in hostname.split('.').filter(|label| !label.is_empty()) {
            option.push(u8::try_from(label.len()).ok()?);
            option.extend_from_slice(label.as_bytes());
        }
        option.push(0);
    } else {
        option.extend_from_slice(hostname.as_bytes());
    }
    Some(Name { hostname: hostname.into(), code: code::CLIENT_FQDN, other: Some(option) })
}

/// The client's domain name, cleaned label by label and made whole.
fn sent_domain(domain: &[u8], wire: bool, rules: &NameRules) -> Option<String> {
    let labels = if wire { wire_labels(domain)? } else { text_labels(domain)? };
    let partial = domain.last() != Some(if wire { &0 } else { &b'.' });
    let mut name = String::new();
    for label in labels {
        let label = String::from_utf8_lossy(label).to_ascii_lowercase();
        let label = rules.clean(&label);
        if label.is_empty() {
            return None;
        }
        name.push_str(&label);
        name.push('.');
    }
    if !partial || name.is_empty() {
        return Some(name).filter(|name| !name.is_empty());
    }
    name.truncate(name.trim_end_matches('.').len());
    Some(qualified(&name, rules, true))
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
    let labels: Vec<_> = data.split(|byte| *byte == b'.').collect();
    labels.iter().all(|label| (1..=MAX_LABEL).contains(&label.len())).then_some(labels)
}
