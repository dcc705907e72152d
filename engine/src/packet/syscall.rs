//! The system calls that no safe crate offers (*shell*): every `unsafe` block of the workspace is in this file.
//! Everything it gives out is safe; what the kernel wrote is checked before it is believed.
#![expect(
    unsafe_code,
    reason = "recvmmsg, sendmmsg, getifaddrs and AF_PACKET have no safe wrapper"
)]

use std::io;
use std::mem::{offset_of, size_of, zeroed};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::ptr;

use libc::{c_int, c_void, sock_filter, socklen_t};
use socket2::Socket;

use crate::codec::frame::MAX_HEADER;
use crate::limits::{BATCH, GIVES_WAY_BY, MAX_MESSAGE};
use crate::sync::before_io;

/// Bytes kept of one datagram or frame; longer ones arrive marked as truncated.
pub(super) const SLOT: usize = MAX_MESSAGE + MAX_HEADER;
/// Control bytes of one message: `tpacket_auxdata` and the drop count come in, `in_pktinfo` goes out.
const CONTROL: usize = 64;

/// Where [`receive`] puts what it takes. One for each thread, used again and again.
pub(super) struct Inbox {
    bytes: Box<[[u8; SLOT]; BATCH]>,
    taken: [Taken; BATCH],
}

/// What the kernel says about one datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// Bytes kept of it.
    pub(super) length: usize,
    /// It was longer than [`SLOT`].
    pub(super) truncated: bool,
    /// IP sender; unspecified for a frame.
    pub(super) source: SocketAddrV4,
    /// `tp_status` and VLAN tag of a frame, if the socket asked for them.
    pub(super) aux: Option<Aux>,
    /// How many datagrams the kernel had dropped for this socket when it queued this one.
    pub(super) overflow: Option<u32>,
}

/// `tpacket_auxdata`, as far as it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aux {
    /// `TP_STATUS_*` bits.
    pub(super) status: u32,
    /// Tag control information of a tag that was taken out of the frame.
    pub(super) vlan_tci: u16,
}

impl Default for Inbox {
    fn default() -> Self {
        let source = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        let nothing = Taken { length: 0, truncated: false, source, aux: None, overflow: None };
        Self { bytes: Box::new([[0; SLOT]; BATCH]), taken: [nothing; BATCH] }
    }
}

impl Inbox {
    /// Datagram `index` of the last [`receive`].
    pub(super) fn datagram(&self, index: usize) -> (&Taken, &[u8]) {
        let taken = &self.taken[index];
        (taken, &self.bytes[index][..taken.length])
    }
}

/// Takes at most `limit` datagrams without waiting; how many it were. `WouldBlock` if there is none.
pub(super) fn receive(socket: &Socket, inbox: &mut Inbox, limit: usize) -> io::Result<usize> {
    before_io();
    let limit = limit.clamp(1, BATCH);
    // SAFETY: all of these are plain C structures for which all-zero bytes are a valid value.
    let (mut headers, mut parts, mut names, mut controls): (
        [libc::mmsghdr; BATCH],
        [libc::iovec; BATCH],
        [libc::sockaddr_in; BATCH],
        [Control; BATCH],
    ) = unsafe { zeroed() };
    for index in 0..limit {
        parts[index] = part_mut(&mut inbox.bytes[index]);
        let header = &mut headers[index].msg_hdr;
        header.msg_name = (&raw mut names[index]).cast();
        header.msg_namelen = length_of::<libc::sockaddr_in>();
        header.msg_iov = &raw mut parts[index];
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut controls[index]).cast();
        header.msg_controllen = CONTROL;
    }
    // SAFETY: the first `limit` headers point to a slot, a name and a control buffer that live until the call has
    // returned, each with its own length, and nothing else refers to them meanwhile.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            limit as u32,
            libc::MSG_DONTWAIT,
            ptr::null_mut(),
        )
    };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?.min(limit);
    for index in 0..count {
        let header = &headers[index];
        let (aux, overflow) = ancillary(&header.msg_hdr);
        inbox.taken[index] = Taken {
            length: (header.msg_len as usize).min(SLOT),
            truncated: header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0,
            source: sender(&names[index]),
            aux,
            overflow,
        };
    }
    Ok(count)
}

