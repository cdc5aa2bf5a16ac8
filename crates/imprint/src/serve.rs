//! `imprint serve`: the only place that puts the parts together.

use std::sync::Arc;

use imprint_api_glance::GlanceDialect;
use imprint_api_keystone::KeystoneDialect;
use imprint_api_native::NativeDialect;
use imprint_catalogue::Catalogue;
use imprint_http::{Claim, Metrics, Probes, ReadyCheck, Server, Surface};
use imprint_identity::Identity;
use imprint_model::{Clock, SystemClock};
use imprint_service::{Runner, Service};
use imprint_store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Resolved;
use crate::datadir::{DataDir, KeyPair, parse_master_key};
use crate::failure::Failure;
use crate::gauges;
use crate::parts;

/// Serves until SIGTERM or SIGINT, then lets requests under way end.
pub(crate) async fn serve(settings: &Resolved) -> Result<(), Failure> {
    let parts = Parts::open(settings).await?;
    let metrics = Metrics::new();
    gauges::register(&metrics, &parts.service);
    let http = parts::http(settings).map_err(Failure::usage)?;
    let server = Server::new(&http, parts.surface(settings, &metrics), &metrics).map_err(Failure::usage)?;
    let listener = TcpListener::bind(http.listen)
        .await
        .map_err(|error| Failure::doing(&format!("cannot listen on {}", http.listen), error))?;
    let address = listener.local_addr().map_err(|error| Failure::doing("no local address", error))?;
    tracing::info!(%address, "ready");
    let background = parts.start_background();
    let drained = server.serve(listener, stop_signal()?).await;
    tracing::info!(?drained, "stopped");
    background.abort_all();
    Ok(())
}

/// Everything that requests need.
struct Parts {
    service: Service,
    identity: Identity,
    clock: Arc<dyn Clock>,
}

impl Parts {
    async fn open(settings: &Resolved) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = DataDir::at(settings.text("data_dir").unwrap_or_default());
        dir.create().map_err(|error| Failure::doing("cannot make the data directory", error))?;
        let catalogue = open_catalogue(settings).await?;
        let store = open_store(settings, &catalogue, &clock).await?;
        let identity = open_identity(settings, &dir, &catalogue, &clock).await?;
        let service = parts::service(settings).map_err(Failure::usage)?;
        let service = Service::new(catalogue, store, Arc::clone(&clock), service);
        Ok(Self { service, identity, clock })
    }

    fn surface(&self, settings: &Resolved, metrics: &Metrics) -> Surface {
        let regions = settings.list("region");
        let public_url = settings.text("public_url");
        let words = imprint_api_keystone::Settings { regions: regions.clone(), public_url: public_url.clone() };
        let keystone = Arc::new(KeystoneDialect::new(self.identity.clone(), words));
        let native = Arc::new(NativeDialect::new(self.service.clone(), self.identity.clone()));
        let glance = Arc::new(GlanceDialect::new(self.service.clone(), self.identity.clone(), public_url, regions));
        let surface =
            Surface::new(glance).mount(Claim::Under("/identity"), keystone).mount(Claim::Under("/imprint"), native);
        Probes::new(metrics.clone(), self.ready_check()).mount(surface)
    }

    fn ready_check(&self) -> ReadyCheck {
        let service = self.service.clone();
        Arc::new(move || {
            let service = service.clone();
            Box::pin(async move { service.check().await.map_err(|error| error.to_string()) })
        })
    }

    fn start_background(&self) -> Background {
        let mut tasks = tokio::task::JoinSet::new();
        let (service, runner) = (self.service.clone(), Runner::new(self.service.clone()));
        tasks.spawn(async move { service.maintain().await });
        tasks.spawn(async move { runner.run().await });
        tracing::debug!(started = %self.clock.now().to_rfc3339_seconds(), "background work begins");
        Background(tasks)
    }
}

/// Work that goes on beside requests.
struct Background(tokio::task::JoinSet<()>);

impl Background {
    fn abort_all(mut self) {
        self.0.abort_all();
    }
}

async fn open_catalogue(settings: &Resolved) -> Result<Catalogue, Failure> {
    let config = parts::catalogue(settings);
    let opened = tokio::task::spawn_blocking(move || Catalogue::open(&config)).await;
    let opened = opened.map_err(|error| Failure::doing("opening the database", error))?;
    opened.map_err(|error| Failure::doing("cannot open the database (setting database_url)", error))
}

async fn open_store(settings: &Resolved, catalogue: &Catalogue, clock: &Arc<dyn Clock>) -> Result<Store, Failure> {
    let url = settings.text("store_url").unwrap_or_default();
    let config = parts::store(settings).map_err(Failure::usage)?;
    let doing = "cannot open the store (setting store_url)";
    let (index, clock) = (catalogue.index(), Arc::clone(clock));
    let opened = tokio::task::spawn_blocking(move || {
        let backend = imprint_store::backend::open(&url)?;
        Store::open(backend, index, clock, config)
    });
    let opened = opened.await.map_err(|error| Failure::doing(doing, error))?;
    opened.map_err(|error| Failure::doing(doing, error))
}

async fn open_identity(
    settings: &Resolved,
    dir: &DataDir,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
) -> Result<Identity, Failure> {
    let keys_failure = |error| Failure::doing("keys in the data directory", error);
    let master_key = match settings.text("master_key") {
        Some(text) => parse_master_key(&text)
            .ok_or_else(|| Failure::usage(settings.refuse("master_key", "64 lower-case hexadecimal digits")))?,
        None => dir.master_key().map_err(keys_failure)?,
    };
    let config = parts::identity(settings).map_err(Failure::usage)?;
    let identity = Identity::open(catalogue.clone(), config, master_key, Arc::clone(clock))
        .await
        .map_err(|error| Failure::doing("cannot open the identity", error))?;
    let keys = root_keys(settings, dir)?;
    identity
        .bootstrap(&keys.access_key, &keys.secret_key)
        .await
        .map_err(|error| Failure::doing("cannot make the first account", error))?;
    Ok(identity)
}

/// The first account's keys: given, or kept in the data directory and shown once when they are made.
fn root_keys(settings: &Resolved, dir: &DataDir) -> Result<KeyPair, Failure> {
    match (settings.text("root_access_key"), settings.text("root_secret_key")) {
        (Some(access_key), Some(secret_key)) => Ok(KeyPair { access_key, secret_key }),
        (None, None) => {
            let (keys, made) =
                dir.root_keys_or_make().map_err(|error| Failure::doing("keys in the data directory", error))?;
            if made {
                crate::output::notice(&format!(
                    "First start. Keep these keys; they are shown once.\n  access key: {}\n  secret key, also the password of user admin: {}",
                    keys.access_key, keys.secret_key
                ));
            }
            Ok(keys)
        }
        _ => Err(Failure::usage("root_access_key and root_secret_key go together: give both or neither")),
    }
}

fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::doing("cannot listen for signals", error));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}
