//! Which host a product is at.
//!
//! Keys are those of the vendor's own provider (terraform-provider-huaweicloud
//! `huaweicloud/config/endpoints.go`), and so is the rule: `https://<service>.<region>.<cloud>/`.
//! Regions of China and elsewhere share one domain, but for those of the European site. Where the
//! tables of the vendor's SDKs name another host for a region (huaweicloud-sdk-python-v3 3.1.219,
//! `region/*_region.py` of each product), that one is taken ([`LABELS`], [`DOMAINS`]).

use std::collections::BTreeMap;

use crate::access::platform::endpoint;
use crate::access::{Error, Kind};

/// Key in `endpoints` and first label of the host.
const PRODUCTS: [(&str, &str); 9] = [
    ("dcs", "dcs"),
    ("ddm", "ddm"),
    ("dds", "dds"),
    ("gaussdb", "gaussdb"),
    ("geminidb", "gaussdb-nosql"),
    ("iam", "iam"),
    ("opengauss", "gaussdb-opengauss"),
    ("sts", "sts"),
    ("vpn", "vpn"),
];

/// The keys that `endpoints` takes. `gaussdb` is TaurusDB and `opengauss` GaussDB: the vendor has
/// renamed the products, and not the keys.
pub const ENDPOINT_KEYS: &[&str] =
    &["dcs", "ddm", "dds", "gaussdb", "geminidb", "iam", "opengauss", "sts", "vpn"];

/// Product, the first label of its host there, and the regions where it has that one.
const LABELS: [(&str, &str, &[&str]); 3] = [
    (
        "gaussdb",
        "gaussdbformysql",
        &["ap-southeast-1", "ap-southeast-2", "cn-north-11", "me-east-1", "tr-west-1"],
    ),
    ("gaussdb", "gaussdb-mysql", &["af-south-1", "cn-east-5", "cn-southwest-3", "la-north-2"]),
    (
        "opengauss",
        "gaussdb",
        &[
            "af-north-1",
            "ap-southeast-5",
            "cn-east-2",
            "cn-east-4",
            "cn-east-5",
            "cn-north-12",
            "me-east-1",
            "tr-west-1",
        ],
    ),
];

/// Product, region and domain, where that is not the region's ([`cloud_of`]).
const DOMAINS: [(&str, &str, &str); 2] =
    [("dcs", "eu-west-101", "myhuaweicloud.com"), ("vpn", "eu-west-101", "myhuaweicloud.com")];

/// The domain of a region: `eu-west-1*` are at the European site (vendor's provider).
pub(super) fn cloud_of(region: &str) -> &'static str {
    if region.starts_with("eu-west-1") { "myhuaweicloud.eu" } else { "myhuaweicloud.com" }
}

/// The URL of a product in a region, with `/` at its end.
///
/// # Errors
/// [`Kind::Configuration`] if region and domain do not make a host name.
pub(super) fn default(product: &str, region: &str, cloud: Option<&str>) -> Result<String, Error> {
    let label = PRODUCTS.iter().find(|(key, _)| *key == product).map_or(product, |found| found.1);
    let renamed =
        LABELS.iter().find(|(key, _, regions)| *key == product && regions.contains(&region));
    let label = renamed.map_or(label, |found| found.1);
    let moved = DOMAINS.iter().find(|(key, at, _)| (*key, *at) == (product, region));
    let cloud = cloud.or(moved.map(|found| found.2)).unwrap_or_else(|| cloud_of(region));
    let host_safe = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    if !host_safe(region) {
        return Err(wrong(format!("`region` is not a region's id: {region:?}")));
    }
    if !host_safe(cloud) {
        return Err(wrong(format!("`cloud` is not a domain name: {cloud:?}")));
    }
    Ok(format!("https://{label}.{region}.{cloud}/"))
}

/// The products that have a host of a region by themselves; two may share one, where the SDKs know
/// only one of them.
#[cfg(feature = "sandbox")]
pub fn products_at(host: &str, region: &str) -> Vec<&'static str> {
    let url = Ok(format!("https://{host}/"));
    ENDPOINT_KEYS.iter().filter(|key| default(key, region, None) == url).copied().collect()
}

/// Custom endpoints, checked and completed: `https://` and the last `/` may be left out.
///
/// # Errors
/// [`Kind::Configuration`] naming the entry.
pub(super) fn custom(given: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    given
        .iter()
        .map(|(key, value)| {
            if !ENDPOINT_KEYS.contains(&key.as_str()) {
                let known = ENDPOINT_KEYS.join("`, `");
                let key: String = key.chars().take(64).collect();
                return Err(wrong(format!("`endpoints` has no key `{key}`, but `{known}`")));
            }
            Ok((key.clone(), complete(&format!("endpoints.{key}"), value)?))
        })
        .collect()
}

