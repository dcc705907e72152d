//! A story: a configuration and what its clients do, as a text that people write and the generator prints. Pure.
//!
//! ```text
//! # What it shows.
//! config
//! { "subnet4": [ ... ] }
//! end
//! client a cid=0102 via=10.0.0.1
//! a discover prl=1,3,6 -> offer 192.0.2.10
//! a select -> ack
//! expire a
//! command {"command": "lease4-wipe", "arguments": {"subnet-id": 1}}
//! restart
//! ```
//!
//! `config kea` and `config ours` say what only one side gets. Words are `key=value`; a value with blanks is put
//! between single quotes. `README.md` beside the scenarios lists them.

use std::fmt;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::message::Kind;

/// `key=value` words in their order.
pub(crate) type Words = Vec<(String, String)>;

/// A configuration and steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    pub(crate) title: String,
    /// Members of `Dhcp4` for both, for Kea alone and for Peregrine alone.
    pub(crate) config: Value,
    pub(crate) kea: Value,
    pub(crate) ours: Value,
    pub(crate) steps: Vec<Step>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// What every query of a client says.
    Client { name: String, words: Words },
    /// A query.
    Query { client: String, verb: String, words: Words, expected: Option<Expected> },
    /// Waits until the lease that a client has is over.
    Expire { client: String },
    /// The lease that a client has is over at once: a command sets it back.
    End { client: String },
    /// A command to both servers.
    Command(Value),
    /// Both servers start again.
    Restart,
    /// What both tell of their statistics.
    Statistics,
}

/// What must come of a query, so that no story passes by both sides' silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) kind: Kind,
    pub(crate) address: Option<Ipv4Addr>,
    /// Options that the reply must have, in hexadecimal digits.
    pub(crate) options: Vec<(u8, String)>,
    /// What Kea does where that is not what is expected here.
    pub(crate) kea: Option<Kind>,
}

impl Story {
    /// Reads a story.
    ///
    /// # Errors
    /// The line and what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut story =
            Self { config: json!({}), kea: json!({}), ours: json!({}), ..Self::default() };
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let failed = |error: String| format!("line {}: {error}", number + 1);
            let line = line.trim();
            if let Some(remark) = line.strip_prefix('#') {
                if story.title.is_empty() {
                    remark.trim().clone_into(&mut story.title);
                }
            } else if let Some(whose) = line.strip_prefix("config") {
                let body: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|l| l.trim() != "end")
                    .collect();
                let value = body.join("\n").parse().map_err(|e| failed(format!("{e}")))?;
                match whose.trim() {
                    "" => story.config = value,
                    "kea" => story.kea = value,
                    "ours" => story.ours = value,
                    other => return Err(failed(format!("{other} is no side"))),
                }
            } else if !line.is_empty() {
                story.steps.push(Step::parse(line).map_err(failed)?);
            }
        }
        Ok(story)
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {}", self.title)?;
        for (name, value) in
            [("config", &self.config), ("config kea", &self.kea), ("config ours", &self.ours)]
        {
            if value.as_object().is_some_and(|members| !members.is_empty()) {
                writeln!(f, "{name}\n{value:#}\nend")?;
            }
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl Step {
    /// Whether it is of a random story: nobody wrote what must come of it.
    pub(crate) fn is_drawn(&self) -> bool {
        matches!(self, Self::Query { expected: None, .. })
    }

    fn parse(line: &str) -> Result<Self, String> {
        let (head, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match head {
            "restart" => Ok(Self::Restart),
            "statistics" => Ok(Self::Statistics),
            "expire" => Ok(Self::Expire { client: rest.into() }),
            "end-lease" => Ok(Self::End { client: rest.into() }),
            "command" => Ok(Self::Command(rest.parse().map_err(|error| format!("{error}"))?)),
            "client" => {
                let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
                Ok(Self::Client { name: name.into(), words: parse_words(words)? })
            }
            client => {
                let (query, expected) = rest.split_once("->").ok_or("no -> and what must come")?;
                let query = query.trim();
                let (verb, words) = query.split_once(' ').unwrap_or((query, ""));
                Ok(Self::Query {
                    client: client.into(),
                    verb: verb.into(),
                    words: parse_words(words)?,
                    expected: match expected.trim() {
                        "?" => None,
                        expected => Some(Expected::parse(expected)?),
                    },
                })
            }
        }
    }
}

impl Expected {
    /// `KIND [ADDRESS] [CODE=HEX ...] [kea KIND]`
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace().peekable();
        let kind = words.next().ok_or("nothing after ->")?.parse()?;
        let address = words.peek().and_then(|word| word.parse().ok());
        if address.is_some() {
            words.next();
        }
        let mut options = Vec::new();
        while let Some((code, data)) = words.peek().and_then(|word| word.split_once('=')) {
            options.push((code.parse().map_err(|_| format!("{code} is no code"))?, data.into()));
            words.next();
        }
        let kea = match (words.next(), words.next()) {
            (None, _) => None,
            (Some("kea"), Some(kind)) => Some(kind.parse()?),
            (other, _) => return Err(format!("unexpected {other:?} after ->")),
        };
        Ok(Self { kind, address, options, kea })
    }
}

/// Splits at blanks that are not between single quotes.
fn parse_words(text: &str) -> Result<Words, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '\'';
            c.is_whitespace() && !quoted
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        if quoted {
            return Err(format!("{word} lacks its closing quote"));
        }
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        words.push((key.into(), value.into()));
        rest = after.trim_start();
    }
    Ok(words)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client { name, words } => write!(f, "client {name}{}", Line(words)),
            Self::Query { client, verb, words, expected } => {
                write!(f, "{client} {verb}{} -> ", Line(words))?;
                match expected {
                    Some(expected) => write!(f, "{}", expected.kind),
                    None => f.write_str("?"),
                }
            }
            Self::Expire { client } => write!(f, "expire {client}"),
            Self::End { client } => write!(f, "end-lease {client}"),
            Self::Command(command) => write!(f, "command {command}"),
            Self::Restart => f.write_str("restart"),
            Self::Statistics => f.write_str("statistics"),
        }
    }
}

struct Line<'a>(&'a Words);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (key, value) in self.0 {
            write!(f, " {key}")?;
            if !value.is_empty() {
                write!(f, "={value}")?;
            }
        }
        Ok(())
    }
}
