//! `peregrine ctl ha`: what status-get says of High Availability, for people. Pure.

use std::fmt::Write;

use serde_json::Value;

/// The text for the arguments of a status-get.
pub(super) fn tell(status: &Value) -> String {
    let relationships = status["high-availability"].as_array().map_or(&[][..], Vec::as_slice);
    if relationships.is_empty() {
        return "no High Availability is configured\n".to_owned();
    }
    relationships.iter().map(relationship).collect::<Vec<_>>().join("\n")
}

fn relationship(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let (local, own) = (&status["ha-servers"]["local"], &status["peregrine"]);
    let mut told = String::new();
    let mut line = |name: &str, what: String| {
        // Writing to a string does not fail.
        let _ = writeln!(told, "{name:<12}{what}");
    };
    let (name, role, mode) =
        (text(&local["server-name"]), text(&local["role"]), text(&status["ha-mode"]));
    line("server", format!("{name}, {role} in {mode}"));
    let since = own["since"].as_u64().map_or_else(String::new, |s| format!(", for {}", span(s)));
    line("state", format!("{}{since}", text(&local["state"])));
    line("because", text(&own["why"]));
    line("waits for", text(&own["waits-for"]));
    line("serves", names(&local["scopes"]));
    if let Some(gives) = own["gives"].as_str() {
        line("gives", gives.to_owned());
    }
    let remote = &status["ha-servers"]["remote"];
    if remote.is_object() {
        line("partner", partner(remote, own));
    }
    if let Some(ms) = own["clock-offset"]["ms"].as_i64() {
        let within = own["clock-offset"]["within-ms"].as_i64().unwrap_or(0);
        line("its clock", format!("{ms:+} ms against ours, give or take {within} ms"));
    }
    told
}

fn names(list: &Value) -> String {
    let names: Vec<_> = list.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.is_empty() { "nobody".to_owned() } else { format!("clients of {}", names.join(", ")) }
}

fn partner(remote: &Value, own: &Value) -> String {
    let (name, role) = (&remote["server-name"], &remote["role"]);
    let kind = if own["partner"].is_object() { "Peregrine" } else { "Kea or not heard yet" };
    let state = match remote["last-state"].as_str() {
        None | Some("") => "not heard yet".to_owned(),
        Some(state) => {
            format!("last seen {state}, heard {} ago", span(remote["age"].as_u64().unwrap_or(0)))
        }
    };
    let [name, role] = [name, role].map(|value| value.as_str().unwrap_or("?"));
    format!("{name}, {role} ({kind}): {state}")
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pair_is_told_in_words() {
        let status = json!({"high-availability": [{
            "ha-mode": "load-balancing",
            "ha-servers": {
                "local": {"role": "primary", "scopes": ["a", "b"], "server-name": "a", "state": "partner-down"},
                "remote": {"age": 150, "last-state": "unavailable", "role": "secondary", "server-name": "b"},
            },
            "peregrine": {"since": 90, "gives": "its half", "waits-for": "b to come back", "why": "b was silent"},
        }]});
        let expected = "server      a, primary in load-balancing\n\
                        state       partner-down, for 90 s\n\
                        because     b was silent\n\
                        waits for   b to come back\n\
                        serves      clients of a, b\n\
                        gives       its half\n\
                        partner     b, secondary (Kea or not heard yet): last seen unavailable, heard 2 min ago\n";
        assert_eq!(tell(&status), expected);
        assert_eq!(tell(&json!({})), "no High Availability is configured\n");
    }
}
