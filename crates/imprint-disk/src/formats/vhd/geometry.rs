//! Cylinders, heads and sectors: the disk geometry that a VHD's footer states.

/// The geometry that stands for "too large to say": the size field counts then, for every reader.
pub(super) const MAX: Geometry = Geometry { cylinders: 65_535, heads: 16, sectors: 255 };

const CYLINDERS_PER_HEADS: u64 = 1024;

/// Cylinders, heads, and sectors per track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) cylinders: u16,
    pub(crate) heads: u8,
    pub(crate) sectors: u8,
}

impl Geometry {
    /// How many sectors the geometry spans.
    pub(super) fn total(self) -> u64 {
        u64::from(self.cylinders) * u64::from(self.heads) * u64::from(self.sectors)
    }

    /// The format's own rule (appendix "CHS Calculation"), which seldom spans the very number of sectors asked for.
    pub(crate) fn of(total: u64) -> Geometry {
        let total = total.min(MAX.total());
        let (sectors, heads, tracks) = if total >= 65_535 * 16 * 63 { (255, 16, total / 255) } else { small(total) };
        let field = |value: u64| u16::try_from(value).unwrap_or(u16::MAX);
        // at most 16 heads and 255 sectors by construction
        let byte = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        Geometry { cylinders: field(tracks / heads), heads: byte(heads), sectors: byte(sectors) }
    }

    /// The geometry to state for a disk of `total` sectors: one that spans it exactly, or else the largest, so that a
    /// reader that computes sizes from geometries sees the disk neither shorter nor longer.
    pub(super) fn stating(total: u64) -> Geometry {
        Some(Geometry::of(total)).filter(|geometry| geometry.total() == total && total > 0).unwrap_or(MAX)
    }
}

/// Sectors per track, heads, and the number of tracks of a disk below 32 GiB.
fn small(total: u64) -> (u64, u64, u64) {
    let tracks = total / 17;
    let heads = tracks.div_ceil(CYLINDERS_PER_HEADS).max(4);
    if heads <= 16 && tracks < heads * CYLINDERS_PER_HEADS {
        return (17, heads, tracks);
    }
    let tracks = total / 31;
    if tracks < 16 * CYLINDERS_PER_HEADS {
        return (31, 16, tracks);
    }
    (63, 16, total / 63)
}
