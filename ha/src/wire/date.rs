//! RFC 1123 dates (RFC 9110 section 5.6.7, "IMF-fixdate"), as heartbeats and HTTP carry them. Pure.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_S: u64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01, and in 400 years.
const EPOCH_DAYS: u64 = 719_468;
const ERA_DAYS: u64 = 146_097;

/// A calendar date and time of day in UTC.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
}

/// `wall_s` (seconds since 1970 UTC) as `Fri, 20 Nov 2026 10:34:46 GMT`.
pub fn rfc1123(wall_s: u64) -> String {
    let Civil { year, month, day, second_of_day: s } = civil(wall_s);
    let weekday = DAYS[usize_of(wall_s / DAY_S % 7)];
    let month = MONTHS[usize_of(month - 1)];
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `wall_s` as `2026-11-20 10:34:46`, the form of `system-time` in status-get.
pub fn timestamp(wall_s: u64) -> String {
    let Civil { year, month, day, second_of_day: s } = civil(wall_s);
    let (hour, minute, second) = (s / 3600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Reads `Fri, 20 Nov 2026 10:34:46 GMT`, 1970 or later; the weekday is not checked.
pub fn parse_rfc1123(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = number(parts.next()?, 1, 31)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|month| *month == name)? as u64 + 1;
    let year = number(parts.next()?, 1970, 9999)?;
    let mut time = parts.next()?.split(':');
    let hour = number(time.next()?, 0, 23)?;
    let minute = number(time.next()?, 0, 59)?;
    let second = number(time.next()?, 0, 60)?;
    if time.next().is_some() || parts.next() != Some("GMT") || parts.next().is_some() {
        return None;
    }
    Some(days(year, month, day) * DAY_S + hour * 3600 + minute * 60 + second)
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|n| digits && (least..=most).contains(n))
}

/// Days since 1970 of a date; years begin in March, so that the leap day is their last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let (era, of_era) = (year / 400, year % 400);
    era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - EPOCH_DAYS
}

fn civil(wall_s: u64) -> Civil {
    let days = wall_s / DAY_S + EPOCH_DAYS;
    let (era, of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    Civil {
        year: era * 400 + year_of_era + u64::from(month <= 2),
        month,
        day: day_of_year - (153 * march_month + 2) / 5 + 1,
        second_of_day: wall_s % DAY_S,
    }
}

fn usize_of(small: u64) -> usize {
    usize::try_from(small).expect("a weekday or month")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates_are_written_and_read() {
        for (s, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_795_170_886, "Fri, 20 Nov 2026 10:34:46 GMT"),
            (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT"),
        ] {
            assert_eq!(rfc1123(s), text);
            assert_eq!(parse_rfc1123(text), Some(s));
        }
        assert_eq!(timestamp(1_795_170_886), "2026-11-20 10:34:46");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "Fri, 20 Nov 2026", "Fri, 20 Nov 2026 10:34:46 CET", "Fri, 0 Nov 2026 1:2:3 GMT"]
        {
            assert_eq!(parse_rfc1123(text), None, "{text}");
        }
        assert_eq!(parse_rfc1123("Fri, 20 Nov 2026 +1:34:46 GMT"), None);
    }

    proptest! {
        #[test]
        fn every_date_reads_back(s in 0..253_402_300_800_u64) {
            prop_assert_eq!(parse_rfc1123(&rfc1123(s)), Some(s));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = parse_rfc1123(&text);
        }
    }
}
