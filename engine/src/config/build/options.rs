//! `option-data`: names to codes, values to wire form, options of inner spaces into those that hold them.

use std::collections::HashSet;

use super::Builder;
use crate::codec::options::space::{self, DHCP4, DOCSIS_BY_NAME};
use crate::codec::options::{Definition, Definitions, Kind, encode_hex, sub_options};
use crate::codec::v4::code;
use crate::config::json::Node;
use crate::config::model::OptionData;
use crate::limits::{MAX_MESSAGE, MAX_OPTION_DEPTH};

/// An entry of `option-data`.
struct Given<'n> {
    node: &'n Node,
    space: String,
    option: OptionData,
    definition: Option<Definition>,
}

/// What an option without a definition and without `csv-format` is: Kea's default of `csv-format` is true at the global
/// level, and below that whether there is a definition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Undefined {
    NeedsFormat,
    Hexadecimal,
}

impl Builder<'_> {
    /// `option-data` of a map.
    pub(super) fn options(&mut self, holder: &Node) -> Vec<OptionData> {
        self.options_of(holder, &Definitions::default())
    }

    /// `option-data` of a map that has definitions of its own.
    pub(super) fn options_of(&mut self, holder: &Node, own: &Definitions) -> Vec<OptionData> {
        self.options_in(holder, own, Undefined::Hexadecimal)
    }

    /// `option-data` of the global level.
    pub(super) fn global_options(&mut self, dhcp4: &Node) -> Vec<OptionData> {
        self.options_in(dhcp4, &Definitions::default(), Undefined::NeedsFormat)
    }

    fn options_in(
        &mut self,
        holder: &Node,
        own: &Definitions,
        undefined: Undefined,
    ) -> Vec<OptionData> {
        let nodes = holder.list("option-data").iter().filter(|node| node.as_map().is_some());
        let given: Vec<_> = nodes.filter_map(|node| self.option(node, own, undefined)).collect();
        self.warn_of_doubles(&given);
        let mut options = Vec::new();
        for outer in &given {
            if outer.space == DOCSIS_BY_NAME {
                let expected = "expected \"vendor-4491\" if clients are to get it";
                let message =
                    format!("no option holds the options of \"{DOCSIS_BY_NAME}\", {expected}");
                self.warning(&outer.node.at, message);
            }
            if outer.option.enterprise.is_none() && outer.space != DHCP4 {
                continue;
            }
            match assemble(outer, &given, 0) {
                Ok(data) if data.len() > MAX_MESSAGE => {
                    let found = data.len();
                    let message = format!("got an option of {found} bytes with the options inside");
                    let expected = format!("expected at most {MAX_MESSAGE}");
                    self.mistake(&outer.node.at, format!("{message}, {expected}"));
                }
                Ok(data) => options.push(OptionData { data: data.into(), ..outer.option.clone() }),
                Err(TooDeep) => {
                    let message = "got options inside one another without end";
                    let expected = "expected spaces that do not encapsulate each other";
                    self.mistake(&outer.node.at, format!("{message}, {expected}"));
                }
            }
        }
        options
    }

    /// Of two entries for everybody the first counts, as in Kea 3; Kea 2 took the last. Options of several enterprises
    /// stand side by side.
    fn warn_of_doubles(&mut self, given: &[Given<'_>]) {
        let several = [code::VENDOR_CLASS, code::VENDOR_OPTIONS];
        let mut seen = HashSet::new();
        for Given { node, space, option, .. } in given {
            let (code, some) = (option.code, !option.classes.is_empty());
            if some || (space == DHCP4 && several.contains(&code)) || seen.insert((space, code)) {
                continue;
            }
            let expected = "expected it once: the first one counts";
            self.warning(
                &node.at,
                format!("got option {code} a second time for everybody, {expected}"),
            );
        }
    }

    fn option<'n>(
        &mut self,
        node: &'n Node,
        own: &Definitions,
        undefined: Undefined,
    ) -> Option<Given<'n>> {
        let space = self.space(node, "space")?;
        let (code, definition) = self.option_code(node, &space, own)?;
        let never_send = node.flag("never-send").unwrap_or(false);
        let data = match node.get("data") {
            None if never_send => Vec::new(),
            _ => self.option_value(node, definition.as_ref(), undefined)?,
        };
        let option = OptionData {
            enterprise: space::enterprise(&space),
            code,
            data: data.into(),
            always_send: node.flag("always-send").unwrap_or(false),
            never_send,
            classes: self.class_names(node.list("client-classes").iter()),
        };
        Some(Given { node, space, option, definition })
    }

    fn option_code(
        &mut self,
        node: &Node,
        space: &str,
        own: &Definitions,
    ) -> Option<(u8, Option<Definition>)> {
        let name = node.get("name").and_then(|at| Some((at, at.as_str()?)));
        let name = name.filter(|(_, name)| !name.is_empty());
        let Some(number) = node.get("code") else {
            let Some((at, name)) = name else {
                let message = "got an option without \"name\" and \"code\", expected one of them";
                self.mistake(&node.at, message);
                return None;
            };
            let known =
                own.own_named(space, name).or_else(|| self.definitions.by_name(space, name));
            if let Some(definition) = known {
                return Some((definition.code, Some(definition.clone())));
            }
            let expected = match space {
                DHCP4 => "expected a DHCPv4 option's name".to_owned(),
                _ => format!("expected one that option-def defines in the space \"{space}\""),
            };
            self.mistake(&at.at, format!("got option \"{name}\", {expected}"));
            return None;
        };
        let code = self.code_in(space, number)?;
        let known = own.own(space, code).or_else(|| self.definitions.by_code(space, code)).cloned();
        if let (Some((at, name)), Some(definition)) = (name, &known)
            && definition.name != name
        {
            let expected = format!("expected \"{}\"", definition.name);
            self.mistake(&at.at, format!("got name \"{name}\" for option {code}, {expected}"));
            return None;
        }
        Some((code, known))
    }

    fn option_value(
        &mut self,
        node: &Node,
        definition: Option<&Definition>,
        undefined: Undefined,
    ) -> Option<Vec<u8>> {
        let data = node.get("data");
        let text = match data {
            Some(data) => data.as_str()?,
            None => "",
        };
        let csv = node.flag("csv-format");
        let needs_definition = csv.unwrap_or(undefined == Undefined::NeedsFormat);
        let encoded = match definition {
            Some(definition) if csv != Some(false) => definition.encode_csv(text),
            None if needs_definition => {
                let at = &node.get("code")?.at;
                let expected = "expected \"csv-format\": false with it, or a defined option";
                self.mistake(at, format!("got an option without a definition, {expected}"));
                return None;
            }
            // As in Kea, such an option stays empty whatever stands there.
            Some(definition) if definition.kind == Kind::Empty && definition.inside().is_none() => {
                encode_hex(text).map(|_| Vec::new())
            }
            Some(definition) => {
                encode_hex(text).and_then(|bytes| definition.check(&bytes).map(|()| bytes))
            }
            None => encode_hex(text),
        };
        match encoded {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                let name = definition.map_or("the option", |definition| &definition.name);
                let at = data.map_or(&node.at, |data| &data.at);
                self.mistake(at, format!("bad value for {name}: {error}"));
                None
            }
        }
    }
}

