//! Kea's line patterns (Kea guide, "The pattern Option"): read once, laid out per line. Pure.

use std::fmt::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Line;
use crate::config::model::Severity;

/// What Kea uses for stdout, stderr and files.
const FOR_FILES: &str = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m\n";
/// What Kea uses for syslog, which adds time and process itself.
const FOR_SYSLOG: &str = "%-5p [%c.%t] %m\n";

/// A pattern, taken apart.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Vec<Part>,
    root: &'static str,
    zone: TimeZone,
}

/// A moment as strftime shows it, to the second.
#[derive(Debug)]
struct Time {
    format: String,
    utc: bool,
    /// The last second that was shown, and its text: most lines share their second with the line before.
    second: Option<u64>,
    text: String,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Time(Time),
    /// Milliseconds of the second.
    Milliseconds,
    /// The same, with a point and microseconds.
    Microseconds,
    Severity {
        width: usize,
    },
    Logger,
    Thread,
    Message,
    Host,
}

impl Pattern {
    /// The pattern of `text`; an empty one is Kea's default. `root` is the root logger's name.
    pub(super) fn new(text: &str, syslog: bool, root: &'static str) -> Self {
        let text = match (text, syslog) {
            ("", true) => FOR_SYSLOG,
            ("", false) => FOR_FILES,
            (given, _) => given,
        };
        Self { parts: take_apart(text), root, zone: TimeZone::system() }
    }

    /// Lays out one line at the end of `out`.
    pub(super) fn write(&mut self, line: &Line<'_>, out: &mut String) {
        for part in &mut self.parts {
            // Writing to a String cannot fail.
            let _ = match part {
                Part::Text(text) => out.write_str(text),
                Part::Time(time) => out.write_str(time.show(line.at_us / 1_000_000, &self.zone)),
                Part::Milliseconds => write!(out, "{:03}", line.at_us / 1000 % 1000),
                Part::Microseconds => {
                    write!(out, "{:03}.{:03}", line.at_us / 1000 % 1000, line.at_us % 1000)
                }
                Part::Severity { width } => {
                    write!(out, "{:width$}", severity(line.message.severity))
                }
                Part::Logger => write!(out, "{}.{}", self.root, line.message.logger),
                Part::Thread => write!(out, "{}", line.thread),
                Part::Message => write!(out, "{} {}", line.message.id, line.text),
                Part::Host => out.write_str(&host_name()),
            };
        }
    }
}

impl Time {
    fn new(format: &str, utc: bool) -> Self {
        Self { format: format.to_owned(), utc, second: None, text: String::new() }
    }

    fn show(&mut self, second: u64, zone: &TimeZone) -> &str {
        if self.second != Some(second) {
            let zone = if self.utc { TimeZone::UTC } else { zone.clone() };
            let at = i64::try_from(second).ok().and_then(|s| Timestamp::from_second(s).ok());
            let at = at.unwrap_or_default().to_zoned(zone);
            let text = jiff::fmt::strtime::format(&self.format, &at);
            self.text = text.unwrap_or_else(|_| self.format.clone());
            self.second = Some(second);
        }
        &self.text
    }
}

fn take_apart(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        push_text(&mut parts, &rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'-').count();
        let width = rest[..digits].trim_start_matches('-').parse().unwrap_or(0);
        rest = &rest[digits..];
        let Some(letter) = rest.chars().next() else { break };
        rest = &rest[letter.len_utf8()..];
        match letter {
            'D' | 'd' => {
                let (format, after) = braces(rest);
                rest = after;
                push_time(&mut parts, format.unwrap_or("%Y-%m-%d %H:%M:%S"), letter == 'd');
            }
            'p' => parts.push(Part::Severity { width }),
            'c' => parts.push(Part::Logger),
            'i' => push_text(&mut parts, &std::process::id().to_string()),
            't' => parts.push(Part::Thread),
            'm' => parts.push(Part::Message),
            'h' | 'H' => parts.push(Part::Host),
            'n' => push_text(&mut parts, "\n"),
            other => push_text(&mut parts, other.encode_utf8(&mut [0; 4])),
        }
    }
    push_text(&mut parts, rest);
    parts
}

/// `{...}` at the start of `rest`, and what follows it.
fn braces(rest: &str) -> (Option<&str>, &str) {
    match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        Some((format, after)) => (Some(format), after),
        None => (None, rest),
    }
}

/// A time format: strftime's, and `%q` and `%Q` for the parts of a second.
fn push_time(parts: &mut Vec<Part>, format: &str, utc: bool) {
    let whole = |format: &str| (!format.is_empty()).then(|| Part::Time(Time::new(format, utc)));
    let mut rest = format;
    while let Some(at) = rest.find("%q").into_iter().chain(rest.find("%Q")).min() {
        let (before, from) = rest.split_at(at);
        let milliseconds = from.starts_with("%q");
        parts.extend(whole(before));
        parts.push(if milliseconds { Part::Milliseconds } else { Part::Microseconds });
        rest = &from[2..];
    }
    parts.extend(whole(rest));
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// The severity as lines show it.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Debug => "DEBUG",
        Severity::Info => "INFO",
        Severity::Warn => "WARN",
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
        Severity::None => "NONE",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::messages::DHCP4_STARTED;

    fn laid_out(pattern: &str, syslog: bool) -> String {
        let line = Line {
            message: &DHCP4_STARTED,
            at_us: 1_763_634_929_917_042,
            thread: 7,
            text: &"hello",
        };
        let mut pattern = Pattern::new(pattern, syslog, "kea-dhcp4");
        pattern.zone = TimeZone::UTC;
        let mut out = String::new();
        pattern.write(&line, &mut out);
        out
    }

    #[test]
    fn the_default_pattern_gives_keas_line() {
        let pid = std::process::id();
        assert_eq!(
            laid_out("", false),
            format!(
                "2025-11-20 10:35:29.917 INFO  [kea-dhcp4.dhcp4/{pid}.7] DHCP4_STARTED hello\n"
            )
        );
        assert_eq!(laid_out("", true), "INFO  [kea-dhcp4.dhcp4.7] DHCP4_STARTED hello\n");
    }

    #[test]
    fn parts_of_a_second_stand_anywhere_and_seconds_go_on() {
        let mut pattern = Pattern::new("%d{%Q|%S|%q%q} %m|", false, "kea-dhcp4");
        let mut out = String::new();
        for at_us in [1_000_001, 1_999_999, 2_000_000] {
            let line = Line { message: &DHCP4_STARTED, at_us, thread: 7, text: &"it" };
            pattern.write(&line, &mut out);
        }
        assert_eq!(
            out,
            "000.001|01|000000 DHCP4_STARTED it|\
             999.999|01|999999 DHCP4_STARTED it|\
             000.000|02|000000 DHCP4_STARTED it|"
        );
    }

    #[test]
    fn patterns_keep_what_they_do_not_know() {
        assert_eq!(laid_out("%d{%H:%M} 100%% %p%n", false), "10:35 100% INFO\n");
        assert_eq!(laid_out("%Q{x", false), "Q{x");
        assert_eq!(laid_out("a%", false), "a");
        assert_eq!(laid_out("%d", false), "2025-11-20 10:35:29");
    }
}
