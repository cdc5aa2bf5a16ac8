//! Proofs of who sent a request: the reference's six examples, and everything that must not pass for one.

use std::time::Duration;

use imprint_catalogue::identity::{ProjectRow, insert_project};
use imprint_http::Body;
use imprint_identity::{NewRamUser, PolicyHolder, PolicyKind};
use imprint_model::ProjectId;
use serde_json::json;

use super::*;
use crate::ops;
use crate::tests::{Client, Way as How, World, hex};

const KEY: &str = "AKIMPRINT00000000001";
const SECRET: &str = "imprintSecretKey0123456789abcdefghijklmn";
const DATE_OF_ALL: &str = "20240102T030405Z";
const PROJECT: &str = "0b1e494e2660441a957313163095fe5c";
const IMAGE: &str = "33ad552d-1149-471c-8190-ff6776174a00";

/// One of the reference's examples.
struct Example {
    method: &'static str,
    target: String,
    /// Signed headers besides host and date.
    headers: Vec<(&'static str, &'static str)>,
    content: &'static str,
    way: Way,
    canonical: &'static str,
    signature: &'static str,
}

impl Example {
    fn authorization(&self) -> String {
        let mut signed: Vec<&str> = self.headers.iter().map(|(name, _)| *name).chain(["host", DATE]).collect();
        signed.sort_unstable();
        let key = match self.way {
            Way::A => format!("Access={KEY}"),
            Way::B => format!("Credential={KEY}/20240102///sdk_request"),
        };
        format!("{ALGORITHM} {key}, SignedHeaders={}, Signature={}", signed.join(";"), self.signature)
    }

    fn request(&self) -> Request {
        let request = http::Request::builder().method(self.method).uri(&self.target);
        let request = request.header("host", "127.0.0.1:9292").header(DATE, DATE_OF_ALL);
        let request = self.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let (head, ()) = request.header(AUTHORIZATION, self.authorization()).body(()).expect("valid").into_parts();
        let body = if self.content.is_empty() { Body::empty() } else { Body::from(self.content) };
        Request::new(head, body, ([192, 0, 2, 1], 1).into(), "req-1".to_owned()).expect("valid")
    }
}

/// A1 to A5 and B1, as the reference has them.
fn examples() -> Vec<Example> {
    let (json, project) = (("content-type", "application/json"), ("x-project-id", PROJECT));
    let a = |method, target: &str, headers: &[(&'static str, &'static str)], content, canonical, signature| Example {
        method,
        target: target.to_owned(),
        headers: headers.to_vec(),
        content,
        way: Way::A,
        canonical,
        signature,
    };
    let image = format!("/v2/cloudimages/{IMAGE}");
    vec![
        a(
            "GET",
            "/v1/cloudimages/quota",
            &[json],
            "",
            "078ba423baabea7d41dbf37e4decef125be481e6bc271ef4aff67caef71ec134",
            "320f965d9da95175a2616d9470cbcda55d5993dd3e117f304d571fb68add26cd",
        ),
        a(
            "GET",
            "/v2/cloudimages?__imagetype=gold&created_at=lt%3A2018-10-28T10%3A00%3A00Z&limit=1&protected=true\
             &sort_key=name&tag=a%3Db%20c",
            &[json, project],
            "",
            "884752bf3f9b3d803a871ea95a2362916fcaacad8db3b07ebf074fbcfced9e07",
            "4bf3fea8a6dc1e36cc00c2ae01cddc584c2896fb65d037cd6e72cf9963fc237d",
        ),
        a(
            "PATCH",
            &image,
            &[("content-type", "application/json;charset=UTF-8"), project],
            r#"[{"op": "replace", "path": "/name", "value": "ims_test"}]"#,
            "7805fbc1c96fc3f25f74756ada4076a47006319f27b3fd46b779ba9a5740c501",
            "c51cc58e4a9d6cd69e5b8d5346895888e741d7fdadb8819e1a6329717e12e893",
        ),
        a(
            "PUT",
            &format!("/v2/images/{IMAGE}/file"),
            &[("content-type", "application/octet-stream"), project, ("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")],
            "abc",
            "9fa6f70ecab37cde63bdbad1fcce31a8bb452c323a8dff5a76f712014375d6de",
            "e441f012c6c795aa425d5f8a8c56c569bb8cd016e1de31c00ddbd0770cd22f8c",
        ),
        a(
            "DELETE",
            &format!("/v2/{PROJECT}/images/{IMAGE}/tags/k%20%E9%94%AE"),
            &[json, project],
            "",
            "5fd42972867200ce39aca20f3b17eba7f3710547f5e233b187d39fa5c3620246",
            "27ad8135f8681c8e352671f1e20db76d0bcdb388c1870efcd8ab88077a62b5d8",
        ),
        Example {
            method: "PATCH",
            target: image,
            headers: vec![("accept", "application/json"), json, ("user-agent", "golangsdk/2.0.0")],
            content: r#"[{"op":"replace","path":"/name","value":"ims_test"}]"#,
            way: Way::B,
            canonical: "91d5e7b7c6ec0a2ea0acc2891c84d23bffa4dbf466380202cb8036db874fcea8",
            signature: "3a3a29f95a731e670af745bf138435c4d71d50bf4fbf3d36b0b6012c97309668",
        },
    ]
}

