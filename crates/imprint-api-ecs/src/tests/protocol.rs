//! What holds before any operation runs: the order of checks, time, nonces, tampering, formats and rates. The operation
//! that is asked is one that needs nothing.

use std::time::Duration;

use http::StatusCode;
use serde_json::Value;

use super::client::HOST;
use super::{Client, Style, World};
use crate::Rates;

const PLAIN: &str = "ListUsers";
const STYLES: [Style; 5] = [Style::V1Get, Style::V1Query, Style::V1Form, Style::V3Query, Style::V3Form];

#[tokio::test]
async fn every_style_of_the_real_clients_is_understood() {
    let world = World::new().await;
    for style in STYLES {
        let client = world.owner.styled(style);
        let name = format!("{style:?}").to_lowercase();
        client.ask("CreateUser", &[("UserName", &name), ("DisplayName", "名 a+b~*&=%"), ("Comments", "")]).await.ok();
        let user = client.ask("GetUser", &[("UserName", &name)]).await.ok();
        assert_eq!(user["User"]["DisplayName"], "名 a+b~*&=%", "{style:?}");
    }
}

/// A request whose target, headers or body are changed after it was signed.
async fn altered(client: &Client, alter: impl FnOnce(&mut http::Request<String>)) -> String {
    let mut request = client.request(PLAIN, &[("MaxItems", "5")]);
    alter(&mut request);
    client.send(PLAIN, request).await.code()
}

fn replace_target(request: &mut http::Request<String>, from: &str, to: &str) {
    let target = request.uri().to_string();
    assert!(target.contains(from), "{target} has no {from}");
    *request.uri_mut() = target.replace(from, to).parse().expect("valid");
}

#[tokio::test]
async fn whatever_is_changed_after_signing_is_refused() {
    let world = World::new().await;
    let v1 = world.owner.styled(Style::V1Get);
    let to = |from: &'static str, to: &'static str| {
        move |request: &mut http::Request<String>| {
            replace_target(request, from, to);
        }
    };
    assert_eq!(altered(&v1, to("MaxItems=5", "MaxItems=6")).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v1, to("MaxItems=5", "MaxItems=5&More=1")).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v1, to("Action=ListUsers", "Action=DeleteUser")).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v1, to("Format=json", "Format=JSON")).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v1, |request| *request.body_mut() = "More=1".to_owned()).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v1, |request| *request.method_mut() = http::Method::POST).await, "SignatureDoesNotMatch");
    let v3 = world.owner.styled(Style::V3Query);
    assert_eq!(altered(&v3, to("MaxItems=5", "MaxItems=6")).await, "SignatureDoesNotMatch");
    assert_eq!(altered(&v3, |request| *request.body_mut() = "More=1".to_owned()).await, "SignatureDoesNotMatch");
    for header in ["x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "host", "accept"] {
        let code = altered(&v3, |request| {
            let value = if header == "x-acs-date" { "2026-11-22T01:28:35Z" } else { "other" };
            request.headers_mut().insert(header, value.parse().expect("valid"));
        });
        assert_eq!(code.await, "SignatureDoesNotMatch", "{header}");
    }
    let half = |request: &mut http::Request<String>| {
        let whole = request.headers()["authorization"].to_str().expect("text").replace("x-acs-date;", "");
        request.headers_mut().insert("authorization", whole.parse().expect("valid"));
    };
    assert_eq!(altered(&v3, half).await, "IncompleteSignature");
    let form = world.owner.styled(Style::V3Form);
    let code = altered(&form, |request| *request.body_mut() = "MaxItems=6".to_owned());
    assert_eq!(code.await, "SignatureDoesNotMatch");
}

#[tokio::test]
async fn the_server_s_text_to_sign_stands_behind_the_colon() {
    let world = World::new().await;
    let wrong = Client { secret: "wrong".to_owned(), style: Style::V1Get, ..world.owner.clone() };
    let message = wrong.ask(PLAIN, &[]).await.refused("SignatureDoesNotMatch");
    let start = "Specified signature is not matched with our calculation. server string to sign is:GET&%2F&AccessKeyId";
    assert!(message.starts_with(start), "{message}");
    let wrong = wrong.styled(Style::V3Query);
    let message = wrong.ask(PLAIN, &[]).await.refused("SignatureDoesNotMatch");
    assert!(message.contains("is:ACS3-HMAC-SHA256\n"), "{message}");
}

#[tokio::test]
async fn requests_count_for_a_quarter_of_an_hour_and_once() {
    let world = World::new().await;
    for style in STYLES {
        let client = world.owner.styled(style);
        let request = client.request(PLAIN, &[]);
        client.send(PLAIN, request.clone()).await.ok();
        client.send(PLAIN, request).await.refused("SignatureNonceUsed");
        let request = client.request(PLAIN, &[]);
        world.engine.pass(Duration::from_secs(15 * 60));
        client.send(PLAIN, request).await.ok();
        let request = client.request(PLAIN, &[]);
        world.engine.pass(Duration::from_secs(15 * 60 + 1));
        client.send(PLAIN, request).await.refused("InvalidTimeStamp.Expired");
    }
}

