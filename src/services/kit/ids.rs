//! Shapes of session ids: what no list can hold is a mistake, and never a session that has gone.

use std::net::IpAddr;

/// What a list gives for a session without an id: no call can name it.
const NAMELESS: char = '#';

/// An address with a port, `10.0.0.1:4711` or `[2001:db8::1]:4711`, or a session without one.
pub(in crate::services) fn address(id: &str) -> bool {
    let parts = || {
        let (host, port) = id.rsplit_once(':')?;
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        bare.parse::<IpAddr>().ok()?;
        port.parse::<u16>().ok().filter(|port| digits && *port > 0)
    };
    nameless(id) || parts().is_some()
}

/// A whole number, or a session without one.
pub(in crate::services) fn number(id: &str) -> bool {
    let digits = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    nameless(id) || (digits && id.parse::<u64>().is_ok())
}

/// A text that only the cloud can read: visible ASCII without blanks.
pub(in crate::services) fn opaque(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_graphic())
}

fn nameless(id: &str) -> bool {
    id.strip_prefix(NAMELESS).is_some_and(|rest| rest.is_empty() || opaque(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_list_can_hold_is_no_id() {
        for good in ["10.0.0.1:1", "[2001:db8::1]:65535", "2001:db8::1:4711", "#7"] {
            assert!(address(good), "{good}");
        }
        for bad in [
            "",
            " 10.0.0.1:1",
            "10.0.0.1:1\r",
            "10.0.0.1",
            "10.0.0.1:",
            "10.0.0.1:0",
            "a:1",
            "10.0.0.1:+1",
            "10.0.0.1:65536",
            "not-an-address",
        ] {
            assert!(!address(bad), "{bad:?}");
        }
        for (text, is_number, is_opaque) in [
            ("34631", true, true),
            ("shard_1:7201646", false, true),
            ("34631\r", false, false),
            (" 34631", false, false),
            ("+5", false, true),
            ("99999999999999999999", false, true),
            ("", false, false),
            ("ü", false, false),
        ] {
            assert_eq!((number(text), opaque(text)), (is_number, is_opaque), "{text:?}");
        }
    }
}
