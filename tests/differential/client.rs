//! The clients of a story: what each holds at each side, and its queries made of verbs and words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use crate::lab::{SERVER, SERVER_MAC};
use crate::message::{Kind, Query, Reply, Route};
use crate::story::Words;

const BROADCAST_MAC: [u8; 6] = [0xff; 6];
const RELAY_MAC: [u8; 6] = [2, 0, 0, 0, 0xee, 1];

/// What a client has from one server: an address and the server's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) offered: Option<(Ipv4Addr, Ipv4Addr)>,
    /// The last address that it was given; kept when it is given back, since clients remember it, too.
    pub(crate) bound: Option<(Ipv4Addr, Ipv4Addr)>,
    /// The addresses that it was offered and not given yet: in each network one stays open.
    pub(crate) open: BTreeSet<Ipv4Addr>,
}

impl Held {
    /// Takes what a reply says.
    pub(crate) fn learn(&mut self, verb: &str, reply: Option<&Reply>) {
        let Some(reply) = reply else { return };
        let given = (reply.yiaddr, reply.server().unwrap_or(SERVER));
        match reply.kind() {
            Kind::Offer => {
                self.offered = Some(given);
                self.open.insert(given.0);
            }
            Kind::Ack if verb != "inform" => {
                (self.bound, self.offered) = (Some(given), None);
                self.open.remove(&given.0);
            }
            Kind::Nak => self.offered = None,
            _ => {}
        }
    }

    /// Whether an offer of the server may still be open.
    pub(crate) fn is_promised(&self) -> bool {
        !self.open.is_empty()
    }
}

/// What every client holds at one side.
pub(crate) type Holdings = BTreeMap<String, Held>;

/// A query that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Impossible {
    /// The client lacks what it should name: it was not offered or given any address.
    HoldsNothing,
    /// A word that means nothing.
    Word(String),
}

/// Makes the query of `client`, which holds what `holdings` says.
pub(crate) fn compose(
    client: &str,
    verb: &str,
    words: &Words,
    xid: u32,
    holdings: &Holdings,
) -> Result<(Query, Route), Impossible> {
    let mut draft = Draft::new(client, xid, holdings);
    // Who it is and where it is come first: the verb says what is sent from there.
    for (key, value) in words {
        draft.place(key, value)?;
    }
    draft.verb(verb, words)?;
    for (key, value) in words {
        draft.word(key, value)?;
    }
    Ok(draft.finish())
}

/// A query in the making.
struct Draft<'a> {
    client: &'a str,
    holdings: &'a Holdings,
    query: Query,
    relay: Option<Ipv4Addr>,
    from: Ipv4Addr,
    to: Ipv4Addr,
}

impl<'a> Draft<'a> {
    fn new(client: &'a str, xid: u32, holdings: &'a Holdings) -> Self {
        let mut chaddr = vec![2, 0];
        chaddr.extend(client.bytes().take(4));
        chaddr.resize(6, 0);
        let query = Query { op: 1, htype: 1, hlen: 6, xid, chaddr, ..Query::default() };
        let (from, to) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
        Self { client, holdings, query, relay: None, from, to }
    }

    /// Words that hold for all that a client sends.
    fn place(&mut self, key: &str, value: &str) -> Result<(), Impossible> {
        match key {
            "via" => self.relay = Some(parse(value)?),
            "mac" => {
                self.query.chaddr = hex(value)?;
                self.query.hlen = u8::try_from(self.query.chaddr.len()).unwrap_or(u8::MAX);
            }
            _ => {}
        }
        Ok(())
    }

    /// What the verb says, as far as no word says otherwise.
    fn verb(&mut self, verb: &str, words: &Words) -> Result<(), Impossible> {
        let number = match verb {
            "discover" => 1,
            "select" | "reboot" | "renew" | "rebind" | "request" => 3,
            "decline" => 4,
            "release" => 7,
            "inform" => 8,
            "bootp" => 0,
            other => return Err(Impossible::Word(other.into())),
        };
        if number > 0 {
            self.set(53, vec![number]);
        }
        let unicast = matches!(verb, "renew" | "release");
        if let Some(relay) = self.relay.filter(|_| !unicast) {
            (self.from, self.to) = (relay, SERVER);
            (self.query.giaddr, self.query.hops) = (relay.octets(), 1);
        }
        let defaults: &[(&str, &str)] = match verb {
            "select" => &[("requested", "offered"), ("server", "own")],
            "reboot" => &[("requested", "bound")],
            "renew" | "rebind" | "inform" => &[("ciaddr", "bound")],
            "release" => &[("ciaddr", "bound"), ("server", "own")],
            "decline" => &[("requested", "bound"), ("server", "own")],
            _ => &[],
        };
        for (key, default) in defaults {
            let given = words.iter().rev().find(|(word, _)| word == key);
            self.word(key, given.map_or(default, |(_, value)| value))?;
        }
        if unicast {
            (self.from, self.to) = (self.query.ciaddr.into(), SERVER);
        }
        Ok(())
    }

