//! The client's host name: option 12 (RFC 2132 section 3.14) or option 81 (RFC 4702), with DNS updates switched
//! off. Names are put together in place, without taking memory. Pure.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use crate::codec::v4::{Query, code};
use crate::config::model::{NameRules, ReplaceClientName};

/// Flags of option 81.
const SERVER_UPDATES: u8 = 0x01;
const OVERRIDDEN: u8 = 0x02;
const WIRE_FORMAT: u8 = 0x04;
const NO_UPDATES: u8 = 0x08;
/// Bounds of a domain name and of a label (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;

/// A name that is put together, of a bounded length.
#[derive(Clone, Copy)]
pub(super) struct Text {
    bytes: [u8; MAX_NAME],
    len: usize,
}

/// It does not fit any more.
struct TooLong;

impl Text {
    const fn new() -> Self {
        Self { bytes: [0; MAX_NAME], len: 0 }
    }

    /// What was put together.
    pub(super) fn as_str(&self) -> &str {
        // Only whole strings are added, and only dots cut off.
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }

    fn add(&mut self, text: &str) -> Result<(), TooLong> {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(TooLong)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }

    /// As many of the last dots as there are, but at most so many, are cut off.
    fn cut_dots(&mut self, most: usize) {
        let dots = self.bytes[..self.len].iter().rev().take_while(|byte| **byte == b'.').count();
        self.len -= dots.min(most);
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text).map_err(|TooLong| fmt::Error)
    }
}

/// Bytes of option 81 before the name, and of all of it at most: a name on the wire is one byte longer.
const FQDN_HEAD: usize = 3;
const MAX_FQDN: usize = FQDN_HEAD + MAX_NAME + 1;

/// A name as the lease keeps it and as the reply tells it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// What the lease keeps.
    pub(super) hostname: Text,
    /// The option that carries it: 12 or 81.
    pub(super) code: u8,
    /// That option's data and their length, if it is not the name itself.
    other: Option<([u8; MAX_FQDN], usize)>,
}

