//! The listening sockets, and the connections that come through them.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use imprint_nbd::{Exports, Limits, Shared, Stream, Upgrade};
use imprint_service::{LocalExports, PublicExports, Service};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;

use super::NbdSettings;
use super::tls::Tls;
use crate::failure::Failure;

/// Connections of this node's machines: some for each of their disks.
const LOCAL_MAX: usize = 8192;
/// Connections over the network.
const PUBLIC_MAX: usize = 512;
/// Bytes of answers that all connections of a listener hold at once.
const HELD_BYTES: u32 = 256 << 20;
/// Time for a stranger's handshake; machines of this node may wait for a busy one longer.
const PUBLIC_HANDSHAKE: Duration = Duration::from_secs(10);
/// After so much silence the network is asked whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How long no connection is taken after one could not be, as when there are no descriptors left.
const RETRY: Duration = Duration::from_millis(100);

/// Sockets that listen.
pub(crate) struct Listeners {
    /// None where the directory's path is too long for one.
    local: Option<UnixListener>,
    public: Option<TcpListener>,
    tls: Option<Arc<Tls>>,
}

impl Listeners {
    /// Begins to listen; nothing is taken before [`Listeners::serve`].
    pub(crate) async fn bind(data_dir: &Path, settings: &NbdSettings) -> Result<Self, Failure> {
        let path = socket_path(data_dir);
        let local = bind_local(&path)
            .inspect_err(|error| {
                let error: &dyn std::error::Error = error;
                tracing::warn!(error, path = %path.display(), "no machine can run here: its disks cannot be read");
            })
            .ok();
        let tls = settings.tls.as_ref().map(|(cert, key)| Tls::open(cert, key)).transpose();
        let tls = tls.map_err(|error| Failure::doing("cannot use nbd_tls_cert and nbd_tls_key", error))?;
        let public = match settings.listen {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                let doing = format!("cannot listen on {address} (setting nbd_listen)");
                Some(bound.map_err(|error| Failure::doing(&doing, error))?)
            }
            None => None,
        };
        if let Some(address) = settings.listen {
            tracing::info!(%address, tls = tls.is_some(), "disks can be read over NBD");
        }
        Ok(Self { local, public, tls: tls.map(Arc::new) })
    }

    /// Serves whoever comes, until the future is dropped.
    pub(crate) async fn serve(self, service: Service) {
        let Self { local, public, tls } = self;
        let exports = Arc::new(LocalExports(service.clone()));
        let local = async {
            if let Some(listener) = local {
                take(listener, exports, None, LOCAL_MAX, Limits::default()).await;
            }
        };
        let exports = Arc::new(PublicExports(service));
        let tls = tls.map(|tls| -> Arc<dyn Upgrade> { tls });
        let public = async {
            if let Some(listener) = public {
                let limits = Limits { handshake: PUBLIC_HANDSHAKE, ..Limits::default() };
                take(listener, exports, tls, PUBLIC_MAX, limits).await;
            }
        };
        tokio::join!(local, public);
    }
}

/// Where this node's machines read their disks.
pub(crate) fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("run").join("nbd.sock")
}

/// A socket that only our own user reaches. One that an earlier process left behind is replaced.
fn bind_local(path: &Path) -> io::Result<UnixListener> {
    if let Some(dir) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let new = path.with_extension("new");
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, Permissions::from_mode(0o600))?;
    fs::rename(&new, path)?;
    Ok(listener)
}

/// What connections come from.
trait Accept: Send {
    /// The next one.
    fn next(&self) -> impl Future<Output = io::Result<impl Stream + 'static>> + Send;
}

impl Accept for UnixListener {
    async fn next(&self) -> io::Result<impl Stream + 'static> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Accept for TcpListener {
    async fn next(&self) -> io::Result<impl Stream + 'static> {
        let (stream, _) = self.accept().await?;
        let alive = socket2::TcpKeepalive::new().with_time(KEEPALIVE);
        let kept = socket2::SockRef::from(&stream).set_tcp_keepalive(&alive);
        if let Err(error) = kept.and_then(|()| stream.set_nodelay(true)) {
            // as of a client that is gone already: its connection ends by itself
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection cannot be tuned");
        }
        Ok(stream)
    }
}

/// Takes connections and serves each for as long as it lasts, so many at a time; further ones wait.
async fn take(
    listener: impl Accept,
    exports: Arc<impl Exports + 'static>,
    tls: Option<Arc<dyn Upgrade>>,
    connections_max: usize,
    limits: Limits,
) {
    let (places, shared) = (Arc::new(Semaphore::new(connections_max)), Shared::new(HELD_BYTES));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let stream = match listener.next().await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a connection cannot be taken");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let (exports, tls, shared) = (Arc::clone(&exports), tls.clone(), shared.clone());
        connections.spawn(async move {
            let _place = place;
            if let Err(error) = imprint_nbd::serve(stream, exports.as_ref(), tls.as_deref(), &limits, &shared).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
        });
    }
}