/// A world that knows the examples' key and project.
async fn world() -> World {
    let world = World::new().await;
    world.identity.bootstrap(KEY, SECRET).await.expect("another key");
    let row = ProjectRow {
        id: PROJECT.to_owned(),
        domain_id: "default".to_owned(),
        name: "vector".to_owned(),
        description: String::new(),
        enabled: true,
        parent_id: "default".to_owned(),
        account_number: "1234567890123456".to_owned(),
        tags: "[]".to_owned(),
        extra: "{}".to_owned(),
        created_at: 0,
    };
    world.put(move |tx| insert_project(tx, &row)).await;
    let user = world.user("admin").await;
    world.grant(&user, PROJECT, "member").await;
    world
}

fn now() -> Timestamp {
    read_date(DATE_OF_ALL).expect("a date")
}

#[tokio::test]
async fn the_reference_s_examples_have_its_canonical_requests() {
    for example in examples() {
        let mut request = example.request();
        let header = example.authorization();
        let authorization = Authorization::parse(&header).expect("valid");
        let payloads = payload::digests(&mut request, authorization.way, JSON_BYTES_MAX).await.expect("read");
        let canonical = Canonical::of(&request, &authorization).expect("text").text(&payloads[0]);
        assert_eq!(HEXLOWER.encode(&Sha256::digest(&canonical)), example.canonical, "{canonical}");
    }
}

#[tokio::test]
async fn the_reference_s_examples_prove_who_sent_them() {
    let world = world().await;
    let (parts, op) = (&world.dialect.parts, ops::all().next().expect("some"));
    for example in examples() {
        let mut request = example.request();
        let caller = authenticate(parts, op, &mut request, now()).await.expect(&example.target);
        let named = example.headers.iter().any(|(name, _)| *name == "x-project-id");
        let project = if named { ProjectId::from(PROJECT) } else { world.project("admin").await };
        assert_eq!(caller.project, Some(project), "{}", example.target);
        let content = request.body.read_all(1_000).await.expect("still there");
        assert_eq!(content, example.content);
    }
}

#[tokio::test]
async fn what_is_not_signed_may_be_there_and_what_is_signed_may_not_change() {
    let world = world().await;
    let (parts, op) = (&world.dialect.parts, ops::all().next().expect("some"));
    for example in examples() {
        let mut more = example.request();
        more.headers.insert("x-domain-id", "d".parse().expect("a value"));
        more.headers.insert("x-unsigned", "é".parse().expect("a value"));
        authenticate(parts, op, &mut more, now()).await.expect("unsigned headers do not matter");
        let signed = example.headers.iter().map(|(name, _)| *name).chain(["host", DATE]);
        for name in signed {
            let mut other = example.request();
            other.headers.append(name, "application/other".parse().expect("a value"));
            let fault = authenticate(parts, op, &mut other, now()).await.expect_err(name);
            assert_eq!((fault.status.as_u16(), fault.code), (401, "APIGW.0301"), "{name}");
            let mut fewer = example.request();
            fewer.headers.remove(name);
            authenticate(parts, op, &mut fewer, now()).await.expect_err(name);
        }
        let mut moved = example.request();
        moved.uri = format!("{}x", example.target).parse().expect("a target");
        moved.query.push(("y".to_owned(), "1".to_owned()));
        authenticate(parts, op, &mut moved, now()).await.expect_err("another target");
        let mut rewritten = example.request();
        rewritten.body = Body::from("other");
        let unsigned = example.headers.iter().any(|(_, value)| *value == "UNSIGNED-PAYLOAD");
        assert_eq!(authenticate(parts, op, &mut rewritten, now()).await.is_ok(), unsigned, "{}", example.target);
    }
}

