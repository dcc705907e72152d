//! Small programs in classic BPF that the kernel runs on each packet: what a socket sees at all, and which socket of
//! a group gets it. Pure: they are data.
//!
//! Together they make that each packet is processed once: frames that were sent to the Ethernet broadcast address
//! come in through the raw socket, all others through UDP sockets, and a frame counts only on the interface
//! that it belongs to in the end (a VLAN's frames also pass by the sockets of the card below it).
//!
//! DISCOVERs have sockets of their own ([`Share`]): what is too much is dropped by the kernel, at no cost to the server,
//! without a REQUEST among it.

use libc::sock_filter;

use super::receive::Share;

const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const LOAD_HALF: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_ABS) as u16;
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const LOAD_BYTE_AT_X: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_IND) as u16;
const LOAD_HALF_AT_X: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_IND) as u16;
const LOAD_LENGTH: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_LEN) as u16;
const LOAD_X: u16 = (libc::BPF_LDX | libc::BPF_W | libc::BPF_IMM) as u16;
const LOAD_X_IP_LENGTH: u16 = (libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const ADD: u16 = (libc::BPF_ALU | libc::BPF_ADD | libc::BPF_K) as u16;
const SUBTRACT_X: u16 = (libc::BPF_ALU | libc::BPF_SUB | libc::BPF_X) as u16;
const MULTIPLY: u16 = (libc::BPF_ALU | libc::BPF_MUL | libc::BPF_K) as u16;
const SHIFT_RIGHT: u16 = (libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K) as u16;
const REMAINDER: u16 = (libc::BPF_ALU | libc::BPF_MOD | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
const RETURN_A: u16 = (libc::BPF_RET | 0x10) as u16;

const WHOLE: u32 = u32::MAX;
const NOTHING: u32 = 0;
/// How the kernel classed the frame's destination: `PACKET_BROADCAST` and so on.
const PACKET_TYPE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE) as u32;
const INTERFACE: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;
const BROADCAST: u32 = libc::PACKET_BROADCAST as u32;

/// Where the last four bytes of an Ethernet `chaddr` begin in a DHCPv4 message (RFC 2131 section 2).
const CHADDR_END: u32 = 28 + 2;
/// The same, from the network header on, when the IP header has no options (rarely anything else; then it still
/// gives one client one socket).
const CHADDR_END_IN_FRAME: u32 = (libc::SKF_NET_OFF as u32).wrapping_add(20 + 8 + CHADDR_END);

/// Bytes of a UDP header.
const UDP_HEADER: u32 = 8;
/// Where the options of a DHCPv4 message begin, behind its cookie. Nearly every client begins them with the message's
/// type; a DISCOVER that does not is only treated like any other message.
const OPTIONS: u32 = 240;
const MESSAGE_TYPE: u32 = 53;
const DISCOVER: u32 = 1;

/// For a socket that is not ready yet.
pub(super) fn nothing() -> Vec<sock_filter> {
    vec![step(RETURN, NOTHING)]
}

/// For a raw socket on `interface`: whole frames to the Ethernet broadcast address with UDP to `port`, no later
/// fragments of anything, and of these its share.
pub(super) fn raw(interface: u32, port: u16, share: Share) -> Vec<sock_filter> {
    let tests = [
        (step(LOAD_WORD, PACKET_TYPE), Some(BROADCAST)),
        (step(LOAD_WORD, INTERFACE), Some(interface)),
        (step(LOAD_HALF, 12), Some(0x0800)),
        (step(LOAD_BYTE, 14 + 9), Some(17)),
    ];
    let mut program = Vec::new();
    for (load, value) in tests {
        program.push(load);
        program.extend(value.map(|value| jump(IF_EQUAL, value, 0, FAR)));
    }
    program.push(step(LOAD_HALF, 14 + 6));
    program.push(jump(IF_ANY_BIT, 0x1fff, FAR, 0));
    program.push(step(LOAD_X_IP_LENGTH, 14));
    program.push(step(LOAD_HALF_AT_X, 14 + 2));
    program.push(jump(IF_EQUAL, u32::from(port), 0, FAR));
    program.extend(only(share, 14 + UDP_HEADER));
    finish(program)
}

/// For a UDP socket beside a raw one: what was not sent to the Ethernet broadcast address.
pub(super) fn no_broadcast_frames() -> Vec<sock_filter> {
    finish(not_to_all())
}

/// For a UDP socket that gets its own copy of each broadcast: its share; `beside_raw`: of what was not sent to the
/// Ethernet broadcast address.
pub(super) fn broadcasts(beside_raw: bool, share: Share) -> Vec<sock_filter> {
    let mut program = if beside_raw { not_to_all() } else { Vec::new() };
    program.push(step(LOAD_X, 0));
    program.extend(only(share, UDP_HEADER));
    finish(program)
}

fn not_to_all() -> Vec<sock_filter> {
    vec![step(LOAD_WORD, PACKET_TYPE), jump(IF_EQUAL, BROADCAST, FAR, 0)]
}

/// Takes what is of this share and refuses the rest; the message begins `start` bytes behind X.
fn only(share: Share, start: u32) -> [sock_filter; 7] {
    let options = start + OPTIONS;
    let (discover, other) = match share {
        Share::Discovers => (TAKE, FAR),
        Share::Others => (FAR, TAKE),
    };
    [
        step(LOAD_LENGTH, 0),
        step(SUBTRACT_X, 0),
        jump(IF_AT_LEAST, options + 3, 0, other),
        step(LOAD_BYTE_AT_X, options),
        jump(IF_EQUAL, MESSAGE_TYPE, 0, other),
        step(LOAD_BYTE_AT_X, options + 2),
        jump(IF_EQUAL, DISCOVER, discover, other),
    ]
}

/// Which of `count` UDP sockets gets a message: by client, since all clients of a relay share one address. DISCOVERs
/// go to as many further sockets. What is too short ends the program, and goes to the first.
pub(super) fn spread_udp(count: u32) -> Vec<sock_filter> {
    let mut program = vec![
        step(LOAD_BYTE, OPTIONS),
        jump(IF_EQUAL, MESSAGE_TYPE, 0, 8),
        step(LOAD_BYTE, OPTIONS + 2),
        jump(IF_EQUAL, DISCOVER, 0, 6),
    ];
    let mut discovers = spread(CHADDR_END, count);
    discovers.insert(4, step(ADD, count.max(1)));
    program.extend(discovers);
    program.extend(spread(CHADDR_END, count));
    program
}

/// Which of `count` raw sockets gets a frame.
pub(super) fn spread_raw(count: u32) -> Vec<sock_filter> {
    spread(CHADDR_END_IN_FRAME, count)
}

fn spread(offset: u32, count: u32) -> Vec<sock_filter> {
    vec![
        step(LOAD_WORD, offset),
        step(MULTIPLY, 0x9e37_79b1), // Knuth's multiplicative hash: neighbours go apart
        step(SHIFT_RIGHT, 16),
        step(REMAINDER, count.max(1)),
        step(RETURN_A, 0),
    ]
}

/// Stands for "to the end, refuse" until the program's length is known.
const FAR: u8 = u8::MAX;
/// Stands for "to the end, take it".
const TAKE: u8 = u8::MAX - 1;

/// Adds "take it" and "refuse it", and lets the far jumps lead there.
fn finish(mut program: Vec<sock_filter>) -> Vec<sock_filter> {
    program.push(step(RETURN, WHOLE));
    let refuse = program.len();
    for (index, step) in program.iter_mut().enumerate() {
        let distance = u8::try_from(refuse - index - 1).expect("a short program");
        for target in [&mut step.jt, &mut step.jf] {
            if *target == FAR {
                *target = distance;
            } else if *target == TAKE {
                *target = distance - 1;
            }
        }
    }
    program.push(step(RETURN, NOTHING));
    program
}

fn step(code: u16, k: u32) -> sock_filter {
    sock_filter { code, jt: 0, jf: 0, k }
}

fn jump(code: u16, k: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code, jt: yes, jf: no, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_far_jump_ends_at_the_refusal() {
        let programs = [Share::Discovers, Share::Others]
            .map(|share| [raw(7, 67, share), broadcasts(true, share), broadcasts(false, share)]);
        for program in programs.into_iter().flatten().chain([no_broadcast_frames()]) {
            let last = program.len() - 1;
            assert_eq!((program[last].code, program[last].k), (RETURN, NOTHING));
            assert_eq!((program[last - 1].code, program[last - 1].k), (RETURN, WHOLE));
            for (index, step) in program.iter().enumerate() {
                for target in [step.jt, step.jf].map(usize::from) {
                    let end = index + 1 + target;
                    assert!(target == 0 || end == last || end == last - 1, "step {index}");
                }
            }
        }
    }

    #[test]
    fn nobody_divides_by_zero() {
        assert!(spread_udp(0).iter().all(|step| step.code != REMAINDER || step.k == 1));
        assert_eq!(spread_raw(0)[3].k, 1);
    }

    #[test]
    fn discovers_go_to_sockets_of_their_own() {
        let program = spread_udp(3);
        let run = |message: &[u8]| {
            let (mut a, mut at) = (0_u32, 0);
            loop {
                let sock_filter { code, jt, jf, k } = program[at];
                let from = k as usize;
                at += 1;
                match code {
                    LOAD_BYTE => match message.get(from) {
                        Some(byte) => a = u32::from(*byte),
                        None => return 0,
                    },
                    LOAD_WORD => match message.get(from..from + 4) {
                        Some(word) => a = u32::from_be_bytes(word.try_into().unwrap()),
                        None => return 0,
                    },
                    IF_EQUAL => at += usize::from(if a == k { jt } else { jf }),
                    ADD => a += k,
                    MULTIPLY => a = a.wrapping_mul(k),
                    SHIFT_RIGHT => a >>= k,
                    REMAINDER => a %= k,
                    RETURN_A => return a,
                    other => panic!("instruction {other:#x}"),
                }
            }
        };
        let mut seen = [0; 6];
        for client in 0..100 {
            let mut message = vec![0; 243];
            message[33] = client;
            message[240..].copy_from_slice(&[53, 1, 1]);
            let discover = run(&message);
            message[242] = 3;
            let request = run(&message);
            assert_eq!(discover, request + 3);
            message[240] = 61;
            assert_eq!(run(&message), request);
            seen[discover as usize] += 1;
            seen[request as usize] += 1;
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
        assert_eq!(run(&[0; 242]), 0);
    }
}
