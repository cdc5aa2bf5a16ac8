//! Users, policies and roles of an account, and what policies do to every way in.

use imprint_model::{Decision, GrantFacts, Grants};

use super::*;

pub(super) const READ_ONLY: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"ecs:Describe*","Resource":"*"}]}"#;
pub(super) const TRUST_ALL: &str = r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
    "Principal":{"RAM":["acs:ram::ACCOUNT:root"]}}]}"#;

/// An account with one user and its key.
pub(super) struct Shop {
    pub(super) world: World,
    pub(super) account: NewAccount,
    pub(super) project: String,
    pub(super) user: RamUser,
    pub(super) key: NewAccessKey,
}

pub(super) async fn shop() -> Shop {
    shop_in(world().await).await
}

pub(super) async fn shop_in(world: World) -> Shop {
    let account = world.identity.create_account("shop").await.expect("made");
    let project = account.account.project_id.clone();
    let new = NewRamUser { password: Some("pw of ann".to_owned()), ..named_user("ann") };
    let user = world.identity.create_ram_user(&project, new).await.expect("made");
    let key = world.identity.create_ram_key(&project, "ann").await.expect("made");
    Shop { world, account, project, user, key }
}

fn named_user(name: &str) -> NewRamUser {
    NewRamUser { name: name.to_owned(), ..NewRamUser::default() }
}

pub(super) fn ann() -> PolicyHolder {
    PolicyHolder::User("ann".to_owned())
}

impl Shop {
    pub(super) async fn signer(&self) -> Signer {
        signer_of(&self.world.identity, &self.key).await.expect("right")
    }

    pub(super) async fn root(&self) -> Signer {
        let (id, secret) = (self.account.access_key_id.clone(), self.account.access_key_secret.clone());
        signer_of(&self.world.identity, &NewAccessKey { id, secret }).await.expect("right")
    }

    pub(super) async fn policy(&self, name: &str, document: &str) {
        let new = NewPolicy { name: name.to_owned(), document: document.to_owned(), description: String::new() };
        self.world.identity.create_policy(&self.project, new).await.expect("made");
    }

    pub(super) async fn attach(&self, kind: PolicyKind, name: &str, holder: PolicyHolder) {
        self.world.identity.attach_policy(&self.project, kind, name, holder).await.expect("attached");
    }

    async fn may(&self, action: &str) -> bool {
        may(&self.signer().await, action)
    }
}

pub(super) async fn signer_of(identity: &Identity, key: &NewAccessKey) -> Result<Signer, SignatureRefusal> {
    let signature = hmac_of(&key.secret, b"message");
    identity.verify_signature(signed(&key.id, None, b"message", &signature)).await
}

pub(super) fn may(signer: &Signer, action: &str) -> bool {
    signer.decide(action, "acs:ecs:here:1:image/m-1", &GrantFacts::new()) == Decision::Allowed
}

#[tokio::test]
async fn a_user_may_do_nothing_until_a_policy_says_so_and_then_at_once() {
    let shop = shop().await;
    let identity = &shop.world.identity;
    assert!(!shop.may("ecs:DescribeImages").await);
    shop.policy("look", READ_ONLY).await;
    shop.attach(PolicyKind::Custom, "look", ann()).await;
    assert_eq!((shop.may("ecs:DescribeImages").await, shop.may("ecs:DeleteImage").await), (true, false));
    shop.attach(PolicyKind::System, "AliyunECSFullAccess", ann()).await;
    assert_eq!((shop.may("ecs:DeleteImage").await, shop.may("ram:CreateUser").await), (true, false));
    let deny = r#"{"Version":"1","Statement":[{"Effect":"Deny","Action":"ecs:DeleteImage","Resource":"*"}]}"#;
    identity.update_policy(&shop.project, "look", deny.to_owned()).await.expect("ok");
    assert_eq!((shop.may("ecs:DeleteImage").await, shop.may("ecs:CopyImage").await), (false, true));
    identity.detach_policy(&shop.project, PolicyKind::Custom, "look", ann()).await.expect("ok");
    assert!(shop.may("ecs:DeleteImage").await);
    let root = shop.root().await;
    assert!(root.grants.is_none() && may(&root, "ram:CreateUser"));
}

#[tokio::test]
async fn another_node_follows_a_policy_within_the_bound() {
    let shop = shop().await;
    let other = node(&shop.world.catalogue, &shop.world.clock).await;
    let look = "ecs:DescribeImages";
    assert!(!may(&signer_of(&other, &shop.key).await.expect("right"), look));
    shop.attach(PolicyKind::System, "AliyunECSReadOnlyAccess", ann()).await;
    shop.world.clock.advance(Duration::from_millis(2_000));
    assert!(may(&signer_of(&other, &shop.key).await.expect("right"), look));
    let identity = &shop.world.identity;
    identity.detach_policy(&shop.project, PolicyKind::System, "AliyunECSReadOnlyAccess", ann()).await.expect("ok");
    shop.world.clock.advance(Duration::from_millis(2_000));
    assert!(!may(&signer_of(&other, &shop.key).await.expect("right"), look));
}

