//! Which hosts a proxy is not asked for, by the rules of Go's `httpproxy`: those that users of the
//! clouds' own providers know
//! (<https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config>).

use std::net::IpAddr;

use ipnet::IpNet;

/// Whether `NO_PROXY` means a host and port. Items are separated by commas: `*` is everybody, an
/// address or a network is that, `name` is it and all below it, `.name` and `*.name` are all below
/// it; with `:port` only that port.
pub fn bypasses(no_proxy: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let host = host.to_ascii_lowercase();
    no_proxy.split(',').map(str::trim).any(|item| means(&item.to_ascii_lowercase(), &host, port))
}

fn means(item: &str, host: &str, port: u16) -> bool {
    if item == "*" {
        return true;
    }
    let address: Option<IpAddr> = host.parse().ok();
    if let Ok(network) = item.parse::<IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, only) = named(item);
    if only.is_some_and(|only| only != port) || name.is_empty() {
        return false;
    }
    if let Ok(item) = name.parse::<IpAddr>() {
        return address == Some(item);
    }
    let below = name.strip_prefix("*.").or_else(|| name.strip_prefix('.'));
    let under = |name: &str| {
        host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
    };
    match below {
        Some(name) => under(name),
        None => host == name || under(name),
    }
}

/// A name or address and the port that it is limited to.
fn named(item: &str) -> (&str, Option<u16>) {
    if let Some(rest) = item.strip_prefix('[') {
        let (address, after) = rest.split_once(']').unwrap_or((rest, ""));
        return (address, after.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match item.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) => ("", None),
        },
        Some(_) | None => (item, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_meant_as_go_means_them() {
        const ECS: &str = "ecs.cn-hangzhou.aliyuncs.com";
        for (no_proxy, host, expected) in [
            ("*.aliyuncs.com", ECS, true),
            (".aliyuncs.com", ECS, true),
            ("aliyuncs.com", ECS, true),
            ("aliyuncs.com", "aliyuncs.com", true),
            (".aliyuncs.com", "aliyuncs.com", false),
            ("*.aliyuncs.com", "aliyuncs.com", false),
            ("liyuncs.com", ECS, false),
            ("ALIYUNCS.com", ECS, true),
            ("example.com, *.aliyuncs.com", ECS, true),
            ("ecs.cn-hangzhou.aliyuncs.com:443", ECS, true),
            ("ecs.cn-hangzhou.aliyuncs.com:8443", ECS, false),
            ("*.aliyuncs.com:443", ECS, true),
            ("*", ECS, true),
            ("", ECS, false),
            (",", ECS, false),
            (":443", ECS, false),
            ("aliyuncs.com:https", ECS, false),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3:443", "10.1.2.3", true),
            ("10.1.2.3:80", "10.1.2.3", false),
            ("2001:db8::1", "[2001:db8::1]", true),
            ("[2001:db8::1]:443", "[2001:db8::1]", true),
            ("[2001:db8::1]:80", "[2001:db8::1]", false),
            ("2001:db8::/32", "2001:db8::1", true),
        ] {
            assert_eq!(bypasses(no_proxy, host, 443), expected, "{no_proxy:?} {host}");
        }
    }
}
