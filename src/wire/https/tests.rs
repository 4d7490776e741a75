use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// A server that reads the head of each request, answers with these bytes and closes.
async fn server(answer: Vec<u8>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            // The client may have seen enough.
            let _ = stream.write_all(&answer).await;
        }
    });
    address
}

async fn get(url: &str) -> Result<Response<Bytes>, HttpError> {
    Https::new().send(Request::builder().uri(url).body(Bytes::new()).unwrap()).await
}

async fn answered(answer: &[u8]) -> Result<Response<Bytes>, HttpError> {
    let address = server(answer.to_vec()).await;
    get(&format!("http://{address}/path?secret=hush")).await
}

#[tokio::test]
async fn an_answer_comes_back_whole_and_redirects_are_not_followed() {
    let answer = b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 2\r\n\r\nok";
    let response = answered(answer).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "/x");
    assert_eq!(response.body(), "ok");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_lost() {
    for answer in [
        &b""[..],
        b"HTTP/1.1 20",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        b"not http at all\r\n\r\n",
    ] {
        let error = answered(answer).await.unwrap_err();
        assert!(matches!(error, HttpError::Lost { .. }), "{error:?}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(answer.len() + MAX_BODY + 1, b'x');
    let error = answered(&answer).await.unwrap_err();
    assert!(matches!(&error, HttpError::TooLarge { .. }), "{error:?}");
    assert!(error.to_string().contains("larger than 32 MiB"), "{error}");
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    // Bound, so that nobody else listens there, and not listening.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = silent.local_addr().unwrap();
    let error = get(&format!("http://{closed}/?secret=hush")).await.unwrap_err();
    assert!(matches!(&error, HttpError::NotSent { host, .. } if *host == closed.to_string()));
    assert!(!error.to_string().contains("hush"), "{error}");
}

/// A server with a certificate of its own making, and that certificate as PEM.
async fn tls_server() -> (u16, Vec<u8>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let answer = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            // Until the client has read it and closes.
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    });
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(&certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    (port, pem.into_bytes())
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_unless_it_is_trusted_expressly() {
    let (port, pem) = tls_server().await;
    let https = Https::new();
    for (trust, accepted) in [
        (Trust::default(), false),
        (Trust { ca_pem: Some(pem), ..Trust::default() }, true),
        (Trust { insecure: true, ..Trust::default() }, true),
        (Trust::default(), false),
    ] {
        let url = format!("https://localhost:{port}/");
        let mut request = Request::builder().uri(url).body(Bytes::new()).unwrap();
        request.extensions_mut().insert(Arc::new(trust.clone()));
        match https.send(request).await {
            Ok(response) => assert!(accepted && response.status() == 200, "{trust:?}"),
            Err(HttpError::Hopeless { reason, .. }) => {
                assert!(!accepted, "{trust:?}: {reason}");
                assert!(reason.contains("ertificate"), "{reason}");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test]
async fn plain_http_to_another_machine_is_never_sent() {
    for url in [
        "http://dcs.cn-north-4.myhuaweicloud.com/",
        "http://127.0.0.1.example.com/",
        "http://169.254.169.253/",
        "ftp://127.0.0.1/",
        "/path",
    ] {
        let error = get(url).await.unwrap_err();
        assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
    }
}

#[test]
fn a_name_that_does_not_exist_is_told_from_a_name_service_that_does_not_answer() {
    let prefix = "client error (Connect): dns error: failed to lookup address information: ";
    for (words, unknown) in [
        ("Name or service not known", true),
        ("nodename nor servname provided, or not known", true),
        ("Temporary failure in name resolution", false),
        ("Try again", false),
    ] {
        assert_eq!(is_unknown_name(&format!("{prefix}{words}")), unknown, "{words}");
    }
}

#[test]
fn loopback_and_metadata_may_be_plain() {
    for (host, allowed) in [
        ("127.0.0.1", true),
        ("127.8.9.1", true),
        ("[::1]", true),
        ("localhost", true),
        ("LOCALHOST", true),
        ("100.100.100.200", true),
        ("169.254.169.254", true),
        ("169.254.170.2", true),
        ("169.254.170.23", true),
        ("[fd00:ec2::23]", true),
        ("[fd00:ec2::254]", true),
        ("169.254.170.24", false),
        ("localhost.example.com", false),
        ("10.0.0.1", false),
        ("0.0.0.0", false),
        ("", false),
    ] {
        assert_eq!(plain_http_allowed(host), allowed, "{host}");
    }
}

#[tokio::test]
async fn trust_that_cannot_be_read_fails_before_anything_is_sent() {
    let trust = Trust { identity_pem: Some(b"hush".to_vec()), ..Trust::default() };
    let mut request = Request::builder().uri("https://127.0.0.1:1/").body(Bytes::new()).unwrap();
    assert!(!format!("{trust:?}").contains("hush"));
    request.extensions_mut().insert(Arc::new(trust));
    let error = Https::new().send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::Hopeless { .. }), "{error:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_hopeless_and_a_closed_port_is_not() {
    let (port, pem) = tls_server().await;
    let trust = Trust { ca_pem: Some(pem), ..Trust::default() };
    let url = format!("https://127.0.0.1:{port}/");
    let mut request = Request::builder().uri(url).body(Bytes::new()).unwrap();
    request.extensions_mut().insert(Arc::new(trust));
    let error = Https::new().send(request).await.unwrap_err();
    assert!(matches!(&error, HttpError::Hopeless { reason, .. } if reason.contains("clock")));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = get(&format!("https://{closed}/")).await.unwrap_err();
    assert!(matches!(error, HttpError::NotSent { .. }), "{error:?}");
}

#[tokio::test]
async fn a_helper_program_gives_its_output_or_its_failure() {
    let run = async |program: &str, arguments: &[&str]| {
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        SystemEnvironment.run(program, &arguments).await
    };
    assert_eq!(run("echo", &["a b", "$HOME"]).await.unwrap(), b"a b $HOME\n");
    assert!(run("false", &[]).await.unwrap_err().to_string().contains("exit status: 1"));
    assert!(run("/no/such/program", &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_helper_program_that_hangs_is_ended() {
    let arguments = ["600".to_owned()];
    let error = SystemEnvironment.run("sleep", &arguments).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[test]
fn randomness_is_in_its_range_and_does_not_repeat() {
    let (one, other) = (SystemEntropy.nonce(), SystemEntropy.nonce());
    assert!(one.len() == 32 && one != other);
    assert!((0.0..1.0).contains(&SystemEntropy.unit()));
}
