//! Answers that flow: whole ones arrive whole, broken ones are seen to be broken.

use imprint_http::Settings;

use crate::support::start;

#[tokio::test]
async fn a_whole_stream_arrives_whole() {
    let server = start(&Settings::default()).await;
    for kind in ["whole", "chunked"] {
        let answer = reqwest::get(format!("http://{}/stream/{kind}", server.address)).await.expect("answered");
        assert_eq!(answer.content_length(), (kind == "whole").then_some(200_000));
        assert_eq!(answer.bytes().await.expect("whole").len(), 200_000);
    }
}

#[tokio::test]
async fn a_broken_stream_is_no_clean_end() {
    let server = start(&Settings::default()).await;
    for kind in ["fails", "fails-chunked", "short", "long", "panics"] {
        let answer = reqwest::get(format!("http://{}/stream/{kind}", server.address)).await;
        // the failure may come before the head has left
        let Ok(answer) = answer else { continue };
        assert!(answer.bytes().await.is_err(), "{kind}");
    }
    assert!(server.get("/hello").await.ends_with("hello"));
}
