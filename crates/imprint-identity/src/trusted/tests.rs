//! Against a small server of our own that plays the outside Keystone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use imprint_model::{ManualClock, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const NOW: Timestamp = Timestamp(1_795_310_916_000_000);
const GOOD: &str = r#"{"token": {"expires_at": "2026-11-22T02:28:36.000000Z", "user": {"id": "u1"},
    "project": {"id": "p1"}, "roles": [{"id": "r", "name": "member"}]}}"#;

/// Answers each request by what `answer` makes of its text: status line and body. Gives its address and a counter.
async fn serve(answer: fn(&str) -> (String, String)) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/v3/", listener.local_addr().expect("bound"));
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = vec![0; 8192];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let (head, body) = answer(&String::from_utf8_lossy(&request[..length]));
            let text = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
            // a client that has heard enough hangs up
            drop(stream.write_all(text.as_bytes()).await);
        }
    });
    (url, count)
}

fn trusted(url: &str, user: Option<&str>) -> (Trusted, ManualClock) {
    let clock = ManualClock::new(NOW);
    let settings = TrustedSettings {
        url: Some(url.to_owned()),
        user: user.map(str::to_owned),
        password: user.map(|_| "secret".to_owned()),
        ..TrustedSettings::default()
    };
    let trusted = Trusted::new(&settings, Arc::new(clock.clone())).expect("good settings").expect("an address is set");
    (trusted, clock)
}

#[tokio::test]
async fn a_good_answer_is_remembered_for_a_while() {
    let (url, count) = serve(|request| {
        assert!(request.starts_with("GET /v3/auth/tokens?nocatalog"), "{request}");
        assert!(request.contains("x-subject-token: abc") && request.contains("x-auth-token: abc"), "{request}");
        ("200 OK".to_owned(), GOOD.to_owned())
    })
    .await;
    let (trusted, clock) = trusted(&url, None);
    for _ in 0..3 {
        let caller = trusted.authenticate("abc", "req-1").await.expect("good");
        assert_eq!((caller.user.as_str(), caller.project), ("u1", Some(ProjectId::from("p1"))));
        assert_eq!((caller.roles, caller.request_id.as_str()), (vec!["member".to_owned()], "req-1"));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    clock.advance(Duration::from_secs(60));
    assert!(trusted.authenticate("abc", "req-1").await.is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 2);
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(
        trusted.authenticate("abc", "req-1").await,
        Err(Unauthenticated::Rejected),
        "it says itself that it ended"
    );
}

#[tokio::test]
async fn a_refusal_is_remembered_too() {
    let (url, count) = serve(|_| ("404 Not Found".to_owned(), "{}".to_owned())).await;
    let (trusted, clock) = trusted(&url, None);
    for _ in 0..3 {
        assert_eq!(trusted.authenticate("abc", "req-1").await, Err(Unauthenticated::Rejected));
    }
    assert_eq!(count.load(Ordering::SeqCst), 1);
    clock.advance(REFUSAL_TTL);
    assert!(trusted.authenticate("abc", "req-1").await.is_err());
    assert_eq!(count.load(Ordering::SeqCst), 2);
    for nonsense in ["", "a b", "a\r\nb", &"x".repeat(TOKEN_LEN_MAX + 1)] {
        assert_eq!(trusted.authenticate(nonsense, "req-1").await, Err(Unauthenticated::Rejected));
    }
    assert_eq!(count.load(Ordering::SeqCst), 2, "nonsense is not passed on");
}

#[tokio::test]
async fn trouble_there_is_not_the_token_s_fault_and_is_not_remembered() {
    for answer in [
        |_: &str| ("500 Oops".to_owned(), String::new()),
        |_: &str| ("200 OK".to_owned(), "not json".to_owned()),
        |_: &str| ("200 OK".to_owned(), "x".repeat(ANSWER_MAX + 1)),
        |_: &str| ("302 Found\r\nlocation: http://127.0.0.1:1/".to_owned(), String::new()),
    ] {
        let (url, count) = serve(answer).await;
        let (trusted, _) = trusted(&url, None);
        for _ in 0..2 {
            let outcome = trusted.authenticate("abc", "req-1").await;
            assert!(matches!(outcome, Err(Unauthenticated::Unavailable(_))), "{outcome:?}");
        }
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }
    let (trusted, _) = trusted("http://127.0.0.1:1", None);
    assert!(matches!(trusted.authenticate("abc", "req-1").await, Err(Unauthenticated::Unavailable(_))));
}

#[tokio::test]
async fn a_service_user_asks_with_its_own_token_and_renews_it() {
    let (url, count) = serve(|request| {
        if request.starts_with("POST /v3/auth/tokens") {
            return ("201 Created\r\nx-subject-token: own".to_owned(), "{}".to_owned());
        }
        assert!(request.contains("x-auth-token: own"), "{request}");
        ("200 OK".to_owned(), GOOD.to_owned())
    })
    .await;
    let (trusted, _) = trusted(&url, Some("imprint"));
    *trusted.own_token.lock() = None;
    assert!(trusted.authenticate("abc", "req-1").await.is_ok());
    assert!(trusted.authenticate("def", "req-1").await.is_ok());
    assert_eq!(count.load(Ordering::SeqCst), 3, "one log-in, two questions");
}

#[tokio::test]
async fn our_own_expired_token_does_not_condemn_the_client_s() {
    let (url, _) = serve(|request| {
        if request.starts_with("POST") {
            return ("201 Created\r\nx-subject-token: new".to_owned(), "{}".to_owned());
        }
        let fresh = request.contains("x-auth-token: new");
        (if fresh { "200 OK" } else { "401 Unauthorized" }.to_owned(), GOOD.to_owned())
    })
    .await;
    let (trusted, _) = trusted(&url, Some("imprint"));
    *trusted.own_token.lock() = Some("old".to_owned());
    assert!(trusted.authenticate("abc", "req-1").await.is_ok());
}

#[test]
fn the_password_is_not_in_the_debug_text_and_a_bad_address_is_refused() {
    let settings = TrustedSettings {
        url: Some("ftp://x".to_owned()),
        password: Some("hidden".to_owned()),
        ..TrustedSettings::default()
    };
    assert!(!format!("{settings:?}").contains("hidden"));
    assert!(Trusted::new(&settings, Arc::new(ManualClock::new(NOW))).is_err());
}
