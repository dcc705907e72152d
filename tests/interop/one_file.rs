//! One configuration file for both servers of a pair: each says by its command line, its environment or the name of its
//! machine who it is. And what the two say when one of them goes its own way.
//!
//! Both read the very same file. The paths that it names are folders of each server's own: each lives in a mount
//! namespace, and in a UTS namespace with a host name of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::examples::{example_text, pair_lan, phones};
use crate::support::net::{self, Lan};
use crate::support::server::{PATIENCE, Server};
use crate::support::wait::until;

/// How a server learns who it is.
#[derive(Clone, Copy, Debug)]
enum By {
    CommandLine,
    Environment,
    HostName,
    HostNameWithDomain,
}

/// Starts a program (`$4` and what follows) on a machine called `$1` that has the folder `$2` in the place of `$3`.
const ON_ITS_OWN_MACHINE: &str = r#"
    mount --bind "$2" "$3" && echo "$1" > /proc/sys/kernel/hostname && shift 3 && exec "$@"
"#;

/// The command that starts `name` on `host`, by a file whose paths are in `shared`.
fn command(lan: &Lan, server: &Server, host: &str, name: &str, by: By, shared: &Path) -> Command {
    let host_name = match by {
        By::HostName => name.to_owned(),
        By::HostNameWithDomain => format!("{name}.example.org"),
        // Somebody else's: the machine does not say it.
        By::CommandLine | By::Environment => "server3".to_owned(),
    };
    let mut command = lan.on(host, "unshare");
    command.args(["--uts", "--mount", "sh", "-c", ON_ITS_OWN_MACHINE, "sh", &host_name]);
    command.arg(server.folder()).arg(shared).arg(server.program());
    match by {
        By::CommandLine => drop(command.args(["--server-name", name])),
        By::Environment => drop(command.env("PEREGRINE_SERVER_NAME", name)),
        By::HostName | By::HostNameWithDomain => {}
    }
    command
}

/// Starts both by one file and waits until they are in normal operation.
fn start(lan: &Lan, folder: &Path, by: [By; 2]) -> [Server; 2] {
    let shared = folder.join("shared");
    fs::create_dir(&shared).unwrap();
    let file = folder.join("pair.json");
    let text = example_text("ha-one-file.json", &shared.join("ctrl"), &shared.join("leases.csv"));
    fs::write(&file, text).unwrap();
    let mut servers = ["one", "two"].map(|host| Server::by_file(host, folder, &file));
    for (place, server) in servers.iter_mut().enumerate() {
        let (host, name) = [("one", "server1"), ("two", "server2")][place];
        server.start_by(command(lan, server, host, name, by[place], &shared));
    }
    for server in &servers {
        server.wait_for_state(&["load-balancing"]);
    }
    servers
}

fn pair_of_one_file(by: [By; 2]) {
    if !net::is_possible("a pair of servers with one file") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = pair_lan();
    let servers = start(&lan, folder.path(), by);
    let role = |server: &Server| server.ha()["local"]["role"].clone();
    assert_eq!(servers.each_ref().map(role), ["primary", "secondary"]);
    phones(&lan, &servers);
}

#[test]
fn by_command_line_and_environment() {
    pair_of_one_file([By::CommandLine, By::Environment]);
}

#[test]
fn by_the_names_of_the_machines() {
    pair_of_one_file([By::HostName, By::HostNameWithDomain]);
}

/// What a server says of the differences; none if there are none.
fn drift(server: &Server) -> Value {
    let status = server.command(&json!({"command": "status-get"}));
    status["arguments"]["high-availability"][0]["peregrine"]["drift"].clone()
}

fn wait_for_drift(servers: &[Server; 2], expected: &Value) {
    until("the difference at both", PATIENCE, || {
        let seen = servers.each_ref().map(drift);
        if seen.iter().all(|drift| drift == expected) { Ok(()) } else { Err(seen) }
    });
}

/// Lines with this message at a server.
fn told(server: &Server, id: &str) -> Vec<String> {
    let log = server.log();
    log.lines().filter(|line| line.contains(id)).map(str::to_owned).collect()
}

#[test]
fn a_server_that_goes_its_own_way_is_told_of_by_both_until_it_returns() {
    if !net::is_possible("a pair of servers with one file") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = pair_lan();
    let servers = start(&lan, folder.path(), [By::HostName, By::CommandLine]);
    wait_for_drift(&servers, &json!([]));

    let answer = servers[1].command(&json!({"command": "config-get"}));
    let mut changed = json!({"Dhcp4": answer["arguments"]["Dhcp4"]});
    changed["Dhcp4"]["valid-lifetime"] = json!(1800);
    changed["Dhcp4"]["subnet4"][0]["option-data"][0]["data"] = json!("192.168.56.2");
    let set = servers[1].command(&json!({"command": "config-set", "arguments": changed}));
    assert_eq!(set["result"], 0, "{set}");
    let keys = ["subnet4[id 1]", "valid-lifetime"];
    wait_for_drift(&servers, &json!(keys));
    for server in &servers {
        let lines = told(server, "PEREGRINE_HA_CONFIG_DRIFT");
        assert!(lines.iter().any(|line| keys.iter().all(|key| line.contains(key))), "{lines:?}");
        assert!(told(server, "PEREGRINE_HA_CONFIG_AGREES").is_empty());
        server.wait_for_state(&["load-balancing"]);
    }

    // Back to the file that both have.
    let reload = servers[1].command(&json!({"command": "config-reload"}));
    assert_eq!(reload["result"], 0, "{reload}");
    wait_for_drift(&servers, &json!([]));
    for server in &servers {
        until("a line that takes it back", PATIENCE, || {
            let lines = told(server, "PEREGRINE_HA_CONFIG_AGREES");
            if lines.len() == 1 { Ok(()) } else { Err(lines) }
        });
    }
}
