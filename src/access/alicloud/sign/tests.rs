use super::*;

/// From the unit test of the vendor's signing helper, darabonba-openapi-util
/// `golang/service/service_test.go`, `Test_GetAuthorization`: it has no method, which no HTTP
/// request can be without, so it is not among `tests/vectors`.
#[test]
fn a_header_with_two_values_is_signed_as_the_vendors_helper_does() {
    let mut request = Request::new(Bytes::new());
    request.headers_mut().append("x-acs-test", HeaderValue::from_static("https"));
    request.headers_mut().append("x-acs-test", HeaderValue::from_static(" http "));
    let value = header(&request, "x-acs-test").unwrap();
    let query = read_query("test=ok&empty").unwrap();
    let hash = "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23";
    let headers = [("x-acs-test".to_owned(), value)];
    let canonical = canonical("", "/", &canonical_query(&query), &headers, hash);
    assert_eq!(
        hex::encode(
            mac(&Secret::new("secret"), &string_to_sign(&canonical)).finalize().into_bytes()
        ),
        "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3"
    );
}

#[test]
fn dates_are_read_only_as_the_cloud_writes_them() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_698_315_752);
    assert_eq!(date(at).unwrap(), "2023-10-26T10:22:32Z");
    assert_eq!(parse_date("2023-10-26T10:22:32Z"), Some(at));
    for text in ["", "2023-10-26", "2023-10-26T10:22:32+08:00", "2023-02-30T10:22:32Z"] {
        assert_eq!(parse_date(text), None, "{text}");
    }
}
