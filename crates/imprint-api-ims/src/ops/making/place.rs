//! Files in buckets, as this API writes them: `bucket:object`. What is read from them is looked at before anything is
//! begun, as far as its name and length tell.

use imprint_model::ObjectPlace;
use imprint_service::Error;

use super::body::Members;
use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code, img};

/// It is not `bucket:object`.
pub(crate) const BAD_URL: Code = img("IMG.0017");
/// There is no bucket in it.
pub(crate) const NO_BUCKET: Code = img("IMG.0068");
/// A bucket that cannot be.
pub(crate) const BAD_BUCKET: Code = img("IMG.0109");
/// A bucket that is not there.
pub(crate) const BUCKET_ABSENT: Code = img("IMG.0069");
/// A name with blanks.
pub(crate) const BLANKS: Code = img("IMG.0175");
/// A format that is not read or written.
pub(crate) const BAD_FORMAT: Code = img("IMG.0072");
/// A file that is not for the quick way.
pub(crate) const NOT_QUICK: Code = img("IMG.0158");

/// Codes of whatever is read from a file.
pub(crate) const SOURCE_CODES: &[Code] =
    &[BAD_URL, NO_BUCKET, BAD_BUCKET, BUCKET_ABSENT, BLANKS, BAD_FORMAT, code::BAD_FILE, code::FILE_TOO_LARGE];

/// Shortest and longest name of a bucket.
const BUCKET_CHARS: std::ops::RangeInclusive<usize> = 3..=63;
/// Longest key of an object, bytes.
pub(crate) const KEY_BYTES_MAX: usize = 1_023;
/// Largest file, bytes.
const FILE_BYTES_MAX: u64 = 128 << 30;
/// Largest file that is imported the quick way, bytes.
const QUICK_FILE_BYTES_MAX: u64 = 1 << 40;
/// Endings of files that nothing here reads yet.
const UNREAD: [&str; 2] = [".qed", ".qcow"];

/// Takes `bucket:object` apart. What the object may be called depends on what it is for.
pub(crate) fn split(url: &str) -> Result<(&str, &str), Fault> {
    let (bucket, key) = url.split_once(':').ok_or_else(|| BAD_URL.fault())?;
    if key.starts_with("//") {
        return Err(BAD_URL.fault());
    }
    if bucket.is_empty() {
        return Err(NO_BUCKET.fault());
    }
    let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
    if !BUCKET_CHARS.contains(&bucket.len()) || !bucket.bytes().all(good) {
        return Err(BAD_BUCKET.fault());
    }
    Ok((bucket, key))
}

/// The file that a request names in `image_url`.
pub(crate) fn source(members: Members<'_>) -> Result<ObjectPlace, Fault> {
    let (bucket, key) = split(members.need("image_url", BAD_URL)?)?;
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(BAD_URL.fault());
    }
    if key.contains(' ') {
        return Err(BLANKS.fault());
    }
    Ok(ObjectPlace { bucket: bucket.to_owned(), key: key.to_owned() })
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// Any format.
    Usual,
    /// Larger files, of few formats.
    Quick,
}

/// Whether a file may be imported, as far as its name and length tell.
pub(crate) async fn check(call: &Call, place: &ObjectPlace, speed: Speed) -> Result<(), Problem> {
    let ending = place.key.to_ascii_lowercase();
    if UNREAD.iter().any(|unread| ending.ends_with(unread)) {
        return Err(BAD_FORMAT.fault().into());
    }
    if speed == Speed::Quick {
        check_quick(call, place, &ending).await?;
    }
    let most = if speed == Speed::Quick { QUICK_FILE_BYTES_MAX } else { FILE_BYTES_MAX };
    let size = call.parts.service.object_size(place).await?;
    if size > most { Err(code::FILE_TOO_LARGE.fault().into()) } else { Ok(()) }
}

/// The quick way is for `raw` with its bitmap beside it, and for `zvhd2`. What the bitmap says is not needed: what is
/// empty costs nothing to read here.
async fn check_quick(call: &Call, place: &ObjectPlace, ending: &str) -> Result<(), Problem> {
    if ending.ends_with(".zvhd2") {
        return Ok(());
    }
    if !ending.ends_with(".raw") {
        return Err(NOT_QUICK.fault().into());
    }
    let stem = &place.key[..place.key.len() - ".raw".len()];
    let bitmap = ObjectPlace { bucket: place.bucket.clone(), key: format!("{stem}.mf") };
    match call.parts.service.object_size(&bitmap).await {
        Ok(_) => Ok(()),
        Err(Error::NotFound(imprint_service::Resource::Object(_))) => Err(NOT_QUICK.fault().into()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_place_is_taken_apart_or_refused() {
        assert_eq!(split("bucket-1:dir/a:b.raw").expect("fine"), ("bucket-1", "dir/a:b.raw"));
        for (url, code) in [
            ("bucket", "IMG.0017"),
            ("https://bucket/x", "IMG.0017"),
            (":x", "IMG.0068"),
            ("b:x", "IMG.0109"),
            ("Bucket:x", "IMG.0109"),
            ("bu/cket:x", "IMG.0109"),
        ] {
            assert_eq!(split(url).expect_err(url).code, code, "{url}");
        }
    }
}
