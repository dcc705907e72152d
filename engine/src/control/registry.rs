//! The command registry: a name leads to a handler, a handler gives an [`Answer`] in Kea's shape. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::lease::json::{Listing, kea_text};
use crate::seam::service::Origin;
use crate::sync::RwLock;

/// Kea's result codes.
pub mod code {
    /// Done.
    pub const SUCCESS: i64 = 0;
    /// Not done; the text says why.
    pub const ERROR: i64 = 1;
    /// No such command.
    pub const UNSUPPORTED: i64 = 2;
    /// Done, and nothing was found.
    pub const EMPTY: i64 = 3;
    /// The lease is somebody else's (Kea 3).
    pub const CONFLICT: i64 = 4;
}

/// The answer to a command: `{"result": N, "text": ..., "arguments": ...}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One of [`code`].
    pub result: i64,
    /// A sentence for people, and for tools that match it.
    pub text: Option<String>,
    /// What was asked for.
    pub arguments: Option<Value>,
    /// Leases that were asked for, in the place of `arguments`: there may be many.
    pub listing: Option<Listing>,
}

impl Answer {
    /// Result 0 with a text.
    pub fn success(text: impl Into<String>) -> Self {
        Self { result: code::SUCCESS, text: Some(text.into()), arguments: None, listing: None }
    }

    /// Result 1 with its reason.
    pub fn error(text: impl Into<String>) -> Self {
        Self { result: code::ERROR, text: Some(text.into()), arguments: None, listing: None }
    }

    /// Result 0 with arguments and no text.
    pub fn with(arguments: Value) -> Self {
        Self { result: code::SUCCESS, text: None, arguments: Some(arguments), listing: None }
    }

    /// The same answer with `arguments`.
    #[must_use]
    pub fn and(mut self, arguments: Value) -> Self {
        self.arguments = Some(arguments);
        self
    }

    /// The same answer with leases for arguments.
    #[must_use]
    pub fn listing(mut self, listing: Listing) -> Self {
        self.listing = Some(listing);
        self
    }

    /// The same answer with another result code.
    #[must_use]
    pub fn coded(mut self, result: i64) -> Self {
        self.result = result;
        self
    }

    /// The JSON map of the UNIX socket; HTTP wraps it in a list of one.
    pub fn into_json(self) -> Value {
        let mut map = Map::new();
        map.insert("result".into(), json!(self.result));
        if let Some(text) = self.text {
            map.insert("text".into(), Value::String(text));
        }
        let listed = self.listing.as_ref().map(Listing::to_json);
        if let Some(arguments) = listed.or(self.arguments) {
            map.insert("arguments".into(), arguments);
        }
        Value::Object(map)
    }

    /// The list of one that HTTP carries, as Kea prints it.
    pub fn into_text(mut self) -> String {
        match self.listing.take() {
            Some(listing) => listing.answer(self.result, self.text.as_deref()),
            None => kea_text(&Value::Array(vec![self.into_json()])),
        }
    }
}

/// A request as a handler sees it.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    /// Its name.
    pub name: &'a str,
    /// `arguments`, if given.
    pub arguments: Option<&'a Value>,
    /// By which way it came.
    pub channel: Channel,
}

/// By which way commands come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// A control socket.
    #[default]
    Control,
    /// The listener for the partner of the relationship of this number.
    Partner(u32),
}

impl Channel {
    /// Whom a command means by `origin`. A partner gives itself the number that the relationship has in its own
    /// configuration; two partners with the same number must not switch the service on for each other.
    pub const fn origin(self, origin: Origin) -> Origin {
        match self {
            Channel::Partner(index) if origin.is_ha_remote() => Origin::ha_remote(index),
            _ => origin,
        }
    }
}

