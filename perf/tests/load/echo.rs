//! The echo as a program, loaded by the generator as a program: what `compare` takes for the ceiling.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Child, Command, Stdio};

use perf::syscall::die_with_parent;

use crate::perfdhcp::OURS;

struct Echo {
    child: Child,
    port: u16,
}

impl Echo {
    fn start(options: &[&str]) -> Self {
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(OURS);
        command.arg("echo").arg(format!("127.0.0.1:{port}")).args(options);
        let child = die_with_parent(command.stdin(Stdio::null())).spawn().unwrap();
        Self { child, port }
    }

    /// What the generator says of it; a query that came before the echo listened is asked again.
    fn load(&self, options: &str) -> (Option<i32>, serde_json::Value) {
        let output = Command::new(OURS)
            .args(["-l", "127.0.0.1", "--json", "-N", &self.port.to_string()])
            .args(options.split_whitespace())
            .arg("127.0.0.1")
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout);
        (output.status.code(), report.unwrap_or_else(|error| panic!("{error}: {output:?}")))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The relay's port: any that is free, since the tests run beside others.
fn own_port() -> u16 {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

#[test]
fn the_echo_gives_each_client_an_address_in_answers_of_one_size() {
    let echo = Echo::start(&["--size", "333", "--threads", "2"]);
    // Until it listens nobody answers: the first exchange that ends well says that it does.
    let port = own_port();
    let (_, first) = echo.load(&format!("-L {port} -R 100000 --enough 1 --window 1 -d 0.02 -p 20"));
    assert_eq!(first["completed"], 1, "{first}");
    let more = "-b mac=02:00:00:00:00:00 --window 512 -d 5 --expect-subnet 10.0.0.0/8 \
                --expect-options 1,51,54";
    let (status, report) = echo.load(&format!("-L {port} -R 3000 -n 3000 {more}"));
    assert_eq!((status, &report["completed"]), (Some(0), &3000.into()), "{report}");
    assert_eq!(report["reply-octets"], 333.0, "{report}");
    let (status, report) = echo.load(&format!("-L {port} -R 10 --expect-subnet 11.0.0.0/8"));
    assert_eq!((status, &report["request-ack"]["wrong-subnets"]), (Some(3), &10.into()));
}

#[test]
fn an_avalanche_ends_when_each_client_has_a_lease() {
    let echo = Echo::start(&[]);
    let port = own_port();
    let options = format!("-L {port} -R 200 --scenario avalanche -d 0.3 --release-after");
    let (_, report) = echo.load(&options);
    assert_eq!(report["completed"], 200, "{report}");
}
