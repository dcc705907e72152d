//! Reading the arguments of the HA commands from JSON, with Kea's answers to what is wrong with
//! them. Pure; the one file of this room that knows JSON.

use engine::control::Answer;
use serde_json::{Map, Value};

use super::state::State;

/// `server-name`, of any command that names a relationship; none if it is not given.
pub fn server_name<'a>(
    command: &str,
    arguments: Option<&'a Value>,
) -> Result<Option<&'a str>, Answer> {
    if arguments.is_none() {
        return Ok(None);
    }
    match map_of(arguments, command)?.get("server-name") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => {
            Err(Answer::error(format!("'server-name' must be a string in the '{command}' command")))
        }
    }
}

/// The names of ha-scopes.
pub fn scopes(arguments: Option<&Value>) -> Result<Vec<&str>, Answer> {
    let map = map_of(arguments, "ha-scopes")?;
    let value = map
        .get("scopes")
        .ok_or_else(|| Answer::error("'scopes' is mandatory for the 'ha-scopes' command"))?;
    let Value::Array(names) = value else {
        return Err(Answer::error("'scopes' must be a list in the 'ha-scopes' command"));
    };
    let not_text = || Answer::error("scope name must be a string in the 'scopes' argument");
    names.iter().map(|name| name.as_str().ok_or_else(not_text)).collect()
}

/// The server and the `max-period` (seconds) of ha-sync.
pub fn sync(arguments: Option<&Value>) -> Result<(&str, Option<u32>), Answer> {
    let map = map_of(arguments, "ha-sync")?;
    let server = match map.get("server-name") {
        Some(Value::String(name)) => name,
        Some(_) => {
            return Err(Answer::error("'server-name' must be a string in the 'ha-sync' command"));
        }
        None => {
            return Err(Answer::error("'server-name' is mandatory for the 'ha-sync' command"));
        }
    };
    let Some(period) = map.get("max-period") else { return Ok((server, None)) };
    let period = period.as_u64().and_then(|period| u32::try_from(period).ok());
    match period.filter(|period| *period > 0) {
        Some(period) => Ok((server, Some(period))),
        None => {
            Err(Answer::error("'max-period' must be a positive integer in the 'ha-sync' command"))
        }
    }
}

/// `cancel` and `state` of ha-maintenance-notify.
pub fn maintenance_notify(arguments: Option<&Value>) -> Result<(bool, Option<State>), Answer> {
    let invalid = |why| Answer::error(format!("invalid command 'ha-maintenance-notify': {why}"));
    let map = match arguments {
        None => return Err(invalid("no arguments specified")),
        Some(Value::Object(map)) if map.is_empty() => return Err(invalid("'arguments' is empty")),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(invalid("'arguments' is not a map")),
    };
    let cancel = match map.get("cancel") {
        Some(Value::Bool(cancel)) => *cancel,
        Some(_) => {
            return Err(Answer::error(
                "'cancel' must be a boolean in the 'ha-maintenance-notify' command",
            ));
        }
        None => {
            return Err(Answer::error(
                "'cancel' is mandatory for the 'ha-maintenance-notify' command",
            ));
        }
    };
    let state = match map.get("state") {
        None => None,
        Some(Value::String(name)) => Some(
            name.parse().map_err(|error: super::UnknownState| Answer::error(error.to_string()))?,
        ),
        Some(_) => {
            return Err(Answer::error(
                "'state' must be a string in the 'ha-maintenance-notify' command",
            ));
        }
    };
    Ok((cancel, state))
}

/// The origin that ha-sync-complete-notify names: an integer as `origin-id`, or as `origin` (Kea 3
/// sends both). Kea 2.2 names none.
pub fn sync_origin(arguments: Option<&Value>) -> Result<Option<u32>, Answer> {
    let command = "ha-sync-complete-notify";
    if arguments.is_none() {
        return Ok(None);
    }
    let map = map_of(arguments, command)?;
    for key in ["origin-id", "origin"] {
        match map.get(key) {
            None => {}
            // The word that dhcp-disable takes says nothing that a missing number does not.
            Some(Value::String(name)) if key == "origin" && name == "ha-partner" => {}
            Some(value) => {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
                let wrong = || {
                    Answer::error(format!("'{key}' must be an integer in the '{command}' command"))
                };
                return number.map(Some).ok_or_else(wrong);
            }
        }
    }
    Ok(None)
}

fn map_of<'a>(
    arguments: Option<&'a Value>,
    command: &str,
) -> Result<&'a Map<String, Value>, Answer> {
    match arguments {
        None => Err(Answer::error(format!("arguments not found in the '{command}' command"))),
        Some(Value::Object(map)) => Ok(map),
        Some(_) => {
            Err(Answer::error(format!("arguments in the '{command}' command are not a map")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn right_arguments_are_read() {
        assert_eq!(scopes(Some(&json!({"scopes": ["a", "b"]}))).unwrap(), ["a", "b"]);
        let request = json!({"server-name": "b", "max-period": 60});
        assert_eq!(sync(Some(&request)).unwrap(), ("b", Some(60)));
        let request = json!({"cancel": false, "server-name": "a", "state": "load-balancing"});
        let expected = (false, Some(State::LoadBalancing));
        assert_eq!(maintenance_notify(Some(&request)).unwrap(), expected);
        for (arguments, expected) in [
            (json!({"origin": 2000, "origin-id": 2001}), Some(2001)),
            (json!({"origin": 2001}), Some(2001)),
            (json!({"origin": "ha-partner"}), None),
            (json!({}), None),
        ] {
            assert_eq!(sync_origin(Some(&arguments)).unwrap(), expected, "{arguments}");
        }
        assert_eq!(sync_origin(None).unwrap(), None);
        let named = json!({"server-name": "a"});
        assert_eq!(server_name("ha-reset", Some(&named)).unwrap(), Some("a"));
        assert_eq!(server_name("ha-reset", None).unwrap(), None);
    }
}
