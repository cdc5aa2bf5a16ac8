//! The vectors made with the real signers, and what must not pass.

use hmac::{Hmac, KeyInit, Mac};
use imprint_http::{Body, Request};
use sha1::Sha1;
use sha2::Sha256;

use super::*;
use crate::gather::{Gathered, Head};

const SECRET: &str = "testSecretKey0123456789abcdef";

async fn gathered(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Gathered {
    let head = http::Request::builder().method(method).uri(target);
    let head = headers.iter().fold(head, |head, (name, value)| head.header(*name, *value));
    let (head, ()) = head.body(()).expect("valid").into_parts();
    let body = Body::from(body.to_owned());
    let request = Request::new(head, body, ([192, 0, 2, 1], 1).into(), "req-1".to_owned());
    let mut request = request.expect("valid");
    let head = Head::of(&mut request);
    Gathered::read(head, request).await.map_err(|(_, fault)| fault).expect("readable")
}

fn sha1(text: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(format!("{SECRET}&").as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    data_encoding::BASE64.encode(&mac.finalize().into_bytes())
}

fn sha256(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(text.as_bytes());
    data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes())
}

#[tokio::test]
async fn the_first_way_over_get_matches_the_vector() {
    let target = "/?Version=2014-05-26&Action=DescribeImages&RegionId=local-1&ImageName=%E5%90%8D+a%2Bb~*\
                  &Status=Available,Creating&Timestamp=2026-01-02T03:04:05Z&SignatureMethod=HMAC-SHA1&SignatureType=\
                  &SignatureVersion=1.0&SignatureNonce=nonce-v1-1&AccessKeyId=LTAI5tTestAccessKey01&Format=JSON\
                  &Signature=whatever";
    let text = v1::string_to_sign(&gathered("GET", target, &[], "").await);
    let expected = "GET&%2F&AccessKeyId%3DLTAI5tTestAccessKey01%26Action%3DDescribeImages%26Format%3DJSON\
                    %26ImageName%3D%25E5%2590%258D%2520a%252Bb~%252A%26RegionId%3Dlocal-1\
                    %26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dnonce-v1-1%26SignatureType%3D\
                    %26SignatureVersion%3D1.0%26Status%3DAvailable%252CCreating\
                    %26Timestamp%3D2026-01-02T03%253A04%253A05Z%26Version%3D2014-05-26";
    assert_eq!(text, expected);
    assert_eq!(sha1(&text), "C8a6cQBc0TrBAR8vxAmyXl0AAvw=");
}

#[tokio::test]
async fn the_first_way_over_post_matches_the_vectors() {
    let common = "Action=CreateImage&Version=2014-05-26&RegionId=local-1&Timestamp=2026-01-02T03%3A04%3A05Z\
                  &SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=nonce-v1-2\
                  &AccessKeyId=LTAI5tTestAccessKey01&Format=JSON";
    let body = "ImageName=test+image&Tag.1.Key=k1&Tag.1.Value=";
    let text = v1::string_to_sign(&gathered("POST", &format!("/?{common}&SignatureType="), &[], body).await);
    let expected = "POST&%2F&AccessKeyId%3DLTAI5tTestAccessKey01%26Action%3DCreateImage%26Format%3DJSON\
                    %26ImageName%3Dtest%2520image%26RegionId%3Dlocal-1%26SignatureMethod%3DHMAC-SHA1\
                    %26SignatureNonce%3Dnonce-v1-2%26SignatureType%3D%26SignatureVersion%3D1.0%26Tag.1.Key%3Dk1\
                    %26Tag.1.Value%3D%26Timestamp%3D2026-01-02T03%253A04%253A05Z%26Version%3D2014-05-26";
    assert_eq!(text, expected);
    assert_eq!(sha1(&text), "pYg3Nc29uVssdj+6S2m8jkd9ucg=");
    let target = format!("/?{common}&SecurityToken=STS.TestToken");
    let text = v1::string_to_sign(&gathered("POST", &target, &[], body).await);
    assert_eq!(sha1(&text), "flZJ1mCwoazJAUk70hvNBdwj+2Y=");
}

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn headers<'a>(action: &'a str, nonce: &'a str, digest: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("host", "127.0.0.1:9292"),
        ("accept", "application/json"),
        ("x-acs-action", action),
        ("x-acs-version", "2014-05-26"),
        ("x-acs-date", "2026-01-02T03:04:05Z"),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-content-sha256", digest),
    ]
}

