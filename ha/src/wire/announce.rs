//! The field `peregrine` of heartbeats and their answers, by which Peregrines know each other. Pure.
//!
//! A Kea ignores it in a request, and is never sent it in an answer: only who announces himself is answered so. What is
//! not understood of it is left out, so that later versions may say more.

use std::str::FromStr;

use serde_json::{Map, Value, json};

use crate::agreement::Agreement;
use crate::machine::{Announced, Incarnation, Mode, State};

/// The name of the field.
pub const FIELD: &str = "peregrine";
/// The sender's monotonic clock.
pub const RUNNING: &str = "running-ms";
/// The ability to work with a clock that is far from ours.
const SKEW: &str = "clock-skew";
/// The ability to keep to one half of shared pools.
pub const HALVES: &str = "halves";
/// The ability to take lease updates in batches.
const BATCHES: &str = "batches";
/// The ability to repair conflicts.
const REPAIR: &str = "repair";

/// The ability to serve while the partner synchronises, and to hand over.
pub const RETURN: &str = "serves-returning";

/// As it is sent.
pub fn to_json(announced: &Announced) -> Value {
    let able = [
        (announced.batches, BATCHES),
        (announced.tolerates_skew, SKEW),
        (announced.serves_returning, RETURN),
        (announced.halves, HALVES),
        (announced.wants_repair, REPAIR),
    ];
    let abilities: Vec<&str> = able.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    let mut field =
        json!({"abilities": abilities, "incarnation": announced.incarnation.to_string()});
    if let Some(mode) = announced.mode {
        field["mode"] = json!(mode.name());
    }
    if let Some(state) = announced.state {
        field["state"] = json!(state.name());
    }
    if let Some(run) = announced.told {
        field["told"] = json!(run.to_string());
    }
    if announced.untold {
        field["untold"] = json!(true);
    }
    if let Some(wall_ms) = announced.wall_ms {
        field["clock-ms"] = json!(wall_ms);
    }
    if let Some(running_ms) = announced.running_ms {
        field[RUNNING] = json!(running_ms);
    }
    if let Some((incarnation, number)) = announced.applied {
        field["applied"] = json!({"incarnation": incarnation.to_string(), "number": number});
    }
    if let Some(agreement) = &announced.agreement {
        field["agreement"] = agreement.to_json();
    }
    field
}

/// What `arguments` of a request or an answer announce; none if they are a Kea's.
pub fn from_json(arguments: &Map<String, Value>) -> Option<Announced> {
    let field = arguments.get(FIELD)?.as_object()?;
    let abilities = field.get("abilities").and_then(Value::as_array);
    let is_able = |name: &str| abilities.is_some_and(|list| list.iter().any(|it| it == name));
    let applied = field.get("applied").and_then(Value::as_object);
    let text = |key: &str| field.get(key).and_then(Value::as_str);
    let number = |map: &Map<String, Value>| map.get("number").and_then(Value::as_u64);
    Some(Announced {
        incarnation: incarnation(field)?,
        batches: is_able(BATCHES),
        tolerates_skew: is_able(SKEW),
        serves_returning: is_able(RETURN),
        mode: text("mode").and_then(Mode::named),
        state: text("state").and_then(|name| State::from_str(name).ok()),
        told: text("told").and_then(Incarnation::read),
        untold: field.get("untold").and_then(Value::as_bool).unwrap_or_default(),
        halves: is_able(HALVES),
        wants_repair: is_able(REPAIR),
        wall_ms: field.get("clock-ms").and_then(Value::as_u64),
        running_ms: field.get(RUNNING).and_then(Value::as_u64),
        applied: applied.and_then(|map| incarnation(map).zip(number(map))),
        agreement: field.get("agreement").and_then(Agreement::from_json),
    })
}

/// The `incarnation` of a map: 16 hexadecimal digits.
pub fn incarnation(map: &Map<String, Value>) -> Option<Incarnation> {
    Incarnation::read(map.get("incarnation")?.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_read_back() {
        for batches in [false, true] {
            let announced = Announced {
                incarnation: Incarnation(0x00ab_cdef),
                batches,
                tolerates_skew: !batches,
                serves_returning: batches,
                mode: batches.then_some(Mode::HotStandby),
                state: batches.then_some(State::Ready),
                told: (!batches).then_some(Incarnation(9)),
                untold: batches,
                halves: batches,
                wants_repair: batches,
                wall_ms: batches.then_some(17),
                running_ms: (!batches).then_some(18),
                applied: batches.then_some((Incarnation(4), 5)),
                agreement: batches.then(Agreement::default),
            };
            let mut arguments = Map::new();
            arguments.insert(FIELD.into(), to_json(&announced));
            assert_eq!(from_json(&arguments), Some(announced));
        }
    }

    #[test]
    fn what_is_not_understood_announces_nothing() {
        let read = |field: Value| {
            let mut arguments = Map::new();
            arguments.insert(FIELD.into(), field);
            from_json(&arguments)
        };
        for wrong in ["", "1", "+00000000000000f", "00000000000000fg", "00000000000000f00"] {
            assert_eq!(read(json!({"incarnation": wrong, "abilities": [BATCHES]})), None);
        }
        assert_eq!(read(json!([])), None);
        assert_eq!(from_json(&Map::new()), None);
        let more = json!({"incarnation": "00000000000000ff", "abilities": ["x", 1], "more": {}});
        assert_eq!(read(more), Some(Announced::of(Incarnation(255))));
    }
}