/// Throws away at most `limit` datagrams without waiting; how many it were. `WouldBlock` if there is none.
pub(super) fn discard(socket: &Socket, limit: usize) -> io::Result<usize> {
    before_io();
    let limit = limit.clamp(1, BATCH);
    // SAFETY: plain C structures for which all-zero bytes are a valid value: no name, no parts, no control bytes.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { zeroed() };
    // SAFETY: the first `limit` headers have room for nothing, so the kernel writes to the headers alone.
    let count = unsafe {
        libc::recvmmsg(
            socket.as_raw_fd(),
            headers.as_mut_ptr(),
            limit as u32,
            libc::MSG_DONTWAIT,
            ptr::null_mut(),
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// One datagram on its way out.
pub(super) struct Outgoing<'a> {
    /// Its bytes, one part after the other.
    pub(super) parts: [&'a [u8]; 2],
    /// Receiver.
    pub(super) to: To,
}

impl Outgoing<'_> {
    fn length(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }
}

/// Where [`send`] sends a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Through an IP socket.
    Ip {
        /// Receiver.
        to: SocketAddrV4,
        /// Sender's address; unspecified: the socket's.
        source: Ipv4Addr,
        /// Index of the interface; 0: the one that the routes say.
        interface: u32,
    },
    /// A whole frame through a packet socket.
    Link {
        /// Index of the interface.
        interface: u32,
        /// Ethernet destination.
        mac: [u8; 6],
    },
}

/// Sends the first of `messages` (at most [`BATCH`]) without waiting: how many went, at least one. An error is about
/// the first of them, or with `join` about all that [`joined`] puts together with it.
pub(super) fn send(socket: &Socket, messages: &[Outgoing<'_>], join: bool) -> io::Result<usize> {
    before_io();
    let messages = &messages[..messages.len().min(BATCH)];
    // SAFETY: all of these are plain C structures for which all-zero bytes are a valid value.
    let (mut headers, mut parts, mut names, mut controls): (
        [libc::mmsghdr; BATCH],
        [[libc::iovec; 2]; BATCH],
        [Name; BATCH],
        [Control; BATCH],
    ) = unsafe { zeroed() };
    let (mut counts, mut used, mut first) = ([0; BATCH], 0, 0);
    while first < messages.len() {
        let count = if join { joined(&messages[first..]) } else { 1 };
        let run = &messages[first..first + count];
        let parts = &mut parts[first..first + count];
        parts.iter_mut().zip(run).for_each(|(parts, message)| *parts = message.parts.map(part));
        let header = &mut headers[used].msg_hdr;
        header.msg_iov = parts.as_flattened_mut().as_mut_ptr();
        header.msg_iovlen = 2 * count;
        header.msg_name = (&raw mut names[used]).cast();
        match run[0].to {
            To::Ip { to, source, interface } => {
                names[used].ip = socket_address(to);
                header.msg_namelen = length_of::<libc::sockaddr_in>();
                let segment = (count > 1).then(|| run[0].length());
                let (control, length) = packet_info(source, interface, segment);
                controls[used] = control;
                header.msg_control = (&raw mut controls[used]).cast();
                header.msg_controllen = length;
            }
            To::Link { interface, mac } => {
                names[used].link = link_address(interface, mac, libc::ETH_P_IP);
                header.msg_namelen = length_of::<libc::sockaddr_ll>();
            }
        }
        counts[used] = count;
        used += 1;
        first += count;
    }
    // SAFETY: the first `used` headers point to parts, a name and a control buffer that outlive the call; the
    // kernel only reads through them.
    let sent = unsafe {
        libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), used as u32, libc::MSG_DONTWAIT)
    };
    let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
    Ok(counts[..sent.min(used)].iter().sum())
}

