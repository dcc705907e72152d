//! What the standard library does not offer: datagrams in batches, a wait in nanoseconds, a flag
//! for interrupts, a child that dies with its parent. Shell; the only unsafe code of this crate,
//! behind safe functions.
#![expect(unsafe_code, reason = "system calls that the standard library does not wrap")]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::limits::{BATCH, REPLY};
use crate::wire::Datagram;

/// Room for the datagrams of one [`receive`].
#[derive(Debug)]
pub struct Inbox {
    octets: Vec<[u8; REPLY]>,
    lens: Vec<usize>,
    senders: Vec<SocketAddrV4>,
}

impl Default for Inbox {
    fn default() -> Self {
        let (lens, senders) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        Self { octets: vec![[0; REPLY]; BATCH], lens, senders }
    }
}

impl Inbox {
    /// What the last [`receive`] took.
    pub fn datagrams(&self) -> impl Iterator<Item = &[u8]> {
        self.octets.iter().zip(&self.lens).map(|(octets, len)| &octets[..(*len).min(REPLY)])
    }

    /// The same with their senders.
    pub fn letters(&self) -> impl Iterator<Item = (&[u8], SocketAddrV4)> {
        self.datagrams().zip(self.senders.iter().copied())
    }
}

/// Takes up to [`BATCH`] datagrams that are there, without waiting; says how many.
///
/// # Errors
/// Those of recvmmsg(2), but not "nothing there", which is 0 datagrams.
pub fn receive(socket: &UdpSocket, inbox: &mut Inbox) -> io::Result<usize> {
    inbox.lens.clear();
    let mut vectors: [libc::iovec; BATCH] = std::array::from_fn(|i| libc::iovec {
        iov_base: inbox.octets[i].as_mut_ptr().cast(),
        iov_len: REPLY,
    });
    let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|i| header(&mut vectors[i]));
    let mut names = [name(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)); BATCH];
    for (header, name) in headers.iter_mut().zip(&mut names) {
        header.msg_hdr.msg_name = ptr::from_mut(name).cast();
        header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }
    // SAFETY: the headers point to `names` and `vectors`, those to the buffers of `inbox`, all BATCH
    // long, alive and borrowed by nobody else until the call returns; no time limit is given.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            BATCH as libc::c_uint,
            libc::MSG_DONTWAIT,
            ptr::null_mut(),
        )
    };
    let count = passing(count)?;
    inbox.lens.extend(headers[..count].iter().map(|header| header.msg_len as usize));
    inbox.senders.clear();
    inbox.senders.extend(names[..count].iter().map(|name| {
        let ip = Ipv4Addr::from(name.sin_addr.s_addr.to_ne_bytes());
        SocketAddrV4::new(ip, u16::from_be(name.sin_port))
    }));
    Ok(count)
}

/// Sends the first datagrams of `outbox`, at most [`BATCH`], without waiting; says how many the
/// kernel took.
///
/// # Errors
/// Those of sendmmsg(2) for the first datagram, but not "no room", which is 0 datagrams.
pub fn send(socket: &UdpSocket, outbox: &[(SocketAddrV4, Datagram)]) -> io::Result<usize> {
    let outbox = &outbox[..outbox.len().min(BATCH)];
    let mut names: Vec<libc::sockaddr_in> = outbox.iter().map(|(to, _)| name(to)).collect();
    let mut vectors: Vec<libc::iovec> = outbox
        .iter()
        .map(|(_, datagram)| libc::iovec {
            iov_base: datagram.octets().as_ptr().cast_mut().cast(),
            iov_len: datagram.octets().len(),
        })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = vectors.iter_mut().map(header).collect();
    for (header, name) in headers.iter_mut().zip(&mut names) {
        header.msg_hdr.msg_name = ptr::from_mut(name).cast();
        header.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    }
    // SAFETY: the headers point to `names` and `vectors`, those to the datagrams of `outbox`, all
    // of the same length and alive until the call returns; the kernel only reads the datagrams.
    let count = unsafe {
        libc::sendmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            headers.len() as libc::c_uint,
            libc::MSG_DONTWAIT,
        )
    };
    passing(count)
}

