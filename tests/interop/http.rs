//! Commands over HTTP and HTTPS control sockets: who may send them, what every answer carries, and what a reload does.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::reload::{succeeds, written};
use crate::support::loopback::Loopback;
use crate::support::server::{Kind, PATIENCE, Server};

/// "admin:secret" and "robot:pass:word", as a browser writes them.
const ADMIN: &str = "Authorization: Basic YWRtaW46c2VjcmV0\r\n";
const ROBOT: &str = "Authorization: Basic cm9ib3Q6cGFzczp3b3Jk\r\n";

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn request(headers: &str, command: &Value) -> String {
    let body = command.to_string();
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// The answer, head and body.
fn post(to: SocketAddr, headers: &str, command: &Value) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request(headers, command).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The same over TLS, by the openssl command; empty if the server does not want to talk.
fn post_tls(to: SocketAddr, folder: &Path, anchor: &Path, more: &[&str]) -> String {
    let mut client = Command::new("openssl")
        .current_dir(folder)
        .args(["s_client", "-quiet", "-verify_return_error", "-CAfile"])
        .arg(anchor)
        .args(["-connect", &to.to_string()])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let command = json!({"command": "version-get"});
    // Who is refused closes it.
    let _ = client.stdin.take().unwrap().write_all(request("", &command).as_bytes());
    let output = client.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn body(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let all: Value = serde_json::from_str(body).unwrap();
    assert_eq!(all.as_array().map(Vec::len), Some(1), "a list of one: {body}");
    all[0].clone()
}

#[test]
fn commands_come_in_over_http_from_who_may() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let [open, closed, late] = [free(), free(), free()];
    fs::write(folder.path().join("both"), "robot:pass:word\n").unwrap();
    let mut configuration = place.configuration(0, &json!([{"pool": "10.1.0.0 - 10.1.0.99"}]));
    let socket = |at: SocketAddr| json!({"socket-type": "http", "socket-address": at.ip(), "socket-port": at.port()});
    let mut guarded = socket(closed);
    guarded["authentication"] = json!({
        "type": "basic", "realm": "lab", "directory": folder.path(),
        "clients": [{"user": "admin", "password": "secret"}, {"password-file": "both"}]
    });
    guarded["http-headers"] = json!([{"name": "Strict-Transport-Security", "value": "max-age=9"}]);
    configuration["control-sockets"] = json!([socket(open), guarded]);
    server.configure(&configuration);
    server.start_here(&place);

    let version = json!({"command": "version-get", "service": ["dhcp4"]});
    assert_eq!(body(&post(open, "", &version))["result"], 0);
    let refused = post(closed, "", &version);
    assert!(refused.starts_with("HTTP/1.1 401 Unauthorized"), "{refused}");
    assert!(refused.contains("Basic realm=\"lab\""), "{refused}");
    for who in [ADMIN, ROBOT] {
        let answer = post(closed, who, &version);
        assert_eq!(body(&answer)["result"], 0);
        let header = "strict-transport-security: max-age=9";
        assert!(answer.to_lowercase().contains(header), "{answer}");
    }
    let get = post(open, "", &version).len();
    assert!(get > 0);
    let told = body(&post(open, "", &json!({"command": "config-get"})));
    assert_eq!(told["arguments"], succeeds(&server, "config-get", None)["arguments"]);

    // A reload, through the socket itself: one stays with another password, one goes, one comes.
    let mut new = written(&server);
    guarded["authentication"]["clients"] = json!([{"user": "admin", "password": "other"}]);
    new["control-sockets"] = json!([guarded, socket(late)]);
    new["control-socket"] = json!({"socket-type": "unix", "socket-name": server.socket()});
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut wrong = new.clone();
    wrong["control-sockets"][1] = socket(taken.local_addr().unwrap());
    let set = |all: &Value| json!({"command": "config-set", "arguments": {"Dhcp4": all}});
    let answer = body(&post(closed, ADMIN, &set(&wrong)));
    assert!(answer["text"].as_str().unwrap().contains("cannot listen on"), "{answer}");
    assert_eq!(body(&post(open, "", &version))["result"], 0, "nothing changed");
    let answer = body(&post(closed, ADMIN, &set(&new)));
    assert_eq!(answer["result"], 0, "{answer}");
    assert_eq!(body(&post(late, "", &version))["result"], 0);
    assert!(post(closed, ADMIN, &version).starts_with("HTTP/1.1 401"));
    assert!(TcpStream::connect(open).is_err(), "it is closed");
}

#[test]
fn commands_come_in_over_https_with_a_certificate() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let (own, other) =
        (Authority::new(folder.path(), "own"), Authority::new(folder.path(), "other"));
    let (ours, client) = (own.issue("server"), own.issue("client"));
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let [strict, lax] = [free(), free()];
    let socket = |at: SocketAddr, required: bool| {
        json!({
            "socket-type": "https", "socket-address": at.ip(), "socket-port": at.port(),
            "trust-anchor": own.certificate, "cert-file": ours.certificate,
            "key-file": ours.key, "cert-required": required
        })
    };
    let mut configuration = place.configuration(0, &json!([{"pool": "10.1.0.0 - 10.1.0.99"}]));
    configuration["control-sockets"] = json!([socket(strict, true), socket(lax, false)]);
    server.configure(&configuration);
    server.start_here(&place);
    let shown = [client.certificate.to_str().unwrap(), client.key.to_str().unwrap()];
    let with = ["-cert", shown[0], "-key", shown[1]];
    let ask = |to, anchor: &Path, more: &[&str]| post_tls(to, folder.path(), anchor, more);
    assert_eq!(body(&ask(strict, &own.certificate, &with))["result"], 0);
    assert_eq!(body(&ask(lax, &own.certificate, &[]))["result"], 0);
    assert_eq!(ask(strict, &own.certificate, &[]), "");
    assert!(!post(lax, "", &json!({"command": "version-get"})).contains("200 OK"));

    // Renewed under the same names, by another authority.
    let ours_again = other.issue("server");
    for (from, to) in [
        (&ours_again.certificate, &ours.certificate),
        (&ours_again.key, &ours.key),
        (&other.certificate, &own.certificate),
    ] {
        if from != to {
            fs::copy(from, to).unwrap();
        }
    }
    succeeds(&server, "config-reload", None);
    assert_eq!(body(&ask(lax, &other.certificate, &[]))["result"], 0);
    assert_eq!(ask(strict, &other.certificate, &with), "", "its client's is of the old one");
}
