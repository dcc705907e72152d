//! Queries that are ready to be sent at once: pieces that the kernel cuts apart, so that a thousand of them cost little
//! more than the memory they are copied to. Shell.

use std::io::ErrorKind;
use std::net::{SocketAddrV4, UdpSocket};

use crate::clock::{Clock, pause};
use crate::limits::{BATCH, JOINED, VOLLEY_PATIENCE, VOLLEY_PAUSE};
use crate::syscall;
use crate::wire::Datagram;

/// Queries of one destination, side by side.
#[derive(Debug)]
pub(super) struct Volley {
    pieces: Vec<Piece>,
}

/// Queries of one size.
#[derive(Debug)]
struct Piece {
    octets: Vec<u8>,
    size: usize,
}

impl Volley {
    /// These queries, in this order.
    pub(super) fn new(queries: &[Datagram]) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        for query in queries.iter().map(Datagram::octets) {
            match pieces.last_mut().filter(|piece| piece.has_room_for(query)) {
                Some(piece) => piece.octets.extend_from_slice(query),
                None => pieces.push(Piece { octets: query.to_vec(), size: query.len() }),
            }
        }
        Self { pieces }
    }

    /// Sends them all to `server`; says how many the kernel did not take.
    pub(super) fn send(&self, socket: &UdpSocket, server: SocketAddrV4) -> u64 {
        self.pieces.iter().map(|piece| piece.send(socket, server)).sum()
    }
}

impl Piece {
    fn has_room_for(&self, query: &[u8]) -> bool {
        let count = self.octets.len() / self.size;
        query.len() == self.size && count < BATCH && self.octets.len() + query.len() <= JOINED
    }

    fn send(&self, socket: &UdpSocket, server: SocketAddrV4) -> u64 {
        if patiently(|| syscall::send_joined(socket, server, &self.octets, self.size)) {
            return 0;
        }
        // A device that takes no such pieces takes them one by one.
        let alone =
            |query: &&[u8]| !patiently(|| syscall::send_joined(socket, server, query, self.size));
        self.octets.chunks(self.size).filter(alone).count() as u64
    }
}

/// Whether the kernel took it, if need be once it had room again.
fn patiently(send: impl Fn() -> std::io::Result<()>) -> bool {
    let clock = Clock::start();
    loop {
        match send() {
            Ok(()) => return true,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return false,
            Err(_) if clock.now() > VOLLEY_PATIENCE => return false,
            Err(_) => pause(VOLLEY_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::wire::{Form, Query, encode};

    fn discover(xid: u32, more: &[u8]) -> Datagram {
        encode(&Query {
            xid,
            secs: 0,
            mac: [2, 0, 0, 0, 0, 1],
            giaddr: Ipv4Addr::LOCALHOST,
            form: Form::Discover,
            broadcast: false,
            more,
            circuit: None,
        })
    }

    #[test]
    fn every_query_arrives_whole_and_in_order() {
        let (one, two) = (bound(), bound());
        two.set_read_timeout(Some(VOLLEY_PATIENCE)).expect("a time limit");
        let mut queries: Vec<Datagram> = (0..150).map(|xid| discover(xid, &[])).collect();
        // Another size begins another piece.
        queries.insert(70, discover(500, &[250, 1, 7]));
        let volley = Volley::new(&queries);
        assert_eq!(volley.pieces.len(), 5);
        let std::net::SocketAddr::V4(to) = two.local_addr().expect("it is bound") else {
            panic!("an IPv4 socket");
        };
        assert_eq!(volley.send(&one, to), 0);
        let mut octets = [0; 1500];
        for query in &queries {
            let len = two.recv(&mut octets).expect("a query");
            assert_eq!(&octets[..len], query.octets());
        }
    }

    fn bound() -> UdpSocket {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket")
    }
}
