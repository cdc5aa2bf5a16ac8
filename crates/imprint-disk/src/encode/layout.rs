//! Where each unit stands in a compressed file, once all sizes are known.

use std::sync::Arc;

use super::{Place, UnitFormat, UnitSizes};
use crate::view::UnitMap;

/// A place is remembered for each so many data units; those between are counted from it.
const STEP: usize = 256;

/// The places of all units of a compressed file.
pub(crate) struct Layout {
    format: Arc<dyn UnitFormat>,
    map: Arc<UnitMap>,
    sizes: UnitSizes,
    /// What a unit of zeros takes, where it is encoded at all.
    zero_bytes: Option<u32>,
    /// Before the data unit of rank `STEP · index`, and before the zeros in front of it.
    marks: Vec<Mark>,
    end: Mark,
}

/// A point between units.
#[derive(Debug, Clone, Copy)]
struct Mark {
    unit: u64,
    ordinal: u64,
    offset: u64,
}

/// A unit's place, or those of neighbours that are all zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The place of the (first) unit.
    pub(crate) place: Place,
    /// How many units: more than one only of zeros.
    pub(crate) units: u64,
    /// Whether the disk's map calls it zeros, so that the data need not be read.
    pub(crate) is_hole: bool,
    /// Where the encoded unit begins, behind the head of its frame.
    pub(crate) payload_offset: u64,
    /// What it takes in the file, frames included.
    pub(crate) framed_bytes: u64,
}

impl Piece {
    /// Where it ends in the file.
    pub(crate) fn end(&self) -> u64 {
        self.place.offset + self.framed_bytes
    }
}

impl Layout {
    /// Lays out units of the given sizes. There is a size for each data unit of the map.
    pub(super) fn new(
        format: Arc<dyn UnitFormat>,
        map: Arc<UnitMap>,
        sizes: UnitSizes,
        zero_bytes: Option<u32>,
    ) -> Layout {
        let start = Mark { unit: 0, ordinal: 0, offset: format.prefix_bytes() };
        let mut layout = Layout { format, map, sizes, zero_bytes, marks: Vec::new(), end: start };
        let mut marks = Vec::with_capacity(layout.sizes.sizes.len() / STEP + 1);
        let mut pieces = layout.pieces_from(start, 0);
        loop {
            if pieces.rank == marks.len() * STEP {
                marks.push(pieces.at);
            }
            if !pieces.step() {
                break;
            }
        }
        layout.end = pieces.at;
        layout.marks = marks;
        layout
    }

    /// Everything written, in order.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        self.pieces_from(self.marks[0], 0)
    }

    /// What is written of the units from `unit` on. A hole that began before it is told whole.
    pub(crate) fn pieces_from_unit(&self, unit: u64) -> impl Iterator<Item = Piece> + '_ {
        let mark = self.marks.partition_point(|mark| mark.unit <= unit).saturating_sub(1);
        self.pieces_from(self.marks[mark], mark * STEP).skip_while(move |piece| piece.place.unit + piece.units <= unit)
    }

    /// What is written at `offset` of the file and behind it.
    pub(crate) fn pieces_at(&self, offset: u64) -> impl Iterator<Item = Piece> + '_ {
        let mark = self.marks.partition_point(|mark| mark.offset <= offset).saturating_sub(1);
        self.pieces_from(self.marks[mark], mark * STEP).skip_while(move |piece| piece.end() <= offset)
    }

    /// Where the last unit's frame ends, which is where the suffix begins.
    pub(crate) fn end(&self) -> u64 {
        self.end.offset
    }

    /// The checksum over the whole disk, for formats that end in one.
    pub(crate) fn check(&self) -> u32 {
        self.sizes.check
    }

    /// Which units the disk's map calls data; some of them may have turned out to be zeros and be left out.
    pub(crate) fn map(&self) -> &UnitMap {
        &self.map
    }

    fn pieces_from(&self, at: Mark, rank: usize) -> Pieces<'_> {
        Pieces { layout: self, at, rank }
    }
}

struct Pieces<'a> {
    layout: &'a Layout,
    at: Mark,
    rank: usize,
}

impl Pieces<'_> {
    /// Passes the next data unit and the hole before it; false (and only the hole) when there is none.
    fn step(&mut self) -> bool {
        let before = self.rank;
        while self.rank == before {
            if self.advance().is_none() {
                return false;
            }
        }
        true
    }

    /// Passes one hole or data unit: `None` at the end, and a piece if something is written for it.
    fn advance(&mut self) -> Option<Option<Piece>> {
        let map = &self.layout.map;
        let at = self.at;
        let next = if map.is_data(at.unit) { at.unit } else { map.select(self.rank as u64) };
        if next > at.unit {
            let units = next - at.unit;
            self.at.unit = next;
            let Some(payload_bytes) = self.layout.zero_bytes else { return Some(None) };
            let place = Place { unit: at.unit, ordinal: at.ordinal, offset: at.offset, payload_bytes };
            let framed_bytes = units * u64::from(payload_bytes);
            self.at.ordinal += units;
            self.at.offset += framed_bytes;
            let payload_offset = at.offset;
            return Some(Some(Piece { place, units, is_hole: true, payload_offset, framed_bytes }));
        }
        let &payload_bytes = self.layout.sizes.sizes.get(self.rank)?;
        self.rank += 1;
        self.at.unit += 1;
        if payload_bytes == 0 {
            return Some(None);
        }
        let place = Place { unit: at.unit, ordinal: at.ordinal, offset: at.offset, payload_bytes };
        let frame = self.layout.format.frame(place);
        let payload_offset = at.offset + frame.head.len() as u64;
        let framed_bytes = u64::from(payload_bytes) + frame.len();
        self.at.ordinal += 1;
        self.at.offset += framed_bytes;
        Some(Some(Piece { place, units: 1, is_hole: false, payload_offset, framed_bytes }))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.advance()? {
                return Some(piece);
            }
        }
    }
}
