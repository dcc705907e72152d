//! A command to a server's control socket. Shell.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// Sends a command and reads the answer, which may take so long between two of its parts.
pub(super) fn ask(
    socket: &Path,
    command: &str,
    more: Value,
    patience: Duration,
) -> io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let mut request = json!({ "command": command });
    if !more.is_null() {
        request["arguments"] = more;
    }
    stream.write_all(request.to_string().as_bytes())?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    serde_json::from_str(&text).map_err(io::Error::other)
}