    fn word(&mut self, key: &str, value: &str) -> Result<(), Impossible> {
        match key {
            "via" | "mac" | "fresh" => {}
            "op" => self.query.op = parse(value)?,
            "htype" => self.query.htype = parse(value)?,
            "hlen" => self.query.hlen = parse(value)?,
            "hops" => self.query.hops = parse(value)?,
            "secs" => self.query.secs = parse(value)?,
            "broadcast" => self.query.flags |= 0x8000,
            "flags" => {
                self.query.flags = u16::from_str_radix(value, 16).map_err(|_| wrong(value))?
            }
            "ciaddr" => self.query.ciaddr = self.address(value)?.octets(),
            "yiaddr" => self.query.yiaddr = self.address(value)?.octets(),
            "siaddr" => self.query.siaddr = self.address(value)?.octets(),
            "giaddr" => self.query.giaddr = self.address(value)?.octets(),
            "from" => self.from = self.address(value)?,
            "to" => self.to = self.address(value)?,
            "sname" => self.query.sname = data(value)?,
            "file" => self.query.file = data(value)?,
            "requested" => self.set_address(50, value)?,
            "server" if value == "own" => {
                let server = self.held(self.client, "")?.1;
                self.set(54, server.octets().into());
            }
            "server" => self.set_address(54, value)?,
            "lifetime" => self.set(51, parse::<u32>(value)?.to_be_bytes().into()),
            "type" => self.set(53, vec![parse(value)?]),
            "cid" => self.set(61, data(value)?),
            "prl" => {
                let codes = value.split(',').map(parse::<u8>).collect::<Result<_, _>>()?;
                self.set(55, codes);
            }
            "host" => self.set(12, data(value)?),
            "class" => self.set(60, data(value)?),
            "rai" => {
                let pieces = value.split(',').map(|piece| {
                    let (code, value) = piece.split_once(':').ok_or_else(|| wrong(piece))?;
                    Ok(suboption(parse(code)?, data(value)?))
                });
                let data: Vec<Vec<u8>> = pieces.collect::<Result<_, Impossible>>()?;
                self.set(82, data.concat());
            }
            "fqdn" => {
                let (flags, name) = value.split_once(':').ok_or_else(|| wrong(value))?;
                let flags = u8::from_str_radix(flags, 16).map_err(|_| wrong(value))?;
                self.set(81, fqdn(flags, name));
            }
            "tail" => self.query.tail = hex(value)?,
            "no" => {
                let code: u8 = parse(value)?;
                self.query.options.retain(|(known, _)| *known != code);
            }
            other => match other.strip_prefix("opt").map(parse::<u8>) {
                Some(Ok(code)) => self.set(code, data(value)?),
                _ => return Err(wrong(other)),
            },
        }
        Ok(())
    }

    fn set_address(&mut self, code: u8, value: &str) -> Result<(), Impossible> {
        if value == "none" {
            self.query.options.retain(|(known, _)| *known != code);
            return Ok(());
        }
        let address = self.address(value)?;
        self.set(code, address.octets().into());
        Ok(())
    }

    fn set(&mut self, code: u8, data: Vec<u8>) {
        match self.query.options.iter_mut().find(|(known, _)| *known == code) {
            Some(option) => option.1 = data,
            None => self.query.options.push((code, data)),
        }
    }

    /// An address, or whose it is: `offered`, `bound`, `bound:OTHER`, and `+N` after it for the N-th neighbour.
    fn address(&self, value: &str) -> Result<Ipv4Addr, Impossible> {
        if let Ok(address) = value.parse() {
            return Ok(address);
        }
        let (name, more) = value.split_once('+').unwrap_or((value, "0"));
        let (which, whose) = name.split_once(':').unwrap_or((name, self.client));
        if !["offered", "bound"].contains(&which) {
            return Err(wrong(value));
        }
        let address = u32::from(self.held(whose, which)?.0);
        Ok(address.wrapping_add(parse(more)?).into())
    }

    fn held(&self, whose: &str, which: &str) -> Result<(Ipv4Addr, Ipv4Addr), Impossible> {
        let held = self.holdings.get(whose).ok_or(Impossible::HoldsNothing)?;
        let found = match which {
            "offered" => held.offered,
            "bound" => held.bound,
            _ => held.offered.or(held.bound),
        };
        found.ok_or(Impossible::HoldsNothing)
    }

    fn finish(self) -> (Query, Route) {
        let unicast = self.to != Ipv4Addr::BROADCAST;
        let mut own = self.query.chaddr.clone();
        own.resize(6, 0);
        let from_mac = if self.relay.is_some() { RELAY_MAC } else { own.try_into().unwrap() };
        let from_port = if self.relay == Some(self.from) { 67 } else { 68 };
        let route = Route {
            to_mac: if unicast { SERVER_MAC } else { BROADCAST_MAC },
            from_mac,
            from: (self.from, from_port),
            to: (self.to, 67),
        };
        (self.query, route)
    }
}

fn wrong(text: &str) -> Impossible {
    Impossible::Word(text.into())
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T, Impossible> {
    text.parse().map_err(|_| wrong(text))
}

fn hex(text: &str) -> Result<Vec<u8>, Impossible> {
    let digits: String = text.chars().filter(|c| *c != ':').collect();
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).map_err(|_| wrong(text)))
        .collect()
}

/// Text between single quotes, an address, or hexadecimal digits.
fn data(value: &str) -> Result<Vec<u8>, Impossible> {
    if let Some(text) = value.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        return Ok(text.into());
    }
    match value.parse::<Ipv4Addr>() {
        Ok(address) => Ok(address.octets().into()),
        Err(_) => hex(value),
    }
}

fn suboption(code: u8, data: Vec<u8>) -> Vec<u8> {
    [vec![code, u8::try_from(data.len()).unwrap_or(u8::MAX)], data].concat()
}

/// Option 81: in wire form if the flag says so, a name with a closing dot with its root label.
fn fqdn(flags: u8, name: &str) -> Vec<u8> {
    let mut bytes = vec![flags, 0, 0];
    if flags & 4 == 0 {
        bytes.extend(name.bytes());
        return bytes;
    }
    for label in name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        bytes.extend(label.bytes());
    }
    if name.ends_with('.') {
        bytes.push(0);
    }
    bytes
}
