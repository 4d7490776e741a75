//! Proxies that will not let us through, told by the kind of the failure.

use std::error::Error;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use tower_service::Service;

/// Why a tunnel through a proxy came to nothing. The library does not name the type otherwise.
type Refusal = <Tunnel<HttpConnector> as Service<Uri>>::Error;

/// Whether no try can help, if a proxy is why a request failed, and why.
#[expect(clippy::wildcard_enum_match_arm, reason = "one of them is meant")]
pub(super) fn refused(error: &(dyn Error + 'static)) -> Option<(bool, &'static str)> {
    let mut cause = Some(error);
    while let Some(one) = cause {
        if let Some(refusal) = one.downcast_ref::<Refusal>() {
            return Some(match refusal {
                Refusal::ProxyAuthRequired => (
                    true,
                    "the proxy that the environment names (`HTTPS_PROXY`) wants a login. Name it as \
                     `http://user:password@host:port`, or except the host in `NO_PROXY`",
                ),
                // It may refuse for good (403), or not reach the host just now (502): the library
                // tells them apart in words only.
                _ => (
                    false,
                    "the proxy that the environment names (`HTTPS_PROXY`) does not connect to it. It \
                     may not be allowed there; `NO_PROXY` excepts hosts",
                ),
            });
        }
        cause = one.source();
    }
    None
}
