//! The recorded exchanges of `tests/captures`, one after the other. Times in them count from the beginning of the
//! recording; here they get a beginning.

use serde_json::{Map, Value, json};

use crate::wire::date::rfc1123;

/// When every recording begins: seconds since 1970.
pub(crate) const BEGIN_S: u64 = 1_800_000_000;

/// One exchange.
pub(crate) struct Exchange {
    /// The recording and the line in it.
    pub(crate) place: String,
    /// What the answering server is: "2.2" or "3.3".
    pub(crate) version: &'static str,
    /// When it was answered, seconds since 1970.
    pub(crate) at_s: u64,
    /// Address and port of the server that was asked.
    pub(crate) to: String,
    /// Whether a client of the recording's own asked, not a server.
    pub(crate) by_client: bool,
    /// Method, path and version.
    pub(crate) line: String,
    /// In their order.
    pub(crate) headers: Vec<(String, String)>,
    /// The command; none if the body was no map.
    pub(crate) ask: Option<Value>,
    /// The body.
    pub(crate) body: String,
    /// What had to be so before.
    pub(crate) given: Value,
    /// Version, status and reason.
    pub(crate) status: String,
    /// Names of the answer's headers.
    pub(crate) answer_headers: Vec<String>,
    /// The answer's body.
    pub(crate) answer: Value,
}

impl Exchange {
    /// The command's name.
    pub(crate) fn command(&self) -> &str {
        self.ask.as_ref().and_then(|ask| ask["command"].as_str()).unwrap_or_default()
    }

    /// The answer's one map.
    pub(crate) fn told(&self) -> &Value {
        self.answer.get(0).unwrap_or(&self.answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(its_name, _)| its_name == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// All exchanges of a recording, whose lines are `text`.
pub(crate) fn exchanges(name: &str, text: &str) -> Vec<Exchange> {
    let read = |(number, line): (usize, &str)| {
        let line: Value = serde_json::from_str(line).unwrap();
        exchange(name, number + 1, &line)
    };
    text.lines().enumerate().map(read).collect()
}

fn exchange(name: &str, number: usize, line: &Value) -> Exchange {
    let text = |key: &str| line[key].as_str().map(str::to_owned);
    // Servers on control sockets go by their names.
    let to = text("to").unwrap();
    let to = match to.strip_prefix("server") {
        Some(number) => format!("192.0.2.{number}:8000"),
        None => to,
    };
    let ask = line.get("ask").map(dated);
    let body = match &ask {
        Some(ask) => engine::lease::json::kea_text(ask),
        None => text("text").unwrap(),
    };
    let headers = line.get("headers").map(pairs).unwrap_or_default();
    let usual = ["Content-Length", "Content-Type", "Date"].map(str::to_owned).to_vec();
    let answer_headers = line
        .get("answer-headers")
        .map_or(usual, |headers| pairs(headers).into_iter().map(|(name, _)| name).collect());
    Exchange {
        place: format!("{name}.jsonl:{number}"),
        version: version(name, &to),
        at_s: BEGIN_S + line.get("at").and_then(Value::as_u64).unwrap_or(0),
        to,
        by_client: line.get("client").is_some() || line.get("headers").is_none(),
        line: text("line").unwrap_or_else(|| "POST / HTTP/1.1".into()),
        headers,
        ask,
        body,
        given: dated(&line["given"]),
        status: text("status").unwrap_or_else(|| "HTTP/1.1 200 OK".into()),
        answer_headers,
        answer: dated(&line["answer"]),
    }
}

/// The version of the server at `to`: in a mixed pair the recording's name says which is which.
fn version(name: &str, to: &str) -> &'static str {
    let first = to.starts_with("192.0.2.1:");
    let mixed = |first_is: &'static str, second_is| if first { first_is } else { second_is };
    match name {
        "mixed-primary2.2-secondary3.3" | "admin-mixed-primary2.2" => mixed("2.2", "3.3"),
        "mixed-primary3.3-secondary2.2" | "admin-mixed-primary3.3" => mixed("3.3", "2.2"),
        _ if name.ends_with("2.2") => "2.2",
        _ => "3.3",
    }
}

fn pairs(headers: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    headers.as_array().unwrap().iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect()
}

/// The same with real times in the place of those that count from the beginning.
fn dated(value: &Value) -> Value {
    let entry = |(key, value): (&String, &Value)| {
        let offset = value.as_str().and_then(|text| text.strip_prefix('t')?.parse::<i64>().ok());
        let value = match (key.as_str(), offset) {
            ("cltt" | "expire", Some(offset)) => json!(BEGIN_S.checked_add_signed(offset)),
            ("date-time", Some(offset)) => {
                json!(rfc1123(BEGIN_S.checked_add_signed(offset).unwrap()))
            }
            _ => dated(value),
        };
        (key.clone(), value)
    };
    match value {
        Value::Object(map) => Value::Object(map.iter().map(entry).collect::<Map<_, _>>()),
        Value::Array(items) => items.iter().map(dated).collect(),
        other => other.clone(),
    }
}
