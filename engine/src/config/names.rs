//! How clients' names are shaped (`ddns-replace-client-name` and its neighbours). Pure.

use regex::{Regex, RegexBuilder};

use crate::brackets::{Dialect, translated};
use crate::limits::{MAX_PATTERN, MAX_PATTERN_PROGRAM};

/// The parameters that shape a name, DNS updates or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRules {
    /// `ddns-replace-client-name`.
    pub replace: ReplaceClientName,
    /// `ddns-generated-prefix`.
    pub generated_prefix: String,
    /// `ddns-qualifying-suffix`.
    pub qualifying_suffix: String,
    /// `hostname-char-set`.
    pub unwanted: Unwanted,
    /// `hostname-char-replacement`.
    pub replacement: String,
}

/// Whether a name is made up for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceClientName {
    /// Only if it asks for one.
    Never,
    /// Whether it sends one or not.
    Always,
    /// If it sends one.
    WhenPresent,
    /// If it sends none.
    WhenNotPresent,
}

/// What is replaced in a client's name.
#[derive(Clone, Debug)]
pub enum Unwanted {
    /// Nothing.
    Nothing,
    /// Everything but letters, digits, dots and hyphens: the default.
    Usual,
    /// What this matches.
    Pattern(Regex),
}

impl Default for NameRules {
    fn default() -> Self {
        Self {
            replace: ReplaceClientName::Never,
            generated_prefix: "myhost".to_owned(),
            qualifying_suffix: String::new(),
            unwanted: Unwanted::Usual,
            replacement: String::new(),
        }
    }
}

impl NameRules {
    /// Gives `take`, piece by piece, `name` with what is unwanted replaced.
    pub fn clean(&self, name: &str, take: &mut dyn FnMut(&str)) {
        let is_usual = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-');
        match &self.unwanted {
            Unwanted::Nothing => take(name),
            Unwanted::Usual => {
                let mut rest = name;
                // Before the first that is unwanted all is ASCII: it stands where a character begins.
                while let Some(at) = rest.bytes().position(|c| !is_usual(c)) {
                    let (before, from) = rest.split_at(at);
                    take(before);
                    take(&self.replacement);
                    rest = from.strip_prefix(|_: char| true).unwrap_or_default();
                }
                take(rest);
            }
            Unwanted::Pattern(pattern) => {
                let mut end = 0;
                for found in pattern.find_iter(name) {
                    take(&name[end..found.start()]);
                    take(&self.replacement);
                    end = found.end();
                }
                take(&name[end..]);
            }
        }
    }
}

impl ReplaceClientName {
    /// The spellings of the configuration.
    pub const WORDS: [&'static str; 4] = ["never", "always", "when-present", "when-not-present"];

    /// What `word` means.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "never" => Self::Never,
            "always" => Self::Always,
            "when-present" => Self::WhenPresent,
            "when-not-present" => Self::WhenNotPresent,
            _ => return None,
        })
    }

    /// Whether a name that the client sends is replaced.
    pub fn replaces_sent(self) -> bool {
        matches!(self, Self::Always | Self::WhenPresent)
    }
}

impl Unwanted {
    /// The default `hostname-char-set`.
    pub const USUAL: &'static str = "[^A-Za-z0-9.-]";

    /// What the pattern `text` describes; an empty one nothing.
    ///
    /// # Errors
    /// If it is no regular expression, or too large a one.
    pub fn new(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self::Nothing),
            Self::USUAL => Ok(Self::Usual),
            _ if text.len() > MAX_PATTERN => Err(format!("expected at most {MAX_PATTERN} bytes")),
            _ => {
                let translated = translated(text, Dialect::Posix);
                let built = RegexBuilder::new(&translated).size_limit(MAX_PATTERN_PROGRAM).build();
                // The engine's message shows the pattern over several lines; its last one says what is wrong.
                let reason = |error: regex::Error| {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    last.trim_start_matches("error: ").to_owned()
                };
                built.map(Self::Pattern).map_err(reason)
            }
        }
    }
}

impl PartialEq for Unwanted {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) | (Self::Usual, Self::Usual) => true,
            (Self::Pattern(a), Self::Pattern(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl Eq for Unwanted {}
