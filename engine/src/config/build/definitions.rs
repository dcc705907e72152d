//! `option-def`: what options of one's own are called and how their values look.

use std::borrow::Cow;

use super::Builder;
use crate::codec::options::space::{self, DHCP4};
use crate::codec::options::{Definition, Definitions, Kind, is_deferred};
use crate::config::json::Node;

impl Builder<'_> {
    /// `option-def` of a map.
    pub(super) fn definitions(&mut self, holder: &Node) -> Definitions {
        self.definitions_at(holder.list("option-def").iter().collect())
    }

    fn definitions_at(&mut self, nodes: Vec<&Node>) -> Definitions {
        let mut definitions = Definitions::default();
        for node in nodes.into_iter().filter(|node| node.as_map().is_some()) {
            let Some(definition) = self.definition(node) else { continue };
            if let Err(error) = definitions.add(definition) {
                self.mistake(&node.at, format!("bad option-def: {error}"));
            }
        }
        definitions
    }

    /// `option-def` of a class, which may only say what options of its vendor mean.
    pub(super) fn class_definitions(&mut self, class: &Node) -> Definitions {
        let mut allowed = Vec::new();
        for node in class.list("option-def") {
            let space = node.text("space").filter(|space| !space.is_empty()).unwrap_or(DHCP4);
            match node.get("code").and_then(|at| Some((&at.at, at.as_int()?))) {
                Some((at, code))
                    if !u8::try_from(code).is_ok_and(|code| is_deferred(space, code)) =>
                {
                    let expected = "expected 43 or one from 224 to 254 of the space \"dhcp4\"";
                    let message =
                        format!("got option {code} of \"{space}\" in a class, {expected}");
                    self.mistake(at, message);
                }
                _ => allowed.push(node),
            }
        }
        self.definitions_at(allowed)
    }

    fn definition(&mut self, node: &Node) -> Option<Definition> {
        let name = node.text("name")?.to_owned();
        let space = self.space(node, "space")?;
        let code = self.code_in(&space, node.get("code")?)?;
        let kind = self.kind(node.get("type")?, node.text("type")?)?;
        let encapsulate = match node.text("encapsulate") {
            None | Some("") => String::new(),
            Some(_) => self.space(node, "encapsulate")?,
        };
        let mut record = Vec::new();
        if let Some(types) = node.get("record-types") {
            for field in types.as_str()?.split(',').map(str::trim).filter(|name| !name.is_empty()) {
                record.push(self.kind(types, field)?);
            }
        }
        Some(Definition {
            space: space.into(),
            name: name.into(),
            code,
            kind,
            array: node.flag("array").unwrap_or(false),
            record: Cow::Owned(record),
            encapsulate: encapsulate.into(),
        })
    }

    /// The option space that `key` of `node` names; without it the message's own.
    pub(super) fn space(&mut self, node: &Node, key: &str) -> Option<String> {
        let Some(named) = node.get(key) else { return Some(DHCP4.to_owned()) };
        let name = named.as_str()?;
        let wrong = match name {
            "" if key == "space" => return Some(DHCP4.to_owned()),
            "dhcp6" => "one of DHCPv4",
            _ if space::is_name(name) => return Some(name.to_owned()),
            _ => "letters and digits, hyphens and underscores inside",
        };
        let found = named.describe();
        self.mistake(&named.at, format!("got option space {found}, expected {wrong}"));
        None
    }

    /// An option's code: 0 and 255 are no options of a message, but may be inside of one.
    pub(super) fn code_in(&mut self, space: &str, node: &Node) -> Option<u8> {
        let number = node.as_int()?;
        let (least, most) = if space == DHCP4 { (1, 254) } else { (0, 255) };
        let code = u8::try_from(number).ok().filter(|code| (least..=most).contains(code));
        if code.is_none() {
            let expected = format!("expected one from {least} to {most}");
            self.mistake(&node.at, format!("got option code {number}, {expected}"));
        }
        code
    }

    fn kind(&mut self, at: &Node, name: &str) -> Option<Kind> {
        let kind = Kind::from_name(name);
        if kind.is_none() {
            let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            let expected = format!("expected one of {}", known.join(", "));
            self.mistake(&at.at, format!("got the option type \"{name}\", {expected}"));
        }
        kind
    }
}
