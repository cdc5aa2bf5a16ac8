//! Temporary keys: how they are got, what they are good for, and what ends them.

use imprint_model::GrantFacts;

use super::ram::{READ_ONLY, Shop, TRUST_ALL, ann, may, shop, shop_in, signer_of};
use super::*;

/// A shop whose user may take on the role `helper`, which may do everything with images.
async fn with_role() -> Shop {
    prepared(shop().await).await
}

async fn prepared(shop: Shop) -> Shop {
    let trust = TRUST_ALL.replace("ACCOUNT", &shop.account.account.account_id);
    shop.world.identity.create_ram_role(&shop.project, role_named("helper", &trust)).await.expect("made");
    shop.attach(PolicyKind::System, "AliyunSTSAssumeRoleAccess", ann()).await;
    shop.attach(PolicyKind::System, "AliyunECSFullAccess", PolicyHolder::Role("helper".to_owned())).await;
    shop
}

fn role_named(name: &str, trust: &str) -> NewRamRole {
    NewRamRole {
        name: name.to_owned(),
        description: String::new(),
        trust_document: trust.to_owned(),
        max_session_secs: 7_200,
    }
}

fn wish(shop: &Shop) -> AssumeRole {
    AssumeRole {
        role_arn: format!("acs:ram::{}:role/helper", shop.account.account.account_id),
        session_name: "morning".to_owned(),
        ..AssumeRole::default()
    }
}

async fn assume(shop: &Shop, wanted: AssumeRole) -> Result<TemporaryKey, Error> {
    shop.world.identity.assume_role(&shop.signer().await, wanted, &GrantFacts::new()).await
}

async fn verify(shop: &Shop, key: &TemporaryKey) -> Result<Signer, SignatureRefusal> {
    verify_with(shop, &key.access_key_id, &key.access_key_secret, Some(&key.security_token)).await
}

async fn verify_with(shop: &Shop, id: &str, secret: &str, token: Option<&str>) -> Result<Signer, SignatureRefusal> {
    let signature = hmac_of(secret, b"message");
    shop.world.identity.verify_signature(signed(id, token, b"message", &signature)).await
}

#[tokio::test]
async fn a_role_is_lent_for_a_while() {
    let shop = with_role().await;
    let key = assume(&shop, wish(&shop)).await.expect("trusted");
    assert!(key.access_key_id.starts_with("STS."));
    let signer = verify(&shop, &key).await.expect("right");
    assert_eq!((may(&signer, "ecs:DeleteImage"), may(&signer, "sts:AssumeRole")), (true, false), "the role's rights");
    let number = &shop.account.account.account_id;
    assert_eq!(signer.arn(), format!("acs:ram::{number}:assumed-role/helper/morning"));
    assert_eq!(key.arn, format!("acs:ram::{number}:role/helper/morning"));
    assert_eq!((signer.identity_type(), signer.principal_id()), ("AssumedRoleUser", key.principal_id.clone()));
    assert_eq!((signer.project_id(), signer.account_number.as_str()), (shop.project.as_str(), number.as_str()));
    assert_eq!(signer.expires_at, Some(shop.world.clock.now().after(Duration::from_secs(3_600))));
    assert!(signer.caller("r").has_role(role::MEMBER));
    let other = node(&shop.world.catalogue, &shop.world.clock).await;
    let signature = hmac_of(&key.access_key_secret, b"m");
    let there = other.verify_signature(signed(&key.access_key_id, Some(&key.security_token), b"m", &signature)).await;
    assert!(there.is_ok(), "every node knows it");
    let helper = PolicyHolder::Role("helper".to_owned());
    let identity = &shop.world.identity;
    identity.detach_policy(&shop.project, PolicyKind::System, "AliyunECSFullAccess", helper).await.expect("ok");
    assert!(!may(&verify(&shop, &key).await.expect("right"), "ecs:DeleteImage"), "the role's rights as they are now");
    shop.world.clock.advance(Duration::from_secs(3_599));
    assert!(verify(&shop, &key).await.is_ok());
    shop.world.clock.advance(Duration::from_secs(1));
    assert_eq!(verify(&shop, &key).await.err(), Some(SignatureRefusal::TokenExpired));
}