/// A URL that was given as `argument`, completed.
///
/// # Errors
/// [`Kind::Configuration`] if it is no URL, or `http://` to another machine.
pub(super) fn complete(argument: &str, value: &str) -> Result<String, Error> {
    let url = endpoint(value).map_err(|rule| wrong(format!("`{argument}` {rule}")))?;
    let url = url.to_string();
    Ok(if url.ends_with('/') { url } else { format!("{url}/") })
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Configuration, "endpoint", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Platform;

    #[test]
    fn every_product_has_the_host_of_its_region() {
        for (product, region, cloud, expected) in [
            ("dcs", "cn-north-4", None, "https://dcs.cn-north-4.myhuaweicloud.com/"),
            ("dds", "ap-southeast-3", None, "https://dds.ap-southeast-3.myhuaweicloud.com/"),
            ("geminidb", "cn-north-4", None, "https://gaussdb-nosql.cn-north-4.myhuaweicloud.com/"),
            ("iam", "eu-west-101", None, "https://iam.eu-west-101.myhuaweicloud.eu/"),
            ("dds", "eu-west-101", None, "https://dds.eu-west-101.myhuaweicloud.eu/"),
            ("dcs", "eu-west-101", None, "https://dcs.eu-west-101.myhuaweicloud.com/"),
            ("dcs", "eu-west-101", Some("example.org"), "https://dcs.eu-west-101.example.org/"),
            ("ddm", "eu-west-101", None, "https://ddm.eu-west-101.myhuaweicloud.eu/"),
            ("vpn", "eu-west-101", None, "https://vpn.eu-west-101.myhuaweicloud.com/"),
            ("vpn", "cn-north-4", None, "https://vpn.cn-north-4.myhuaweicloud.com/"),
            ("gaussdb", "cn-north-4", None, "https://gaussdb.cn-north-4.myhuaweicloud.com/"),
            ("gaussdb", "tr-west-1", None, "https://gaussdbformysql.tr-west-1.myhuaweicloud.com/"),
            ("gaussdb", "cn-east-5", None, "https://gaussdb-mysql.cn-east-5.myhuaweicloud.com/"),
            ("opengauss", "cn-east-5", None, "https://gaussdb.cn-east-5.myhuaweicloud.com/"),
            (
                "opengauss",
                "cn-north-4",
                None,
                "https://gaussdb-opengauss.cn-north-4.myhuaweicloud.com/",
            ),
            ("dds", "eu-west-0", None, "https://dds.eu-west-0.myhuaweicloud.com/"),
            ("sts", "af-south-1", None, "https://sts.af-south-1.myhuaweicloud.com/"),
            ("dds", "eu-de", Some("otc.t-systems.com"), "https://dds.eu-de.otc.t-systems.com/"),
            ("dds", "eu-west-101", Some("example.org"), "https://dds.eu-west-101.example.org/"),
        ] {
            assert_eq!(default(product, region, cloud).unwrap(), expected);
        }
        for region in ["", "a/b", "evil.com/?", "a@b", "a:1"] {
            assert_eq!(default("dcs", region, None).unwrap_err().kind, Kind::Configuration);
        }
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_host_tells_its_products() {
        for (host, region, expected) in [
            ("gaussdb-nosql.cn-north-4.myhuaweicloud.com", "cn-north-4", vec!["geminidb"]),
            ("gaussdb.cn-north-4.myhuaweicloud.com", "cn-north-4", vec!["gaussdb"]),
            ("gaussdb.cn-east-5.myhuaweicloud.com", "cn-east-5", vec!["opengauss"]),
            ("gaussdb.cn-east-4.myhuaweicloud.com", "cn-east-4", vec!["gaussdb", "opengauss"]),
            ("dcs.eu-west-101.myhuaweicloud.com", "eu-west-101", vec!["dcs"]),
            ("dds.eu-west-101.myhuaweicloud.com", "eu-west-101", vec![]),
            ("dds.cn-north-4.myhuaweicloud.com", "cn-north-1", vec![]),
            ("ecs.cn-north-4.myhuaweicloud.com", "cn-north-4", vec![]),
        ] {
            assert_eq!(products_at(host, region), expected, "{host}");
        }
    }

    #[test]
    fn keys_and_products_are_the_same() {
        assert_eq!(PRODUCTS.map(|(key, _)| key), *ENDPOINT_KEYS);
    }

    #[test]
    fn a_custom_endpoint_is_completed_or_refused() {
        for (given, expected) in [
            ("dcs.example.com", Some("https://dcs.example.com/")),
            ("https://dcs.example.com", Some("https://dcs.example.com/")),
            ("https://dcs.example.com/base", Some("https://dcs.example.com/base/")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080/")),
            ("http://[::1]:8080/", Some("http://[::1]:8080/")),
            ("http://localhost:8080/huawei/", Some("http://localhost:8080/huawei/")),
            ("http://dcs.example.com", None),
            ("http://169.254.169.254", None),
            ("http://127.0.0.1.example.com", None),
            ("ftp://127.0.0.1/", None),
            ("https://user:password@example.com/", None),
            ("https://example.com/?a=b", None),
            ("https://", None),
            ("", None),
            ("two words", None),
        ] {
            let valid = crate::access::huaweicloud::HuaweiCloud.check_endpoint(given).is_ok();
            assert_eq!(valid, expected.is_some(), "validation says the same of {given}");
            let map = BTreeMap::from([("dcs".to_owned(), given.to_owned())]);
            let result = custom(&map);
            match expected {
                Some(url) => assert_eq!(result.unwrap()["dcs"], url),
                None => {
                    let error = result.unwrap_err();
                    assert_eq!(error.kind, Kind::Configuration, "{given}");
                    assert!(error.message.contains("endpoints.dcs"), "{}", error.message);
                    assert!(!error.message.contains("password"), "{}", error.message);
                }
            }
        }
        let unknown = BTreeMap::from([("ecs".to_owned(), "https://x/".to_owned())]);
        assert!(custom(&unknown).unwrap_err().message.contains("no key `ecs`"));
    }
}
