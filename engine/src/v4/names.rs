//! The client's host name: option 12 (RFC 2132 section 3.14) or option 81 (RFC 4702), with DNS updates switched
//! off. Names are put together in place, without taking memory. Pure.

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use crate::codec::v4::{Query, code};
use crate::config::model::{NameRules, ReplaceClientName, Unwanted};

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

    /// The zeros at its end are cut off.
    fn cut_zeros(&mut self) {
        self.len = self.as_str().trim_end_matches('\0').len();
    }

    fn lower(mut self) -> Self {
        self.bytes[..self.len].make_ascii_lowercase();
        self
    }

    /// Adds the suffix, unless it ends with it or with a dot.
    fn qualify(&mut self, rules: &NameRules, last_dot: bool) -> Result<(), TooLong> {
        let suffix = rules.qualifying_suffix.trim_end_matches('.');
        let name = self.as_str();
        let has_suffix =
            || name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !suffix.is_empty() && !name.ends_with('.') && !has_suffix() {
            self.add(".")?;
            self.add(suffix)?;
        }
        self.cut_dots(1);
        if last_dot { self.add(".") } else { Ok(()) }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.add(text).map_err(|TooLong| fmt::Error)
    }
}

/// Bytes of option 81 before the name, and of all of it at most: a name on the wire is one byte longer.
const FQDN_HEAD: usize = 3;
pub(super) const MAX_FQDN: usize = FQDN_HEAD + MAX_NAME + 1;

/// A name as the lease keeps it and as the reply tells it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// What the lease keeps.
    pub(super) hostname: Text,
    /// What stands before it in option 81, if that carries it rather than option 12.
    fqdn: Option<[u8; FQDN_HEAD]>,
}

impl Name {
    /// The option that carries it: 12 or 81.
    pub(super) const fn code(&self) -> u8 {
        if self.fqdn.is_some() { code::CLIENT_FQDN } else { code::HOST_NAME }
    }

    /// The data of the option; `space` is for those of option 81.
    pub(super) fn option<'a>(&'a self, space: &'a mut [u8; MAX_FQDN]) -> &'a [u8] {
        let name = self.hostname.as_str();
        let Some(head) = self.fqdn else { return name.as_bytes() };
        let mut len = 0;
        let mut add = |bytes: &[u8]| {
            space[len..len + bytes.len()].copy_from_slice(bytes);
            len += bytes.len();
        };
        add(&head);
        if head[0] & WIRE_FORMAT == 0 {
            add(name.as_bytes());
            return &space[..len];
        }
        for label in name.split('.').filter(|label| !label.is_empty()) {
            // The name is readable: no label is longer than that.
            add(&[(label.len() & MAX_LABEL) as u8]);
            add(label.as_bytes());
        }
        add(&[0]);
        &space[..len]
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
        (Some(reserved), _) => qualified(reserved, rules, false)?.lower(),
        (None, None | Some([])) => match rules.replace {
            ReplaceClientName::Always | ReplaceClientName::WhenNotPresent => {
                generated(address, rules, false)?
            }
            ReplaceClientName::Never | ReplaceClientName::WhenPresent => return None,
        },
        (None, Some(data)) => hostname(data, address, rules)?,
    };
    Some(Name { hostname, fqdn: None })
}

/// The name for the client's option 12: without a dot inside it is partial, a dot alone asks for a name.
fn hostname(data: &[u8], address: Ipv4Addr, rules: &NameRules) -> Option<Text> {
    if let Some(name) = plain(data, rules) {
        return Some(name);
    }
    let text = std::str::from_utf8(data).ok()?.trim_end_matches('\0').trim();
    if !is_readable(text) {
        return None;
    }
    if rules.replace.replaces_sent() || text == "." {
        return generated(address, rules, false);
    }
    let mut name = clean(text, rules)?.lower();
    name.cut_zeros();
    let text = name.as_str();
    if text.is_empty() || !is_readable(text) {
        return None;
    }
    let is_partial = !text.strip_suffix('.').unwrap_or(text).contains('.');
    if is_partial {
        name.qualify(rules, false).ok()?;
    }
    Some(name)
}

/// The name that nearly every client sends: one label of letters, digits and hyphens, with which nothing is to be done.
fn plain(data: &[u8], rules: &NameRules) -> Option<Text> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let as_it_is =
        !matches!(rules.unwanted, Unwanted::Pattern(_)) && !rules.replace.replaces_sent();
    if !as_it_is || !(1..=MAX_LABEL).contains(&data.len()) || !data.iter().all(is_plain) {
        return None;
    }
    let mut name = Text::new();
    name.len = data.len();
    name.bytes[..data.len()].copy_from_slice(data);
    name.bytes[..data.len()].make_ascii_lowercase();
    if !rules.qualifying_suffix.is_empty() {
        name.qualify(rules, false).ok()?;
    }
    Some(name)
}

fn copied(text: &str) -> Option<Text> {
    let mut copy = Text::new();
    copy.add(text).ok()?;
    Some(copy)
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
    if text == "." || text.len() >= MAX_NAME {
        return text == ".";
    }
    let mut label = 0;
    for byte in text.strip_suffix('.').unwrap_or(text).bytes() {
        if byte != b'.' {
            label += 1;
        } else if !(1..=MAX_LABEL).contains(&label) {
            return false;
        } else {
            label = 0;
        }
    }
    (1..=MAX_LABEL).contains(&label)
}

fn generated(address: Ipv4Addr, rules: &NameRules, last_dot: bool) -> Option<Text> {
    let [a, b, c, d] = address.octets();
    let mut name = Text::new();
    write!(name, "{}-{a}-{b}-{c}-{d}", rules.generated_prefix).ok()?;
    qualified(name.as_str(), rules, last_dot)
}

/// `name` with the suffix, unless it ends with it or with a dot.
fn qualified(name: &str, rules: &NameRules, last_dot: bool) -> Option<Text> {
    let mut whole = copied(name)?;
    whole.qualify(rules, last_dot).ok()?;
    Some(whole)
}

/// Answers option 81: updates are not done here (N), not by the server (S), and O tells a client that wanted it.
fn fqdn(data: &[u8], address: Ipv4Addr, rules: &NameRules, reserved: Option<&str>) -> Option<Name> {
    let [flags, rcode1, rcode2, domain @ ..] = data else { return None };
    let wire = flags & WIRE_FORMAT != 0;
    let hostname = match reserved {
        Some(reserved) => qualified(reserved, rules, true)?.lower(),
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
    let head = [flags & WIRE_FORMAT | NO_UPDATES | overridden, *rcode1, *rcode2];
    Some(Name { hostname, fqdn: Some(head) })
}

/// The client's domain name, cleaned label by label and made whole.
fn sent_domain(domain: &[u8], wire: bool, rules: &NameRules) -> Option<Text> {
    let partial = domain.last() != Some(if wire { &0 } else { &b'.' });
    let mut name = Text::new();
    let mut add = |label: &[u8]| {
        // Only of bytes that are no text a copy has to be made.
        let label = copied(&String::from_utf8_lossy(label))?.lower();
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
