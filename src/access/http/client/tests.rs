use super::*;
use crate::wire::testing::{Reply, World, reply};

/// Signs nothing; calls 401 expired.
struct Plain;

#[async_trait]
impl Signer for Plain {
    async fn request(&self, call: &Call, renew: Renew) -> Result<http::Request<Bytes>, Error> {
        let url = format!("https://cloud.example{}?renew={renew:?}", call.path);
        Ok(http::Request::builder().uri(url).body(Bytes::new()).unwrap())
    }

    fn refusal(
        &self,
        call: &Call,
        response: &http::Response<Bytes>,
        _renew: Renew,
    ) -> Option<Refusal> {
        let expired = response.status() == StatusCode::UNAUTHORIZED;
        let message = "x\u{7}".repeat(5000);
        let error = Error::new(Kind::Credentials, call.operation, message);
        (expired || response.status() == StatusCode::BAD_REQUEST)
            .then_some(Refusal { error, expired })
    }

    fn request_id(&self, response: &http::Response<Bytes>) -> Option<String> {
        response.headers().get("id").map(|id| id.to_str().unwrap().to_owned())
    }

    fn region(&self) -> &str {
        "region"
    }
}

/// Sends a token of this text.
struct Signed(&'static str);

#[async_trait]
impl Signer for Signed {
    async fn request(&self, call: &Call, renew: Renew) -> Result<http::Request<Bytes>, Error> {
        let mut request = Plain.request(call, renew).await?;
        let mut token = http::HeaderValue::from_static(self.0);
        token.set_sensitive(true);
        request.headers_mut().insert("x-security-token", token);
        Ok(request)
    }

    fn refusal(
        &self,
        call: &Call,
        response: &http::Response<Bytes>,
        _renew: Renew,
    ) -> Option<Refusal> {
        let message = String::from_utf8_lossy(response.body()).into_owned();
        let error = Error::new(Kind::Credentials, call.operation, message);
        (!response.status().is_success()).then(|| error.into())
    }

    fn request_id(&self, _response: &http::Response<Bytes>) -> Option<String> {
        None
    }

    fn region(&self) -> &str {
        "region"
    }
}

#[tokio::test]
async fn a_gateway_that_repeats_what_was_signed_betrays_nothing() {
    const TOKEN: &str = "gQpjbi1ub3J0aC00/PLAINLY-SECRET+token==";
    let echo = format!("verify failed, canonicalRequest: x-security-token:{TOKEN}\n");
    for status in [401, 200] {
        let world = Arc::new(World::new(vec![reply(status, &[], &echo)]));
        let client = Client::new(Arc::new(Signed(TOKEN)), world.outside());
        let told = match client.call(Call::new("Op", "dcs", Method::GET, "/p")).await {
            Ok(answer) => answer.malformed(String::from_utf8_lossy(&answer.body)).message,
            Err(error) => error.message,
        };
        assert!(told.contains("canonicalRequest") && !told.contains("SECRET"), "{told}");
    }
}

async fn calls(replies: Vec<Reply>) -> (Result<Answer, Error>, Vec<String>, bool) {
    let world = Arc::new(World::new(replies));
    let client = Client::new(Arc::new(Plain), world.outside());
    let result = client.clone().call(Call::new("Op", "dcs", Method::GET, "/p")).await;
    (result, world.lines(), client.saw_sandbox())
}

#[tokio::test]
async fn an_expiry_is_mended_once() {
    const FIRST: &str = "GET https://cloud.example/p?renew=IfNeeded";
    const SECOND: &str = "GET https://cloud.example/p?renew=Now";
    let (result, lines, _) = calls(vec![reply(401, &[], ""), reply(200, &[], "{}")]).await;
    assert!(result.is_ok());
    assert_eq!(lines, [FIRST, SECOND]);
    let (result, lines, _) = calls(vec![reply(401, &[], ""), reply(401, &[], "")]).await;
    assert_eq!(result.unwrap_err().kind, Kind::Credentials);
    assert_eq!(lines, [FIRST, SECOND]);
}

#[tokio::test]
async fn no_other_failure_is_repeated() {
    let endless = HttpError::TooLarge { host: "cloud.example".into(), most: 32 };
    let lost = HttpError::Lost { host: "cloud.example".into(), reason: "reset".into() };
    let not_sent = HttpError::NotSent { host: "cloud.example".into(), reason: "no".into() };
    let unknown = HttpError::NoSuchHost { host: "dcs.cn-nroth-4.example".into() };
    let host = "cloud.example".to_owned();
    let hopeless = HttpError::Hopeless { host, reason: "no".into() };
    for (first, kind) in [
        (Err(hopeless), Kind::Configuration),
        (Err(lost), Kind::Lost),
        (Err(endless), Kind::Malformed),
        (Err(not_sent), Kind::NotSent),
        (Err(unknown), Kind::Configuration),
        (reply(400, &[], ""), Kind::Credentials),
        (reply(302, &[], ""), Kind::Refused),
        (reply(503, &[], ""), Kind::Refused),
    ] {
        let (result, lines, _) = calls(vec![first]).await;
        assert_eq!((result.unwrap_err().kind, lines.len()), (kind, 1));
    }
}

#[tokio::test]
async fn a_refusal_says_which_request_it_answers_in_bounded_words() {
    let headers = [("id", "r-1"), ("retry-after", "7")];
    let error = calls(vec![reply(400, &headers, "")]).await.0.unwrap_err();
    assert_eq!(error.request.as_deref(), Some("GET https://cloud.example/p"));
    assert_eq!((error.status, error.request_id.as_deref()), (Some(400), Some("r-1")));
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    assert_eq!(error.message.chars().count(), 1000);
    assert!(!error.message.contains('\u{7}'));
}

#[tokio::test]
async fn the_sandbox_is_noticed_in_any_answer() {
    assert!(!calls(vec![reply(200, &[], "")]).await.2);
    for status in [200, 400] {
        assert!(calls(vec![reply(status, &[(SANDBOX, "1")], "")]).await.2);
    }
}

#[test]
fn every_hint_to_wait_is_understood_and_the_longest_counts() {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
    for (hints, expected) in [
        (&[][..], None),
        (&[("retry-after", "3")], Some(3_000)),
        (&[("retry-after", " 0 ")], Some(0)),
        (&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")], Some(7_000)),
        (&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")], Some(0)),
        (&[("retry-after", "soon")], None),
        (&[("retry-after", "Sat, 01 Jan 0000 00:00:00 GMT")], None),
        (&[("retry-after", "-1")], None),
        (&[("retry-after", "99999999999")], Some(3_600_000)),
        (&[("retry-after", "999999999999999999999999")], None),
        (&[("x-acs-retry-after", "250")], Some(250)),
        (&[("x-ratelimit-user", "Limit:100,Remain:0,TimeLeft:1500,Reset:1")], Some(1_500)),
        (&[("x-ratelimit-user-api", "Limit:1, TimeLeft:90")], Some(90)),
        (&[("x-acs-retry-after", "250"), ("x-ratelimit-user-api", "TimeLeft:900")], Some(900)),
    ] {
        let mut headers = HeaderMap::new();
        for (name, value) in hints {
            headers.insert(*name, value.parse().unwrap());
        }
        let wait = retry_after(&headers, now).map(|wait| wait.as_millis());
        assert_eq!(wait, expected, "{hints:?}");
    }
}
