//! Buckets: where users' own objects lie, by the names that the operator gave them. What is in an object, and whose it
//! is, is not known here.

use imprint_model::ObjectPlace;
use imprint_store::Kind;
use imprint_store::backend::Bucket;

use crate::Service;
use crate::error::{Error, Field, Resource};

/// Shortest and longest name of a bucket that is a directory.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=63;

impl Service {
    /// The bucket `name`: one that the operator configured, or else a directory of that name among the buckets.
    pub(crate) async fn bucket(&self, name: &str) -> Result<Bucket, Error> {
        let absent = || Error::NotFound(Resource::Bucket(name.to_owned()));
        let url = match (self.settings.buckets.get(name), &self.settings.buckets_dir) {
            (Some(url), _) => url.clone(),
            (None, Some(dir)) if is_bucket_name(name) => format!("file:{}", dir.join(name).display()),
            _ => return Err(absent()),
        };
        let opened = tokio::task::spawn_blocking(move || Bucket::open(&url)).await.map_err(Error::internal)?;
        opened.map_err(|error| match error.kind() {
            Kind::Missing => absent(),
            // the operator's mistake, not the caller's
            Kind::Invalid => Error::Internal(Box::new(error)),
            _ => error.into(),
        })
    }

    /// The length of an object in bytes.
    ///
    /// # Errors
    /// [`Error::NotFound`] of bucket or object, [`Error::Invalid`] of [`Field::Object`] (the key),
    /// [`Error::Unavailable`].
    pub async fn object_size(&self, place: &ObjectPlace) -> Result<u64, Error> {
        let size = self.bucket(&place.bucket).await?.size(&place.key).await;
        let size = size.map_err(|error| object_error(&error, &place.key))?;
        size.ok_or_else(|| Error::NotFound(Resource::Object(place.key.clone())))
    }

    /// The length of an object that has bytes.
    ///
    /// # Errors
    /// Also [`Error::Invalid`] of [`Field::Data`] for one without.
    pub(crate) async fn require_object(&self, place: &ObjectPlace) -> Result<u64, Error> {
        match self.object_size(place).await? {
            0 => Err(Error::invalid(Field::Data, format!("object {} is empty", place.key))),
            size => Ok(size),
        }
    }
}

/// What the failure to read or write an object means to whoever asked for it.
pub(crate) fn object_error(error: &imprint_store::Error, key: &str) -> Error {
    match error.kind() {
        Kind::Missing => Error::NotFound(Resource::Object(key.to_owned())),
        Kind::Invalid => Error::invalid(Field::Object, "not a possible key"),
        Kind::Corrupt => Error::Incomplete(format!("object {key} is shorter than it was")),
        Kind::Full => Error::Unavailable("the bucket has no room left".to_owned()),
        Kind::Unavailable | Kind::LeaseLost | Kind::Internal => Error::Unavailable(format!("bucket: {error}")),
    }
}

/// Whether a directory of that name may be a bucket: a name with no meaning to a file system.
fn is_bucket_name(name: &str) -> bool {
    NAME_CHARS.contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !name.starts_with('-')
        && !name.ends_with('-')
}
