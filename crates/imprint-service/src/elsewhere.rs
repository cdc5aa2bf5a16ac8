//! Other installations that images can be copied to: what the engine needs to know of them and to have done there.
//! Never here: how they are spoken to.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imprint_model::{Image, ImageId};
use imprint_store::{MapReader, Store};

use crate::error::Error;

/// Something that is under way at another installation.
pub type Errand<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Other installations, each by the name of the region it is for this one.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// Their names, and where each is reached: a URL without secrets.
    fn regions(&self) -> &BTreeMap<String, String>;

    /// Makes a copy there, or goes on with one that an earlier errand did not end: asks what is missing, and sends that
    /// alone.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the same errand may succeed later, [`Error::Gone`] when the copy was deleted there,
    /// [`Error::Denied`] with what the other side says when it refuses.
    fn send<'a>(&'a self, region: &'a str, parcel: Parcel, told: Arc<Told>) -> Errand<'a, ()>;

    /// Deletes a copy there, one that is complete only with `complete_too`, and sees to it that no errand that is still
    /// under way brings it back.
    ///
    /// # Errors
    /// As [`Elsewhere::send`].
    fn take_back<'a>(&'a self, region: &'a str, id: ImageId, complete_too: bool) -> Errand<'a, ()>;
}

/// An image to be sent.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Its record as it is to be there, with the id it is to have.
    pub image: Image,
    /// Where its bytes are stored.
    pub store: Store,
    /// How they are put together.
    pub disk: MapReader,
}

/// How far an errand is, told by whoever runs it.
#[derive(Debug, Default)]
pub struct Told {
    done_bytes: AtomicU64,
    sent_bytes: AtomicU64,
}

impl Told {
    /// Bytes of the disk that are there, whether they were sent or had been before.
    pub fn at(&self, done_bytes: u64) {
        self.done_bytes.store(done_bytes, Ordering::Relaxed);
    }

    /// So many more bytes were sent.
    pub fn sent(&self, bytes: u64) {
        self.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes of the disk that are there.
    pub fn done_bytes(&self) -> u64 {
        self.done_bytes.load(Ordering::Relaxed)
    }

    /// Bytes sent since this node began.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }
}

/// No other installation.
#[derive(Debug, Default)]
pub(crate) struct Nowhere(BTreeMap<String, String>);

impl Elsewhere for Nowhere {
    fn regions(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    fn send<'a>(&'a self, region: &'a str, _: Parcel, _: Arc<Told>) -> Errand<'a, ()> {
        Box::pin(async move { Err(unknown(region)) })
    }

    fn take_back<'a>(&'a self, region: &'a str, _: ImageId, _: bool) -> Errand<'a, ()> {
        Box::pin(async move { Err(unknown(region)) })
    }
}

fn unknown(region: &str) -> Error {
    Error::Denied(format!("copying to {region}, which is no region of any kind any more"))
}
