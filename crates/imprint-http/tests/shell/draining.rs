//! Going down, and clients that leave.

use imprint_http::{Drained, Settings};
use tokio::net::TcpStream;

use crate::support::{Event, start};

#[tokio::test]
async fn a_request_in_flight_is_answered_and_new_connections_are_refused() {
    let mut server = start(&Settings::default()).await;
    let (mut idle, mut working) = (server.connect().await, server.connect().await);
    working.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(server.event().await, Event::Began);
    server.stop();
    assert_eq!(idle.read_to_end().await, "", "closed at once");
    assert!(TcpStream::connect(server.address).await.is_err());
    server.sample.release.notify_one();
    assert!(working.read_to_end().await.ends_with("waited"));
    assert_eq!(server.drained().await, Drained::Whole);
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let mut server = start(&Settings { drain_secs: 1, ..Settings::default() }).await;
    let mut working = server.connect().await;
    working.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(server.event().await, Event::Began);
    server.stop();
    assert_eq!(server.drained().await, Drained::BrokenOff(1));
    assert_eq!(working.read_to_end().await, "");
}

#[tokio::test]
async fn an_operation_ends_though_its_client_left_and_the_drain_waits_for_it() {
    let mut server = start(&Settings::default()).await;
    let mut leaving = server.connect().await;
    leaving.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(server.event().await, Event::Began);
    drop(leaving);
    server.stop();
    server.sample.release.notify_one();
    assert_eq!(server.event().await, Event::Finished);
    assert_eq!(server.drained().await, Drained::Whole);
}