#[tokio::test]
async fn a_request_is_believed_for_a_quarter_of_an_hour() {
    let world = world().await;
    let (parts, op) = (&world.dialect.parts, ops::all().next().expect("some"));
    for example in examples() {
        for (now, fine) in [
            (now().before(SKEW_MAX), true),
            (now().after(SKEW_MAX), true),
            (now().before(SKEW_MAX + Duration::from_secs(1)), false),
            (now().after(SKEW_MAX + Duration::from_secs(1)), false),
        ] {
            let outcome = authenticate(parts, op, &mut example.request(), now).await;
            assert_eq!(outcome.is_ok(), fine);
            if let Err(fault) = outcome {
                assert_eq!(
                    fault.message,
                    "Incorrect IAM authentication information: calc ak sk signature fail:signature expired"
                );
            }
        }
    }
}

#[test]
fn dates_have_one_form() {
    assert_eq!(
        read_date("20240102T030405Z").map(Timestamp::to_rfc3339_seconds).as_deref(),
        Some("2024-01-02T03:04:05Z")
    );
    for bad in
        ["", "20240102T030405", "2024-01-02T03:04:05Z", "20241302T030405Z", "20240102 030405Z", "é0240102T03040Z"]
    {
        assert_eq!(read_date(bad), None, "{bad}");
    }
}

#[tokio::test]
async fn every_wrong_proof_says_what_is_wrong() {
    let world = World::new().await;
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let patch = json!([]);
    let unknown = Client { key: "NOSUCHKEY".to_owned(), ..world.owner.clone() };
    for way in [How::A, How::B] {
        let message = unknown.by(way).patch(&path, &patch).await.refused("APIGW.0301");
        assert_eq!(message, "Incorrect IAM authentication information: ak NOSUCHKEY not exist");
    }
    let forged = Client { secret: "wrong".to_owned(), ..world.owner.clone() };
    let answer = forged.patch(&path, &patch).await;
    assert_eq!(answer.status, 401);
    let (body, header) = (answer.body(), answer.headers["x-request-id"].clone());
    assert_eq!(body["request_id"], header.to_str().expect("text"));
    let digest = hex(b"[]");
    let expected = format!(
        "Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:PATCH|{path}/||\
         content-type:application/json|host:127.0.0.1:9292|user-agent:huaweicloud-usdk-python/3.0|x-project-id:{}|\
         x-sdk-date:20261122T012836Z||content-type;host;user-agent;x-project-id;x-sdk-date|{digest}",
        world.owner.project.as_str()
    );
    assert_eq!(body["error_msg"], expected);
    let token = Client { token: "gAAAA".to_owned(), ..world.owner.by(How::Token) };
    let message = token.patch(&path, &patch).await.refused("APIGW.0301");
    assert_eq!(message, "Incorrect IAM authentication information: decrypt token fail");
    let none = http::Request::builder().method("PATCH").uri(&path).body(b"[]".to_vec()).expect("valid");
    let message = world.owner.send(none).await.refused("APIGW.0301");
    assert_eq!(message, "Incorrect IAM authentication information: Unauthorized");
    let mut malformed = world.owner.request("PATCH", &path, "application/json", b"[]".to_vec());
    malformed.headers_mut().insert(AUTHORIZATION, "SDK-HMAC-SHA256 Access".parse().expect("a value"));
    world.owner.send(malformed).await.refused("APIGW.0301");
    let other =
        http::Request::builder().method("PATCH").uri(&path).header(AUTHORIZATION, "V11-HMAC-SHA256 Credential=a");
    world.owner.send(other.body(b"[]".to_vec()).expect("valid")).await.refused("APIGW.0301");
}

