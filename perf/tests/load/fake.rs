//! A DHCP server that answers as it is told, honestly or not.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How the server treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Each hardware address gets an address of its own.
    Honest,
    /// All get the same.
    SameAddress,
    /// All requests are refused.
    Refuse,
    /// Another address is acknowledged than was offered.
    Switch,
    /// Nothing is answered.
    Silent,
    /// Each answer is sent twice.
    Twice,
    /// Answers carry another transaction identifier.
    WrongXid,
    /// Answers are cut in the middle.
    Torn,
}

/// A running server; it ends when this is dropped.
pub(crate) struct FakeServer {
    /// Where it listens, and its server identifier.
    pub(crate) address: SocketAddrV4,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeServer {
    /// Starts a server on a port that the kernel chooses.
    pub(crate) fn start(manner: Manner) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        let SocketAddr::V4(address) = socket.local_addr().unwrap() else { unreachable!() };
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || serve(&socket, manner, &seen));
        Self { address, over, thread: Some(thread) }
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn serve(socket: &UdpSocket, manner: Manner, over: &AtomicBool) {
    let mut addresses = HashMap::new();
    let mut octets = [0; 1500];
    while !over.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut octets) else { continue };
        if manner == Manner::Silent {
            continue;
        }
        let next = u32::try_from(addresses.len()).unwrap();
        let own = *addresses.entry(octets[28..34].to_vec()).or_insert(next);
        let reply = answer(&octets[..len], manner, own);
        for _ in 0..if manner == Manner::Twice { 2 } else { 1 } {
            socket.send_to(&reply, from).unwrap();
        }
    }
}

fn answer(query: &[u8], manner: Manner, own: u32) -> Vec<u8> {
    let request = query[242] == 3;
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 1));
    let address = match manner {
        Manner::SameAddress => first,
        Manner::Switch if request => first + own + 1000,
        _ => first + own,
    };
    let mut reply = query[..240].to_vec();
    reply[0] = 2;
    if manner == Manner::WrongXid {
        reply[7] ^= 0x80;
    }
    reply[16..20].copy_from_slice(&address.to_be_bytes());
    let message_type = match (request, manner) {
        (false, _) => 2,
        (true, Manner::Refuse) => 6,
        (true, _) => 5,
    };
    reply.extend([53, 1, message_type, 54, 4, 127, 0, 0, 1, 255]);
    if manner == Manner::Torn {
        reply.truncate(247);
    }
    reply
}
