//! Writes a DHCPv4 reply straight into the bytes that are sent. Pure.

use std::net::Ipv4Addr;

use crate::limits::{MAX_MESSAGE, MAX_ROUTED_REPLY};

use super::{
    BROADCAST_FLAG, COOKIE, FILE_AT as FILE, MessageType, OPTIONS_AT, Query, SNAME_AT as SNAME,
    code,
};

/// Largest reply, bytes: what one Ethernet frame carries behind the IP and UDP headers.
const MAX_REPLY: usize = MAX_MESSAGE - 28;
/// Least bytes of a BOOTP reply.
const BOOTP_REPLY: usize = 300;
/// Room that most replies need.
const USUAL_REPLY: usize = 400;

const HOPS: usize = 3;
const SECS: usize = 8;
const FLAGS: usize = 10;
const CIADDR: usize = 12;
const YIADDR: usize = 16;
const SIADDR: usize = 20;
const GIADDR: usize = 24;
const CHADDR: usize = 28;

/// A reply under way. The caller gives the options in ascending order, 82 last; option 53 is written first by itself.
#[derive(Debug)]
pub struct ReplyWriter {
    message: Vec<u8>,
    most: usize,
    /// Bytes that others than the options to come may not take.
    kept: usize,
    omitted: usize,
    is_bootp: bool,
}

impl ReplyWriter {
    /// The answer of `message_type` to `query`: `xid`, `hops`, `flags`, `giaddr` and the hardware address are
    /// the query's; `secs` and all addresses are zero (RFC 2131 table 3).
    /// `buffer` is empty, and may have memory.
    pub fn new(query: &Query<'_>, message_type: MessageType, buffer: Vec<u8>) -> Self {
        let mut message = buffer;
        debug_assert!(message.is_empty());
        message.reserve(USUAL_REPLY);
        message.extend_from_slice(query.header());
        message[0] = 2;
        message[SECS..FLAGS].fill(0);
        message[CIADDR..GIADDR].fill(0);
        message[CHADDR + query.chaddr().len()..].fill(0);
        message.extend_from_slice(&COOKIE);
        debug_assert_eq!(message.len(), OPTIONS_AT);
        let is_bootp = query.is_bootp();
        if !is_bootp {
            message.extend_from_slice(&[code::MESSAGE_TYPE, 1, message_type as u8]);
        }
        Self { message, most: MAX_REPLY, kept: 0, omitted: 0, is_bootp }
    }

    /// The reply goes through IP, which can carry it in fragments.
    pub fn may_be_fragmented(&mut self) {
        self.most = MAX_ROUTED_REPLY;
    }

    /// Keeps room for an option of `len` bytes, which is to be written by [`Self::kept_option`].
    pub fn keep_room(&mut self, len: usize) {
        self.kept += cost(len);
    }

    /// As [`Self::option`], in the room that was kept for one of this length.
    pub fn kept_option(&mut self, code: u8, data: &[u8]) -> bool {
        self.kept = self.kept.saturating_sub(cost(data.len()));
        self.option(code, data)
    }

    /// Sets `ciaddr`.
    pub fn ciaddr(&mut self, address: Ipv4Addr) {
        self.put(CIADDR, &address.octets());
    }

    /// Sets `yiaddr`.
    pub fn yiaddr(&mut self, address: Ipv4Addr) {
        self.put(YIADDR, &address.octets());
    }

    /// Sets `siaddr`, the next server of the boot process.
    pub fn siaddr(&mut self, address: Ipv4Addr) {
        self.put(SIADDR, &address.octets());
    }

    /// Sets the broadcast flag, so that a relay broadcasts the reply.
    pub fn broadcast(&mut self) {
        self.message[FLAGS] |= (BROADCAST_FLAG >> 8) as u8;
    }

    /// Sets `hops` and `giaddr` to zero: the reply does not go through the relay.
    pub fn forget_relay(&mut self) {
        self.message[HOPS] = 0;
        self.put(GIADDR, &[0; 4]);
    }

    /// Sets `sname`; what is beyond 63 bytes is cut off.
    pub fn server_name(&mut self, name: &str) {
        self.put(SNAME, &name.as_bytes()[..name.len().min(FILE - SNAME - 1)]);
    }

    /// Sets `file`; what is beyond 127 bytes is cut off.
    pub fn boot_file(&mut self, name: &str) {
        let room = OPTIONS_AT - COOKIE.len() - FILE - 1;
        self.put(FILE, &name.as_bytes()[..name.len().min(room)]);
    }

    /// Appends an option, in pieces of 255 bytes if it is longer (RFC 3396). Leaves it out, and says so, if
    /// the reply would become too long for its way, or take room that was kept.
    pub fn option(&mut self, code: u8, data: &[u8]) -> bool {
        let pieces = pieces(data.len());
        let fits = self.message.len() + cost(data.len()) + self.kept < self.most;
        if !fits {
            self.omitted += 1;
            return false;
        }
        // Nearly every option is one piece.
        if let (1, Ok(len)) = (pieces, u8::try_from(data.len())) {
            self.message.extend_from_slice(&[code, len]);
            self.message.extend_from_slice(data);
            return true;
        }
        let mut rest = data;
        for _ in 0..pieces {
            let (piece, tail) = rest.split_at(rest.len().min(255));
            let len = u8::try_from(piece.len()).expect("a piece has at most 255 bytes");
            self.message.extend_from_slice(&[code, len]);
            self.message.extend_from_slice(piece);
            rest = tail;
        }
        true
    }

    /// Number of options that were left out.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Ends the options and gives the message. Only to a BOOTP client it is padded to 300 bytes (RFC 951), as Kea's is.
    pub fn finish(mut self) -> Vec<u8> {
        self.message.push(code::END);
        if self.is_bootp && self.message.len() < BOOTP_REPLY {
            self.message.resize(BOOTP_REPLY, 0);
        }
        self.message
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.message[at..at + bytes.len()].copy_from_slice(bytes);
    }
}

/// Options that one of `len` bytes is written as.
const fn pieces(len: usize) -> usize {
    if len == 0 { 1 } else { len.div_ceil(255) }
}

/// Bytes that an option of `len` bytes takes.
const fn cost(len: usize) -> usize {
    len + 2 * pieces(len)
}

const _: () = assert!(CHADDR + super::CHADDR_LEN == SNAME);