#[tokio::test]
async fn wishes_that_break_a_rule_are_refused() {
    let shop = with_role().await;
    let invalid = |wanted: AssumeRole| async { matches!(assume(&shop, wanted).await, Err(Error::Invalid(_))) };
    for secs in [0, 899, 7_201, 43_201, u32::MAX] {
        assert!(invalid(AssumeRole { duration_secs: Some(secs), ..wish(&shop) }).await, "{secs} s");
    }
    for secs in [900, 7_200] {
        assume(&shop, AssumeRole { duration_secs: Some(secs), ..wish(&shop) }).await.expect("within the bounds");
    }
    for name in ["", "a", "a b", "ä2", &"x".repeat(65)] {
        assert!(invalid(AssumeRole { session_name: name.to_owned(), ..wish(&shop) }).await, "{name}");
    }
    for arn in ["", "helper", "acs:ram::x:role/helper", "acs:ram::1:user/ann", "acs:ram::1:role/a b"] {
        assert!(invalid(AssumeRole { role_arn: arn.to_owned(), ..wish(&shop) }).await, "{arn}");
    }
    let long = READ_ONLY.replace("ecs:", &format!("ecs:{}", "x".repeat(2_048)));
    assert!(invalid(AssumeRole { policy: Some(long), ..wish(&shop) }).await);
    let malformed = AssumeRole { policy: Some("{}".to_owned()), ..wish(&shop) };
    assert!(matches!(assume(&shop, malformed).await, Err(Error::Document(_))));
    let absent = AssumeRole { role_arn: wish(&shop).role_arn + "x", ..wish(&shop) };
    assert!(matches!(assume(&shop, absent).await, Err(Error::NotFound { kind: Kind::Role, .. })));
}

#[tokio::test]
async fn only_whom_the_role_trusts_and_policies_permit_takes_it_on() {
    let shop = with_role().await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    let by_account = identity.assume_role(&shop.root().await, wish(&shop), &GrantFacts::new()).await;
    assert!(matches!(by_account, Err(Error::Forbidden(_))), "an account takes on no role");

    let number = &shop.account.account.account_id;
    for (principal, external_id, expected) in [
        (format!("acs:ram::{number}:user/ann"), None, true),
        (format!("acs:ram::{number}:user/bob"), None, false),
        (format!("acs:ram::{number}:root"), Some("agreed"), true),
        (format!("acs:ram::{number}:root"), Some("other"), false),
    ] {
        let condition = match external_id {
            Some(_) => r#","Condition":{"StringEquals":{"sts:ExternalId":"agreed"}}"#,
            None => "",
        };
        let trust = format!(
            r#"{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole",
               "Principal":{{"RAM":"{principal}"}}{condition}}}]}}"#
        );
        let patch = RamRolePatch { trust_document: Some(trust), ..RamRolePatch::default() };
        identity.update_ram_role(project, "helper", patch).await.expect("ok");
        let wanted = AssumeRole { external_id: external_id.map(str::to_owned), ..wish(&shop) };
        assert_eq!(assume(&shop, wanted).await.is_ok(), expected, "{principal} {external_id:?}");
    }
    let patch = RamRolePatch { trust_document: Some(TRUST_ALL.replace("ACCOUNT", number)), ..Default::default() };
    identity.update_ram_role(project, "helper", patch).await.expect("ok");
    identity.detach_policy(project, PolicyKind::System, "AliyunSTSAssumeRoleAccess", ann()).await.expect("ok");
    assert!(matches!(assume(&shop, wish(&shop)).await, Err(Error::Forbidden(_))));
}

