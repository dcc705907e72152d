//! Threads of the HTTP transport, as `http-listener-threads` and `http-client-threads` ask for them.

use serde_json::json;

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// Threads of a server whose name begins so.
fn threads(server: &Server, prefix: &str) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let names = tasks.map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")));
    names.filter(|name| name.as_ref().is_ok_and(|name| name.starts_with(prefix))).count()
}

/// Starts the primary of a pair whose partner is not there.
fn with_threads(listener: u32, client: u32, folder: &std::path::Path) -> Server {
    let place = Loopback::new(2);
    let [own, partner] = place.urls().try_into().unwrap();
    let relationship = json!({
        "this-server-name": "server1", "mode": "hot-standby",
        "multi-threading": {
            "enable-multi-threading": true, "http-dedicated-listener": true,
            "http-listener-threads": listener, "http-client-threads": client
        },
        "peers": [
            {"name": "server1", "url": own, "role": "primary"},
            {"name": "server2", "url": partner, "role": "standby"}
        ]
    });
    let mut server = Server::new(Kind::Peregrine, "server1", folder);
    let mut configuration = place.configuration(0, &json!([{"pool": "10.16.0.0 - 10.16.0.255"}]));
    configuration["multi-threading"]["thread-pool-size"] = json!(3);
    configuration["hooks-libraries"] = json!([
        {"library": "libdhcp_lease_cmds.so"},
        {"library": "libdhcp_ha.so", "parameters": {"high-availability": [relationship]}}
    ]);
    server.configure(&configuration);
    server.start_here(&place);
    server
}

#[test]
fn as_many_threads_as_asked_for_and_for_0_as_many_as_workers() {
    for (asked, expected) in [((0, 0), (3, 3)), ((1, 5), (1, 5))] {
        let folder = tempfile::tempdir().unwrap();
        let server = with_threads(asked.0, asked.1, folder.path());
        until("the threads", PATIENCE, || {
            let found = (threads(&server, "ha-listener-"), threads(&server, "ha-client-"));
            if found == expected { Ok(()) } else { Err(found) }
        });
    }
}
