//! Content that is too long, too short, too slow, or not wanted.

use imprint_http::Settings;
use tokio::io::AsyncWriteExt;

use crate::support::{Event, start};

#[tokio::test]
async fn content_over_the_limit_is_refused_whether_declared_or_not() {
    let server = start(&Settings::default()).await;
    let long = "x".repeat(1_001);
    let declared = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1001\r\nconnection: close\r\n\r\n{long}");
    let chunked = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n\
         1f4\r\n{}\r\n1f5\r\n{}\r\n0\r\n\r\n",
        &long[..500],
        &long[500..]
    );
    for request in [declared, chunked] {
        let answer = server.exchange(&request).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.ends_with("too large"), "{answer}");
    }
    let just = &long[..1_000];
    let request = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{just}");
    assert!(server.exchange(&request).await.ends_with(just));
}

#[tokio::test]
async fn content_that_ends_early_is_incomplete() {
    let mut server = start(&Settings::default()).await;
    for head in ["content-length: 10\r\n\r\n12345", "transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"] {
        let mut client = server.connect().await;
        client.send(&format!("PUT /upload HTTP/1.1\r\nhost: x\r\n{head}")).await;
        assert_eq!(server.event().await, Event::Began);
        client.0.shutdown().await.expect("half closed");
        assert_eq!(server.event().await, Event::Body(Err("incomplete".to_owned())), "{head}");
    }
}

#[tokio::test]
async fn content_that_stalls_times_out_and_is_answered() {
    let mut server = start(&Settings { body_idle_secs: 1, ..Settings::default() }).await;
    let mut client = server.connect().await;
    client.send("PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345").await;
    assert_eq!(server.event().await, Event::Began);
    assert_eq!(server.event().await, Event::Body(Err("timed out".to_owned())));
    assert!(client.read_until("timed out").await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn malformed_chunks_are_broken_content() {
    let mut server = start(&Settings::default()).await;
    let mut client = server.connect().await;
    client.send("PUT /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(server.event().await, Event::Began);
    assert_eq!(server.event().await, Event::Body(Err("broken".to_owned())));
}

#[tokio::test]
async fn of_two_stated_lengths_the_chunks_decide_and_the_connection_ends() {
    let server = start(&Settings::default()).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n";
    let smuggled = "GET /hello HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = server.exchange(&format!("{head}5\r\n12345\r\n0\r\n\r\n{smuggled}")).await;
    assert!(answer.ends_with("\r\n\r\n12345"), "{answer}");
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n";
    let answer = server.exchange(&format!("{head}1234")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_is_refused_in_the_middle_of_sending_sees_the_answer() {
    let server = start(&Settings::default()).await;
    let mut client = server.connect().await;
    client.send("PUT /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n").await;
    // all of it is taken, though nobody wants it: a reset would destroy the answer
    client.0.write_all(&vec![0; 20_000_000]).await.expect("the server goes on reading");
    let answer = client.read_to_end().await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("no"), "{answer}");
}

#[tokio::test]
async fn large_content_arrives_whole() {
    let mut server = start(&Settings::default()).await;
    let mut client = server.connect().await;
    client.send("PUT /upload HTTP/1.1\r\nhost: x\r\ncontent-length: 30000000\r\nconnection: close\r\n\r\n").await;
    client.0.write_all(&vec![1; 30_000_000]).await.expect("the server reads");
    assert_eq!(server.event().await, Event::Began);
    assert_eq!(server.event().await, Event::Body(Ok(30_000_000)));
    assert!(client.read_to_end().await.ends_with("\r\n\r\n30000000"));
}
