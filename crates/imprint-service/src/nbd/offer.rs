//! Names that give access: random, for one disk, and good until some time. Who may download a disk may have such a name.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use imprint_catalogue::nbd_names::{self, Named};
use imprint_catalogue::{Tx, images, snapshots};
use imprint_disk::{ReadAt, Run, RunKind, past_the_end};
use imprint_model::{
    Caller, DiskFormat, Image, ImageId, LeaseId, MapId, Snapshot, SnapshotId, SnapshotStatus, Status, Timestamp,
};

use crate::Service;
use crate::disks::disk_format_of;
use crate::error::{Conflict, Error};
use crate::settings::NbdListener;

/// For how long a name is good at most, seconds.
pub const NBD_TTL_SECS_MAX: u32 = 30 * 24 * 3600;

/// A name under which a disk can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NbdOffer {
    /// The export's name; whoever has it can read the disk.
    pub name: String,
    /// When it ceases to be one. Who has begun to read by then reads on.
    pub expires: Timestamp,
    /// Where this node serves it.
    pub listener: NbdListener,
}

/// What a name stands for.
enum Source {
    Bytes(MapId, DiskFormat),
    /// Nothing was ever written on it.
    Blank(u64),
}

impl Service {
    /// Gives out a name for an image's system disk, good for so many seconds, at most
    /// [`NBD_TTL_SECS_MAX`].
    ///
    /// # Errors
    /// Those of [`Service::download`]; [`Conflict::ImageNotAvailable`] of an image without data, [`Error::Unsupported`]
    /// where no such names are served or of an image that is no disk, [`Error::Unsafe`] of a disk that cannot be read.
    pub async fn offer_image(&self, caller: &Caller, id: ImageId, ttl_secs: u32) -> Result<NbdOffer, Error> {
        let listener = self.require_listener()?;
        let image = self.download(caller, id).await?.image;
        self.open_source(image_source(&image)?).await?;
        self.offer(Named::Image(id), ttl_secs, listener).await
    }

    /// Gives out a name for a snapshot, good for so many seconds, at most
    /// [`NBD_TTL_SECS_MAX`].
    ///
    /// # Errors
    /// [`Error::NotFound`] also for another account's; [`Conflict::SnapshotNotReady`]; else as
    /// [`Service::offer_image`].
    pub async fn offer_snapshot(&self, caller: &Caller, id: SnapshotId, ttl_secs: u32) -> Result<NbdOffer, Error> {
        let listener = self.require_listener()?;
        let snapshot = self.show_snapshot(caller, id).await?;
        self.open_source(snapshot_source(&snapshot)?).await?;
        self.offer(Named::Snapshot(id), ttl_secs, listener).await
    }

    /// The disk of a name that was given out; none of one that was not, that has expired, or whose disk is no longer
    /// to be had.
    pub(super) async fn open_offered(&self, name: &str) -> Result<Option<Arc<dyn ReadAt>>, Error> {
        let (digest, now) = (digest(name), self.clock.now());
        let find = move |tx: &mut Tx<'_>| {
            let named = nbd_names::get(tx, &digest, now)?;
            Ok::<_, Error>(match named {
                Some(Named::Image(id)) => images::get(tx, id)?.and_then(|image| image_source(&image).ok()),
                Some(Named::Snapshot(id)) => snapshots::get(tx, id)?.and_then(|found| snapshot_source(&found).ok()),
                None => None,
            })
        };
        match self.catalogue.read(find).await? {
            Some(source) => self.open_source(source).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_source(&self, source: Source) -> Result<Arc<dyn ReadAt>, Error> {
        match source {
            Source::Bytes(map, format) => self.view(map, format).await,
            Source::Blank(size_bytes) => Ok(Arc::new(Blank(size_bytes))),
        }
    }

    fn require_listener(&self) -> Result<NbdListener, Error> {
        let none = || Error::Unsupported("NBD over the network: setting nbd_listen is empty".to_owned());
        self.settings.nbd.ok_or_else(none)
    }

    async fn offer(&self, named: Named, ttl_secs: u32, listener: NbdListener) -> Result<NbdOffer, Error> {
        // 122 random bits of the system's
        let name = LeaseId::random().0.simple().to_string();
        let (digest, now) = (digest(&name), self.clock.now());
        let expires = now.after(Duration::from_secs(u64::from(ttl_secs.min(NBD_TTL_SECS_MAX))));
        self.catalogue.write(move |tx| Ok::<_, Error>(nbd_names::add(tx, &digest, named, expires)?)).await?;
        Ok(NbdOffer { name, expires, listener })
    }
}

/// What stands for a name in the database, so that whoever reads that reads no names.
fn digest(name: &str) -> String {
    blake3::hash(name.as_bytes()).to_hex().to_string()
}

fn image_source(image: &Image) -> Result<Source, Error> {
    let usable = image.status.has_data() && image.status != Status::Deactivated;
    let content = image.content.as_ref().filter(|_| usable);
    let content = content.ok_or(Error::Conflict(Conflict::ImageNotAvailable))?;
    Ok(Source::Bytes(content.map, disk_format_of(image.container_format, image.disk_format)?))
}

fn snapshot_source(snapshot: &Snapshot) -> Result<Source, Error> {
    if snapshot.status != SnapshotStatus::Accomplished {
        return Err(Error::Conflict(Conflict::SnapshotNotReady));
    }
    Ok(match &snapshot.content {
        Some(content) => Source::Bytes(content.map, snapshot.disk_format),
        None => Source::Blank(u64::from(snapshot.size_gib) << 30),
    })
}

/// A disk of so many zeros.
struct Blank(u64);

impl ReadAt for Blank {
    fn size_bytes(&self) -> u64 {
        self.0
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64);
        end.filter(|&end| end <= self.0).ok_or_else(past_the_end)?;
        buf.fill(0);
        Ok(())
    }

    fn run_at(&self, offset: u64) -> io::Result<Run> {
        let len = self.0.checked_sub(offset).filter(|&len| len > 0).ok_or_else(past_the_end)?;
        Ok(Run { len, kind: RunKind::Hole })
    }
}