#[tokio::test]
async fn policies_bound_every_way_in() {
    let shop = shop().await;
    let identity = &shop.world.identity;
    shop.attach(PolicyKind::System, "AliyunECSReadOnlyAccess", ann()).await;
    let bounds = |grants: Option<Arc<Grants>>| {
        let grants = grants.expect("bound");
        let decide = |action| grants.decide(action, "acs:ecs:here:1:image/m-1", &GrantFacts::new());
        assert_eq!(decide("ecs:DescribeImages"), Decision::Allowed);
        assert_eq!(decide("ecs:DeleteImage"), Decision::ImplicitlyDenied);
    };
    let grants_of_token = async |issued: &Issued| {
        let caller = identity.authenticate_token(&issued.token, "r").await.expect("counts");
        assert!(caller.has_role(role::MEMBER) && !caller.has_role(role::MANAGER));
        caller.grants
    };
    let name = format!("ann@{}", shop.account.account.account_id);
    let issued = identity.login(by_password(named(&name), "pw of ann", WantedScope::Default)).await.expect("logs in");
    assert_eq!(issued.claims.project_id(), Some(shop.project.as_str()));
    bounds(grants_of_token(&issued).await);

    let again =
        Login { credential: Credential::Token(issued.token.clone()), scope: WantedScope::Default, address: HERE };
    let again = identity.login(again).await.expect("by token");
    bounds(grants_of_token(&again).await);

    let new = NewAppCredential { name: "ci".to_owned(), ..NewAppCredential::default() };
    let (made, secret) = identity.create_app_credential(&issued.claims, new).await.expect("made");
    let credential = Credential::AppCredential { id: made.id, secret };
    let login = Login { credential, scope: WantedScope::Default, address: HERE };
    bounds(grants_of_token(&identity.login(login).await.expect("logs in")).await);

    let (at, nonce) = (shop.world.clock.now().to_rfc3339_seconds(), "0123456789");
    let message = format!("imprint-token\n{}\n{at}\n{nonce}", shop.key.id);
    let signature = hmac_of(&shop.key.secret, message.as_bytes());
    let issued = identity.token_for_access_key(&shop.key.id, &at, nonce, &signature).await.expect("right");
    bounds(grants_of_token(&issued).await);

    let signer = shop.signer().await;
    assert!(signer.claims.bound);
    bounds(signer.caller("r").grants);
    let admin = shop.world.admin().await;
    assert!(grants_of_token_of(identity, &admin).await.is_none(), "whom roles alone bound");
}

async fn grants_of_token_of(identity: &Identity, issued: &Issued) -> Option<Arc<Grants>> {
    identity.authenticate_token(&issued.token, "r").await.expect("counts").grants
}

#[tokio::test]
async fn a_user_s_life_from_making_to_removing() {
    let shop = shop().await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    assert_eq!(identity.ram_user(project, "ann").await.expect("there"), shop.user);
    let again = identity.create_ram_user(project, named_user("ann")).await;
    assert!(matches!(again, Err(Error::Duplicate { kind: Kind::User, .. })));
    for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
        assert!(matches!(identity.create_ram_user(project, named_user(bad)).await, Err(Error::Invalid(_))), "{bad}");
    }
    identity.create_ram_user(project, named_user("bob")).await.expect("made");
    let names = async |after: Option<&str>, limit| {
        let users = identity.list_ram_users(project, after.map(str::to_owned), limit).await.expect("works");
        users.into_iter().map(|user| user.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 10).await, ["ann", "bob"]);
    assert_eq!((names(None, 1).await, names(Some("ann"), 10).await), (vec!["ann".to_owned()], vec!["bob".to_owned()]));

    let patch = RamUserPatch { name: Some("eve".to_owned()), comments: Some("new".to_owned()), ..Default::default() };
    assert_eq!(shop.signer().await.display_name(), "ann");
    let renamed = identity.update_ram_user(project, "ann", patch).await.expect("ok");
    assert_eq!((renamed.name.as_str(), renamed.comments.as_str()), ("eve", "new"));
    assert_eq!(shop.signer().await.display_name(), "eve", "also for those who remember the key");
    let taken = RamUserPatch { name: Some("bob".to_owned()), ..Default::default() };
    assert!(matches!(identity.update_ram_user(project, "eve", taken).await, Err(Error::Duplicate { .. })));

    let delete = || identity.delete_ram_user(project, "eve");
    assert!(matches!(delete().await, Err(Error::InUse { by: Kind::AccessKey, .. })));
    identity.delete_ram_key(project, "eve", &shop.key.id).await.expect("ok");
    assert_eq!(signer_of(identity, &shop.key).await.err(), Some(SignatureRefusal::UnknownKey));
    shop.attach(PolicyKind::System, "AliyunECSReadOnlyAccess", PolicyHolder::User("eve".to_owned())).await;
    assert!(matches!(delete().await, Err(Error::InUse { by: Kind::Policy, .. })));
    let eve = PolicyHolder::User("eve".to_owned());
    identity.detach_policy(project, PolicyKind::System, "AliyunECSReadOnlyAccess", eve).await.expect("ok");
    delete().await.expect("ok");
    assert!(matches!(delete().await, Err(Error::NotFound { kind: Kind::User, .. })));
    assert!(identity.user(&shop.user.id).await.is_err(), "the user of identity goes with it");
}