type Handler = Arc<dyn Fn(&Command<'_>) -> Answer + Send + Sync>;
type StatusPart = Box<dyn Fn(&mut Map<String, Value>) + Send + Sync>;

/// All commands this server answers, as they are reached by one [`Channel`].
#[derive(Default)]
pub struct Registry {
    commands: Arc<Commands>,
    channel: Channel,
}

#[derive(Default)]
struct Commands {
    handlers: RwLock<BTreeMap<&'static str, Handler>>,
    status: RwLock<Vec<StatusPart>>,
}

impl Registry {
    /// The same commands, reached by `channel`.
    #[must_use]
    pub fn over(&self, channel: Channel) -> Self {
        Self { commands: Arc::clone(&self.commands), channel }
    }

    /// Adds a command, or replaces the one of that name.
    pub fn register(
        &self,
        name: &'static str,
        handler: impl Fn(&Command<'_>) -> Answer + Send + Sync + 'static,
    ) {
        self.commands.handlers.write().insert(name, Arc::new(handler));
    }

    /// Adds entries to the arguments of `status-get`.
    pub fn extend_status(&self, part: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) {
        self.commands.status.write().push(Box::new(part));
    }

    /// Lets every part add its entries to `map`.
    fn fill_status(&self, map: &mut Map<String, Value>) {
        for part in self.commands.status.read().iter() {
            part(map);
        }
    }

    /// Names of all commands, sorted; those that the registry answers itself included.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.commands.handlers.read().keys().copied().collect();
        names.extend(["list-commands", "status-get"]);
        names.sort_unstable();
        names
    }

    /// Answers one request: a JSON map with `command` and perhaps `arguments`, `service`,
    /// `remote-address`. Whatever is wrong with it is an answer, too.
    pub fn execute(&self, request: &Value) -> Answer {
        match parse(request) {
            Ok(command) => self.run(&Command { channel: self.channel, ..command }),
            Err(why) => {
                Answer::error(format!("Error during command processing: invalid command: {why}"))
            }
        }
    }

    fn run(&self, command: &Command<'_>) -> Answer {
        if command.name == "list-commands" {
            return Answer::with(json!(self.names()));
        }
        if command.name == "status-get" {
            let mut map = Map::new();
            self.fill_status(&mut map);
            return Answer::with(Value::Object(map));
        }
        // A command may take its time: it runs outside of the lock.
        let handler = self.commands.handlers.read().get(command.name).cloned();
        match handler {
            Some(handler) => handler(command),
            None => Answer::error(format!("'{}' command not supported.", command.name))
                .coded(code::UNSUPPORTED),
        }
    }
}

/// Takes a request apart.
pub(crate) fn parse(request: &Value) -> Result<Command<'_>, String> {
    let Value::Object(map) = request else {
        return Err(format!("expected toplevel entry to be a map, got {} instead", kind(request)));
    };
    let name = match map.get("command") {
        Some(Value::String(name)) => name,
        // Kea names the type of the whole request here.
        Some(_) => return Err("expected 'command' to be a string, got map instead".into()),
        None => return Err("does not contain mandatory 'command'".into()),
    };
    let known = ["command", "arguments", "service", "remote-address"];
    if let Some(key) = map.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("unsupported parameter '{key}'"));
    }
    Ok(Command { name, arguments: map.get("arguments"), channel: Channel::default() })
}

/// What Kea calls a JSON value in its errors.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "real",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crossbeam::channel::bounded;

    fn registry() -> Registry {
        let registry = Registry::default();
        registry.register("echo", |command| {
            Answer::with(command.arguments.cloned().unwrap_or(Value::Null))
        });
        registry
    }

    #[test]
    fn a_known_command_gets_its_arguments() {
        let answer = registry().execute(&json!({"command": "echo", "arguments": {"a": 1}}));
        assert_eq!(answer.into_json(), json!({"result": 0, "arguments": {"a": 1}}));
        let names = registry().execute(&json!({"command": "list-commands", "service": ["dhcp4"]}));
        assert_eq!(names.arguments, Some(json!(["echo", "list-commands", "status-get"])));
    }

    #[test]
    fn a_command_that_takes_its_time_holds_up_nobody() {
        let registry = registry();
        let (entered, began) = bounded(1);
        let (release, released) = bounded::<()>(1);
        registry.register("slow", move |_| {
            entered.send(()).unwrap();
            Answer::with(json!(released.recv_timeout(Duration::from_secs(20)).is_ok()))
        });
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| registry.execute(&json!({"command": "slow"})));
            began.recv().unwrap();
            registry.register("new", |_| Answer::success("here"));
            assert_eq!(registry.execute(&json!({"command": "new"})).result, 0);
            release.send(()).unwrap();
            let answer = slow.join().unwrap();
            assert_eq!(answer.arguments, Some(json!(true)), "it was waited for");
        });
    }

    #[test]
    fn a_bad_request_is_answered_as_kea_does() {
        let cases = [
            (json!([]), 1, "expected toplevel entry to be a map, got list instead"),
            (json!({}), 1, "does not contain mandatory 'command'"),
            (json!({"command": {}}), 1, "expected 'command' to be a string, got map instead"),
            (json!({"command": "echo", "foo": 1}), 1, "unsupported parameter 'foo'"),
            (json!({"command": "foo"}), 2, "'foo' command not supported."),
        ];
        for (request, result, text) in cases {
            let answer = registry().execute(&request);
            assert_eq!(answer.result, result, "{request}");
            assert!(answer.text.as_ref().unwrap().ends_with(text), "{request}: {answer:?}");
        }
    }
}
