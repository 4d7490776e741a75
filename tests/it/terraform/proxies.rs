//! A proxy between the provider and its clouds.

use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::terraform::fixture::{Fixture, must, newest};

/// A list of a cloud that is asked at its real address, which nobody reaches but through a proxy.
const MAIN: &str = r#"
terraform {
  required_providers { session = { source = "sessionops/session" } }
}
provider "session" {
  aws = { region = "eu-central-1", access_key = "AKIANOBODY", secret_key = "secret" }
}
data "session_list_aws_ssm" "it" {
  instance_id = "i-0123456789abcdef0"
  timeout     = "6s"
}
"#;

/// A proxy that answers every CONNECT with this status, and how many came.
async fn proxy(status: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://ops:hush@{}", listener.local_addr().unwrap());
    let (came, seen) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (read, mut write) = stream.split();
            let mut lines = BufReader::new(read).lines();
            let first = lines.next_line().await.ok().flatten().unwrap_or_default();
            while lines.next_line().await.is_ok_and(|line| line.is_some_and(|it| !it.is_empty())) {}
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            let _ = write.write_all(answer.as_bytes()).await;
            let _ = came.send(first);
        }
    });
    (address, seen)
}

/// What a person reads where the proxy of the environment is at this address.
async fn told_of(proxy: &str) -> String {
    let fixture = Fixture::new(newest()[0], MAIN);
    let began = Instant::now();
    let environment = [("HTTPS_PROXY", proxy), ("NO_PROXY", "127.0.0.1")];
    let output = fixture.core.run(fixture.dir(), &["plan"], &environment).await;
    let output = output.unwrap_or_else(must);
    assert_eq!(output.code, 1, "{}", output.text());
    let text = output.text();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("\u{2502} ", "");
    assert!(text.contains("`HTTPS_PROXY`") && !text.contains("hush"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(60), "{text}");
    text
}

#[tokio::test]
async fn a_proxy_that_refuses_for_good_is_told_at_once_and_one_that_may_yet_connect_is_asked_again()
{
    let cases = [
        ("407 Proxy Authentication Required", 1..=1, "wants a login. Name it as"),
        // Asked once, and once more for the status.
        ("403 Forbidden", 2..=2, "does not connect to it and answers 403. It may not be allowed"),
        ("405 Method Not Allowed", 2..=2, "and answers 405."),
        ("302 Found", 2..=2, "and answers 302."),
        // It may reach the host again in a moment.
        ("502 Bad Gateway", 3..=100, "and answers 502."),
        ("429 Too Many Requests", 3..=100, "and answers 429."),
        ("nonsense", 3..=100, "does not connect to it. It may not be allowed"),
    ];
    let plans = cases.map(|(status, tries, told)| async move {
        let (address, mut seen) = proxy(status).await;
        let text = told_of(&address).await;
        assert!(text.contains(told), "{status}: {text}");
        let mut came = 0;
        while let Ok(line) = seen.try_recv() {
            assert_eq!(line, "CONNECT ssm.eu-central-1.amazonaws.com:443 HTTP/1.1");
            came += 1;
        }
        assert!(tries.contains(&came), "{status}: {came} tries");
    });
    futures_util::future::join_all(plans).await;
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_told_as_that_and_not_as_one_that_refuses() {
    let (_held, nobody) = crate::joined::nobody();
    let text = told_of(&format!("http://ops:hush@{nobody}")).await;
    assert!(text.contains("cannot be reached: "), "{text}");
    assert!(text.contains("onnection refused"), "{text}");
}