#[tokio::test]
async fn a_user_has_two_keys_at_most_and_only_its_own() {
    let shop = shop().await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    identity.create_ram_user(project, named_user("bob")).await.expect("made");
    let second = identity.create_ram_key(project, "ann").await.expect("made");
    assert!(matches!(
        identity.create_ram_key(project, "ann").await,
        Err(Error::Limit { kind: Kind::AccessKey, most: 2 })
    ));
    let aside = identity.create_access_key(&shop.user.id, project).await;
    assert!(matches!(aside, Err(Error::Limit { .. })), "nor by another way");
    assert_eq!(identity.list_ram_keys(project, "ann").await.expect("works").len(), 2);
    for other in [
        identity.delete_ram_key(project, "bob", &second.id).await,
        identity.set_ram_key_enabled(project, "bob", &second.id, false).await,
    ] {
        assert!(matches!(other, Err(Error::NotFound { kind: Kind::AccessKey, .. })));
    }
    identity.set_ram_key_enabled(project, "ann", &second.id, false).await.expect("ok");
    assert_eq!(signer_of(identity, &second).await.err(), Some(SignatureRefusal::DisabledKey), "found, but disabled");
    identity.set_ram_key_enabled(project, "ann", &second.id, true).await.expect("ok");
    assert!(signer_of(identity, &second).await.is_ok());
    let elsewhere = identity.create_account("elsewhere").await.expect("made");
    identity.delete_ram_key(project, "ann", &second.id).await.expect("ok");
    let foreign = identity.create_access_key(&shop.user.id, &elsewhere.account.project_id).await;
    assert!(matches!(foreign, Err(Error::Invalid(_))));
}

#[tokio::test]
async fn of_many_who_make_the_same_user_one_does() {
    let world = world().await;
    let account = world.identity.create_account("shop").await.expect("made");
    let project = account.account.project_id;
    let other = node(&world.catalogue, &world.clock).await;
    let mut tries = tokio::task::JoinSet::new();
    for number in 0..8 {
        let identity = if number % 2 == 0 { world.identity.clone() } else { other.clone() };
        let project = project.clone();
        tries.spawn(async move { identity.create_ram_user(&project, named_user("ann")).await });
    }
    let outcomes = tries.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    for error in refused {
        assert!(matches!(error, Error::Duplicate { kind: Kind::User, .. }), "{error}");
    }
    assert_eq!(world.identity.list_ram_users(&project, None, 10).await.expect("works").len(), 1);
}

