//! An engine, an identity and the dialect over them, with two projects that know nothing of each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use imprint_identity::{Credential, DomainRef, Identity, Login, ProjectRef, UserPatch, UserRef, WantedScope};
use imprint_model::ProjectId;
use imprint_service::testing;
use parking_lot::Mutex;

use super::{Client, Way};
use crate::{ImsDialect, Settings};

/// The password of every user of a world.
const PASSWORD: &str = "a-password-of-tests";

/// The whole.
pub(crate) struct World {
    /// The engine, its catalogue, store and clock.
    pub(crate) engine: testing::World,
    /// Its buckets: a directory each.
    pub(crate) buckets: tempfile::TempDir,
    /// Who is who.
    pub(crate) identity: Identity,
    /// The dialect.
    pub(crate) dialect: Arc<ImsDialect>,
    /// The owner of one project, `acme`; signs the first way.
    pub(crate) owner: Client,
    /// The owner of another, `other`; signs the first way.
    pub(crate) other: Client,
    /// Whoever administers the installation; signs the first way.
    pub(crate) root: Client,
    heard: Arc<Mutex<BTreeSet<(String, String)>>>,
}

impl World {
    /// A world with regions `local-1` and `local-2`.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A world whose engine is set up otherwise.
    pub(crate) async fn with(change: impl FnOnce(&mut imprint_service::Settings)) -> Self {
        let regions = vec!["local-1".to_owned(), "local-2".to_owned()];
        let buckets = tempfile::tempdir().expect("a directory");
        let buckets_dir = Some(buckets.path().to_owned());
        let mut settings = imprint_service::Settings { regions, buckets_dir, ..Default::default() };
        change(&mut settings);
        let engine = testing::World::with(settings);
        let clock = Arc::new(engine.clock.clone());
        let settings = imprint_identity::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Default::default() };
        let identity = Identity::open(engine.catalogue.clone(), settings, [5; 32], clock.clone());
        let identity = identity.await.expect("opens");
        identity.bootstrap("ROOTKEY", PASSWORD).await.expect("bootstraps");
        let dialect = ImsDialect::new(engine.service.clone(), identity.clone(), clock, Settings::default());
        let (dialect, heard) = (Arc::new(dialect), Arc::default());
        let client = |key: &str, secret: &str, project: &str| Client {
            dialect: Arc::clone(&dialect),
            clock: engine.clock.clone(),
            way: Way::A,
            key: key.to_owned(),
            secret: secret.to_owned(),
            security_token: None,
            token: String::new(),
            project: ProjectId::from(project),
            names_project: true,
            heard: Arc::clone(&heard),
        };
        let mut clients = Vec::new();
        for name in ["acme", "other"] {
            let new = identity.create_account(name).await.expect("an account");
            let patch = UserPatch { password: Some(PASSWORD.to_owned()), ..UserPatch::default() };
            identity.update_user(&new.user_id, patch).await.expect("a password");
            let mut client = client(&new.access_key_id, &new.access_key_secret, &new.account.project_id);
            client.token = log_in(&identity, name, &new.account.project_id).await;
            clients.push(client);
        }
        let project = identity.account("admin").await.expect("the first account").project_id;
        let mut root = client("ROOTKEY", PASSWORD, &project);
        root.token = log_in(&identity, "admin", &project).await;
        let [owner, other] = <[Client; 2]>::try_from(clients).expect("two");
        Self { engine, buckets, identity, dialect, owner, other, root, heard }
    }

    /// Whether an operation answered with a code (`OK` for success) to anybody in this world.
    pub(crate) fn heard(&self, op: &str, code: &str) -> bool {
        self.heard.lock().contains(&(op.to_owned(), code.to_owned()))
    }

    /// Runs every job there is to its end.
    pub(crate) async fn settle(&self) {
        let runner = imprint_service::Runner::new(self.engine.service.clone());
        while runner.run_waiting().await.expect("the queue answers") > 0 {}
    }
}

/// A token for a project, got with a password.
async fn log_in(identity: &Identity, user: &str, project: &str) -> String {
    let user = UserRef::Name(user.to_owned(), DomainRef::Id("default".to_owned()));
    let login = Login {
        credential: Credential::Password { user, password: PASSWORD.to_owned() },
        scope: WantedScope::Project(ProjectRef::Id(project.to_owned())),
        address: [192, 0, 2, 1].into(),
    };
    identity.login(login).await.expect("logs in").token
}
