//! Class tests drawn at random, in the words that Kea 2.2 knows. Pure.

use super::Dice;

/// Options that clients of random stories send, and some that they do not.
const CODES: [&str; 14] = [
    "12",
    "51",
    "53",
    "55",
    "57",
    "60",
    "61",
    "77",
    "82",
    "93",
    "124",
    "200",
    "203",
    "vendor-class-identifier",
];
/// Values that options of random stories have, as literals.
const LITERALS: [&str; 10] =
    ["'x'", "'y'", "''", "0x01", "0x0007", "0x05dc", "'Host-A'", "10.1.0.1", "0x0a0b", "'port'"];

/// A test.
pub(super) fn test(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return leaf(dice);
    }
    match dice.between(0, 5) {
        0 => format!("not ({})", test(dice, depth - 1)),
        1 => format!("({}) and ({})", test(dice, depth - 1), test(dice, depth - 1)),
        2 => format!("({}) or ({})", test(dice, depth - 1), test(dice, depth - 1)),
        _ => leaf(dice),
    }
}

fn leaf(dice: &mut Dice) -> String {
    match dice.between(0, 9) {
        0..=1 => format!("option[{}].exists", dice.pick(&CODES)),
        2 => format!("relay4[{}].exists", dice.pick(&["1", "2", "5"])),
        3 => format!("option[{}].option[1].exists", dice.pick(&["43", "82", "202", "224"])),
        4 => dice.pick(&["vendor[4491].exists", "vendor[*].exists", "vendor[339].exists"]).into(),
        5 => dice.pick(&["vendor-class[*].exists", "vendor-class[4491].exists"]).into(),
        6 => {
            format!("member('{}')", dice.pick(&["ALL", "KNOWN", "UNKNOWN", "VENDOR_CLASS_x", "x"]))
        }
        _ => format!("{} == {}", text(dice, 2), text(dice, 1)),
    }
}

fn text(dice: &mut Dice, depth: usize) -> String {
    if depth == 0 {
        return source(dice);
    }
    let position = |dice: &mut Dice| dice.pick(&["0", "1", "2", "-1", "-3", "9"]);
    let length = |dice: &mut Dice| dice.pick(&["1", "2", "all", "-1", "0"]);
    match dice.between(0, 9) {
        0..=1 => {
            let of = text(dice, depth - 1);
            format!("substring({of}, {}, {})", position(dice), length(dice))
        }
        2 => format!("concat({}, {})", text(dice, depth - 1), text(dice, depth - 1)),
        3 => format!("hexstring({}, '{}')", text(dice, depth - 1), dice.pick(&[":", "", "-"])),
        4 => {
            let (yes, no) = (text(dice, depth - 1), text(dice, depth - 1));
            format!("ifelse({}, {yes}, {no})", leaf(dice))
        }
        5 => {
            let of = text(dice, depth - 1);
            format!("split({of}, '{}', {})", dice.pick(&[".", "-", "x"]), dice.pick(&["1", "2"]))
        }
        // Of values that fit: one that does not is an error, and 2.2 evaluates what 3.x skips.
        6 => format!("addrtotext({})", dice.pick(&["pkt4.ciaddr", "pkt4.giaddr", "10.1.0.1"])),
        7 => dice
            .pick(&["uint32totext(pkt4.hlen)", "int32totext(pkt4.msgtype)", "uint8totext(0xff)"])
            .into(),
        _ => source(dice),
    }
}

fn source(dice: &mut Dice) -> String {
    match dice.between(0, 9) {
        0..=2 => format!("option[{}].hex", dice.pick(&CODES)),
        // Not of 203, which a query may say such that it has no text.
        3 => format!("option[{}].text", dice.pick(&["12", "60", "57", "200", "201", "205", "93"])),
        4 => format!("relay4[{}].hex", dice.pick(&["1", "2"])),
        5 => {
            dice.pick(&["pkt4.mac", "pkt4.hlen", "pkt4.htype", "pkt4.ciaddr", "pkt4.giaddr"]).into()
        }
        6 => dice.pick(&["pkt4.msgtype", "pkt.iface", "vendor.enterprise"]).into(),
        7 => dice
            .pick(&["vendor-class.enterprise", "vendor-class[*].data", "vendor[*].option[1].hex"])
            .into(),
        8 => dice
            .pick(&["option[43].option[1].hex", "option[202].option[1].hex", "option[201].hex"])
            .into(),
        _ => dice.pick(&LITERALS).into(),
    }
}