/// How many of `messages`, the first included, the kernel may be given as one to cut apart (UDP_SEGMENT): as many as
/// have the same length and the same way, to one receiver.
fn joined(messages: &[Outgoing<'_>]) -> usize {
    /// Below the largest datagram, headers included.
    const MAX_JOINED: usize = 60_000;
    let Some(first) = messages.first() else { return 0 };
    let To::Ip { to, .. } = first.to else { return 1 };
    if to.ip().is_broadcast() || to.ip().is_multicast() || first.length() == 0 {
        return 1;
    }
    let fits = (MAX_JOINED / first.length()).max(1);
    let same = |next: &&Outgoing<'_>| next.to == first.to && next.length() == first.length();
    messages.iter().take(fits).take_while(same).count()
}

/// Waits until `socket` can be written to, `milliseconds` at most.
pub(super) fn wait_writable(socket: &Socket, milliseconds: u16) {
    before_io();
    let mut entry = libc::pollfd { fd: socket.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    // SAFETY: one entry, and its count says one. The outcome does not matter: the caller sends again.
    unsafe { libc::poll(&raw mut entry, 1, c_int::from(milliseconds)) };
}

/// One address entry of `getifaddrs`.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Name of the interface, or an address label (`eth0:1`).
    pub(super) name: String,
    /// `IFF_*`.
    pub(super) flags: u32,
    /// What the entry tells.
    pub(super) address: EntryAddress,
}

/// The address of an [`Entry`].
#[derive(Clone, Copy, Debug)]
pub(super) enum EntryAddress {
    /// The interface itself.
    Link {
        /// Its index.
        index: u32,
        /// Its Ethernet address; `None` if it is no Ethernet.
        mac: Option<[u8; 6]>,
    },
    /// One of its IPv4 addresses.
    Ip {
        /// The address.
        address: Ipv4Addr,
        /// Its broadcast address, if it has one.
        broadcast: Option<Ipv4Addr>,
    },
}

/// Every interface and every IPv4 address of this network namespace.
pub(super) fn interface_entries() -> io::Result<Vec<Entry>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: `first` is a place for the pointer.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut entries = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: `next` is an element of the list, which is freed only below.
        let element = unsafe { &*next };
        // SAFETY: the name of an element is a C string that lives as long as the list.
        let name = unsafe { std::ffi::CStr::from_ptr(element.ifa_name) };
        if let Some(address) = entry_address(element) {
            let name = name.to_string_lossy().into_owned();
            entries.push(Entry { name, flags: element.ifa_flags, address });
        }
        next = element.ifa_next;
    }
    // SAFETY: the list that getifaddrs made, freed once; nothing refers to it any more.
    unsafe { libc::freeifaddrs(first) };
    Ok(entries)
}

/// Binds a packet socket to an interface and an Ethernet protocol.
pub(super) fn bind_link(socket: &Socket, interface: u32, protocol: c_int) -> io::Result<()> {
    let address = link_address(interface, [0; 6], protocol);
    // SAFETY: a valid address with its own length.
    let outcome = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            length_of::<libc::sockaddr_ll>(),
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option whose value is a number.
pub(super) fn set_number(
    socket: &Socket,
    level: c_int,
    option: c_int,
    value: c_int,
) -> io::Result<()> {
    set_option(socket, level, option, &value)
}

/// Reads an option whose value is a number.
pub(super) fn number(socket: &Socket, level: c_int, option: c_int) -> io::Result<c_int> {
    let mut value: c_int = 0;
    let mut length = length_of::<c_int>();
    // SAFETY: `value` has room for `length` bytes.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw mut value).cast(),
            &raw mut length,
        )
    };
    if outcome == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// Gives the kernel a classic BPF program through `option` (a filter, or what steers a group of sockets).
pub(super) fn set_program(
    socket: &Socket,
    level: c_int,
    option: c_int,
    program: &[sock_filter],
) -> io::Result<()> {
    let length = u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    // The kernel only reads through the pointer.
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    set_option(socket, level, option, &program)
}

