//! The least that a server can do: turn each query round into an answer of a given size, in the batches of the server
//! that it is measured beside. What it reaches is the ceiling of network and generator. Shell, but for [`answer`].

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::num::NonZero;

use socket2::{Domain, Protocol, Socket, Type};

use crate::limits::{ECHO, ECHO_THREADS, IDLE, JOINED, SOCKET_BUFFER};
use crate::syscall::{self, Inbox};
use crate::wire::FIXED;

/// What the echo is told at the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Where it listens, as 192.0.2.1:67
    pub listen: SocketAddrV4,
    /// Octets of each answer
    #[arg(long, value_name = "OCTETS", default_value_t = 300,
          value_parser = clap::value_parser!(u16).range(ECHO))]
    pub size: u16,
    /// Threads that take batches from the one socket
    #[arg(long, value_name = "N", default_value_t = NonZero::<usize>::MIN)]
    pub threads: NonZero<usize>,
}

/// The socket could not be had, or a thread not be started.
#[derive(Debug, thiserror::Error)]
#[error("the echo on {listen}: {error}")]
pub struct EchoError {
    /// Where it should listen.
    listen: SocketAddrV4,
    /// What the kernel said.
    error: io::Error,
}

/// Answers until it is interrupted.
///
/// # Errors
/// [`EchoError`].
pub fn run(arguments: &Arguments) -> Result<(), EchoError> {
    let listen = arguments.listen;
    let failed = |error| EchoError { listen, error };
    let socket: std::net::UdpSocket = open(listen).map_err(failed)?.into();
    let (own, size) = (*listen.ip(), usize::from(arguments.size));
    std::thread::scope(|scope| {
        for _ in 1..arguments.threads.get().min(ECHO_THREADS) {
            std::thread::Builder::new()
                .spawn_scoped(scope, || serve(&socket, own, size))
                .map_err(failed)?;
        }
        serve(&socket, own, size);
        Ok(())
    })
}

fn open(listen: SocketAddrV4) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    socket.bind(&listen.into())?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn serve(socket: &std::net::UdpSocket, own: Ipv4Addr, size: usize) {
    let mut inbox = Inbox::default();
    let mut answers = Vec::with_capacity(JOINED);
    while !syscall::interrupted() {
        match syscall::receive(socket, &mut inbox) {
            Ok(0) => syscall::wait_readable(socket, IDLE),
            Ok(_) => turn_round(socket, &inbox, &mut answers, own, size),
            // Of an earlier answer: its receiver is gone.
            Err(_) => {}
        }
    }
}

/// Answers a batch: those to one relay as one datagram that the kernel cuts apart.
fn turn_round(
    socket: &std::net::UdpSocket,
    inbox: &Inbox,
    answers: &mut Vec<u8>,
    own: Ipv4Addr,
    size: usize,
) {
    let mut receiver = None;
    for (query, from) in inbox.letters() {
        if answers.len() + size > JOINED || receiver.is_some_and(|receiver| receiver != from) {
            send(socket, answers, receiver, size);
        }
        receiver = Some(from);
        answer(query, answers, own, size);
    }
    send(socket, answers, receiver, size);
}

fn send(
    socket: &std::net::UdpSocket,
    answers: &mut Vec<u8>,
    receiver: Option<SocketAddrV4>,
    size: usize,
) {
    if let Some(receiver) = receiver.filter(|_| !answers.is_empty())
        && syscall::send_joined(socket, receiver, answers, size).is_err()
    {
        for one in answers.chunks(size) {
            // What is lost here is a missing answer, and the generator counts it.
            let _ = socket.send_to(one, receiver);
        }
    }
    answers.clear();
}

/// Appends the answer to a DISCOVER or REQUEST: an address that is the client's own by its hardware address.
pub fn answer(query: &[u8], answers: &mut Vec<u8>, own: Ipv4Addr, size: usize) {
    let Some(kind) = message_type(query) else { return };
    let start = answers.len();
    answers.extend_from_slice(&query[..FIXED]);
    answers.resize(start + size, 0);
    let answer = &mut answers[start..];
    let [.., a, b, c] = query[28..34] else { return };
    answer[0] = 2;
    answer[16..20].copy_from_slice(&[10, a, b, c]);
    let [o, p, q, r] = own.octets();
    let options = [
        53, 1, kind, 54, 4, o, p, q, r, 51, 4, 0, 0, 14, 16, 1, 4, 255, 0, 0, 0, 3, 4, o, p, q, r,
        255,
    ];
    answer[FIXED..FIXED + options.len()].copy_from_slice(&options);
}

/// The answer's message type, if there is an answer. The generator writes option 53 first.
fn message_type(query: &[u8]) -> Option<u8> {
    match query.get(FIXED..FIXED + 3)? {
        [53, 1, 1] => Some(2),
        [53, 1, 3] => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{self, Form, Kind, Query};

    #[test]
    fn each_client_has_an_address_of_its_own() {
        let (own, address) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(10, 2, 3, 4));
        let mut query = Query {
            xid: 7,
            secs: 0,
            mac: [0, 0x0c, 1, 2, 3, 4],
            giaddr: own,
            form: Form::Discover,
            broadcast: false,
            more: &[],
            circuit: None,
        };
        for (form, kind) in
            [(Form::Discover, Kind::Offer), (Form::Select { address, server: own }, Kind::Ack)]
        {
            query.form = form;
            let mut answers = vec![9; 3];
            answer(wire::encode(&query).octets(), &mut answers, own, 320);
            assert_eq!(answers.len(), 323);
            let reply = wire::decode(&answers[3..]).unwrap();
            assert_eq!((reply.xid, reply.kind, reply.mac), (7, kind, query.mac));
            assert_eq!((reply.address, reply.server), (address, Some(own)));
        }
    }

    #[test]
    fn what_asks_for_nothing_gets_nothing() {
        let mut answers = Vec::new();
        answer(&[0; 300], &mut answers, Ipv4Addr::LOCALHOST, 300);
        answer(&[1; 20], &mut answers, Ipv4Addr::LOCALHOST, 300);
        assert!(answers.is_empty());
    }
}
