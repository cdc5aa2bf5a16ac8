//! The units of a compressed file at random: what a range touches is encoded again.

use std::io;
use std::sync::Arc;

use super::batch::{Batch, is_zero};
use super::{Source, usize_of};
use crate::encode::{Layout, Piece, UnitEncoder};
use crate::recent::Recent;
use crate::view::Pool;
use crate::{ReadAt, corrupt, past_the_end};

/// Framed units kept for the next reading, which usually goes on where the last one ended.
const RECENT: usize = 8;

/// The part of a file between its prefix and its suffix.
pub(super) struct Region {
    source: Arc<Source>,
    layout: Arc<Layout>,
    recent: Recent<Arc<[u8]>>,
    encoders: Pool<Box<dyn UnitEncoder>>,
}

impl Region {
    pub(super) fn new(source: Arc<Source>, layout: Arc<Layout>) -> Region {
        Region { source, layout, recent: Recent::new(RECENT), encoders: Pool::new() }
    }

    /// A data unit in its frame, perhaps from the last time.
    fn framed(&self, piece: &Piece) -> io::Result<Arc<[u8]>> {
        if let Some(bytes) = self.recent.get(piece.place.unit) {
            return Ok(bytes);
        }
        let bytes = self.encode(piece)?;
        self.recent.put(piece.place.unit, Arc::clone(&bytes));
        Ok(bytes)
    }

    fn encode(&self, piece: &Piece) -> io::Result<Arc<[u8]>> {
        let unit = piece.place.unit;
        let (mut data, mut payload) = (Vec::new(), Vec::new());
        self.source.read_units(Batch { first: unit, count: 1 }, &mut data)?;
        if self.source.zero.is_some() || !is_zero(&data) {
            let encode = |encoder: &mut Box<dyn UnitEncoder>| encoder.encode(unit, &data, &mut payload);
            self.encoders.with(|| self.source.format.encoder(), encode)?;
        }
        if payload.len() != usize_of(piece.place.payload_bytes) {
            return Err(corrupt("a unit did not compress to the size that it had before"));
        }
        let frame = self.source.format.frame(piece.place);
        Ok([frame.head, payload, frame.tail].concat().into())
    }
}

impl ReadAt for Region {
    fn size_bytes(&self) -> u64 {
        self.layout.end() - self.source.format.prefix_bytes()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = offset.checked_add(self.source.format.prefix_bytes()).ok_or_else(past_the_end)?;
        start.checked_add(buf.len() as u64).filter(|&end| end <= self.layout.end()).ok_or_else(past_the_end)?;
        let mut at = start;
        let mut rest = buf;
        for piece in self.layout.pieces_at(start) {
            if rest.is_empty() {
                break;
            }
            let take = usize::try_from(piece.end() - at).map_or(rest.len(), |left| left.min(rest.len()));
            let (now, behind) = rest.split_at_mut(take);
            let within = at - piece.place.offset;
            match self.source.zero.as_ref().filter(|_| piece.is_hole) {
                Some(zero) => repeat(&zero.payload, within, now),
                None => {
                    let bytes = self.framed(&piece)?;
                    let within = usize::try_from(within).map_err(|_| past_the_end())?;
                    now.copy_from_slice(bytes.get(within..within + take).ok_or_else(past_the_end)?);
                }
            }
            at += take as u64;
            rest = behind;
        }
        Ok(())
    }
}

/// Fills `buf` from an endless repetition of `pattern`, beginning `skip` bytes into it.
fn repeat(pattern: &[u8], skip: u64, buf: &mut [u8]) {
    let skip = usize::try_from(skip % pattern.len() as u64).expect("less than the pattern's length");
    let first = buf.len().min(pattern.len() - skip);
    buf[..first].copy_from_slice(&pattern[skip..skip + first]);
    for chunk in buf[first..].chunks_mut(pattern.len()) {
        chunk.copy_from_slice(&pattern[..chunk.len()]);
    }
}