#[tokio::test]
async fn a_session_may_be_narrowed_but_never_widened() {
    let shop = with_role().await;
    let narrow = AssumeRole { policy: Some(READ_ONLY.to_owned()), ..wish(&shop) };
    let signer = verify(&shop, &assume(&shop, narrow).await.expect("trusted")).await.expect("right");
    assert_eq!((may(&signer, "ecs:DescribeImages"), may(&signer, "ecs:DeleteImage")), (true, false));
    let everything = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let wide = AssumeRole { policy: Some(everything.to_owned()), ..wish(&shop) };
    let signer = verify(&shop, &assume(&shop, wide).await.expect("trusted")).await.expect("right");
    assert_eq!((may(&signer, "ecs:DeleteImage"), may(&signer, "ram:CreateUser")), (true, false));
    let identity = &shop.world.identity;
    let root = shop.root().await;
    let key = identity.session_token(&root, Some(900), Some(READ_ONLY.to_owned())).expect("lent");
    let signer = verify(&shop, &key).await.expect("right");
    assert_eq!((may(&signer, "ecs:DescribeImages"), may(&signer, "ram:CreateUser")), (true, false));
}

#[tokio::test]
async fn who_does_not_manage_an_account_cannot_lend_itself_that() {
    let shop = with_role().await;
    let (user, project) = shop.world.person("worker", "member").await;
    let identity = &shop.world.identity;
    let key = identity.create_access_key(&user.id, &project.id).await.expect("made");
    let signer = signer_of(identity, &key).await.expect("right");
    assert_eq!((may(&signer, "ecs:DeleteImage"), may(&signer, "ram:CreateUser")), (true, false));
    let everything = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let lent = identity.session_token(&signer, Some(900), Some(everything.to_owned())).expect("lent");
    let signer = verify(&shop, &lent).await.expect("right");
    assert_eq!((may(&signer, "ecs:DeleteImage"), may(&signer, "ram:CreateUser")), (true, false));
}

#[tokio::test]
async fn a_user_lends_itself_what_it_may() {
    let shop = with_role().await;
    let identity = &shop.world.identity;
    let signer = shop.signer().await;
    let key = identity.session_token(&signer, None, None).expect("lent");
    let lent = verify(&shop, &key).await.expect("right");
    assert_eq!((lent.arn(), lent.identity_type()), (signer.arn(), "RAMUser"));
    assert!(!may(&lent, "ecs:DescribeImages"));
    shop.attach(PolicyKind::System, "AliyunECSReadOnlyAccess", ann()).await;
    assert!(may(&verify(&shop, &key).await.expect("right"), "ecs:DescribeImages"), "policies count as they are now");
    assert!(matches!(identity.session_token(&lent, None, None), Err(Error::Forbidden(_))), "not from what is lent");
    for secs in [899, 43_201] {
        assert!(matches!(identity.session_token(&signer, Some(secs), None), Err(Error::Invalid(_))));
    }
    let root = verify(&shop, &identity.session_token(&shop.root().await, None, None).expect("lent")).await.expect("ok");
    assert!(root.grants.is_none() && root.expires_at.is_some() && root.is_account());
}

#[tokio::test]
async fn what_a_session_rests_on_ends_it() {
    for case in ["role", "key", "key off", "user", "account", "nothing"] {
        let shop = with_role().await;
        let (identity, project) = (&shop.world.identity, shop.project.as_str());
        let key = assume(&shop, wish(&shop)).await.expect("trusted");
        assert!(verify(&shop, &key).await.is_ok());
        match case {
            "role" => {
                let helper = PolicyHolder::Role("helper".to_owned());
                identity.detach_policy(project, PolicyKind::System, "AliyunECSFullAccess", helper).await.expect("ok");
                identity.delete_ram_role(project, "helper").await.expect("ok");
            }
            "key" => identity.delete_ram_key(project, "ann", &shop.key.id).await.expect("ok"),
            "key off" => identity.set_ram_key_enabled(project, "ann", &shop.key.id, false).await.expect("ok"),
            "user" => identity.delete_user(&shop.user.id).await.expect("ok"),
            "account" => identity.set_account_enabled("shop", false).await.map(drop).expect("ok"),
            _ => identity
                .create_ram_user(project, NewRamUser { name: "bob".to_owned(), ..Default::default() })
                .await
                .map(drop)
                .expect("ok"),
        }
        let expected = Some(SignatureRefusal::TokenExpired).filter(|_| case != "nothing");
        assert_eq!(verify(&shop, &key).await.err(), expected, "{case}");
    }
}

