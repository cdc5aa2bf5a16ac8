//! Buckets, on a directory and on a real S3 server: the same promises.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "a test fails by panicking, on small numbers")]

use bytes::Bytes;
use futures_util::TryStreamExt;
use imprint_store::backend::Bucket;
use imprint_store::{Kind, Result};

mod world;

/// Longer than one part, and no multiple of it.
const LEN: usize = (17 << 20) + 12_345;

async fn buckets() -> Vec<(Bucket, tempfile::TempDir)> {
    let (plain, served) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let variables = world::s3::serve(served.path()).await;
    let directory = Bucket::open(&format!("file:{}", plain.path().display())).unwrap();
    let objects = Bucket::open_with(&format!("s3://{}/some/prefix", world::s3::BUCKET), variables).unwrap();
    vec![(directory, plain), (objects, served)]
}

async fn whole(bucket: &Bucket, key: &str) -> Result<Vec<u8>> {
    let (size, parts) = bucket.read(key).await?;
    let parts: Vec<Bytes> = parts.try_collect().await?;
    assert_eq!(size, parts.iter().map(|part| part.len() as u64).sum::<u64>());
    Ok(parts.concat())
}

#[tokio::test]
async fn what_is_written_is_read_and_nothing_is_seen_before_it_is_complete() {
    for (bucket, _folder) in buckets().await {
        let key = "deep/er/disk é%2f.raw";
        let bytes: Vec<u8> = (0..=250).cycle().take(LEN).collect();
        let mut writer = bucket.write(key).await.unwrap();
        for part in bytes.chunks(1_000_003) {
            writer.write(Bytes::copy_from_slice(part)).await.unwrap();
            assert_eq!(bucket.size(key).await.unwrap(), None);
        }
        writer.finish().await.unwrap();
        assert_eq!(bucket.size(key).await.unwrap(), Some(LEN as u64));
        assert!(whole(&bucket, key).await.unwrap() == bytes);
    }
}

#[tokio::test]
async fn an_object_given_up_leaves_what_was_there() {
    for (bucket, _folder) in buckets().await {
        let mut first = bucket.write("disk").await.unwrap();
        first.write(Bytes::from_static(b"old")).await.unwrap();
        first.finish().await.unwrap();
        let mut second = bucket.write("disk").await.unwrap();
        second.write(vec![1; LEN].into()).await.unwrap();
        drop(second);
        assert_eq!(whole(&bucket, "disk").await.unwrap(), b"old");
        let mut third = bucket.write("disk").await.unwrap();
        third.write(Bytes::from_static(b"new")).await.unwrap();
        third.finish().await.unwrap();
        assert_eq!(whole(&bucket, "disk").await.unwrap(), b"new");
    }
}

#[tokio::test]
async fn an_absent_object_is_missing_and_a_bad_key_refused() {
    for (bucket, _folder) in buckets().await {
        assert_eq!(bucket.size("absent").await.unwrap(), None);
        assert!(bucket.read("absent").await.is_err_and(|error| error.kind() == Kind::Missing));
        for key in ["../up", "/abs", "a//b", ""] {
            assert_eq!(bucket.size(key).await.unwrap_err().kind(), Kind::Invalid, "{key:?}");
        }
    }
}