#[tokio::test]
async fn a_key_acts_for_its_own_project_and_for_those_its_user_has_a_role_in() {
    let world = World::new().await;
    let (acme, other) = (world.project("acme").await, world.project("other").await);
    let mut theirs = Vec::new();
    for owner in [&acme, &other] {
        let owner = owner.clone();
        theirs.push(world.image(|image| image.owner = owner).await);
    }
    let path = |place: usize| format!("/v2/cloudimages/{}", theirs[place]);
    for way in [How::A, How::AGo, How::B] {
        let plain = Client { names_project: false, ..world.owner.by(way) };
        assert_eq!(plain.patch(&path(0), &json!([])).await.ok()["owner"], acme.as_str());
        let abroad = Client { project: other.clone(), ..world.owner.by(way) };
        let answer = abroad.patch(&path(1), &json!([])).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (403, "APIGW.0302"));
        let nowhere = Client { project: ProjectId::from("f".repeat(32).as_str()), ..abroad.clone() };
        nowhere.patch(&path(1), &json!([])).await.refused("APIGW.0302");
    }
    world.grant(&world.user("acme").await, other.as_str(), "member").await;
    let abroad = Client { project: other.clone(), ..world.owner.clone() };
    assert_eq!(abroad.patch(&path(1), &json!([])).await.ok()["owner"], other.as_str());
    abroad.patch(&path(0), &json!([])).await.refused("IMG.0027");
    world.identity.set_account_enabled("other", false).await.expect("switched off");
    abroad.patch(&path(1), &json!([])).await.refused("APIGW.0302");
}

#[tokio::test]
async fn temporary_keys_work_with_their_token_signed_or_not() {
    let world = World::new().await;
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    let acme = world.project("acme").await;
    let (name, empty) = ("tom".to_owned(), String::new());
    let tom = NewRamUser { name, display_name: empty.clone(), comments: empty, password: None };
    world.identity.create_ram_user(acme.as_str(), tom).await.expect("a user");
    let key = world.identity.create_ram_key(acme.as_str(), "tom").await.expect("a key");
    let bound = Client { key: key.id, secret: key.secret, ..world.owner.clone() };
    // whom policies bound sees nothing before they permit it
    bound.patch(&path, &json!([])).await.refused("IMG.0027");
    let permit = |policy| {
        let holder = PolicyHolder::User("tom".to_owned());
        world.identity.attach_policy(acme.as_str(), PolicyKind::System, policy, holder)
    };
    permit("AliyunECSReadOnlyAccess").await.expect("attached");
    bound.patch(&path, &json!([])).await.refused("IMG.0026");
    permit("AliyunECSFullAccess").await.expect("attached");
    bound.patch(&path, &json!([])).await.ok();
    // and acts for no other project, whatever roles there may be
    let abroad = Client { project: world.project("other").await, ..bound.clone() };
    abroad.patch(&path, &json!([])).await.refused("APIGW.0302");
    let signer = bound.signer(&world.identity).await;
    let lent = world.identity.session_token(&signer, None, None).expect("a temporary key");
    let lent_client = Client {
        key: lent.access_key_id,
        secret: lent.access_key_secret,
        security_token: Some(lent.security_token),
        ..bound
    };
    for way in [How::A, How::AGo, How::B] {
        lent_client.by(way).patch(&path, &json!([])).await.ok();
        for token in [None, Some("wrong".to_owned()), Some("x".repeat(20_000))] {
            let broken = Client { security_token: token, ..lent_client.by(way) };
            let message = broken.patch(&path, &json!([])).await.refused("APIGW.0301");
            assert_eq!(message, "Incorrect IAM authentication information: decrypt token fail");
        }
    }
    world.engine.pass(Duration::from_secs(2 * 86_400));
    lent_client.patch(&path, &json!([])).await.refused("APIGW.0301");
}

#[tokio::test]
async fn what_is_signed_is_bounded() {
    let world = World::new().await;
    let id = world.image(|_| {}).await;
    let path = format!("/v2/cloudimages/{id}");
    for way in [How::A, How::B, How::Token] {
        let long = vec![b' '; (1 << 20) + 1];
        world.owner.by(way).ask_as("PATCH", &path, "application/json", long).await.refused("IMG.0001");
    }
}