#[tokio::test]
async fn every_way_to_be_wrong_has_its_own_answer() {
    let shop = with_role().await;
    let key = assume(&shop, wish(&shop)).await.expect("trusted");
    let other = assume(&shop, wish(&shop)).await.expect("trusted");
    let (id, secret, token) = (key.access_key_id.as_str(), key.access_key_secret.as_str(), &key.security_token);
    for (id, secret, token, expected) in [
        (id, secret, None, SignatureRefusal::TokenMissing),
        (id, secret, Some(""), SignatureRefusal::TokenMissing),
        (id, secret, Some("nonsense"), SignatureRefusal::TokenMalformed),
        (id, "wrong", Some(token.as_str()), SignatureRefusal::WrongSignature),
        (id, secret, Some(other.security_token.as_str()), SignatureRefusal::TokenMismatch),
        ("STS.ANOTHER", secret, Some(token.as_str()), SignatureRefusal::TokenMismatch),
        (&shop.key.id, &shop.key.secret, Some(token.as_str()), SignatureRefusal::TokenMismatch),
        (&shop.key.id, "wrong", Some(token.as_str()), SignatureRefusal::WrongSignature),
        ("LTAIUNKNOWN", secret, None, SignatureRefusal::UnknownKey),
        ("", secret, None, SignatureRefusal::UnknownKey),
    ] {
        assert_eq!(verify_with(&shop, id, secret, token).await.err(), Some(expected), "{id}");
    }
}

#[tokio::test]
async fn a_cut_or_changed_token_is_malformed_whatever_its_length() {
    let shop = with_role().await;
    let key = assume(&shop, wish(&shop)).await.expect("trusted");
    let (id, secret, token) = (&key.access_key_id, &key.access_key_secret, &key.security_token);
    for length in 1..token.len() {
        let refused = verify_with(&shop, id, secret, Some(&token[..length])).await.err();
        assert_eq!(refused, Some(SignatureRefusal::TokenMalformed), "cut at {length}");
    }
    for place in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).expect("still text");
        let refused = verify_with(&shop, id, secret, Some(&changed)).await.err();
        assert_eq!(refused, Some(SignatureRefusal::TokenMalformed), "changed at {place}");
    }
    let mut foreign = vec![token.repeat(2), "A".repeat(1 << 20), "é".repeat(500), "\0".to_owned()];
    // sealed by the same key, but as something else
    foreign.push(shop.world.identity.0.sealer.seal("access key x", b"{}").expect("short"));
    for bad in &foreign {
        let refused = verify_with(&shop, id, secret, Some(bad)).await.err();
        assert_eq!(refused, Some(SignatureRefusal::TokenMalformed));
    }
}

