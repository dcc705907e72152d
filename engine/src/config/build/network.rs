//! What a subnet inherits: lifetimes, timers and what stands in a message's fixed part.

use std::net::Ipv4Addr;

use super::Builder;
use crate::config::json::{Entry, Node, Position};
use crate::config::model::{Lifetime, Timer};

/// Kea's default lifetime, seconds.
pub(super) const VALID_LIFETIME_S: u32 = 7200;

/// Where a value may stand, the most specific map first.
#[derive(Clone, Copy)]
pub(super) struct Levels<'a>(pub(super) &'a [&'a Node]);

impl<'a> Levels<'a> {
    pub(super) fn entry(self, key: &str) -> Option<&'a Entry> {
        self.0.iter().find_map(|node| node.entry(key))
    }

    pub(super) fn get(self, key: &str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    pub(super) fn int(self, key: &str) -> Option<u32> {
        u32::try_from(self.get(key)?.as_int()?).ok()
    }

    pub(super) fn real(self, key: &str) -> Option<f64> {
        self.get(key)?.as_real()
    }

    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_str()
    }

    /// The most specific text that is not empty: an empty one says nothing, as if it were not there.
    pub(super) fn filled_text(self, key: &str) -> Option<&'a str> {
        let texts = self.0.iter().filter_map(|node| node.get(key)?.as_str());
        texts.into_iter().find(|text| !text.is_empty())
    }

    /// Where the first of `keys` stands that the most specific map has; nothing if it has none of them.
    fn own(self, keys: &[&str]) -> Option<&'a Position> {
        let node = self.0.first()?;
        keys.iter().find_map(|key| node.entry(key)).map(|entry| &entry.at)
    }
}

impl Builder<'_> {
    /// `valid-lifetime` and its bounds.
    pub(super) fn lifetime(&mut self, levels: Levels<'_>) -> Lifetime {
        let default_s = levels.int("valid-lifetime").unwrap_or(VALID_LIFETIME_S);
        let (min, max) = (levels.int("min-valid-lifetime"), levels.int("max-valid-lifetime"));
        self.lifetime_of(levels, default_s, min, max)
    }

    /// A class's `valid-lifetime` and its bounds, if it has any.
    pub(super) fn class_lifetime(&mut self, class: &Node) -> Option<Lifetime> {
        let levels = [class];
        let levels = Levels(&levels);
        let (min, max) = (levels.int("min-valid-lifetime"), levels.int("max-valid-lifetime"));
        let default_s = match (levels.int("valid-lifetime"), min, max) {
            (Some(default), _, _) => default,
            (None, Some(_), Some(_)) => {
                let message = "got min-valid-lifetime and max-valid-lifetime, expected valid-lifetime with them";
                self.mistake(&class.at, message);
                return None;
            }
            (None, Some(bound), None) | (None, None, Some(bound)) => bound,
            (None, None, None) => return None,
        };
        Some(self.lifetime_of(levels, default_s, min, max))
    }

    fn lifetime_of(
        &mut self,
        levels: Levels<'_>,
        default_s: u32,
        min: Option<u32>,
        max: Option<u32>,
    ) -> Lifetime {
        let (min_s, max_s) = (min.unwrap_or(default_s), max.unwrap_or(default_s));
        let keys = ["valid-lifetime", "min-valid-lifetime", "max-valid-lifetime"];
        // What a map only inherits was reported where it stands.
        if let Some(at) = levels.own(&keys) {
            if min_s > max_s {
                let expected = format!("expected at most max-valid-lifetime ({max_s})");
                self.mistake(at, format!("got min-valid-lifetime {min_s}, {expected}"));
            } else if !(min_s..=max_s).contains(&default_s) {
                let expected =
                    format!("min-valid-lifetime ({min_s}) and max-valid-lifetime ({max_s})");
                let message =
                    format!("got valid-lifetime {default_s}, expected one between {expected}");
                self.mistake(at, message);
            }
        }
        Lifetime { default_s, min_s, max_s }
    }

    /// T1 and T2.
    pub(super) fn timers(&mut self, levels: Levels<'_>) -> (Timer, Timer) {
        let (renew, rebind) = (levels.int("renew-timer"), levels.int("rebind-timer"));
        if let (Some(renew), Some(rebind)) = (renew, rebind)
            && renew > rebind
            && let Some(at) = levels.own(&["renew-timer", "rebind-timer"])
        {
            let expected = format!("expected at most rebind-timer ({rebind})");
            let message = format!("got renew-timer {renew}, {expected}; clients are told no T1");
            self.warning(at, message);
        }
        let shares = levels.flag("calculate-tee-times").unwrap_or(false);
        let t1 = levels.real("t1-percent").unwrap_or(0.5);
        let t2 = levels.real("t2-percent").unwrap_or(0.875);
        if shares && let Some(at) = levels.own(&["t1-percent", "t2-percent", "calculate-tee-times"])
        {
            if t1 >= t2 {
                self.mistake(
                    at,
                    format!("got t1-percent {t1}, expected less than t2-percent ({t2})"),
                );
            }
            if t1 <= 0.0 || t2 >= 1.0 {
                let expected = "expected more than 0 and less than 1";
                self.mistake(at, format!("got t1-percent {t1} and t2-percent {t2}, {expected}"));
            }
        }
        let timer = |fixed: Option<u32>, share| match fixed {
            Some(seconds) => Timer::Fixed(seconds),
            None if shares => Timer::Share(share),
            None => Timer::Unset,
        };
        (timer(renew, t1), timer(rebind, t2))
    }

    /// `next-server` of the most specific map that has one; empty is none.
    pub(super) fn next_server(&mut self, levels: Levels<'_>) -> Option<Ipv4Addr> {
        let node = levels.get("next-server")?;
        let text = node.as_str().filter(|text| !text.is_empty())?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => {
                let found = node.describe();
                self.mistake(
                    &node.at,
                    format!("got {found} for \"next-server\", expected an IPv4 address"),
                );
                None
            }
        }
    }
}
