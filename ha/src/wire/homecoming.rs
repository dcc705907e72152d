//! The request by which a Peregrine that returns begins to fetch the leases of a partner that goes on serving. Pure.

use engine::control::Answer;
use serde_json::{Value, json};

use super::announce::incarnation;
use crate::family::SERVICE;
use crate::machine::Incarnation;
use crate::stream::Stamp;

/// The command.
pub const COMMAND: &str = "peregrine-ha-return";

/// The request from the server `sender`.
pub fn request(sender: &str, stamp: Stamp) -> String {
    let arguments = json!({
        "for": stamp.to.to_string(),
        "incarnation": stamp.from.to_string(),
        "number": stamp.number,
        "server-name": sender,
    });
    json!({"arguments": arguments, "command": COMMAND, "service": [SERVICE]}).to_string()
}

/// Reads it.
///
/// # Errors
/// The answer that says what was expected.
pub fn read(arguments: Option<&Value>) -> Result<Stamp, Answer> {
    let wrong = |what: &str| Answer::error(format!("invalid {COMMAND}: expected {what}"));
    let map = arguments.and_then(Value::as_object).ok_or_else(|| wrong("a map"))?;
    let from = incarnation(map).ok_or_else(|| wrong("'incarnation', 16 digits"))?;
    let to = map.get("for").and_then(Value::as_str).and_then(Incarnation::read);
    let to = to.ok_or_else(|| wrong("'for', 16 digits"))?;
    let number = map.get("number").and_then(Value::as_u64).filter(|number| *number > 0);
    let number = number.ok_or_else(|| wrong("'number', 1 or more"))?;
    Ok(Stamp { from, to, number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_read_back() {
        let stamp = Stamp { from: Incarnation(17), to: Incarnation(18), number: 4 };
        let sent: Value = serde_json::from_str(&request("a", stamp)).unwrap();
        assert_eq!(sent["command"], COMMAND);
        assert_eq!(read(Some(&sent["arguments"])), Ok(stamp));
        for (key, wrong) in [("for", json!(1)), ("incarnation", json!("x")), ("number", json!(0))] {
            let mut arguments = sent["arguments"].clone();
            arguments[key] = wrong;
            let text = read(Some(&arguments)).unwrap_err().text.unwrap();
            assert!(text.contains(key), "{text}");
        }
        assert!(read(None).is_err());
    }
}
