//! The bytes of a captured disk on their way into the store: what changed is read, and written over what the disk was
//! before. Never here: when a disk is captured, and which row names what comes out.

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use imprint_machine::{CapturedDisk, Changed};
use imprint_model::MapId;
use imprint_store::Written;

use crate::Service;
use crate::error::Error;

/// Longest read of a captured disk.
const READ_BYTES_MAX: u64 = 4 << 20;
/// Reads that are under way while what was read before is written.
const READS_AHEAD: usize = 3;
/// Stretches that are remembered from counting them; those beyond are asked for once more.
const STRETCHES_KEPT: usize = 16_384;

/// Writes a captured disk over what it was before, the disk of `parent` (no bytes at all: an empty disk). `told` hears
/// how many bytes were read of how many. The parent must be named by a row, or held, when this is called; what comes
/// out is protected by its own lease.
///
/// # Errors
/// [`Error::Unavailable`] when the machine is gone or store or hypervisor do not answer, [`Error::StoreFull`].
pub(super) async fn of_capture(
    service: &Service,
    disk: &dyn CapturedDisk,
    parent: Option<MapId>,
    told: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<Written, Error> {
    // first, as it protects the parent from now on
    let mut editor = service.store.edit(parent, disk.size_bytes()).await?;
    let plan = Plan::of(disk).await?;
    let mut done_bytes = 0;
    told(done_bytes, plan.total_bytes);
    let total_bytes = plan.total_bytes;
    let parts = parts(disk, plan).map_ok(|part| read(disk, part)).try_buffered(READS_AHEAD);
    let mut parts = std::pin::pin!(parts);
    while let Some((part, bytes)) = parts.try_next().await? {
        match bytes {
            None => editor.write_zeros(part.offset, part.len).await?,
            Some(bytes) => {
                // of a disk that is written on meanwhile, more may be told the second time
                done_bytes = total_bytes.min(done_bytes + part.len);
                editor.write(part.offset, bytes).await?;
                told(done_bytes, total_bytes);
            }
        }
    }
    Ok(editor.finish().await?)
}

/// What there is to read.
struct Plan {
    /// The first stretches.
    known: Vec<Changed>,
    /// Where those begin that are not known.
    unknown_from: u64,
    /// Bytes of all stretches that do not read as zeros.
    total_bytes: u64,
}

impl Plan {
    async fn of(disk: &dyn CapturedDisk) -> Result<Self, Error> {
        let mut plan = Self { known: Vec::new(), unknown_from: 0, total_bytes: 0 };
        let mut asked_from = 0;
        loop {
            let some = changed(disk, asked_from).await?;
            let Some(last) = some.last() else { break };
            asked_from = last.offset + last.len;
            let data = some.iter().filter(|stretch| !stretch.zero).map(|stretch| stretch.len);
            plan.total_bytes += data.sum::<u64>();
            if plan.known.len() < STRETCHES_KEPT {
                plan.known.extend(some);
                plan.unknown_from = asked_from;
            }
        }
        if plan.known.len() < STRETCHES_KEPT {
            plan.unknown_from = disk.size_bytes();
        }
        Ok(plan)
    }
}

/// All stretches in order, none of those that are to be read longer than one read.
fn parts<'a>(disk: &'a dyn CapturedDisk, plan: Plan) -> impl Stream<Item = Result<Changed, Error>> + Send + 'a {
    let known = stream::iter(plan.known.into_iter().map(Ok::<_, Error>));
    let later = stream::try_unfold(plan.unknown_from, move |from| async move {
        if from >= disk.size_bytes() {
            return Ok(None);
        }
        let some = changed(disk, from).await?;
        let next = some.last().map(|last| last.offset + last.len);
        Ok::<_, Error>(next.map(|next| (stream::iter(some.into_iter().map(Ok)), next)))
    });
    known.chain(later.try_flatten()).map_ok(|stretch| stream::iter(split(stretch).map(Ok::<_, Error>))).try_flatten()
}

fn split(stretch: Changed) -> impl Iterator<Item = Changed> {
    let longest = if stretch.zero { u64::MAX } else { READ_BYTES_MAX };
    let count = stretch.len.div_ceil(longest);
    (0..count).map(move |number| {
        let from = number * longest;
        Changed { offset: stretch.offset + from, len: longest.min(stretch.len - from), zero: stretch.zero }
    })
}

/// What changed from `offset` on: stretches in order, on the disk, none of them empty.
async fn changed(disk: &dyn CapturedDisk, offset: u64) -> Result<Vec<Changed>, Error> {
    let found = disk.changed(offset).await?;
    let mut free_from = offset;
    for stretch in &found {
        let end = stretch.offset.checked_add(stretch.len).filter(|&end| end <= disk.size_bytes());
        match end {
            Some(end) if stretch.offset >= free_from && stretch.len > 0 => free_from = end,
            _ => return Err(Error::internal("a capture tells of changes out of order or beyond the disk")),
        }
    }
    Ok(found)
}

async fn read(disk: &dyn CapturedDisk, part: Changed) -> Result<(Changed, Option<Bytes>), Error> {
    if part.zero {
        return Ok((part, None));
    }
    let bytes = disk.read(part.offset, part.len).await?;
    if bytes.len() as u64 != part.len {
        return Err(Error::internal("a capture gives fewer bytes than it was asked for"));
    }
    Ok((part, Some(bytes)))
}

#[cfg(test)]
mod tests;