#[tokio::test]
async fn roles_are_taken_on_in_a_row_only_so_often() {
    let shop = with_role().await;
    let identity = &shop.world.identity;
    let helper = PolicyHolder::Role("helper".to_owned());
    shop.attach(PolicyKind::System, "AliyunSTSAssumeRoleAccess", helper).await;
    let mut signer = shop.signer().await;
    let mut keys = Vec::new();
    let refused = loop {
        match identity.assume_role(&signer, wish(&shop), &GrantFacts::new()).await {
            Ok(key) => {
                signer = verify(&shop, &key).await.expect("right");
                keys.push(key);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, Error::Forbidden(_)), "{refused}");
    assert_eq!(keys.len(), 4);
    identity.delete_user(&shop.user.id).await.expect("ok");
    for key in &keys {
        assert_eq!(verify(&shop, key).await.err(), Some(SignatureRefusal::TokenExpired), "all rest on the user");
    }
}

#[tokio::test]
async fn roles_are_made_changed_and_removed() {
    let shop = shop().await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    let trust = TRUST_ALL.replace("ACCOUNT", "1");
    let made = identity.create_ram_role(project, role_named("helper", &trust)).await.expect("made");
    assert_eq!(identity.ram_role(project, "helper").await.expect("there"), made);
    let again = identity.create_ram_role(project, role_named("helper", &trust)).await;
    assert!(matches!(again, Err(Error::Duplicate { kind: Kind::Role, .. })));
    assert!(matches!(identity.create_ram_role(project, role_named("a", "{}")).await, Err(Error::Document(_))));
    assert!(matches!(identity.create_ram_role(project, role_named("a b", &trust)).await, Err(Error::Invalid(_))));
    let short = NewRamRole { max_session_secs: 3_599, ..role_named("a", &trust) };
    assert!(matches!(identity.create_ram_role(project, short).await, Err(Error::Invalid(_))));
    let patch =
        RamRolePatch { description: Some("d".to_owned()), max_session_secs: Some(43_200), ..Default::default() };
    let changed = identity.update_ram_role(project, "helper", patch).await.expect("ok");
    assert_eq!((changed.description.as_str(), changed.max_session_secs), ("d", 43_200));
    assert_eq!(identity.list_ram_roles(project, None, 10).await.expect("works"), [changed]);
    identity.delete_ram_role(project, "helper").await.expect("ok");
    assert!(identity.ram_role(project, "helper").await.is_err());
}

#[tokio::test]
async fn nothing_secret_of_users_and_sessions_is_in_the_database_file() {
    let shop = with_role().await;
    let key = assume(&shop, wish(&shop)).await.expect("trusted");
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(shop.world.directory.path()).expect("readable") {
        bytes.extend(std::fs::read(entry.expect("readable").path()).expect("readable"));
    }
    let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&shop.key.id), "the files are the right ones");
    for secret in [&shop.key.secret, &key.access_key_secret, &key.security_token, &key.access_key_id] {
        assert!(!holds(secret));
    }
    assert!(!holds("pw of ann"));
}

/// The statements are one text for both engines; this shows that the other engine takes them.
#[tokio::test]
async fn the_other_engine_takes_these_statements_too() {
    let Ok(server) = std::env::var("IMPRINT_TEST_POSTGRES") else {
        return;
    };
    let directory = tempfile::tempdir().expect("a directory");
    let shop = shop_in(world_on(directory, fresh_database(server, "sts").await).await).await;
    let shop = prepared(shop).await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    let key = assume(&shop, wish(&shop)).await.expect("trusted");
    assert!(may(&verify(&shop, &key).await.expect("right"), "ecs:DeleteImage"));
    shop.policy("look", READ_ONLY).await;
    identity.update_policy(project, "look", READ_ONLY.to_owned()).await.expect("ok");
    assert_eq!(identity.list_policies(project, PolicyKind::Custom, None, 1).await.expect("works").len(), 1);
    assert_eq!(identity.list_ram_users(project, Some("a".to_owned()), 5).await.expect("works").len(), 1);
    assert_eq!(identity.list_ram_roles(project, None, 5).await.expect("works").len(), 1);
    let holders = identity.holders_of_policy(project, PolicyKind::System, "AliyunECSFullAccess").await.expect("works");
    assert_eq!(holders.len(), 1);
    let mut tries = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (identity, project) = (identity.clone(), project.to_owned());
        let new = NewRamUser { name: "bob".to_owned(), ..NewRamUser::default() };
        tries.spawn(async move { identity.create_ram_user(&project, new).await });
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(error, Error::Duplicate { .. }), "{error}");
    }
    let until = shop.world.clock.now().after(Duration::from_secs(60));
    assert!(identity.claim_nonce("k", "n", until).await.expect("works"));
    assert!(!identity.claim_nonce("k", "n", until).await.expect("works"));
    identity.delete_project(project).await.expect("ok");
    assert!(verify(&shop, &key).await.is_err());
}
