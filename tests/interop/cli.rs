//! The command line as users type it: checking, refusing, asking.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, Server};

/// A configuration with a mistake in nearly every line; after `//!` what has to be said about the line.
const MISTAKES: &str = r#"{
"Dhcp4": {
    "interfaces-config": { "interfaces": "eth0" }, //! 42 "eth0"
    "valid-lifetim": 3600, //! 5 "valid-lifetime"?
    "renew-timer": "soon", //! 20 "soon"
    "multi-threading": { "thread-pool-size": -1 }, //! 46 -1
    "lease-database": { "type": "memfile", "name": "FOLDER/leases.csv", "lfc-interval": [] }, //!
    "control-socket": { "socket-type": "unix", "socket-name": "FOLDER/ctrl" },
    "client-classes": [
        { "name": "phones", "test": "substring(option[60].hex,0,6) = 'Aastra'" }, //! 68 '=='
        { "name": "a", "test": "member('nowhere')" } //! 40 "nowhere"
    ],
    "hooks-libraries": [
        { "library": "libdhcp_unheard_of.so" }, //! 22 libdhcp_ha
        { "library": "libdhcp_ha.so", "parameters": { "high-availability": [ {  //! 9 libdhcp_lease_cmds
            "this-server-name": "server3", "mode": "load-blancing", //! 52 "load-balancing"
            "heartbeat-dely": 10, //! 13 "heartbeat-delay"?
            "peers": [ { "name": "server1", "url": "htp:/x", "role": "primary" } ] //! 52 ADDRESS:PORT
        } ] } }
    ],
    "subnet4": [
        { "id": 1, "subnet": "192.0.2.0/33", //! 30 192.0.2.0/33
          "pools": [ { "pool": "192.0.2.9 - 192.0.2.1" } ] }, //! 32 192.0.2.9
        { "id": 2, "subnet": "192.0.3.0/24", "pools": [ { "pool": "10.0.0.1 - 10.0.0.2" } ], //! 67 10.0.0.1
          "option-data": [ { "name": "routers", "data": "192.0.3" } ] }, //! 57 '192.0.3'
        { "id": 2, "subnet": "192.0.4.0/24" } //! 17 2
    ]
}
}
"#;

fn peregrine(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peregrine")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn t_accepts_the_seeds() {
    let seeds = files_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/tests/data/seeds"));
    assert_eq!(seeds.len(), 4);
    for seed in seeds {
        let output = peregrine(&["-t", seed.to_str().unwrap()]);
        assert!(output.status.success() && output.stderr.is_empty(), "{seed:?}: {output:?}");
    }
}

#[test]
fn every_mistake_is_told_in_one_run_and_nothing_starts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let file = folder.path().join("mistakes.json");
    let (name, with_paths) = (file.to_str().unwrap(), MISTAKES.replace("FOLDER", path));
    fs::write(&file, &with_paths).unwrap();
    for flag in ["-t", "-c", "-T"] {
        let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
            .args([flag, name])
            .env("KEA_PIDFILE_DIR", folder.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let told = text(&output.stderr);
        let mut expected = 0;
        for (number, line) in (1..).zip(with_paths.lines()) {
            let Some((_, about)) = line.split_once("//!") else { continue };
            let (column, words) = about.trim().split_once(' ').unwrap_or(("", ""));
            let place = format!("{name}:{number}.{column}");
            let says = |told: &str| told.starts_with(&place) && told.contains(words);
            assert!(told.lines().any(says), "{flag}: nothing about {line}\n{told}");
            expected += 1;
        }
        assert!(told.lines().count() > expected, "{told}");
        assert!(told.contains(" mistakes; nothing was started"), "{told}");
        assert_eq!(files_in(folder.path()), std::slice::from_ref(&file), "{flag} left files");
    }
}

#[test]
fn a_configuration_of_v6_is_checked_but_not_served() {
    let folder = tempfile::tempdir().unwrap();
    let seed = "engine/tests/data/seeds/seed-hub-and-spoke-branch.json";
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join(seed);
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .arg("-c")
        .arg(&seed)
        .env("KEA_PIDFILE_DIR", folder.path())
        .env("KEA_DHCP_DATA_DIR", folder.path())
        .output()
        .unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains(":2.") && told.contains("Dhcp6") && told.contains("not served"),
        "{told}"
    );
    assert_eq!(files_in(folder.path()), [] as [PathBuf; 0]);
}

