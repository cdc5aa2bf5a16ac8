//! What stands under a disk, as a plain map that changes can be written over. Bytes of other formats are unpacked for
//! that once; which map came out is remembered with them. What is remembered keeps nothing alive: it is looked at
//! before it is used, and made anew when any of it is gone.

use futures_util::StreamExt;
use imprint_catalogue::{Tx, content_facts};
use imprint_model::{Content, Disk, DiskFormat, MapId};
use imprint_store::{LeaseGuard, Written};
use tokio::task::spawn_blocking;

use crate::Service;
use crate::disks::{Piece, guest_inside, is_wrapped, pieces};
use crate::error::Error;

/// What changes are written over. Keep it until a row names what was made of it.
#[derive(Debug)]
pub(super) struct PlainBase {
    /// The plain map.
    pub(super) map: MapId,
    /// Protects a map that no row names, or may soon name no more.
    lease: Option<LeaseGuard>,
}

impl PlainBase {
    /// A map that this lease protects.
    pub(super) fn held(map: MapId, lease: LeaseGuard) -> Self {
        Self { map, lease: Some(lease) }
    }

    /// Whether it is still protected.
    pub(super) async fn is_held(&self) -> bool {
        match &self.lease {
            Some(lease) => lease.ensure_live().await.is_ok(),
            None => true,
        }
    }
}

/// What stands under a disk; none under one that began empty. Of a format that is not plain it takes as long as
/// unpacking it does, once.
///
/// # Errors
/// [`Error::Unsafe`] or [`Error::Unsupported`] when the bytes cannot be read as their format; when database or store do
/// not answer.
pub(super) async fn plain_base(service: &Service, disk: &Disk) -> Result<Option<PlainBase>, Error> {
    match &disk.base {
        Some(base) => plain(service, base, disk.base_format).await.map(Some),
        None => Ok(None),
    }
}

async fn plain(service: &Service, base: &Content, format: DiskFormat) -> Result<PlainBase, Error> {
    if !is_wrapped(format) {
        return Ok(PlainBase { map: base.map, lease: None });
    }
    if let Some((map, lease)) = service.remembered_plain(base.map, format).await? {
        return Ok(PlainBase::held(map, lease));
    }
    let _place = service.compressing.acquire().await.map_err(Error::internal)?;
    // who waited for a place may find it done
    if let Some((map, lease)) = service.remembered_plain(base.map, format).await? {
        return Ok(PlainBase::held(map, lease));
    }
    let Written { map, lease, .. } = unpack(service, base, format).await?;
    service.remember_plain(base.map, format, map).await?;
    Ok(PlainBase::held(map, lease))
}

async fn unpack(service: &Service, base: &Content, format: DiskFormat) -> Result<Written, Error> {
    let (stored, call_off) = service.stored_disk(base).await?;
    let guest = spawn_blocking(move || guest_inside(&stored, format)).await.map_err(Error::internal)??;
    let mut writer = service.store.writer().await?;
    let size_bytes = guest.size_bytes();
    let mut parts = std::pin::pin!(pieces(guest, 0..size_bytes));
    while let Some(part) = parts.next().await {
        match part? {
            Piece::Zeros(count) => writer.write_zeros(count).await?,
            Piece::Bytes(bytes) => writer.write(bytes).await?,
        }
    }
    drop(call_off);
    Ok(writer.finish().await?)
}

impl Service {
    /// The plain disk that bytes of this format were unpacked to before, if all of it is still there; held from now on.
    pub(crate) async fn remembered_plain(
        &self,
        map: MapId,
        format: DiskFormat,
    ) -> Result<Option<(MapId, LeaseGuard)>, Error> {
        let name = fact_name(format);
        let kept = self.catalogue.read(move |tx| content_facts::get(tx, map, &name)).await?;
        // what cannot be read is not known
        let Some(plain) = kept.and_then(|bytes| bytes.try_into().ok()).map(MapId) else { return Ok(None) };
        Ok(self.store.hold(plain).await?.map(|lease| (plain, lease)))
    }

    /// Remembers what bytes of this format were unpacked to.
    pub(crate) async fn remember_plain(&self, map: MapId, format: DiskFormat, plain: MapId) -> Result<(), Error> {
        let (name, now) = (fact_name(format), self.clock.now());
        let keep = move |tx: &mut Tx<'_>| Ok(content_facts::put(tx, map, &name, &plain.0, now)?);
        self.catalogue.write(keep).await
    }
}

/// How bytes are unpacked may change from version to version.
fn fact_name(format: DiskFormat) -> String {
    format!("plain {format} {}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests;