#[tokio::test]
async fn policies_are_checked_listed_and_kept_while_attached() {
    let shop = shop().await;
    let (identity, project) = (&shop.world.identity, shop.project.as_str());
    shop.policy("look", READ_ONLY).await;
    let new = |name: &str, document: &str| {
        let new = NewPolicy { name: name.to_owned(), document: document.to_owned(), description: String::new() };
        identity.create_policy(project, new)
    };
    assert!(matches!(new("look", READ_ONLY).await, Err(Error::Duplicate { kind: Kind::Policy, .. })));
    assert!(matches!(new("AdministratorAccess", READ_ONLY).await, Err(Error::Duplicate { .. })));
    assert!(matches!(new("a_b", READ_ONLY).await, Err(Error::Invalid(_))));
    assert!(matches!(new("bad", "{}").await, Err(Error::Document(_))));
    assert!(matches!(identity.update_policy(project, "look", "{".to_owned()).await, Err(Error::Document(_))));

    shop.attach(PolicyKind::Custom, "look", ann()).await;
    let twice = identity.attach_policy(project, PolicyKind::Custom, "look", ann()).await;
    assert!(matches!(twice, Err(Error::Duplicate { kind: Kind::Attachment, .. })));
    let absent = identity.attach_policy(project, PolicyKind::Custom, "absent", ann()).await;
    assert!(matches!(absent, Err(Error::NotFound { kind: Kind::Policy, .. })));
    let nobody = identity.attach_policy(project, PolicyKind::Custom, "look", PolicyHolder::User("x".to_owned())).await;
    assert!(matches!(nobody, Err(Error::NotFound { kind: Kind::User, .. })));
    assert!(matches!(identity.delete_policy(project, "look").await, Err(Error::InUse { by: Kind::Attachment, .. })));
    let attached = identity.policies_of(project, ann()).await.expect("works");
    assert_eq!(attached.iter().map(|one| one.policy.name.as_str()).collect::<Vec<_>>(), ["look"]);
    let holders = identity.holders_of_policy(project, PolicyKind::Custom, "look").await.expect("works");
    assert_eq!(holders.iter().map(|one| one.holder.clone()).collect::<Vec<_>>(), [ann()]);
    identity.detach_policy(project, PolicyKind::Custom, "look", ann()).await.expect("ok");
    let twice = identity.detach_policy(project, PolicyKind::Custom, "look", ann()).await;
    assert!(matches!(twice, Err(Error::NotFound { kind: Kind::Attachment, .. })));
    let listed = identity.list_policies(project, PolicyKind::Custom, None, 10).await.expect("works");
    assert_eq!((listed.len(), listed[0].document.as_str()), (1, READ_ONLY));
    identity.delete_policy(project, "look").await.expect("ok");
    let system = identity.list_policies(project, PolicyKind::System, Some("AliyunE".to_owned()), 2).await.expect("ok");
    assert_eq!(
        system.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(),
        ["AliyunECSFullAccess", "AliyunECSReadOnlyAccess"]
    );
}

#[tokio::test]
async fn one_account_s_things_are_not_another_s() {
    let shop = shop().await;
    shop.policy("look", READ_ONLY).await;
    let identity = &shop.world.identity;
    let other = identity.create_account("other").await.expect("made").account.project_id;
    assert!(identity.ram_user(&other, "ann").await.is_err());
    assert!(identity.policy(&other, PolicyKind::Custom, "look").await.is_err());
    assert!(identity.list_ram_keys(&other, "ann").await.is_err());
    let same = identity.create_ram_user(&other, named_user("ann")).await.expect("the name is free there");
    assert_ne!(same.id, shop.user.id);
}

#[tokio::test]
async fn everything_of_an_account_goes_with_it() {
    let shop = shop().await;
    let identity = &shop.world.identity;
    shop.policy("look", READ_ONLY).await;
    shop.attach(PolicyKind::Custom, "look", ann()).await;
    let name = format!("ann@{}", shop.account.account.account_id);
    let unscoped = identity.login(by_password(named(&name), "pw of ann", WantedScope::Unscoped)).await.expect("ok");
    identity.delete_project(&shop.project).await.expect("ok");
    assert_eq!(signer_of(identity, &shop.key).await.err(), Some(SignatureRefusal::UnknownKey));
    assert!(!shop.world.accepts(&unscoped).await);
    assert!(identity.user(&shop.user.id).await.is_err());
    assert!(identity.list_policies(&shop.project, PolicyKind::Custom, None, 10).await.expect("works").is_empty());
}

#[tokio::test]
async fn accounts_are_known_by_project_and_by_number() {
    let shop = shop().await;
    let identity = &shop.world.identity;
    let number = &shop.account.account.account_id;
    for _ in 0..2 {
        assert_eq!(identity.account_number_of(&shop.project).await.expect("known"), *number);
        assert_eq!(identity.project_of_account(number).await.expect("known"), shop.project);
    }
    let both = identity.account_numbers_of(&[&shop.project, "absent", &shop.project]).await.expect("works");
    assert_eq!((both.len(), &both[&shop.project]), (1, number));
    assert!(matches!(identity.account_number_of("absent").await, Err(Error::NotFound { .. })));
    assert!(matches!(identity.project_of_account("1").await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_nonce_is_new_once_on_all_nodes() {
    let shop = shop().await;
    let other = node(&shop.world.catalogue, &shop.world.clock).await;
    let until = shop.world.clock.now().after(Duration::from_secs(1_800));
    let identity = &shop.world.identity;
    assert!(identity.claim_nonce("key", "nonce", until).await.expect("works"));
    assert!(!other.claim_nonce("key", "nonce", until).await.expect("works"));
    assert!(other.claim_nonce("key2", "nonce", until).await.expect("works"));
}
