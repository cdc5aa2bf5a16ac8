//! Packed bytes as bytes that can be read at any place: a decoder that stands somewhere, goes forward as far as it must,
//! and begins again when it stands too far.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits::repeated_bytes_max;
use crate::read_at::{ReadAt, past_the_end};
use crate::recent::Recent;

/// Decoding goes by blocks of this size.
const BLOCK_BYTES: u64 = 128 * 1024;
/// Blocks kept, for readers that jump about a little: 16 MiB.
const BLOCKS_KEPT: usize = 128;

/// A kind of packing, opened: how many bytes it holds, and where decoding can begin.
pub(super) trait Packing: Send + Sync {
    /// The unpacked length in bytes.
    fn size_bytes(&self) -> u64;

    /// The last place at or before `offset` (which lies inside) where decoding can begin.
    fn start_at(&self, offset: u64) -> u64;

    /// A decoder that stands at such a place.
    fn decoder_at(&self, start: u64) -> io::Result<Box<dyn Decoder>>;
}

/// A decoder that stands somewhere.
pub(super) trait Decoder: Send {
    /// Fills the whole buffer and stands behind it. The caller does not ask for more than there is. When the buffer ends
    /// where a checksum covers it, the checksum has been compared.
    fn fill(&mut self, buf: &mut [u8]) -> io::Result<()>;
}

/// What a file packs.
pub(crate) struct Unpacked {
    packing: Box<dyn Packing>,
    blocks: Recent<Arc<Vec<u8>>>,
    standing: Mutex<Standing>,
}

/// Where decoding stands, always at the beginning of a block; and what going back has cost.
#[derive(Default)]
struct Standing {
    decoder: Option<(u64, Box<dyn Decoder>)>,
    repeated: u64,
}

impl Unpacked {
    pub(super) fn new(packing: impl Packing + 'static) -> Unpacked {
        Unpacked { packing: Box::new(packing), blocks: Recent::new(BLOCKS_KEPT), standing: Mutex::default() }
    }

    fn block(&self, number: u64) -> io::Result<Arc<Vec<u8>>> {
        if let Some(block) = self.blocks.get(number) {
            return Ok(block);
        }
        // a decoder that panicked was taken out before
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        // another thread may have passed by meanwhile
        if let Some(block) = self.blocks.get(number) {
            return Ok(block);
        }
        let (mut at, mut decoder) = self.stand_before(number * BLOCK_BYTES, &mut standing)?;
        loop {
            let block = self.next_block(&mut at, &mut *decoder)?;
            self.blocks.put((at - 1) / BLOCK_BYTES, Arc::clone(&block));
            if (at - 1) / BLOCK_BYTES == number {
                standing.decoder = Some((at, decoder));
                return Ok(block);
            }
        }
    }

    /// A decoder at the beginning of a block, at `wanted` or before it: the one there is, unless beginning again leads
    /// there sooner.
    fn stand_before(&self, wanted: u64, standing: &mut Standing) -> io::Result<(u64, Box<dyn Decoder>)> {
        let start = self.packing.start_at(wanted);
        match standing.decoder.take() {
            Some((at, decoder)) if (start..=wanted).contains(&at) => return Ok((at, decoder)),
            _ => standing.repeated = standing.repeated.saturating_add(wanted - start),
        }
        if standing.repeated > repeated_bytes_max(self.packing.size_bytes()) {
            let message = "reads go back too often for a packed file; unpack it first";
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        let mut decoder = self.packing.decoder_at(start)?;
        // blocks begin at multiples, places to begin at need not
        let at = start.next_multiple_of(BLOCK_BYTES);
        let mut skipped = vec![0; usize::try_from(at - start).map_err(io::Error::other)?];
        decoder.fill(&mut skipped)?;
        Ok((at, decoder))
    }

    /// Decodes the block at `at`, and moves it behind.
    fn next_block(&self, at: &mut u64, decoder: &mut dyn Decoder) -> io::Result<Arc<Vec<u8>>> {
        let len = BLOCK_BYTES.min(self.packing.size_bytes() - *at);
        let mut block = vec![0; usize::try_from(len).map_err(io::Error::other)?];
        decoder.fill(&mut block)?;
        *at += len;
        Ok(Arc::new(block))
    }
}

impl ReadAt for Unpacked {
    fn size_bytes(&self) -> u64 {
        self.packing.size_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(buf.len() as u64).filter(|&end| end <= self.size_bytes());
        end.ok_or_else(past_the_end)?;
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let within = usize::try_from(offset % BLOCK_BYTES).map_err(io::Error::other)?;
            let block = self.block(offset / BLOCK_BYTES)?;
            let len = (block.len() - within).min(rest.len());
            let (piece, later) = rest.split_at_mut(len);
            piece.copy_from_slice(&block[within..within + len]);
            (offset, rest) = (offset + len as u64, later);
        }
        Ok(())
    }
}
