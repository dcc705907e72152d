//! `option-data`: names to codes, values to wire form.

use super::Builder;
use crate::codec::options::{Definition, definition_by_code, definition_by_name, encode_hex};
use crate::config::json::Node;
use crate::config::model::OptionData;

impl Builder<'_> {
    /// `option-data` of a map.
    pub(super) fn options(&mut self, holder: &Node) -> Vec<OptionData> {
        let nodes = holder.list("option-data").iter().filter(|node| node.as_map().is_some());
        nodes.filter_map(|node| self.option(node)).collect()
    }

    fn option(&mut self, node: &Node) -> Option<OptionData> {
        if let Some(space) = node.get("space")
            && let Some(name) = space.as_str()
            && !matches!(name, "" | "dhcp4")
        {
            self.mistake(&space.at, format!("not built yet: option space {}", space.describe()));
            return None;
        }
        let (code, definition) = self.option_code(node)?;
        let data = self.option_value(node, definition)?;
        Some(OptionData {
            code,
            data: data.into(),
            always_send: node.flag("always-send").unwrap_or(false),
            never_send: node.flag("never-send").unwrap_or(false),
        })
    }

    fn option_code(&mut self, node: &Node) -> Option<(u8, Option<&'static Definition>)> {
        let code = node.get("code").and_then(Node::as_int);
        let name = node.text("name").filter(|name| !name.is_empty());
        if self.defined_by_file(code, name) {
            let message = "not built yet: options that option-def defines";
            self.mistake(&node.at, message);
            return None;
        }
        match (code, name) {
            (None, None) => {
                self.mistake(
                    &node.at,
                    "got an option without \"name\" and \"code\", expected one of them",
                );
                None
            }
            (None, Some(name)) => match definition_by_name(name) {
                Some(definition) => Some((definition.code, Some(definition))),
                None => {
                    let at = &node.get("name")?.at;
                    self.mistake(
                        at,
                        format!("got option \"{name}\", expected a DHCPv4 option's name"),
                    );
                    None
                }
            },
            (Some(number), name) => {
                let at = &node.get("code")?.at;
                let Some(code) = u8::try_from(number).ok().filter(|code| (1..255).contains(code))
                else {
                    self.mistake(
                        at,
                        format!("got option code {number}, expected one from 1 to 254"),
                    );
                    return None;
                };
                let definition = definition_by_code(code);
                if let (Some(name), Some(definition)) = (name, definition)
                    && definition.name != name
                {
                    let expected = format!("expected \"{}\"", definition.name);
                    let at = &node.get("name")?.at;
                    self.mistake(at, format!("got name \"{name}\" for option {code}, {expected}"));
                    return None;
                }
                Some((code, definition))
            }
        }
    }

    fn option_value(&mut self, node: &Node, definition: Option<&Definition>) -> Option<Vec<u8>> {
        let data = node.get("data");
        let text = match data {
            Some(data) => data.as_str()?,
            None => "",
        };
        let csv = node.flag("csv-format");
        let encoded = match definition {
            Some(definition) if csv != Some(false) => definition.encode_csv(text),
            None if csv != Some(false) => {
                let at = &node.get("code")?.at;
                let expected = "expected \"csv-format\": false with it, or a defined option";
                self.mistake(at, format!("got an option without a definition, {expected}"));
                return None;
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

    /// Whether `option-def` defines this one.
    fn defined_by_file(&self, code: Option<i64>, name: Option<&str>) -> bool {
        self.definitions.iter().any(|node| {
            let same_code = code.is_some() && node.get("code").and_then(Node::as_int) == code;
            let same_name = name.is_some() && node.text("name") == name;
            let space = matches!(node.text("space"), None | Some("" | "dhcp4"));
            space && (same_code || same_name)
        })
    }
}
