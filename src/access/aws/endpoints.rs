//! Where each product is reached, and how it is spoken to.
//!
//! Source: the vendor's endpoint rule sets and `partitions.json` (botocore 1.44.8).

use http::Uri;
use http::uri::PathAndQuery;

use super::misconfigured;
use crate::access::Error;
use crate::access::platform::endpoint;

/// How a product wants its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// A JSON body, and the operation after this prefix in `X-Amz-Target`.
    Json(&'static str),
    /// A form that names operation and this version; answers are XML.
    Query(&'static str),
}

/// A product that is asked by signed calls: its key in `endpoints`, which is the first label of its
/// host and its name in signatures as well, and its protocol.
const SIGNED: [(&str, Protocol); 3] = [
    ("ec2", Protocol::Query("2016-11-15")),
    ("ssm", Protocol::Json("AmazonSSM")),
    ("sts", Protocol::Query("2011-06-15")),
];

/// Products that an endpoint can be set for. `sso` is the portal that gives keys of IAM Identity
/// Center, `ssooidc` its place for tokens.
pub(super) const PRODUCTS: &[&str] = &["ec2", "ssm", "sso", "ssooidc", "sts"];

/// How a product is spoken to; None if no call of ours is signed for it.
pub(super) fn protocol(product: &str) -> Option<Protocol> {
    SIGNED.iter().find(|(key, _)| *key == product).map(|(_, protocol)| *protocol)
}

/// A closed part of the cloud.
struct Partition {
    /// How its regions begin; the first that fits counts.
    regions: &'static str,
    suffix: &'static str,
    /// The suffix of addresses that are reached by IPv6 as well.
    dual_stack: &'static str,
}

const PARTITIONS: [Partition; 8] = [
    Partition {
        regions: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack: "api.amazonwebservices.com.cn",
    },
    Partition { regions: "us-gov-", suffix: "amazonaws.com", dual_stack: "api.aws" },
    Partition { regions: "eusc-", suffix: "amazonaws.eu", dual_stack: "api.amazonwebservices.eu" },
    Partition { regions: "us-isob-", suffix: "sc2s.sgov.gov", dual_stack: "api.aws.scloud" },
    Partition { regions: "us-isof-", suffix: "csp.hci.ic.gov", dual_stack: "api.aws.hci.ic.gov" },
    Partition { regions: "us-iso-", suffix: "c2s.ic.gov", dual_stack: "api.aws.ic.gov" },
    Partition {
        regions: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        dual_stack: "api.cloud-aws.adc-e.uk",
    },
    Partition { regions: "", suffix: "amazonaws.com", dual_stack: "api.aws" },
];

/// Which of a product's addresses is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Variant {
    /// The one with validated cryptography.
    pub(super) fips: bool,
    /// The one that is reached by IPv6 as well.
    pub(super) dual_stack: bool,
}

/// The public address of a product for a region.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind) if the region is none.
pub(super) fn of(product: &str, region: &str, variant: Variant) -> Result<Uri, Error> {
    let region = checked(region)?;
    let partition = PARTITIONS.iter().find(|one| region.starts_with(one.regions));
    let partition = partition.expect("the last of them is for every region");
    let label = match product {
        "sso" => "portal.sso",
        "ssooidc" => "oidc",
        other => other,
    };
    // In the US government's regions the ordinary address is validated.
    let plain = region.starts_with("us-gov-") && !variant.dual_stack;
    let fips = if variant.fips && !plain { "-fips" } else { "" };
    let suffix = if variant.dual_stack { partition.dual_stack } else { partition.suffix };
    custom(product, &format!("{label}{fips}.{region}.{suffix}"))
}

/// An endpoint that a user gave: a host, or a URL without path.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind) naming the entry.
pub(super) fn custom(product: &str, text: &str) -> Result<Uri, Error> {
    let wrong = |rule| misconfigured(format!("`endpoints.{product}` {rule}"));
    read(text).map_err(wrong)
}

/// The same; the error is a rule: `must …`.
pub(super) fn read(text: &str) -> Result<Uri, String> {
    let url = endpoint(text)?;
    if url.path() != "/" {
        return Err("must be a host or a URL without path, like \
                    \"https://ssm.eu-central-1.amazonaws.com\""
            .to_owned());
    }
    Ok(url)
}