impl Name {
    /// The data of the option.
    pub(super) fn option(&self) -> &[u8] {
        match &self.other {
            Some((data, len)) => &data[..*len],
            None => self.hostname.as_str().as_bytes(),
        }
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
    // What is longer than any name is as good as not sent.
    let sent = query.option(code::HOST_NAME).filter(|data| data.len() <= MAX_NAME);
    let hostname = match (reserved, sent.as_deref()) {
        (Some(reserved), _) => lower(qualified(reserved, rules, false)?),
        (None, None | Some([])) => match rules.replace {
            ReplaceClientName::Always | ReplaceClientName::WhenNotPresent => {
                generated(address, rules, false)?
            }
            ReplaceClientName::Never | ReplaceClientName::WhenPresent => return None,
        },
        (None, Some(data)) => hostname(data, address, rules)?,
    };
    Some(Name { hostname, code: code::HOST_NAME, other: None })
}

/// The name for the client's option 12: without a dot inside it is partial, a dot alone asks for a name.
fn hostname(data: &[u8], address: Ipv4Addr, rules: &NameRules) -> Option<Text> {
    let text = std::str::from_utf8(data).ok()?.trim_end_matches('\0').trim();
    if !is_readable(text) {
        return None;
    }
    if rules.replace.replaces_sent() || text == "." {
        return generated(address, rules, false);
    }
    let clean = lower(clean(text, rules)?);
    let clean = clean.as_str().trim_end_matches('\0');
    if clean.is_empty() || !is_readable(clean) {
        return None;
    }
    let is_partial = !clean.strip_suffix('.').unwrap_or(clean).contains('.');
    if is_partial { qualified(clean, rules, false) } else { copied(clean) }
}

fn copied(text: &str) -> Option<Text> {
    let mut copy = Text::new();
    copy.add(text).ok()?;
    Some(copy)
}

fn lower(mut text: Text) -> Text {
    text.bytes[..text.len].make_ascii_lowercase();
    text
}

/// `text` with what is unwanted replaced.
fn clean(text: &str, rules: &NameRules) -> Option<Text> {
    let mut clean = Text::new();
    let mut fits = true;
    rules.clean(text, &mut |piece| fits &= clean.add(piece).is_ok());
    fits.then_some(clean)
}

/// Whether `text` can be a domain name: labels of a possible length between dots.
fn is_readable(text: &str) -> bool {
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    text == "."
        || text.len() < MAX_NAME && labels.all(|label| (1..=MAX_LABEL).contains(&label.len()))
}

fn generated(address: Ipv4Addr, rules: &NameRules, last_dot: bool) -> Option<Text> {
    let [a, b, c, d] = address.octets();
    let mut name = Text::new();
    write!(name, "{}-{a}-{b}-{c}-{d}", rules.generated_prefix).ok()?;
    qualified(name.as_str(), rules, last_dot)
}

/// `name` with the suffix, unless it ends with it or with a dot.
fn qualified(name: &str, rules: &NameRules, last_dot: bool) -> Option<Text> {
    let suffix = rules.qualifying_suffix.trim_end_matches('.');
    let has_suffix =
        || name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let mut whole = copied(name)?;
    if !suffix.is_empty() && !name.ends_with('.') && !has_suffix() {
        whole.add(".").ok()?;
        whole.add(suffix).ok()?;
    }
    whole.cut_dots(1);
    if last_dot {
        whole.add(".").ok()?;
    }
    Some(whole)
}

/// Answers option 81: updates are not done here (N), not by the server (S), and O tells a client that wanted it.
fn fqdn(data: &[u8], address: Ipv4Addr, rules: &NameRules, reserved: Option<&str>) -> Option<Name> {
    let [flags, rcode1, rcode2, domain @ ..] = data else { return None };
    let wire = flags & WIRE_FORMAT != 0;
    let hostname = match reserved {
        Some(reserved) => lower(qualified(reserved, rules, true)?),
        None if domain.is_empty() || rules.replace.replaces_sent() => {
            generated(address, rules, true)?
        }
        None => sent_domain(domain, wire, rules)?,
    };
    let name = hostname.as_str();
    if name.len() >= MAX_NAME || !is_readable(name) {
        return None;
    }
    let overridden = if flags & SERVER_UPDATES != 0 { OVERRIDDEN } else { 0 };
    let mut option = [0; MAX_FQDN];
    option[..FQDN_HEAD].copy_from_slice(&[
        flags & WIRE_FORMAT | NO_UPDATES | overridden,
        *rcode1,
        *rcode2,
    ]);
    let mut len = FQDN_HEAD;
    let mut add = |bytes: &[u8]| {
        option[len..len + bytes.len()].copy_from_slice(bytes);
        len += bytes.len();
    };
    if wire {
        for label in name.split('.').filter(|label| !label.is_empty()) {
            add(&[u8::try_from(label.len()).ok()?]);
            add(label.as_bytes());
        }
        add(&[0]);
    } else {
        add(name.as_bytes());
    }
    Some(Name { hostname, code: code::CLIENT_FQDN, other: Some((option, len)) })
}

/// The client's domain name, cleaned label by label and made whole.
fn sent_domain(domain: &[u8], wire: bool, rules: &NameRules) -> Option<Text> {
    let partial = domain.last() != Some(if wire { &0 } else { &b'.' });
    let mut name = Text::new();
    let mut add = |label: &[u8]| {
        // Only of bytes that are no text a copy has to be made.
        let label = lower(copied(&String::from_utf8_lossy(label))?);
        let label = clean(label.as_str(), rules)?;
        let fits = label.len > 0 && name.add(label.as_str()).and_then(|()| name.add(".")).is_ok();
        fits.then_some(())
    };
    if wire {
        wire_labels(domain, &mut add)?
    } else {
        text_labels(domain, &mut add)?
    }
    if !partial || name.len == 0 {
        return Some(name).filter(|name| name.len > 0);
    }
    name.cut_dots(MAX_NAME);
    qualified(name.as_str(), rules, true)
}

/// Labels in the wire form of RFC 1035 without compression; a partial name lacks the closing zero.
fn wire_labels(mut data: &[u8], add: &mut dyn FnMut(&[u8]) -> Option<()>) -> Option<()> {
    while let Some((len, rest)) = data.split_first().filter(|(len, _)| **len != 0) {
        let len = usize::from(*len);
        let (label, after) = rest.split_at_checked(len).filter(|_| len <= MAX_LABEL)?;
        add(label)?;
        data = after;
    }
    Some(())
}

/// Labels in the deprecated text form.
fn text_labels(data: &[u8], add: &mut dyn FnMut(&[u8]) -> Option<()>) -> Option<()> {
    let data = data.strip_suffix(b".").unwrap_or(data);
    for label in data.split(|byte| *byte == b'.') {
        if !(1..=MAX_LABEL).contains(&label.len()) {
            return None;
        }
        add(label)?;
    }
    Some(())
}