fn set_option<T>(socket: &Socket, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: `value` is readable for its own size, and what a `sock_fprog` points to outlives the call.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            length_of::<T>(),
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Room for control messages, aligned as `cmsghdr` wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL]);

/// A receiver's address of either family.
#[derive(Clone, Copy)]
#[repr(C)]
union Name {
    ip: libc::sockaddr_in,
    link: libc::sockaddr_ll,
}

fn length_of<T>() -> socklen_t {
    socklen_t::try_from(size_of::<T>()).expect("socket structures are small")
}

fn part(bytes: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(), iov_len: bytes.len() }
}

fn part_mut(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

fn socket_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: in_address(*address.ip()),
        sin_zero: [0; 8],
    }
}

fn in_address(address: Ipv4Addr) -> libc::in_addr {
    libc::in_addr { s_addr: u32::from_ne_bytes(address.octets()) }
}

fn ip_address(address: libc::in_addr) -> Ipv4Addr {
    Ipv4Addr::from(address.s_addr.to_ne_bytes())
}

fn link_address(interface: u32, mac: [u8; 6], protocol: c_int) -> libc::sockaddr_ll {
    let mut sll_addr = [0; 8];
    sll_addr[..6].copy_from_slice(&mac);
    libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as libc::sa_family_t,
        sll_protocol: (protocol as u16).to_be(),
        sll_ifindex: interface as c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr,
    }
}

/// The sender of an IP datagram; unspecified if the kernel named none of that family.
fn sender(name: &libc::sockaddr_in) -> SocketAddrV4 {
    if c_int::from(name.sin_family) == libc::AF_INET {
        SocketAddrV4::new(ip_address(name.sin_addr), u16::from_be(name.sin_port))
    } else {
        SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)
    }
}

/// The control message `IP_PKTINFO`: leave from `source` through `interface`; and `UDP_SEGMENT` if the datagram is
/// to be cut into segments of that many bytes. Returns their length, too.
fn packet_info(source: Ipv4Addr, interface: u32, segment: Option<usize>) -> (Control, usize) {
    let mut control = Control([0; CONTROL]);
    let info = libc::in_pktinfo {
        ipi_ifindex: interface as c_int,
        ipi_spec_dst: in_address(source),
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let mut length = put_control(&mut control, 0, libc::IPPROTO_IP, libc::IP_PKTINFO, info);
    if let Some(bytes) = segment.and_then(|bytes| u16::try_from(bytes).ok()) {
        length += put_control(&mut control, length, libc::SOL_UDP, libc::UDP_SEGMENT, bytes);
    }
    (control, length)
}

/// Writes a control message at `at`, which must be where one may stand; returns the bytes that it takes.
fn put_control<T: Copy>(
    control: &mut Control,
    at: usize,
    level: c_int,
    kind: c_int,
    data: T,
) -> usize {
    // SAFETY: computes sizes from a size.
    let (space, length) = unsafe {
        (libc::CMSG_SPACE(size_of::<T>() as u32) as usize, libc::CMSG_LEN(size_of::<T>() as u32))
    };
    assert!(at + space <= CONTROL && at.is_multiple_of(align_of::<libc::cmsghdr>()));
    // SAFETY: `control` is aligned for a header (asserted below), `at` keeps that, and header and payload fit;
    // CMSG_DATA points right behind the header.
    unsafe {
        let header = control.0.as_mut_ptr().add(at).cast::<libc::cmsghdr>();
        (*header).cmsg_level = level;
        (*header).cmsg_type = kind;
        (*header).cmsg_len = length as usize;
        ptr::write_unaligned(libc::CMSG_DATA(header).cast(), data);
    }
    space
}

/// What the control messages of a received datagram say.
fn ancillary(header: &libc::msghdr) -> (Option<Aux>, Option<u32>) {
    let (mut aux, mut overflow) = (None, None);
    // SAFETY: the header's control buffer is where the kernel wrote `msg_controllen` bytes of control messages.
    let mut next = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !next.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give headers within the buffer only.
        let message = unsafe { &*next };
        // SAFETY: CMSG_DATA points right behind the header.
        let data = unsafe { libc::CMSG_DATA(next) };
        let length = message.cmsg_len.saturating_sub(size_of::<libc::cmsghdr>());
        match (message.cmsg_level, message.cmsg_type) {
            (libc::SOL_PACKET, libc::PACKET_AUXDATA)
                if length >= size_of::<libc::tpacket_auxdata>() =>
            {
                // SAFETY: the kernel wrote at least as many bytes as are read; they may be unaligned.
                let data = unsafe { data.cast::<libc::tpacket_auxdata>().read_unaligned() };
                aux = Some(Aux { status: data.tp_status, vlan_tci: data.tp_vlan_tci });
            }
            (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) if length >= size_of::<u32>() => {
                // SAFETY: as above.
                overflow = Some(unsafe { data.cast::<u32>().read_unaligned() });
            }
            _ => {}
        }
        // SAFETY: `next` is a header of this buffer.
        next = unsafe { libc::CMSG_NXTHDR(header, next) };
    }
    (aux, overflow)
}

