//! Where requests go, and what is counted of them.

use imprint_http::Settings;

use crate::support::start;

#[tokio::test]
async fn paths_methods_and_prefixes_decide() {
    let server = start(&Settings::default()).await;
    let answer = server.get("/things/a%2Fb?x=1&y=%C3%A9").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("a/b [(\"x\", \"1\"), (\"y\", \"é\")]"), "{answer}");

    assert!(server.get("/absent").await.starts_with("HTTP/1.1 404 "));
    let answer = server.exchange("DELETE /things/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(answer.contains("\r\nallow: GET, PUT\r\n"), "{answer}");

    assert!(server.get("/healthz").await.ends_with("\r\n\r\nok\n"));
    let answer = server.get("/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.ends_with("not ready: no data base\n"), "{answer}");
    let answer = server.exchange("HEAD /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("\r\ncontent-length: 5\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    // claimed by another dialect, which does not know it
    assert!(server.get("/nowhere/x").await.ends_with("no such path\n"));
}

#[tokio::test]
async fn malformed_targets_are_refused() {
    let server = start(&Settings::default()).await;
    for bad in ["/things/%zz", "/things/%ff", "/things/a%00b", "/things/%", "/hello?a=%ff"] {
        let answer = server.get(bad).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{bad}: {answer}");
    }
    assert!(server.get("/hello").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_connection_goes_on() {
    let server = start(&Settings::default()).await;
    let mut client = server.connect().await;
    for path in ["/panic", "/panic-late"] {
        client.send(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
        let answer = client.read_until("an unexpected error happened").await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
    }
    client.send("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n").await;
    client.read_until("\r\n\r\nhello").await;
    assert!(server.metrics.encode().contains("imprint_http_panics_total 2\n"));
}

#[tokio::test]
async fn requests_are_counted_by_dialect_operation_and_status() {
    let server = start(&Settings::default()).await;
    server.get("/hello").await;
    server.get("/hello").await;
    server.get("/absent").await;
    server.exchange("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\n12345").await;
    let metrics = server.get("/metrics").await;
    for line in [
        "imprint_http_requests_total{dialect=\"sample\",op=\"hello\",status=\"200\"} 2\n",
        "imprint_http_requests_total{dialect=\"sample\",op=\"none\",status=\"404\"} 1\n",
        "imprint_http_request_duration_seconds_count{dialect=\"sample\",op=\"hello\"} 2\n",
        "imprint_http_received_bytes_total{dialect=\"sample\"} 5\n",
        // twice "hello", "no such path" and the echo
        "imprint_http_sent_bytes_total{dialect=\"sample\"} 27\n",
        "imprint_http_requests_in_flight 1\n",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
