//! A packet socket for whole frames of one interface, whatever they carry (*shell*): what tests and tools look at a
//! link with. The server itself has no use for it.

use std::io::{self, Read, Write};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::syscall;

/// Sends and receives whole frames. Needs CAP_NET_RAW.
#[derive(Debug)]
pub struct LinkSocket(Socket);

impl LinkSocket {
    /// A socket on the interface with this index, that waits `patience` for a frame.
    pub fn open(interface: u32, patience: Duration) -> io::Result<Self> {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_read_timeout(Some(patience))?;
        syscall::bind_link(&socket, interface, libc::ETH_P_ALL)?;
        Ok(Self(socket))
    }

    /// Sends a frame, Ethernet header first.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        (&self.0).write_all(frame)
    }

    /// The next frame that passes, cut to 2048 bytes; `None` if there was none in time.
    pub fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut frame = vec![0; 2048];
        match (&self.0).read(&mut frame) {
            Ok(length) => {
                frame.truncate(length);
                Ok(Some(frame))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
