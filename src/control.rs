//! Commands over a server's UNIX control socket. Shell; knows Kea's request and answer shape, no
//! state.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// The longest answer that is read: all of ten million leases.
const LONGEST: u64 = 4 << 30;

/// Result 3: done, and there was nothing.
pub(crate) const EMPTY: i64 = 3;

/// A server's answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// All of it, as it came.
    pub(crate) whole: Value,
    /// 0 for success, else Kea's result code.
    pub(crate) result: i64,
    /// What was asked for, or null.
    pub(crate) arguments: Value,
    /// The server's sentence, or nothing.
    pub(crate) text: String,
}

/// Asks a server for one thing; it has `patience` to begin its answer and to go on with it.
///
/// # Errors
/// Those of the socket, and `InvalidData` for what is no answer. The server may not be up yet, or
/// gone.
pub(crate) fn ask(
    socket: &Path,
    command: &str,
    arguments: Option<Value>,
    patience: Duration,
) -> io::Result<Answer> {
    let mut request = json!({"command": command});
    if let Some(arguments) = arguments {
        request["arguments"] = arguments;
    }
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request.to_string().as_bytes())?;
    stream.shutdown(Shutdown::Write).or_else(already_closed)?;
    let mut octets = Vec::new();
    stream.take(LONGEST).read_to_end(&mut octets)?;
    parse(&octets)
}

/// A server that answered and closed at once has made the shutdown needless.
fn already_closed(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotConnected { Ok(()) } else { Err(error) }
}

fn parse(octets: &[u8]) -> io::Result<Answer> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    let value: Value =
        serde_json::from_slice(octets).map_err(|error| invalid(error.to_string()))?;
    let result =
        value["result"].as_i64().ok_or_else(|| invalid(format!("no result in {value}")))?;
    let text = value["text"].as_str().unwrap_or_default().to_owned();
    Ok(Answer { result, arguments: value["arguments"].clone(), text, whole: value })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn answered(answer: &'static str) -> (Value, io::Result<Answer>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ctl");
        let listener = UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut octets = Vec::new();
            stream.read_to_end(&mut octets).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            serde_json::from_slice(&octets).unwrap()
        });
        let found = ask(&path, "lease4-get-page", Some(json!({"limit": 2})), PATIENCE);
        (server.join().unwrap(), found)
    }

    #[test]
    fn a_command_is_asked_and_answered() {
        let (request, answer) =
            answered(r#"{"result": 3, "text": "0 found", "arguments": {"count": 0}}"#);
        assert_eq!(request, json!({"command": "lease4-get-page", "arguments": {"limit": 2}}));
        let answer = answer.unwrap();
        assert_eq!((answer.result, answer.text.as_str()), (EMPTY, "0 found"));
        assert_eq!(answer.arguments["count"], 0);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for answer in ["", "{", "[]", "{\"result\": \"0\"}"] {
            let (_, found) = answered(answer);
            assert_eq!(found.unwrap_err().kind(), io::ErrorKind::InvalidData, "{answer:?}");
        }
        let nobody = tempfile::tempdir().unwrap();
        assert!(ask(&nobody.path().join("ctl"), "status-get", None, PATIENCE).is_err());
    }
}