/// Option spaces lead back to where they began.
struct TooDeep;

/// The data of `outer` with the options of its map that stand in the space that it encapsulates, each code once,
/// ascending.
fn assemble(outer: &Given<'_>, all: &[Given<'_>], depth: usize) -> Result<Vec<u8>, TooDeep> {
    let data = &outer.option.data;
    let Some(definition) = &outer.definition else { return Ok(data.to_vec()) };
    let Some(space) = definition.inside() else { return Ok(data.to_vec()) };
    if depth == MAX_OPTION_DEPTH {
        return Err(TooDeep);
    }
    let (value, raw) = data.split_at(definition.value_len(data));
    let mut inside: Vec<(u8, Vec<u8>)> =
        sub_options(raw).map(|(code, data)| (code, data.to_vec())).collect();
    for inner in all.iter().filter(|inner| inner.space == space && !inner.option.never_send) {
        let code = inner.option.code;
        if !inside.iter().any(|(known, _)| *known == code) {
            inside.push((code, assemble(inner, all, depth + 1)?));
        }
    }
    if inside.is_empty() {
        return Ok(data.to_vec());
    }
    inside.sort_by_key(|(code, _)| *code);
    let mut whole = value.to_vec();
    for (code, data) in &inside {
        // What is too long for one goes into several (RFC 3396); what is empty is one all the same.
        let mut rest = data.as_slice();
        loop {
            let (piece, later) = rest.split_at(rest.len().min(usize::from(u8::MAX)));
            whole.extend([*code, piece.len() as u8]);
            whole.extend_from_slice(piece);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
    }
    Ok(whole)
}