/// Sends `octets` as datagrams of `size` octets each, which the kernel cuts apart (UDP_SEGMENT).
///
/// # Errors
/// Those of sendmsg(2), "no room" included: nothing was sent then.
pub fn send_joined(
    socket: &UdpSocket,
    to: SocketAddrV4,
    octets: &[u8],
    size: usize,
) -> io::Result<()> {
    /// Room for one control message of two octets, aligned as its header wants it.
    #[repr(C, align(8))]
    struct Control([u8; 64]);
    let mut receiver = name(&to);
    let mut vector =
        libc::iovec { iov_base: octets.as_ptr().cast_mut().cast(), iov_len: octets.len() };
    let mut control = Control([0; 64]);
    let mut message = header(&mut vector).msg_hdr;
    message.msg_name = ptr::from_mut(&mut receiver).cast();
    message.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    if octets.len() > size {
        let size = u16::try_from(size).map_err(|_| io::ErrorKind::InvalidInput)?;
        message.msg_control = ptr::from_mut(&mut control).cast();
        // SAFETY: plain arithmetic; the room is larger than what it says.
        message.msg_controllen = unsafe { libc::CMSG_SPACE(2) } as _;
        // SAFETY: `control` is large enough for one message of two octets and aligned for its header, which the
        // macros place inside of it; the data need not be aligned.
        unsafe {
            let first = libc::CMSG_FIRSTHDR(&raw const message);
            (*first).cmsg_level = libc::SOL_UDP;
            (*first).cmsg_type = libc::UDP_SEGMENT;
            (*first).cmsg_len = libc::CMSG_LEN(2) as _;
            libc::CMSG_DATA(first).cast::<u16>().write_unaligned(size);
        }
    }
    // SAFETY: the message points to a name, a vector and a control buffer that are alive until the call returns; the
    // kernel only reads the octets.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until the socket has a datagram or `span` is over.
pub fn wait_readable(socket: &UdpSocket, span: Duration) {
    let mut poll = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: a timespec is plain numbers, for which zero is a value.
    let mut limit: libc::timespec = unsafe { mem::zeroed() };
    limit.tv_sec = libc::time_t::try_from(span.as_secs()).unwrap_or(libc::time_t::MAX);
    limit.tv_nsec = libc::c_long::from(i32::try_from(span.subsec_nanos()).unwrap_or(0));
    // SAFETY: one pollfd and one timespec, both alive until the call returns; no signal mask. An
    // error (an interrupt) is a short wait.
    unsafe { libc::ppoll(&raw mut poll, 1, &raw const limit, ptr::null()) };
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP do not end the process but set what [`interrupted`]
/// tells.
pub fn catch_interrupts() {
    let handler = note_interrupt as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler does nothing but store to an atomic, which is allowed in a signal
        // handler.
        unsafe { libc::signal(signal, handler) };
    }
}

/// Whether an interrupt came since [`catch_interrupts`].
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

extern "C" fn note_interrupt(_signal: libc::c_int) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Makes the child be killed when the thread that starts it ends, however that happens.
pub fn die_with_parent(command: &mut Command) -> &mut Command {
    // SAFETY: between fork and exec only prctl is called, which is async-signal-safe and allocates
    // nothing.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        })
    }
}

fn header(vector: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: an mmsghdr is numbers and pointers, for which zero (null) is a value.
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_iov = vector;
    header.msg_hdr.msg_iovlen = 1;
    header
}

fn name(to: &SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: to.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(to.ip().octets()) },
        sin_zero: [0; 8],
    }
}

fn passing(count: libc::c_int) -> io::Result<usize> {
    if let Ok(count) = usize::try_from(count) {
        return Ok(count);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR | libc::ENOBUFS) => Ok(0),
        _ => Err(error),
    }
}