/// What an element of `getifaddrs` tells, if it is of a family that matters here.
fn entry_address(element: &libc::ifaddrs) -> Option<EntryAddress> {
    if element.ifa_addr.is_null() {
        return None;
    }
    // SAFETY: a non-null address begins with its family.
    match c_int::from(unsafe { (*element.ifa_addr).sa_family }) {
        libc::AF_PACKET => {
            // SAFETY: an address of this family is a sockaddr_ll.
            let link = unsafe { element.ifa_addr.cast::<libc::sockaddr_ll>().read_unaligned() };
            let mac = (link.sll_hatype == libc::ARPHRD_ETHER && link.sll_halen == 6)
                .then(|| std::array::from_fn(|index| link.sll_addr[index]));
            let index = u32::try_from(link.sll_ifindex).ok()?;
            Some(EntryAddress::Link { index, mac })
        }
        libc::AF_INET => {
            // SAFETY: an address of this family is a sockaddr_in.
            let address = unsafe { element.ifa_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let has_broadcast =
                element.ifa_flags & libc::IFF_BROADCAST as u32 != 0 && !element.ifa_ifu.is_null();
            // SAFETY: with IFF_BROADCAST a non-null `ifa_ifu` is the broadcast address, of the same family.
            let broadcast = has_broadcast
                .then(|| unsafe { element.ifa_ifu.cast::<libc::sockaddr_in>().read_unaligned() });
            Some(EntryAddress::Ip {
                address: ip_address(address.sin_addr),
                broadcast: broadcast.map(|broadcast| ip_address(broadcast.sin_addr)),
            })
        }
        _ => None,
    }
}

/// From now on the calling thread, and those that it starts, give way to the others of this process: for work that
/// takes the processor for long and that nobody waits for by the millisecond. Nothing undoes it.
pub(crate) fn give_way() {
    // SAFETY: plain numbers; Linux knows it by thread. An error leaves things as they were.
    unsafe { libc::nice(GIVES_WAY_BY) };
}

/// Gives memory that nobody uses any more back to the kernel, where the C library can: for after work that took much of it.
pub(crate) fn give_memory_back() {
    // SAFETY: it looks at the allocator's own lists only, under its locks.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Nanoseconds for which the calling thread has run.
#[cfg(all(test, not(feature = "model")))]
pub(crate) fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec that may be written.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "every thread has such a clock");
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

const _: () = {
    let header = size_of::<libc::cmsghdr>();
    assert!(header + size_of::<libc::in_pktinfo>() <= CONTROL);
    assert!(2 * header + size_of::<libc::tpacket_auxdata>() + 4 + 8 <= CONTROL);
    assert!(offset_of!(libc::sockaddr_in, sin_family) == 0);
    assert!(align_of::<Control>() >= align_of::<libc::cmsghdr>());
};
