//! Times as clouds tell them.

use std::time::{Duration, SystemTime};

/// Seconds since a time; 0 if our clock is behind it. It is like `2024-01-19T09:15:46Z`, perhaps
/// without its seconds or with a fraction of one, and perhaps with a distance from UTC, like `+08:00`
/// or `+0800`, in place of the `Z`. None if it is anything else.
pub(in crate::services) fn age(began: &str, now: SystemTime) -> Option<i64> {
    let began = began.trim();
    let (began, ahead) = match began.strip_suffix('Z') {
        Some(began) => (began, 0),
        // Of the date, no sign is meant.
        None => {
            let at = began.rfind(['+', '-']).filter(|at| began[..*at].contains('T'))?;
            (&began[..at], minutes(&began[at..])?)
        }
    };
    let whole = humantime::parse_rfc3339(&format!("{began}Z"));
    let began = whole.or_else(|_| humantime::parse_rfc3339(&format!("{began}:00Z"))).ok()?;
    let shift = Duration::from_secs(ahead.unsigned_abs() * 60);
    let began = if ahead < 0 { began.checked_add(shift) } else { began.checked_sub(shift) };
    i64::try_from(now.duration_since(began?).unwrap_or_default().as_secs()).ok()
}

/// The same of a time in seconds since 1970, perhaps with a fraction, and that time like
/// `2024-01-19T09:15:46Z`. None if it is anything else, or no time that people know.
pub(in crate::services) fn since_1970(seconds: &str, now: SystemTime) -> Option<(i64, String)> {
    let seconds =
        seconds.trim().parse::<f64>().ok().filter(|it| (0.0..MOST_SECONDS).contains(it))?;
    let began = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs_f64(seconds))?;
    let age = i64::try_from(now.duration_since(began).unwrap_or_default().as_secs()).ok()?;
    Some((age, humantime::format_rfc3339_seconds(began).to_string()))
}

/// The year 9999 ends there.
const MOST_SECONDS: f64 = 253_402_300_800.0;

/// The minutes of a distance from UTC.
fn minutes(distance: &str) -> Option<i64> {
    let (sign, distance) = distance.split_at_checked(1)?;
    let digits: String = distance.chars().filter(|c| *c != ':').collect();
    let plain = digits.len() == 4 && digits.bytes().all(|c| c.is_ascii_digit());
    let (hours, minutes) = digits.split_at_checked(2).filter(|_| plain)?;
    let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
    (minutes <= 24 * 60).then_some(if sign == "-" { -minutes } else { minutes })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_since_1970_are_read_as_a_time() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let at = |age, text: &str| Some((age, text.to_owned()));
        for (seconds, expected) in [
            ("1699999999.938", at(0, "2023-11-14T22:13:19Z")),
            ("1.69999999E9", at(10, "2023-11-14T22:13:10Z")),
            ("1699999990", at(10, "2023-11-14T22:13:10Z")),
            ("1800000000", at(0, "2027-01-15T08:00:00Z")),
            ("1e300", None),
            ("-1", None),
            ("NaN", None),
            ("inf", None),
            ("2023-11-14T22:13:19Z", None),
            ("", None),
        ] {
            assert_eq!(since_1970(seconds, now), expected, "{seconds}");
        }
    }

    #[test]
    fn an_age_is_counted_in_whole_seconds_and_never_negative() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (began, expected) in [
            ("2023-11-14T22:13:20Z", Some(0)),
            ("2023-11-14T22:13:19Z", Some(1)),
            ("2023-11-14T22:13:18.5Z", Some(1)),
            ("2023-11-14T23:00:00Z", Some(0)),
            ("1970-01-01T00:00:00Z", Some(1_700_000_000)),
            ("2023-11-14T22:11Z", Some(140)),
            ("2023-11-15T06:13:10+08:00", Some(10)),
            ("2023-11-15T06:13:10+0800", Some(10)),
            ("2023-11-14T17:13:10.25-05:00", Some(9)),
            ("2023-11-14T22:13:10+00:00", Some(10)),
            ("1970-01-01T00:00:00+24:00", Some(1_700_086_400)),
            ("2023-11-14Z", None),
            ("2023-11-14T22:13:10", None),
            ("2023-11-14T22:13:10+8", None),
            ("2023-11-14T22:13:10+99:99", None),
            ("2023-11-14T22:13:10+\u{e9}1:00", None),
            ("1700000000", None),
            ("yesterday", None),
            ("-", None),
            ("", None),
        ] {
            assert_eq!(age(began, now), expected, "{began}");
        }
    }
}
