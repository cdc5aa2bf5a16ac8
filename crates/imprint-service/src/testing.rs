//! An engine in a temporary directory, for tests of the service and of the dialects above it.

use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::Catalogue;
use imprint_model::{Caller, ManualClock, ProjectId, Timestamp, UserId};
use imprint_store::Store;

use crate::{Service, Settings};

/// The first moment of every test: 2026-11-22T01:28:36Z.
pub const START: Timestamp = Timestamp(1_795_310_916_000_000);

/// A service on SQLite and a directory, with a clock that stands still until it is told to move.
#[derive(Debug)]
pub struct World {
    /// The service.
    pub service: Service,
    /// Its facts.
    pub catalogue: Catalogue,
    /// Its bytes.
    pub store: Store,
    /// Its time.
    pub clock: ManualClock,
    /// Its place; gone with the world.
    pub dir: tempfile::TempDir,
}

impl World {
    /// A world with default settings.
    ///
    /// # Panics
    /// When the temporary directory cannot be used.
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    /// A world with these settings.
    ///
    /// # Panics
    /// When the temporary directory cannot be used.
    pub fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}/imprint.db", dir.path().display());
        Self::on(dir, url, settings)
    }

    /// A world whose facts are in the database at `url`, and whose bytes are in `dir`.
    ///
    /// # Panics
    /// When one of them cannot be used.
    pub fn on(dir: tempfile::TempDir, url: String, settings: Settings) -> Self {
        let clock = ManualClock::new(START);
        let facts = imprint_catalogue::Settings { url, ..imprint_catalogue::Settings::default() };
        let catalogue = Catalogue::open(&facts).expect("a database");
        let url = format!("file:{}/store", dir.path().display());
        let backend = imprint_store::backend::open(&url).expect("a directory");
        let shared: Arc<dyn imprint_model::Clock> = Arc::new(clock.clone());
        let store = Store::open(backend, catalogue.index(), Arc::clone(&shared), imprint_store::Settings::default())
            .expect("a store");
        let service = Service::new(catalogue.clone(), store.clone(), shared, settings);
        Self { service, catalogue, store, clock, dir }
    }

    /// Moves the clock.
    pub fn pass(&self, duration: Duration) {
        self.clock.advance(duration);
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// A caller of the account `project` with one role.
pub fn caller(project: &str, role: &str) -> Caller {
    Caller {
        user: UserId(format!("user-of-{project}")),
        project: Some(ProjectId(project.to_owned())),
        roles: vec![role.to_owned()],
        grants: None,
        request_id: "req-test".to_owned(),
    }
}
