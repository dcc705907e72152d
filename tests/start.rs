//! What a server that does not start tells its operator. Needs no root.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

#[test]
fn what_keeps_a_server_from_starting_is_in_its_log_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("leases.csv"), "dear diary,\n").unwrap();
    let configuration = json!({ "Dhcp4": {
        "interfaces-config": { "interfaces": [] },
        "lease-database": { "type": "memfile", "name": path("leases.csv") },
        "loggers": [{
            "name": "kea-dhcp4", "output-options": [{ "output": path("kea-dhcp4.log") }]
        }],
    } });
    fs::write(path("kea-dhcp4.conf"), configuration.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .arg("-c")
        .arg(path("kea-dhcp4.conf"))
        .env("KEA_PIDFILE_DIR", folder.path())
        .env("KEA_LOG_FILE_DIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("leases.csv"), "{told}");
    let log = fs::read_to_string(path("kea-dhcp4.log")).unwrap();
    assert!(log.contains("DHCP4_INIT_FAIL") && log.contains("leases.csv"), "{log}");
    assert!(!path("kea-dhcp4.kea-dhcp4.pid").exists());
    assert_eq!(fs::read_to_string(path("leases.csv")).unwrap(), "dear diary,\n");
}

#[test]
fn a_check_on_the_machine_leaves_the_lease_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // As Kea 2.2 leaves it: an older schema, and a last row that was not written whole.
    let leases = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,\
                  state,user_context\n\
                  192.0.2.7,02:00:00:00:00:07,,3600,1800000000,1,0,0,,0,\n192.0.2.8,02:00";
    fs::write(path("leases.csv"), leases).unwrap();
    let configuration = json!({ "Dhcp4": {
        "interfaces-config": { "interfaces": [] },
        "lease-database": { "type": "memfile", "name": path("leases.csv") },
    } });
    fs::write(path("kea-dhcp4.conf"), configuration.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .arg("-T")
        .arg(path("kea-dhcp4.conf"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(path("leases.csv")).unwrap(), leases);
    assert!(!path("leases.csv.1").exists() && !path("leases.csv.2").exists());
}

/// One file for both servers of a pair: who this one is, is said where it is started.
#[test]
fn a_file_that_names_no_server_is_any_peers() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kea-dhcp4.conf");
    let peer = |name: &str, host: u8, role: &str| json!({"name": name, "url": format!("http://127.0.0.{host}:8000/"), "role": role});
    let relationship = json!({
        "mode": "hot-standby", "peers": [peer("no-host-a", 1, "primary"), peer("no-host-b", 2, "standby")],
    });
    let configuration = json!({ "Dhcp4": {
        "interfaces-config": { "interfaces": [] },
        "lease-database": { "type": "memfile", "persist": false },
        "hooks-libraries": [
            { "library": "/usr/lib/libdhcp_lease_cmds.so" },
            {
                "library": "/usr/lib/libdhcp_ha.so",
                "parameters": { "high-availability": [relationship] },
            },
        ],
    } });
    fs::write(&file, configuration.to_string()).unwrap();
    let check = |arguments: &[&str], environment: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_peregrine"));
        command.arg("-t").arg(&file).args(arguments).env_remove("PEREGRINE_SERVER_NAME");
        command.envs(environment.map(|name| ("PEREGRINE_SERVER_NAME", name)));
        let output = command.stdin(Stdio::null()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (served, told) = check(&[], None);
    assert!(!served && told.contains("got no \"this-server-name\""), "{told}");
    assert!(told.contains("no-host-a, no-host-b"), "{told}");
    for (arguments, environment) in [
        (&["--server-name", "no-host-a"][..], None),
        (&[][..], Some("no-host-b")),
        (&["--server-name", "no-host-b"][..], Some("nobody")),
    ] {
        let (served, told) = check(arguments, environment);
        assert!(served, "{arguments:?} {environment:?}: {told}");
    }
}