fn authorization<'a>(signed: &'a str) -> v3::Authorization<'a> {
    v3::Authorization { algorithm: v3::ALGORITHM, credential: "", signed: signed.split(';').collect(), signature: "" }
}

#[tokio::test]
async fn the_third_way_matches_the_vector_of_a_query() {
    let headers = headers("CreateImage", "0123456789abcdef0123456789abcdef", EMPTY);
    let target = "/?Tag.1.Value=&Tag.1.Key=k1&RegionId=local-1&ImageName=%E5%90%8D+a%2Bb~*&DryRun=False";
    let request = gathered("POST", target, &headers, "").await;
    let signed = "accept;host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version";
    let text = authorization(signed).string_to_sign(&request).expect("all there");
    let digest = "c586f78c25178fe99dec486b7650c3f32c95a47a1d5a8984e55c582f6a1c7d73";
    assert_eq!(text, format!("ACS3-HMAC-SHA256\n{digest}"));
    assert_eq!(sha256(&text), "96fb1f9b067ae96337229b927cb90c0ccda9d06a21a8d82426b0443e2a452fb6");
}

#[tokio::test]
async fn the_third_way_matches_the_vector_of_a_form() {
    let digest = "83d06a6767674925f37d7326d52e95923162ff4343d58c3977318aa779a48d42";
    let mut headers = headers("DescribeImages", "nonce-0002", digest);
    headers.push(("content-type", "application/x-www-form-urlencoded"));
    headers.push(("x-acs-accesskey-id", "LTAI5tTestAccessKey01"));
    headers.push(("x-acs-security-token", "STS.TestToken"));
    let request = gathered("POST", "/", &headers, "ImageId=m-1&RegionId=local-1").await;
    let signed = "accept;content-type;host;x-acs-accesskey-id;x-acs-action;x-acs-content-sha256;x-acs-date;\
                  x-acs-security-token;x-acs-signature-nonce;x-acs-version";
    let text = authorization(signed).string_to_sign(&request).expect("all there");
    let digest = "3e50923b4ec367299b334532e5ea35898e43017f86121beeb712280e28a2b4c0";
    assert_eq!(text, format!("ACS3-HMAC-SHA256\n{digest}"));
    assert_eq!(sha256(&text), "5ae5abea5dfba28e9b588c4af25d5b50c0722840fb7b9cd8562dae9e26dbc3a4");
}

#[test]
fn authorizations_are_read_strictly() {
    let whole = "ACS3-HMAC-SHA256 Credential=k, SignedHeaders=a;b,Signature=00";
    let read = v3::Authorization::parse(whole).expect("valid");
    assert_eq!((read.credential, read.signed, read.signature), ("k", vec!["a", "b"], "00"));
    for bad in [
        "ACS3-HMAC-SHA256",
        "ACS3-HMAC-SHA256 ",
        "ACS3-HMAC-SHA256 Credential=k,Signature=0",
        "ACS3-HMAC-SHA256 Credential=k,SignedHeaders=a,Signature=0,Signature=1",
        "ACS3-HMAC-SHA256 Credential=k,SignedHeaders=a,Signature=0,Other=1",
        &format!("ACS3-HMAC-SHA256 Credential=k,SignedHeaders={},Signature=0", "a;".repeat(100)),
    ] {
        assert_eq!(v3::Authorization::parse(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn a_signed_header_must_be_there_once() {
    let request = gathered("POST", "/", &[("host", "h"), ("x-a", "1"), ("x-a", "2")], "").await;
    assert!(authorization("host;x-a").string_to_sign(&request).is_none());
    assert!(authorization("host;x-b").string_to_sign(&request).is_none());
    assert!(authorization("host").string_to_sign(&request).is_some());
    assert!(!authorization("host").is_whole());
}