#[test]
fn versions_are_told() {
    assert_eq!(text(&peregrine(&["-v"]).stdout), "3.0.0\n");
    let own = text(&peregrine(&["-V"]).stdout);
    assert!(own.starts_with(concat!("peregrine ", env!("CARGO_PKG_VERSION"), "\n")), "{own}");
    assert!(peregrine(&["-W"]).status.success());
    let nothing = peregrine(&[]);
    assert_eq!(nothing.status.code(), Some(2));
    assert!(text(&nothing.stderr).contains("Usage"), "{nothing:?}");
}

#[test]
fn a_file_that_is_not_there_is_a_mistake() {
    for flag in ["-t", "-T", "-c"] {
        let output = peregrine(&[flag, "/nonexistent/file"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(text(&output.stderr).contains("/nonexistent/file"), "{output:?}");
    }
}

/// Of a server that runs: what it answers, that it ends in order, and that a check does not disturb it.
#[test]
fn ctl_talks_to_a_running_server() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    server.configure(&place.configuration(0, &json!([{"pool": "10.16.0.0 - 10.16.0.255"}])));
    server.start_here(&place);
    let socket = server.socket();
    let ctl = |words: &[&str]| {
        peregrine(&[&["ctl", "--socket", socket.to_str().unwrap()], words].concat())
    };
    let answer = |output: &Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };

    let listed = ctl(&["list-commands"]);
    assert!(listed.status.success(), "{listed:?}");
    let listed = answer(&listed)["arguments"].to_string();
    for command in [
        "config-get",
        "lease4-get-all",
        "lease4-get-page",
        "list-commands",
        "shutdown",
        "status-get",
        "version-get",
    ] {
        assert!(listed.contains(&format!("\"{command}\"")), "{command} is not in {listed}");
    }
    assert_eq!(answer(&ctl(&["version-get"]))["text"], "3.0.0");
    assert_eq!(answer(&ctl(&["status-get"]))["arguments"]["pid"], server.pid());
    let page = ctl(&["lease4-get-page", r#"{"from": "start", "limit": 10}"#]);
    assert_eq!((answer(&page)["result"].as_i64(), page.status.code()), (Some(3), Some(0)));
    let config = answer(&ctl(&["config-get"]))["arguments"]["Dhcp4"].clone();
    assert_eq!(config["subnet4"][0]["pools"][0]["pool"], "10.16.0.0-10.16.0.255");

    assert_eq!(ctl(&["no-such-command"]).status.code(), Some(1));
    assert_eq!(ctl(&["status-get", "{bad"]).status.code(), Some(1));
    let nobody = peregrine(&["ctl", "-s", "/nonexistent/socket", "status-get"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("/nonexistent/socket"), "{nobody:?}");

    let check = peregrine(&["-t", folder.path().join("lone/conf").to_str().unwrap()]);
    assert!(check.status.success(), "{check:?}");
    assert!(ctl(&["shutdown", r#"{"exit-value": 7}"#]).status.success());
    assert_eq!(server.wait_for_end().code(), Some(7));
    assert!(!socket.exists() && !folder.path().join("lone/conf.kea-dhcp4.pid").exists());
}

/// -T looks at the machine as well, and leaves it as it was.
#[test]
fn a_check_of_the_machine_finds_what_is_missing_there() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::new(Kind::Peregrine, "lone", folder.path());
    let check = || {
        let file = folder.path().join("lone/conf");
        let output = peregrine(&["-T", file.to_str().unwrap(), "-p", &place.port.to_string()]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(files_in(server.folder()), [file], "-T left files: {told}");
        (output.status.code(), told)
    };
    let pools = json!([{"pool": "10.16.0.0 - 10.16.0.255"}]);
    let mut configuration = place.configuration(0, &pools);
    server.configure(&configuration);
    let (status, told) = check();
    assert_eq!(status, Some(0), "{told}");

    configuration["interfaces-config"]["interfaces"] = json!(["no-such-interface0"]);
    server.configure(&configuration);
    let (status, told) = check();
    assert!(status == Some(1) && told.contains("no-such-interface0"), "{told}");
}
