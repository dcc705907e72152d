//! Small programs in classic BPF that the kernel runs on each packet: what a socket sees at all, and which socket of
//! a group gets it. Pure: they are data.
//!
//! Together they make that each packet is processed once: frames that were sent to the Ethernet broadcast address
//! come in through the raw socket, all others through UDP sockets, and a frame counts only on the interface
//! that it belongs to in the end (a VLAN's frames also pass by the sockets of the card below it).

use libc::sock_filter;

const LOAD_BYTE: u16 = (libc::BPF_LD | libc::BPF_B | libc::BPF_ABS) as u16;
const LOAD_HALF: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_ABS) as u16;
const LOAD_WORD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const LOAD_HALF_AT_X: u16 = (libc::BPF_LD | libc::BPF_H | libc::BPF_IND) as u16;
const LOAD_X_IP_LENGTH: u16 = (libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
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

/// For a socket that is not ready yet.
pub(super) fn nothing() -> Vec<sock_filter> {
    vec![step(RETURN, NOTHING)]
}

/// For a raw socket on `interface`: whole frames to the Ethernet broadcast address with UDP to `port`, no later
/// fragments of anything.
pub(super) fn raw(interface: u32, port: u16) -> Vec<sock_filter> {
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
    finish(program)
}

/// For a UDP socket beside a raw one: what was not sent to the Ethernet broadcast address.
pub(super) fn no_broadcast_frames() -> Vec<sock_filter> {
    finish(vec![step(LOAD_WORD, PACKET_TYPE), jump(IF_EQUAL, BROADCAST, FAR, 0)])
}

/// Which of `count` UDP sockets gets a message: by client, since all clients of a relay share one address.
pub(super) fn spread_udp(count: u32) -> Vec<sock_filter> {
    spread(CHADDR_END, count)
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

/// Adds "take it" and "refuse it", and lets the far jumps lead to the latter.
fn finish(mut program: Vec<sock_filter>) -> Vec<sock_filter> {
    program.push(step(RETURN, WHOLE));
    let refuse = program.len();
    for (index, step) in program.iter_mut().enumerate() {
        let distance = u8::try_from(refuse - index - 1).expect("a short program");
        for target in [&mut step.jt, &mut step.jf] {
            if *target == FAR {
                *target = distance;
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
        for program in [raw(7, 67), no_broadcast_frames()] {
            let last = program.len() - 1;
            assert_eq!((program[last].code, program[last].k), (RETURN, NOTHING));
            assert_eq!((program[last - 1].code, program[last - 1].k), (RETURN, WHOLE));
            for (index, step) in program.iter().enumerate() {
                for target in [step.jt, step.jf].map(usize::from) {
                    assert!(target == 0 || index + 1 + target == last, "step {index}");
                }
            }
        }
    }

    #[test]
    fn nobody_divides_by_zero() {
        assert_eq!(spread_udp(0)[3].k, 1);
    }
}
