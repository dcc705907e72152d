//! The recorded exchanges of `tests/captures`, one after the other. Times in them count from the beginning of the
//! recording; here they get a beginning.

use serde_json::{Map, Value, json};

use crate::wire::date::rfc1123;

/// When every recording begins: seconds since 1970.
pub(super) const BEGIN_S: u64 = 1_800_000_000;

/// One exchange.
pub(super) struct Exchange {
    /// The recording and the line in it.
    pub(super) place: String,
    /// What the answering server is: "2.2" or "3.3".
    pub(super) version: &'static str,
    /// When it was answered, seconds since 1970.
    pub(super) at_s: u64,
    /// Address and port of the server that was asked.
    pub(super) to: String,
    /// Whether a client of the recording's own asked, not a server.
    pub(super) by_client: bool,
    /// Method, path and version.
    pub(super) line: String,
    /// In their order.
    pub(super) headers: Vec<(String, String)>,
    /// The command; none if the body was no map.
    pub(super) ask: Option<Value>,
    /// The body.
    pub(super) body: String,
    /// What had to be so before.
    pub(super) given: Value,
    /// Version, status and reason.
    pub(super) status: String,
    /// Names of the answer's headers.
    pub(super) answer_headers: Vec<String>,
    /// The answer's body.
    pub(super) answer: Value,
}

impl Exchange {
    /// The command's name.
    pub(super) fn command(&self) -> &str {
        self.ask.as_ref().and_then(|ask| ask["command"].as_str()).unwrap_or_default()
    }

    /// The answer's one map.
    pub(super) fn told(&self) -> &Value {
        self.answer.get(0).unwrap_or(&self.answer)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(its_name, _)| its_name == name);
        header.map(|(_, value)| value.as_str())
    }
}

/// All exchanges of a recording, whose lines are `text`.
pub(super) fn exchanges(name: &str, text: &str) -> Vec<Exchange> {
    let read = |(number, line): (usize, &str)| {
        let line: Value = serde_json::from_str(line).unwrap();
        exchange(name, number + 1, &line)
    };
    text.lines().enumerate().map(read).collect()
}

fn exchange(name: &str, number: usize, line: &Value) -> Exchange {
    let text = |key: &str| line[key].as_str().map(str::to_owned);
    let to = text("to").unwrap();
    let ask = line.get("ask").map(dated);
    let body = match &ask {
        Some(ask) => engine::lease::json::kea_text(ask),
        None => text("text").unwrap(),
    };
    let headers = pairs(&line["headers"]);
    let usual = ["Content-Length", "Content-Type", "Date"].map(str::to_owned).to_vec();
    let answer_headers = line
        .get("answer-headers")
        .map_or(usual, |headers| pairs(headers).into_iter().map(|(name, _)| name).collect());
    Exchange {
        place: format!("{name}.jsonl:{number}"),
        version: version(name, &to),
        at_s: BEGIN_S + line["at"].as_u64().unwrap(),
        to,
        by_client: line.get("client").is_some(),
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
    match name {
        "mixed-primary2.2-secondary3.3" => {
            if first {
                "2.2"
            } else {
                "3.3"
            }
        }
        "mixed-primary3.3-secondary2.2" => {
            if first {
                "3.3"
            } else {
                "2.2"
            }
        }
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
