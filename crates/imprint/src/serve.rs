//! `imprint serve`: the only place that puts the parts together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use imprint_api_ecs::EcsDialect;
use imprint_api_glance::GlanceDialect;
use imprint_api_ims::ImsDialect;
use imprint_api_keystone::KeystoneDialect;
use imprint_api_native::NativeDialect;
use imprint_catalogue::Catalogue;
use imprint_http::{Claim, Metrics, Probes, ReadyCheck, Server, Surface};
use imprint_identity::Identity;
use imprint_model::{Clock, SystemClock};
use imprint_service::{Keeper, Runner, Service};
use imprint_store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::Resolved;
use crate::datadir::{DataDir, KeyPair};
use crate::failure::Failure;
use crate::gauges;
use crate::nbd::Listeners;
use crate::parts::{self, Checked};

/// Serves until SIGTERM or SIGINT, then lets requests under way end.
pub(crate) async fn serve(settings: &Resolved) -> Result<(), Failure> {
    let checked = parts::check(settings).map_err(Failure::usage)?;
    let (http, nbd) = (checked.http.clone(), checked.nbd.clone());
    let data_dir = PathBuf::from(&checked.data_dir);
    let parts = Parts::open(checked).await?;
    let metrics = Metrics::new();
    gauges::register(&metrics, &parts.service);
    let server =
        Server::new(&http, parts.surface(settings, http.listen, &metrics), &metrics).map_err(Failure::usage)?;
    let listener = TcpListener::bind(http.listen)
        .await
        .map_err(|error| Failure::doing(&format!("cannot listen on {}", http.listen), error))?;
    let disks = Listeners::bind(&data_dir, &nbd).await?;
    let address = listener.local_addr().map_err(|error| Failure::doing("no local address", error))?;
    tracing::info!(%address, "ready");
    let background = parts.start_background(disks);
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
    ecs: imprint_api_ecs::Settings,
}

impl Parts {
    async fn open(checked: Checked) -> Result<Self, Failure> {
        let Checked {
            data_dir,
            machines,
            service,
            remotes,
            catalogue,
            store_url,
            store,
            identity,
            ecs,
            master_key,
            root_keys,
            ..
        } = checked;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dir = DataDir::at(&data_dir);
        dir.create().map_err(|error| Failure::doing("cannot make the data directory", error))?;
        let catalogue = open_catalogue(catalogue).await?;
        let store = open_store(store_url, store, &catalogue, &clock).await?;
        let master_key = match master_key {
            Some(key) => key,
            None => dir.master_key().map_err(keys_failure)?,
        };
        let identity = Identity::open(catalogue.clone(), identity, master_key, Arc::clone(&clock))
            .await
            .map_err(|error| Failure::doing("cannot open the identity", error))?;
        first_account(&identity, &dir, root_keys).await?;
        let buckets_dir = service.buckets_dir.clone();
        let service = Service::new(catalogue, store, Arc::clone(&clock), service).with_elsewhere(Arc::new(remotes));
        let service = machines.equip(service, &dir, Path::new(&data_dir)).await?;
        service.prepare().await.map_err(|error| Failure::doing("cannot bring the database up to date", error))?;
        if let Some(dir) = buckets_dir {
            tokio::fs::create_dir_all(&dir)
                .await
                .map_err(|error| Failure::doing("cannot make the directory of buckets (setting buckets_dir)", error))?;
        }
        Ok(Self { service, identity, clock, ecs })
    }

    fn surface(&self, settings: &Resolved, listen: SocketAddr, metrics: &Metrics) -> Surface {
        let regions = settings.list("region");
        let public_url = settings.text("public_url");
        let words = imprint_api_keystone::Settings { regions: regions.clone(), public_url: public_url.clone() };
        let keystone = Arc::new(KeystoneDialect::new(self.identity.clone(), words));
        let native = Arc::new(NativeDialect::new(self.service.clone(), self.identity.clone()));
        let glance = Arc::new(GlanceDialect::new(
            self.service.clone(),
            self.identity.clone(),
            imprint_api_glance::Settings {
                own_url: public_url.clone().or_else(|| own_url(listen)),
                public_url: public_url.clone(),
                regions,
            },
        ));
        let (service, identity, clock) = (self.service.clone(), self.identity.clone(), Arc::clone(&self.clock));
        let ecs = Arc::new(EcsDialect::new(service, identity, clock, self.ecs));
        let (service, identity, clock) = (self.service.clone(), self.identity.clone(), Arc::clone(&self.clock));
        let words = imprint_api_ims::Settings { public_url };
        let ims = Arc::new(ImsDialect::new(service, identity, clock, words));
        let surface = Surface::new(glance)
            .mount(Claim::Under("/identity"), keystone)
            .mount(Claim::Under("/imprint"), native)
            .mount(Claim::When(imprint_api_ecs::is_ecs), ecs)
            .mount(Claim::When(imprint_api_ims::is_ims), ims);
        Probes::new(metrics.clone(), self.ready_check()).mount(surface)
    }

