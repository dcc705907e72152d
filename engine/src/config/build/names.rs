//! The parameters that shape clients' names, at every level and in their older places.

use std::sync::Arc;

use super::Builder;
use super::network::Levels;
use crate::config::json::Node;
use crate::config::names::{NameRules, ReplaceClientName, Unwanted};

/// The parameters, and what Kea 2.2 called them in `dhcp-ddns`.
const WORDS: [(&str, &str); 5] = [
    ("ddns-replace-client-name", "replace-client-name"),
    ("ddns-generated-prefix", "generated-prefix"),
    ("ddns-qualifying-suffix", "qualifying-suffix"),
    ("hostname-char-set", "hostname-char-set"),
    ("hostname-char-replacement", "hostname-char-replacement"),
];

impl Builder<'_> {
    /// The rules of a map with what it inherits; the last of `levels` is the global one.
    pub(super) fn name_rules(&mut self, levels: Levels<'_>) -> Arc<NameRules> {
        let old = levels.0.last().and_then(|global| global.get("dhcp-ddns"));
        let found = WORDS.map(|(word, before)| {
            let node = levels.get(word).or_else(|| old?.get(before));
            node.and_then(|node| Some((node, node.as_str()?)))
        });
        let known = self.name_rules.iter().find(|(texts, _)| *texts == found.map(text_of));
        if let Some((_, rules)) = known {
            return Arc::clone(rules);
        }
        let [replace, prefix, suffix, unwanted, replacement] = found;
        let usual = NameRules::default();
        let text = |found: Option<(&Node, &str)>| found.map(|(_, text)| text.to_owned());
        let rules = Arc::new(NameRules {
            replace: replace
                .and_then(|(_, word)| ReplaceClientName::from_word(word))
                .unwrap_or(usual.replace),
            generated_prefix: text(prefix).unwrap_or(usual.generated_prefix),
            qualifying_suffix: text(suffix).unwrap_or(usual.qualifying_suffix),
            unwanted: unwanted.map_or(Unwanted::Usual, |(node, text)| self.unwanted(node, text)),
            replacement: text(replacement).unwrap_or(usual.replacement),
        });
        self.name_rules.push((found.map(text_of), Arc::clone(&rules)));
        rules
    }

    /// The rules of a pool, if it has any itself.
    pub(super) fn pool_name_rules(&mut self, levels: Levels<'_>) -> Option<Arc<NameRules>> {
        let pool = levels.0.first()?;
        let any = WORDS.iter().any(|(word, _)| pool.get(word).is_some());
        any.then(|| self.name_rules(levels))
    }

    fn unwanted(&mut self, node: &Node, text: &str) -> Unwanted {
        Unwanted::new(text).unwrap_or_else(|reason| {
            let message = format!("got the regular expression \"{text}\": {reason}");
            self.mistake(&node.at, message);
            Unwanted::Usual
        })
    }
}

fn text_of(found: Option<(&Node, &str)>) -> Option<String> {
    found.map(|(_, text)| text.to_owned())
}
