//! An engine, an identity and the dialect over them, with two accounts that know nothing of each other.

use std::sync::Arc;

use imprint_identity::Identity;
use imprint_machine::testing::FakeHypervisor;
use imprint_service::testing;
use parking_lot::Mutex;
use serde_json::Value;

use super::{Client, Style};
use crate::{EcsDialect, Rates, Settings};

/// No bound that a test reaches.
pub(crate) const UNBOUNDED: Rates =
    Rates { api_per_second: 1, api_burst: 1_000_000, user_per_second: 1, user_burst: 1_000_000 };

/// The whole.
pub(crate) struct World {
    /// The engine, its catalogue, store and clock.
    pub(crate) engine: testing::World,
    /// Its buckets: a directory each.
    pub(crate) buckets: tempfile::TempDir,
    /// What runs machines here, when something does.
    pub(crate) hypervisor: Option<FakeHypervisor>,
    /// Who is who.
    pub(crate) identity: Identity,
    /// The owner of one account.
    pub(crate) owner: Client,
    /// The owner of another.
    pub(crate) other: Client,
    /// Whoever administers the installation.
    pub(crate) root: Client,
}

impl World {
    /// A world with regions `local-1` and `local-2`.
    pub(crate) async fn new() -> Self {
        Self::with(Rates::default()).await
    }

    /// A world whose clients may ask this fast.
    pub(crate) async fn with(rates: Rates) -> Self {
        let regions = vec!["local-1".to_owned(), "local-2".to_owned()];
        let buckets = tempfile::tempdir().expect("a directory");
        let buckets_dir = Some(buckets.path().to_owned());
        let engine = testing::World::with(imprint_service::Settings { regions, buckets_dir, ..Default::default() });
        let clock = Arc::new(engine.clock.clone());
        let settings = imprint_identity::Settings { argon2_memory_kib: 64, argon2_passes: 1, ..Default::default() };
        let identity = Identity::open(engine.catalogue.clone(), settings, [5; 32], clock.clone());
        let identity = identity.await.expect("opens");
        identity.bootstrap("ROOTKEY", "root-secret-of-tests").await.expect("bootstraps");
        let settings = Settings { rates };
        let dialect = Arc::new(EcsDialect::new(engine.service.clone(), identity.clone(), clock, settings));
        let client = |key: &str, secret: &str, account: &str| Client {
            dialect: Arc::clone(&dialect),
            clock: engine.clock.clone(),
            key: key.to_owned(),
            secret: secret.to_owned(),
            token: None,
            style: Style::V3Query,
            account: account.to_owned(),
            heard: Arc::default(),
        };
        let heard = Arc::new(Mutex::default());
        let mut clients = Vec::new();
        for name in ["acme", "other"] {
            let new = identity.create_account(name).await.expect("an account");
            let client = client(&new.access_key_id, &new.access_key_secret, &new.account.account_id);
            clients.push(Client { heard: Arc::clone(&heard), ..client });
        }
        let root = identity.account("admin").await.expect("the first account");
        let root = Client { heard, ..client("ROOTKEY", "root-secret-of-tests", &root.account_id) };
        let [owner, other] = <[Client; 2]>::try_from(clients).expect("two");
        Self { engine, buckets, hypervisor: None, identity, owner, other, root }
    }

    /// This world once something runs machines in it. Nothing looks after them: what a verb begins stays begun.
    pub(crate) fn with_hypervisor(mut self) -> Self {
        let hypervisor = FakeHypervisor::new();
        self.engine.service =
            self.engine.service.clone().with_hypervisor(Arc::new(hypervisor.clone()), "here".to_owned());
        let (service, clock) = (self.engine.service.clone(), Arc::new(self.engine.clock.clone()));
        let settings = Settings { rates: Rates::default() };
        let dialect = Arc::new(EcsDialect::new(service, self.identity.clone(), clock, settings));
        for client in [&mut self.owner, &mut self.other, &mut self.root] {
            client.dialect = Arc::clone(&dialect);
        }
        self.hypervisor = Some(hypervisor);
        self
    }

    /// Whether an operation answered with a code (`OK` for success) to anybody in this world.
    pub(crate) fn heard(&self, op: &str, code: &str) -> bool {
        self.owner.heard.lock().contains(&(op.to_owned(), code.to_owned()))
    }

    /// All there is of the first account, as its lists show it.
    pub(crate) async fn inventory(&self) -> Vec<Value> {
        let lists = [
            ("DescribeImages", vec![("Status", "ALL"), ("ImageOwnerAlias", "self")]),
            ("DescribeSnapshots", vec![]),
            ("DescribeDisks", vec![]),
            ("DescribeInstances", vec![]),
        ];
        let mut all = Vec::new();
        for (action, mut params) in lists {
            params.push(("PageSize", "100"));
            let mut body = self.owner.ask(action, &params).await.ok();
            body.as_object_mut().expect("an object").remove("RequestId");
            all.push(body);
        }
        all
    }

    /// Runs every job there is to its end.
    pub(crate) async fn settle(&self) {
        let runner = imprint_service::Runner::new(self.engine.service.clone());
        while runner.run_waiting().await.expect("the queue answers") > 0 {}
    }
}