#[tokio::test]
async fn a_request_from_the_future_is_refused_and_a_nonce_is_its_key_s_own() {
    let world = World::new().await;
    let ahead = imprint_model::ManualClock::new(imprint_service::testing::START);
    ahead.advance(Duration::from_secs(15 * 60 + 1));
    let early = Client { clock: ahead, ..world.owner.clone() };
    early.ask(PLAIN, &[]).await.refused("InvalidTimeStamp.Expired");
    let forged = Client { secret: "wrong".to_owned(), ..world.owner.clone() };
    let request = world.owner.request(PLAIN, &[]);
    let mut stolen = forged.request(PLAIN, &[]);
    // a bad signature uses up nobody's nonce
    let nonce = request.headers()["x-acs-signature-nonce"].clone();
    stolen.headers_mut().insert("x-acs-signature-nonce", nonce);
    forged.send(PLAIN, stolen).await.refused("SignatureDoesNotMatch");
    world.owner.send(PLAIN, request).await.ok();
}

async fn without(client: &Client, name: &str) -> (String, String) {
    let request = client.request(PLAIN, &[]);
    let (mut head, body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default().to_owned();
    let left: Vec<_> = query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
    head.uri = format!("/?{}", left.join("&")).parse().expect("valid");
    head.headers.remove(name);
    let answer = client.send(PLAIN, http::Request::from_parts(head, body)).await;
    (answer.code(), answer.body()["Message"].as_str().expect("a message").to_owned())
}

#[tokio::test]
async fn what_must_be_there_is_asked_for_first() {
    let world = World::new().await;
    let forged = Client { key: "NOSUCHKEY".to_owned(), ..world.owner.clone() };
    let v1 = forged.styled(Style::V1Get);
    assert_eq!(without(&v1, "AccessKeyId").await.0, "MissingAccessKeyId");
    for name in ["Signature", "SignatureMethod", "SignatureVersion", "SignatureNonce", "Timestamp", "Version", "Action"]
    {
        let (code, message) = without(&v1, name).await;
        assert_eq!(code, "MissingParameter", "{name}");
        assert!(message.starts_with(&format!("The input parameter \"{name}\" that is mandatory")), "{message}");
    }
    let v3 = forged.styled(Style::V3Query);
    for name in ["x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"] {
        assert_eq!(without(&v3, name).await.0, "MissingParameter", "{name}");
    }
    assert_eq!(without(&v3, "host").await.0, "InvalidAccessKeyId.NotFound");
}

#[tokio::test]
async fn checks_come_in_the_stated_order() {
    let world = World::new().await;
    let forged = Client { key: "NOSUCHKEY".to_owned(), style: Style::V1Get, ..world.owner.clone() };
    let code = |alter: (&'static str, &'static str)| {
        let forged = forged.clone();
        async move { altered(&forged, |request| replace_target(request, alter.0, alter.1)).await }
    };
    assert_eq!(code(("Timestamp=", "Timestamp=x")).await, "InvalidTimeStamp.Format");
    assert_eq!(code(("Timestamp=2026", "Timestamp=2025")).await, "InvalidTimeStamp.Expired");
    assert_eq!(code(("HMAC-SHA1", "HMAC-SHA512")).await, "InvalidParamater");
    assert_eq!(code(("SignatureVersion=1.0", "SignatureVersion=2.0")).await, "InvalidParamater");
    assert_eq!(code(("SignatureType=", "SignatureType=BEARERTOKEN")).await, "UnsupportedSignatureType");
    assert_eq!(code(("Version=2015-05-01", "Version=2000-01-01")).await, "InvalidAccessKeyId.NotFound");
    let owner = &world.owner;
    owner.ask("NoSuchOperation", &[]).await.refused("InvalidAction.NotFound");
    owner.ask("listusers", &[]).await.refused("InvalidAction.NotFound");
    let mut request = owner.request("NoSuchOperation", &[]);
    request
        .headers_mut()
        .insert("authorization", "ACS3-RSA-SHA256 Credential=a,SignedHeaders=b,Signature=c".parse().expect("valid"));
    owner.send("NoSuchOperation", request).await.refused("InvalidSignatureMethod");
}

#[tokio::test]
async fn a_disabled_key_is_told_apart_from_a_wrong_signature() {
    let world = World::new().await;
    world.identity.set_access_key_enabled(&world.owner.key, false).await.expect("switched off");
    world.owner.ask(PLAIN, &[]).await.refused("Forbidden.AccessKeyDisabled");
    world.identity.set_access_key_enabled(&world.owner.key, true).await.expect("switched on");
    world.owner.ask(PLAIN, &[]).await.ok();
}

#[tokio::test]
async fn both_methods_are_answered_and_no_others() {
    let world = World::new().await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request = http::Request::builder().method(method).uri("/?Action=ListUsers&Format=JSON");
        let answer = world.owner.send(PLAIN, request.body(String::new()).expect("valid")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.refused("UnsupportedHTTPMethod");
    }
}

#[tokio::test]
async fn answers_carry_the_request_s_id_and_the_host_in_either_format() {
    let world = World::new().await;
    let answer = world.owner.ask("GetUser", &[("UserName", "nobody")]).await;
    let body: Value = answer.body();
    assert_eq!(body["HostId"], HOST);
    let id = body["RequestId"].as_str().expect("an id");
    assert_eq!(answer.headers["x-acs-request-id"], id);
    assert!(id.len() == 36 && id.chars().all(|c| c.is_ascii_digit() || c == '-' || ('A'..='F').contains(&c)), "{id}");
    assert_eq!(answer.headers["content-type"], "application/json;charset=utf-8");
    let v1 = world.owner.styled(Style::V1Get);
    let answer = v1.ask("GetUser", &[("UserName", "nobody"), ("Format", "XML")]).await;
    assert_eq!(answer.headers["content-type"], "text/xml;charset=utf-8");
    assert!(answer.text.contains("<Code>EntityNotExist.User</Code>"), "{}", answer.text);
    let answer = v1.ask(PLAIN, &[("Format", "xml")]).await;
    assert!(
        answer.text.contains("<ListUsersResponse><IsTruncated>false</IsTruncated><Users></Users>"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn xml_stays_well_formed_whatever_another_dialect_called_an_image() {
    let world = World::new().await;
    let nasty = "</ImageName><x>&amp;\u{1}\u{b}\r]]>\u{fffe}\u{202e}'\"";
    world.image(|image| image.name = Some(nasty.to_owned())).await;
    let v1 = world.owner.styled(Style::V1Form);
    let answer = v1.ask("DescribeImages", &[("Format", "XML")]).await;
    let name = "<ImageName>&lt;/ImageName&gt;&lt;x&gt;&amp;amp;\u{fffd}\u{fffd}&#13;]]&gt;\u{fffd}\u{202e}&apos;&quot;</ImageName>";
    assert!(answer.status == StatusCode::OK && answer.text.contains(name), "{}", answer.text);
    assert!(answer.text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeImagesResponse>"));
    assert!(answer.text.ends_with("</DescribeImagesResponse>"));
    let answer = world.owner.ask("DescribeImages", &[]).await.ok();
    assert_eq!(answer["Images"]["Image"][0]["ImageName"], nasty);
}

#[tokio::test]
async fn one_value_for_one_name_and_not_too_many_names() {
    let world = World::new().await;
    let twice = [("UserName", "a"), ("UserName", "b")];
    for style in [Style::V3Query, Style::V3Form, Style::V1Form] {
        let message = world.owner.styled(style).ask("CreateUser", &twice).await.refused("InvalidParameter");
        assert!(message.contains("UserName"), "{message}");
    }
    let many: Vec<_> = (0..10_000).map(|number| (format!("Tag.{number}.Key"), "x".to_owned())).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    world.owner.styled(Style::V3Form).ask("CreateUser", &many).await.refused("InvalidParameter");
    // too many for the shell, which cannot know the format
    let answer = world.owner.ask("CreateUser", &many[..1_001]).await;
    assert!(answer.status == StatusCode::BAD_REQUEST && answer.text.contains("<Code>InvalidParameter</Code>"));
    let users = world.owner.ask("ListUsers", &[]).await.ok();
    assert_eq!(users["Users"]["User"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn accounts_that_ask_too_fast_wait_and_others_do_not() {
    let rates = Rates { api_per_second: 1, api_burst: 2, user_per_second: 2, user_burst: 4 };
    let world = World::with(rates).await;
    world.owner.ask(PLAIN, &[]).await.ok();
    world.owner.ask(PLAIN, &[]).await.ok();
    world.owner.ask(PLAIN, &[]).await.refused("Throttling.Api");
    world.owner.ask("ListRoles", &[]).await.ok();
    world.owner.ask("ListRoles", &[]).await.refused("Throttling.User");
    world.other.ask(PLAIN, &[]).await.ok();
    world.engine.pass(Duration::from_secs(1));
    world.owner.ask(PLAIN, &[]).await.ok();
}

#[test]
fn requests_of_this_dialect_are_told_from_others_by_their_head() {
    let claims = |method: &str, target: &str, header: Option<(&str, &str)>| {
        let head = http::Request::builder().method(method).uri(target);
        let head = header.into_iter().fold(head, |head, (name, value)| head.header(name, value));
        crate::is_ecs(&head.body(()).expect("valid").into_parts().0)
    };
    assert!(claims("POST", "/", None));
    assert!(claims("GET", "/?Action=X", None));
    assert!(claims("GET", "/?a=b&Action=X", None));
    assert!(claims("GET", "/", Some(("x-acs-action", "X"))));
    assert!(claims("PUT", "/", Some(("authorization", "ACS3-HMAC-SHA256 x"))));
    assert!(!claims("GET", "/", None));
    assert!(!claims("GET", "/?Actions=X", None));
    assert!(!claims("GET", "/", Some(("authorization", "Bearer x"))));
    assert!(!claims("POST", "/v2/images?Action=X", Some(("x-acs-action", "X"))));
}
