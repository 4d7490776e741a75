//! Where each product is reached.
//!
//! Source: the endpoint maps of the vendor's generated SDKs (alibabacloud-go-sdk
//! `ecs-20140526`, `das-20200116`, `sts-20150401`) and of aliyun/alicloud
//! (`connectivity/endpoint.go`).

use http::Uri;
use http::uri::{Authority, Scheme};

use super::misconfigured;
use crate::access::Error;
use crate::access::platform::endpoint;

/// Products that an endpoint can be set for.
pub(super) const PRODUCTS: &[&str] = &["ecs", "das", "sts"];

/// Regions of ECS that are served by its central endpoint.
const CENTRAL: [&str; 3] = ["cn-hangzhou-finance", "cn-beijing-gov-1", "cn-north-2-gov-1"];

/// Regions of ECS that are served from Hangzhou.
const FROM_HANGZHOU: [&str; 2] = ["cn-shanghai-finance-1", "cn-shenzhen-finance-1"];

/// Scheme and authority of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
}

impl Endpoint {
    /// The public endpoint of a product for a region.
    ///
    /// DAS serves every region from `cn-shanghai`. STS has one address for all.
    pub(super) fn of(product: &str, region: &str) -> Result<Endpoint, Error> {
        let host = match product {
            "das" => "das.cn-shanghai.aliyuncs.com".to_owned(),
            "sts" => "sts.aliyuncs.com".to_owned(),
            "ecs" if CENTRAL.contains(&region) => "ecs.aliyuncs.com".to_owned(),
            "ecs" if FROM_HANGZHOU.contains(&region) => "ecs-cn-hangzhou.aliyuncs.com".to_owned(),
            _ => format!("{product}.{}.aliyuncs.com", checked(region)?),
        };
        Endpoint::custom(product, &host)
    }

    /// An endpoint that a user gave: a host, or a URL without path.
    pub(super) fn custom(product: &str, text: &str) -> Result<Endpoint, Error> {
        let wrong = |rule| misconfigured(format!("`endpoints.{product}` {rule}"));
        Endpoint::read(text).map_err(wrong)
    }

    /// The same; the error is a rule: `must …`.
    pub(super) fn read(text: &str) -> Result<Endpoint, String> {
        let url = endpoint(text)?;
        match (url.scheme().cloned(), url.authority().cloned(), url.path()) {
            (Some(scheme), Some(authority), "/") => Ok(Endpoint { scheme, authority }),
            _ => Err("must be a host or a URL without path, like \
                      \"https://ecs.cn-hangzhou.aliyuncs.com\""
                .to_owned()),
        }
    }

    /// The URL of a path and query, which are percent-encoded already.
    pub(super) fn url(&self, path_and_query: &str) -> Result<Uri, Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
            .map_err(|_| misconfigured("the URL of the call cannot be written".to_owned()))
    }
}

/// Reads a URL; without a scheme it is `https`.
pub(super) fn parse(text: &str) -> Option<Uri> {
    let text = text.trim();
    if text.contains("://") { text.parse() } else { format!("https://{text}").parse() }.ok()
}

/// A region becomes part of a host name, so it may not be anything.
pub(super) fn checked(region: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.is_empty() && region.len() <= 63 && region.bytes().all(plain) {
        Ok(region)
    } else {
        Err(misconfigured(format!("`{region:.64}` is not a region, which is like `cn-hangzhou`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::alicloud::AlibabaCloud;
    use crate::access::{Kind, Platform};

    #[test]
    fn every_product_has_its_host() {
        for (product, region, host) in [
            ("ecs", "cn-hangzhou", "ecs.cn-hangzhou.aliyuncs.com"),
            ("ecs", "eu-central-1", "ecs.eu-central-1.aliyuncs.com"),
            ("ecs", "cn-hangzhou-finance", "ecs.aliyuncs.com"),
            ("ecs", "cn-shanghai-finance-1", "ecs-cn-hangzhou.aliyuncs.com"),
            ("ecs", "cn-shenzhen-finance-1", "ecs-cn-hangzhou.aliyuncs.com"),
            ("das", "cn-beijing", "das.cn-shanghai.aliyuncs.com"),
            ("sts", "ap-southeast-1", "sts.aliyuncs.com"),
        ] {
            let url = Endpoint::of(product, region).unwrap().url("/?a=b").unwrap();
            assert_eq!(url.to_string(), format!("https://{host}/?a=b"));
        }
    }

    #[test]
    fn a_custom_endpoint_is_a_host_and_plain_only_on_this_machine() {
        for (text, url) in [
            ("ecs.example.com", "https://ecs.example.com/"),
            ("https://ecs.example.com:8443/", "https://ecs.example.com:8443/"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://localhost:1", "http://localhost:1/"),
            ("http://[::1]:1", "http://[::1]:1/"),
        ] {
            assert!(AlibabaCloud.check_endpoint(text).is_ok(), "validation refuses {text}");
            let endpoint = Endpoint::custom("ecs", text).unwrap();
            assert_eq!(endpoint.url("/").unwrap().to_string(), url);
        }
        for text in [
            "",
            "http://ecs.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1:PORT",
            "https://ecs.example.com:99999",
            "http://localhost@example.com",
            "https://a@b",
            "ftp://127.0.0.1",
            "https://ecs.example.com/path",
            "https://ecs.example.com?x=1",
            "a b",
        ] {
            assert!(AlibabaCloud.check_endpoint(text).is_err(), "validation passes {text}");
            let error = Endpoint::custom("ecs", text).unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{text}");
            assert!(error.message.contains("`endpoints.ecs`"), "{error}");
        }
    }

    #[test]
    fn a_region_cannot_lead_to_another_host() {
        for region in ["", "evil.com/", "a.b", "cn-hangzhou@x", "CN", "é"] {
            assert_eq!(Endpoint::of("ecs", region).unwrap_err().kind, Kind::Configuration);
        }
    }
}
