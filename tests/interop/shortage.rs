//! A server that runs short of file descriptors goes on when there are some again, and nobody who asked meanwhile is
//! forgotten.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

/// Leaves the server room for this many more files.
fn leave_room(server: &Server, files: usize) -> usize {
    let limit = open_files(server) + files;
    let mut command = Command::new("prlimit");
    command.arg(format!("--pid={}", server.pid())).arg(format!("--nofile={limit}:"));
    assert!(command.status().unwrap().success());
    limit
}

#[test]
fn who_knocks_while_there_are_no_file_descriptors_is_answered_later() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "short", folder.path());
    server.configure(&place.configuration(0, &json!([{"pool": "10.16.0.0 - 10.16.0.255"}])));
    server.start_here(&place);
    let limit = leave_room(&server, 3);
    let crowd: Vec<_> = (0..6).map(|_| UnixStream::connect(server.socket()).unwrap()).collect();
    until("the last file descriptor", PATIENCE, || {
        let open = open_files(&server);
        if open >= limit { Ok(()) } else { Err(open) }
    });
    let mut late = UnixStream::connect(server.socket()).unwrap();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    late.write_all(br#"{"command": "list-commands"}"#).unwrap();
    until("a line about it", PATIENCE, || {
        let log = server.log();
        if log.contains("cannot accept a connection") { Ok(()) } else { Err(log) }
    });
    drop(crowd);
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.parse::<Value>().unwrap()["result"], 0, "{answer}");
    let lines = server.log().matches("cannot accept a connection").count();
    assert_eq!(lines, 1, "it is told once");
}

#[test]
fn a_partner_that_knocks_while_there_are_none_is_answered_later() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let pools = json!([{"pool": "10.16.0.0 - 10.16.0.255"}]);
    let servers = place.pair("hot-standby", &pools, folder.path());
    let port = crate::hostile::ha_port(&servers[0]);
    let connect = || TcpStream::connect(port).unwrap();
    let limit = leave_room(&servers[0], 3);
    let crowd: Vec<_> = (0..6).map(|_| connect()).collect();
    until("the last file descriptor", PATIENCE, || {
        let open = open_files(&servers[0]);
        if open >= limit { Ok(()) } else { Err(open) }
    });
    let mut late = connect();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = r#"{"command": "ha-heartbeat"}"#;
    let head = "POST / HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n";
    late.write_all(format!("{head}Content-Length: 27\r\n\r\n{body}").as_bytes()).unwrap();
    drop(crowd);
    let mut answer = String::new();
    late.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("HA peer status returned."), "{answer}");
    servers.iter().for_each(|server| server.wait_for_state(&["hot-standby"]));
}
