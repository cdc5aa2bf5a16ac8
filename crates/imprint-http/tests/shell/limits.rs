//! Heads that are too long or too slow, and connections that do nothing.

use imprint_http::Settings;

use crate::support::{Event, start};

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let server = start(&Settings { header_read_secs: 1, ..Settings::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /hello HTTP/1.1\r\nhost: ").await;
    assert_eq!(client.read_to_end().await, "");
    assert!(server.get("/hello").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_not_a_working_one() {
    let server = start(&Settings { keep_alive_idle_secs: 1, ..Settings::default() }).await;
    let (mut idle, mut working) = (server.connect().await, server.connect().await);
    working.send("GET /wait HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(idle.read_to_end().await, "");
    server.sample.release.notify_one();
    working.read_until("waited").await;
    assert_eq!(working.read_to_end().await, "");
}

#[tokio::test]
async fn heads_over_the_limits_are_refused() {
    let server = start(&Settings::default()).await;
    let many = "a: b\r\n".repeat(200);
    let answer = server.exchange(&format!("GET /hello HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let long = "b".repeat(70_000);
    let answer = server.exchange(&format!("GET /hello HTTP/1.1\r\nhost: x\r\na: {long}\r\n\r\n")).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer = server.get(&format!("/hello?{}", "q".repeat(9_000))).await;
    assert!(answer.starts_with("HTTP/1.1 414 "), "{answer}");
    let fits = "b".repeat(60_000);
    let request = format!("GET /hello HTTP/1.1\r\nhost: x\r\na: {fits}\r\nconnection: close\r\n\r\n");
    assert!(server.exchange(&request).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn what_is_not_http_is_refused() {
    let server = start(&Settings::default()).await;
    for junk in ["\u{16}\u{3}\u{1}junk\r\n\r\n", "GET\r\n\r\n", "GET /hello HTTP/9.9\r\n\r\n"] {
        let answer = server.exchange(junk).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{junk:?}: {answer}");
    }
    assert!(server.get("/hello").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn connections_beyond_the_number_wait_for_their_turn() {
    let server = start(&Settings { connections_max: 1, ..Settings::default() }).await;
    let mut first = server.connect().await;
    first.send("GET /wait HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let mut second = server.connect().await;
    second.send("GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    server.sample.release.notify_one();
    assert!(first.read_to_end().await.ends_with("waited"));
    assert!(second.read_to_end().await.ends_with("hello"));
}

#[tokio::test]
async fn a_target_that_is_no_path_is_unknown() {
    let server = start(&Settings::default()).await;
    for line in ["OPTIONS *", "CONNECT example.org:80", "GET http://example.org"] {
        let answer = server.exchange(&format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{line}: {answer}");
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let mut server = start(&Settings { write_idle_secs: 1, ..Settings::default() }).await;
    let mut client = server.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(server.event().await, Event::Finished);
    // and one that leaves is noticed at once
    client.read_to_end().await;
    let mut client = server.connect().await;
    client.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.read_until("\r\n\r\n").await;
    drop(client);
    assert_eq!(server.event().await, Event::Finished);
}
