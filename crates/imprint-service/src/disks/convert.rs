//! Disks on their way into the store as what a guest sees: unpacked, and taken out of whatever format they came in.

use std::io;
use std::sync::Arc;

use futures_util::StreamExt;
use imprint_disk::{Format, Inspection, OpenError};
use imprint_model::{Content, Job};
use tokio::task::spawn_blocking;

use super::pieces::{Piece, pieces};
use super::watched::UNBOUNDED;
use super::{guest_inside, open_error};
use crate::Service;
use crate::error::{Error, Quota};
use crate::ingest::{Digests, Ingested};
use crate::limits::within;

/// Bytes between two notes of progress.
const PROGRESS_BYTES: u64 = 64 << 20;

/// What the job says meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// How far the work here is.
    Own,
    /// What it said before: done and total bytes.
    Still(u64, u64),
}

/// What a disk is taken out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapping {
    /// A compressed file.
    Packed(Format),
    /// A format of disks.
    Format(imprint_model::DiskFormat),
}

impl Service {
    /// What is inside bytes that are a compressed file, stored beside it.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when they cannot be unpacked; [`Error::OverQuota`] of too many bytes.
    pub(crate) async fn unpack(
        &self,
        (job, noted): (&Job, Noted),
        packed: &Content,
        format: Format,
    ) -> Result<(Ingested, Inspection), Error> {
        // nobody has seen these bytes before and could compare digests
        self.take_out((job, noted), packed, Wrapping::Packed(format), Digests::LeftOut).await
    }

    /// The guest's disk inside bytes of this format, stored beside it; with `digests` for those who may compare them,
    /// which cost what all the zeros cost.
    ///
    /// # Errors
    /// [`Error::Unsafe`] when they cannot be read as that; [`Error::OverQuota`] of too large a disk.
    pub(crate) async fn to_guest_disk(
        &self,
        (job, noted): (&Job, Noted),
        content: &Content,
        format: imprint_model::DiskFormat,
        digests: Digests,
    ) -> Result<Ingested, Error> {
        self.take_out((job, noted), content, Wrapping::Format(format), digests).await.map(|(ingested, _)| ingested)
    }

    async fn take_out(
        &self,
        (job, noted): (&Job, Noted),
        content: &Content,
        wrapping: Wrapping,
        digests: Digests,
    ) -> Result<(Ingested, Inspection), Error> {
        let (stored, call_off) = self.stored_disk(content).await?;
        let (watched, mut call_off) = (Arc::clone(&stored), Some(call_off));
        let limit = self.settings.limits.image_size_bytes;
        let open = move || match wrapping {
            Wrapping::Packed(format) => {
                let bytes_max = u64::try_from(limit).unwrap_or(u64::MAX);
                imprint_disk::unpack(stored, format, bytes_max).map_err(|error| match error {
                    OpenError::Io(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                        Error::OverQuota(Quota::ImageBytes, bytes_max)
                    }
                    other => open_error(other),
                })
            }
            Wrapping::Format(format) => guest_inside(&stored, format),
        };
        // to learn how long a packed disk is may take as long as to take it out
        let opening = || match noted {
            Noted::Own => (watched.bytes_read().min(content.size_bytes), content.size_bytes),
            Noted::Still(done, total) => (done, total),
        };
        let disk = self.watch(job, spawn_blocking(open), (&mut call_off, UNBOUNDED), opening).await?;
        let size_bytes = disk.size_bytes();
        within(limit, size_bytes, Quota::ImageBytes)?;
        let mut ingest = self.ingest_with(digests).await?;
        let mut parts = std::pin::pin!(pieces(disk, 0..size_bytes));
        let mut noted_bytes = 0;
        while let Some(part) = parts.next().await {
            match part? {
                Piece::Zeros(count) => ingest.write_zeros(count).await?,
                Piece::Bytes(bytes) => ingest.write(bytes).await?,
            }
            if ingest.received_bytes() >= noted_bytes + PROGRESS_BYTES {
                noted_bytes = ingest.received_bytes();
                let (done, total) = match noted {
                    Noted::Own => (noted_bytes, size_bytes),
                    Noted::Still(done, total) => (done, total),
                };
                self.note_progress_of(job, done, total).await?;
            }
        }
        drop(call_off);
        ingest.finish_looked_at().await
    }
}