/// A path, percent-encoded already, at an address without one.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind) if they make no URL.
pub(super) fn at(base: &Uri, path: &str) -> Result<Uri, Error> {
    let mut parts = base.clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(path).ok();
    Uri::from_parts(parts).map_err(|_| misconfigured("the URL of the call cannot be written"))
}

/// The products that have a host of a region by themselves.
#[cfg(feature = "sandbox")]
pub fn product_at(host: &str, region: &str) -> Option<&'static str> {
    let at = |product: &&&str| {
        of(product, region, Variant::default()).is_ok_and(|url| url.host() == Some(host))
    };
    PRODUCTS.iter().find(at).copied()
}

/// A region becomes part of a host name, so it may not be anything.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind).
pub(super) fn checked(region: &str) -> Result<&str, Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.is_empty() && region.len() <= 63 && region.bytes().all(plain) {
        Ok(region)
    } else {
        Err(misconfigured(format!("`{region:.64}` is not a region, which is like `eu-central-1`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Kind;

    #[test]
    fn every_product_has_its_host_in_every_partition() {
        let plain = Variant::default();
        let fips = Variant { fips: true, ..plain };
        let dual = Variant { dual_stack: true, ..plain };
        let both = Variant { fips: true, dual_stack: true };
        for (product, region, variant, host) in [
            ("ssm", "eu-central-1", plain, "ssm.eu-central-1.amazonaws.com"),
            ("ec2", "us-east-1", plain, "ec2.us-east-1.amazonaws.com"),
            ("sts", "ap-southeast-1", plain, "sts.ap-southeast-1.amazonaws.com"),
            ("sso", "eu-west-1", plain, "portal.sso.eu-west-1.amazonaws.com"),
            ("ssooidc", "eu-west-1", plain, "oidc.eu-west-1.amazonaws.com"),
            ("ec2", "cn-north-1", plain, "ec2.cn-north-1.amazonaws.com.cn"),
            ("ssm", "eusc-de-east-1", plain, "ssm.eusc-de-east-1.amazonaws.eu"),
            ("ssm", "us-iso-east-1", plain, "ssm.us-iso-east-1.c2s.ic.gov"),
            ("ssm", "us-isob-east-1", plain, "ssm.us-isob-east-1.sc2s.sgov.gov"),
            ("ssm", "us-isof-south-1", plain, "ssm.us-isof-south-1.csp.hci.ic.gov"),
            ("ssm", "eu-isoe-west-1", plain, "ssm.eu-isoe-west-1.cloud.adc-e.uk"),
            ("ssm", "us-gov-west-1", fips, "ssm.us-gov-west-1.amazonaws.com"),
            ("ssm", "us-east-1", fips, "ssm-fips.us-east-1.amazonaws.com"),
            ("ssm", "us-east-1", dual, "ssm.us-east-1.api.aws"),
            ("ssm", "us-east-1", both, "ssm-fips.us-east-1.api.aws"),
            ("ec2", "cn-north-1", dual, "ec2.cn-north-1.api.amazonwebservices.com.cn"),
        ] {
            let url = of(product, region, variant).unwrap();
            assert_eq!(url.to_string(), format!("https://{host}/"));
        }
    }

    #[test]
    fn a_custom_endpoint_is_a_host_and_plain_only_on_this_machine() {
        for text in ["ssm.example.com", "https://ssm.example.com:8443/", "http://127.0.0.1:8080"] {
            custom("ssm", text).unwrap();
        }
        for text in ["", "http://ssm.example.com", "https://a@b", "https://a/path", "https://a?x"] {
            let error = custom("ssm", text).unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{text}");
            assert!(error.message.contains("`endpoints.ssm`"), "{error}");
        }
    }

    #[test]
    fn a_region_cannot_lead_to_another_host() {
        for region in ["", "evil.com/", "a.b", "eu-central-1@x", "EU", "é"] {
            let error = of("ssm", region, Variant::default()).unwrap_err();
            assert_eq!(error.kind, Kind::Configuration, "{region}");
        }
    }
}
