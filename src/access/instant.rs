//! Points in time as clouds write them, within what every system's clock can hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The instant of a date; None before 1970, when nothing of a cloud began or ended. Windows' clock
/// begins in 1601, and to convert an earlier date would panic there.
pub(super) fn instant(date: OffsetDateTime) -> Option<SystemTime> {
    let seconds = u64::try_from(date.unix_timestamp()).ok()?;
    UNIX_EPOCH.checked_add(Duration::new(seconds, date.nanosecond()))
}

/// Reads a date like `2023-10-26T10:22:32Z`, with a fraction or an offset if it has one.
pub(super) fn rfc3339(text: &str) -> Option<SystemTime> {
    instant(OffsetDateTime::parse(text, &Rfc3339).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_and_offsets_are_read_and_no_date_of_antiquity_is() {
        let at = |millis: u64| Some(UNIX_EPOCH + Duration::from_millis(millis));
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", at(0)),
            ("2023-10-26T10:22:32Z", at(1_698_315_752_000)),
            ("2023-10-26T10:22:32.500Z", at(1_698_315_752_500)),
            ("2023-10-26T18:22:32+08:00", at(1_698_315_752_000)),
            ("1600-01-01T00:00:00Z", None),
            ("0000-01-01T00:00:00Z", None),
            ("2023-10-26", None),
            ("", None),
        ] {
            assert_eq!(rfc3339(text), expected, "{text}");
        }
    }
}