    fn ready_check(&self) -> ReadyCheck {
        let service = self.service.clone();
        Arc::new(move || {
            let service = service.clone();
            Box::pin(async move { service.check().await.map_err(|error| error.to_string()) })
        })
    }

    fn start_background(&self, disks: Listeners) -> Background {
        let mut tasks = tokio::task::JoinSet::new();
        let (service, runner) = (self.service.clone(), Runner::new(self.service.clone()));
        let keeper = Keeper::new(self.service.clone());
        tasks.spawn(async move { service.maintain().await });
        tasks.spawn(async move { runner.run().await });
        tasks.spawn(async move { keeper.run().await });
        let service = self.service.clone();
        tasks.spawn(async move { disks.serve(service).await });
        tracing::debug!(started = %self.clock.now().to_rfc3339_seconds(), "background work begins");
        Background(tasks)
    }
}

/// Where a service that listens on `listen` reaches itself; an address that stands for all others says nothing.
fn own_url(listen: SocketAddr) -> Option<String> {
    (!listen.ip().is_unspecified() && listen.port() != 0).then(|| format!("http://{listen}"))
}

/// Work that goes on beside requests.
struct Background(tokio::task::JoinSet<()>);

impl Background {
    fn abort_all(mut self) {
        self.0.abort_all();
    }
}

async fn open_catalogue(settings: imprint_catalogue::Settings) -> Result<Catalogue, Failure> {
    let opened = tokio::task::spawn_blocking(move || Catalogue::open(&settings)).await;
    let opened = opened.map_err(|error| Failure::doing("opening the database", error))?;
    opened.map_err(|error| Failure::doing("cannot open the database (setting database_url)", error))
}

async fn open_store(
    url: String,
    settings: imprint_store::Settings,
    catalogue: &Catalogue,
    clock: &Arc<dyn Clock>,
) -> Result<Store, Failure> {
    let doing = "cannot open the store (setting store_url)";
    let (index, clock) = (catalogue.index(), Arc::clone(clock));
    let opened = tokio::task::spawn_blocking(move || {
        let backend = imprint_store::backend::open(&url)?;
        Store::open(backend, index, clock, settings)
    });
    let opened = opened.await.map_err(|error| Failure::doing(doing, error))?;
    opened.map_err(|error| Failure::doing(doing, error))
}

/// Sees to the first account. Keys that are given count whatever was there before. Otherwise an account that is there
/// stays as it is, and only a database without one gets keys: those in the data directory, made and shown once when
/// there are none. Where an outside service is trusted nobody could use them, so none are made.
async fn first_account(identity: &Identity, dir: &DataDir, given: Option<KeyPair>) -> Result<(), Failure> {
    let failure = |error| Failure::doing("cannot make the first account", error);
    if let Some(keys) = given {
        return identity.bootstrap(&keys.access_key, &keys.secret_key).await.map(drop).map_err(failure);
    }
    if identity.trusts_outside() || identity.has_first_account().await.map_err(failure)? {
        return Ok(());
    }
    let (keys, made) = dir.root_keys_or_make().map_err(keys_failure)?;
    let first = identity.bootstrap_once(&keys.access_key, &keys.secret_key).await.map_err(failure)?;
    match (made, first) {
        (true, true) => crate::output::notice(&format!(
            "First start. Keep these keys; they are shown once.\n  access key: {}\n  secret key, also the password of user admin: {}",
            keys.access_key, keys.secret_key
        )),
        // another node was first
        (true, false) => dir.remove_root_keys().map_err(keys_failure)?,
        (false, _) => {}
    }
    Ok(())
}

fn keys_failure(error: std::io::Error) -> Failure {
    Failure::doing("keys in the data directory", error)
}

fn stop_signal() -> Result<impl Future<Output = ()>, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::doing("cannot listen for signals", error));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}
