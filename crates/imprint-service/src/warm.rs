//! Images that an operator wants warm on this node: read once from end to end, so that what lies between the store and
//! a client (this node's caches, the system's page cache) holds them. Known to this node only, and only until it ends.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use imprint_catalogue::images;
use imprint_model::{Caller, ImageId, Timestamp};
use parking_lot::Mutex;

use crate::Service;
use crate::error::{Error, Resource};

/// Most images that are kept on the list.
const IMAGES_MAX: usize = 10_000;

/// An image that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WarmImage {
    /// Which.
    pub image: ImageId,
    /// Downloads since.
    pub hits: u64,
    /// The last of them.
    pub last_accessed: Option<Timestamp>,
    /// When it was read.
    pub read_at: Timestamp,
    /// Its length.
    pub size_bytes: u64,
}

/// Which part of the list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmPart {
    /// Images that were read.
    Read,
    /// Images that wait for it.
    Waiting,
    /// Both.
    All,
}

/// `None` waits, `Some` was read.
pub(crate) type WarmSet = Mutex<BTreeMap<ImageId, Option<WarmImage>>>;

impl Service {
    /// The images that were read, and those that wait for it.
    ///
    /// # Errors
    /// [`Error::Denied`] for anybody but administrators.
    pub fn warm_images(&self, caller: &Caller) -> Result<(Vec<WarmImage>, Vec<ImageId>), Error> {
        require_admin(caller)?;
        let set = self.warm.lock();
        let read = set.values().flatten().cloned().collect();
        let waiting = set.iter().filter(|(_, read)| read.is_none()).map(|(id, _)| *id).collect();
        Ok((read, waiting))
    }

    /// Has an image read in the background.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::WrongStatus`] without data.
    pub async fn warm(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        require_admin(caller)?;
        let found = self.catalogue.read(move |tx| Ok::<_, Error>(images::get(tx, id)?)).await?;
        let image = found.ok_or_else(|| absent(id))?;
        let content = image.content.filter(|_| image.status.has_data()).ok_or(Error::WrongStatus(image.status))?;
        {
            let mut set = self.warm.lock();
            if set.len() >= IMAGES_MAX {
                return Err(Error::Unavailable("too many images are kept warm".to_owned()));
            }
            set.entry(id).or_insert(None);
        }
        let service = self.clone();
        tokio::spawn(async move {
            let outcome = service.read_through(content.map, content.size_bytes).await;
            let mut set = service.warm.lock();
            match (outcome, set.get_mut(&id)) {
                (Ok(()), Some(entry)) => {
                    let (read_at, size_bytes) = (service.clock.now(), content.size_bytes);
                    *entry = Some(WarmImage { image: id, hits: 0, last_accessed: None, read_at, size_bytes });
                }
                (Ok(()), None) => {} // taken off the list meanwhile
                (Err(error), _) => {
                    tracing::warn!(image = %id, %error, "an image could not be read to warm it");
                    set.remove(&id);
                }
            }
        });
        Ok(())
    }

    /// Takes an image off the list.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`] when it is not on it.
    pub fn cool(&self, caller: &Caller, id: ImageId) -> Result<(), Error> {
        require_admin(caller)?;
        self.warm.lock().remove(&id).map(|_| ()).ok_or_else(|| absent(id))
    }

    /// Takes a whole part off the list; gives the number of images that had been read and their bytes.
    ///
    /// # Errors
    /// [`Error::Denied`] for anybody but administrators.
    pub fn cool_all(&self, caller: &Caller, part: WarmPart) -> Result<(usize, u64), Error> {
        require_admin(caller)?;
        let mut set = self.warm.lock();
        let bytes: Vec<u64> = set.values().flatten().map(|image| image.size_bytes).collect();
        set.retain(|_, read| match part {
            WarmPart::All => false,
            WarmPart::Read => read.is_none(),
            WarmPart::Waiting => read.is_some(),
        });
        Ok(if part == WarmPart::Waiting { (0, 0) } else { (bytes.len(), bytes.iter().sum()) })
    }

    /// Notes a download.
    pub(crate) fn note_hit(&self, id: ImageId) {
        if let Some(Some(image)) = self.warm.lock().get_mut(&id) {
            image.hits += 1;
            image.last_accessed = Some(self.clock.now());
        }
    }

    async fn read_through(&self, map: imprint_model::MapId, size_bytes: u64) -> Result<(), Error> {
        let reader = self.store.reader(map).await?;
        let mut parts = std::pin::pin!(reader.stream(0..size_bytes));
        while let Some(part) = parts.next().await {
            part?;
        }
        Ok(())
    }
}

fn require_admin(caller: &Caller) -> Result<(), Error> {
    if caller.is_admin() { Ok(()) } else { Err(Error::Denied("operating on this node's caches".to_owned())) }
}

fn absent(id: ImageId) -> Error {
    Error::NotFound(Resource::Image(id.to_string()))
}
