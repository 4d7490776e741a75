use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn tcp(host: &str, port: u16) -> Place {
    Place::Tcp { host: host.to_owned(), port }
}

async fn fails(place: &Place) -> DialError {
    dial(place, Duration::from_secs(5)).await.map(|(_, reached)| reached).unwrap_err()
}

#[tokio::test]
async fn what_was_reached_is_told_and_bytes_go_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let byte = stream.read_u8().await.unwrap();
        stream.write_u8(byte + 1).await.unwrap();
    });
    let (mut stream, reached) =
        dial(&tcp("127.0.0.1", address.port()), CONNECT_TIMEOUT).await.unwrap();
    assert_eq!(reached, Reached::Address(address));
    assert!(reached.is_local());
    stream.write_u8(6).await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), 7);
    answering.await.unwrap();
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_from_a_name_that_is_not() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let refused = fails(&tcp("127.0.0.1", port)).await;
    assert_eq!(refused, DialError::Refused { tried: format!("127.0.0.1:{port}") });
    // RFC 6761: never resolves. Without a name service the system may not be able to say so.
    let unknown = fails(&tcp("nobody.invalid", 1)).await;
    assert!(matches!(unknown, DialError::NoSuchName | DialError::NameService(_)), "{unknown:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_socket_is_reached_by_its_path_and_its_absence_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let place = Place::Socket(path.clone());
    assert!(matches!(fails(&place).await, DialError::Impossible(_)));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let (_, reached) = dial(&place, CONNECT_TIMEOUT).await.unwrap();
    assert!(reached.is_local());
    drop(listener);
    assert!(matches!(fails(&place).await, DialError::Refused { .. }));
}

#[test]
fn only_loopback_is_local_however_it_is_written() {
    for (address, local) in [
        ("127.0.0.1:1", true),
        ("127.9.9.9:1", true),
        ("[::1]:1", true),
        ("[::ffff:127.0.0.1]:1", true),
        ("10.0.0.1:1", false),
        ("0.0.0.0:1", false),
        ("[::ffff:10.0.0.1]:1", false),
    ] {
        let reached = Reached::Address(address.parse().unwrap());
        assert_eq!(reached.is_local(), local, "{address}");
    }
}
