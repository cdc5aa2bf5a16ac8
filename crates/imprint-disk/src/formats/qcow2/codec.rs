//! Compressing and expanding single clusters.

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Operation};

use crate::corrupt;
use crate::deflate::{self, ForSmallWindow};

/// The deflate window of the format: readers need not keep more.
const WINDOW_BITS: u32 = 12;
/// The largest window a zstd frame may ask for: eight times the largest cluster.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;
/// The next level costs half as much time again for four in a hundred bytes.
const ZSTD_LEVEL: i32 = 1;

/// How an image's compressed clusters are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// Raw deflate.
    Zlib,
    /// A zstd frame.
    Zstd,
}

impl Codec {
    /// The name in the format's own words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Codec::Zlib => "zlib",
            Codec::Zstd => "zstd",
        }
    }

    /// Everything that the compressed bytes depend on.
    pub(super) fn identity(self) -> String {
        match self {
            Codec::Zlib => format!("deflate {}", deflate::VERSION),
            Codec::Zstd => format!("zstd {} level {ZSTD_LEVEL}", zstd::zstd_safe::version_string()),
        }
    }
}

/// Expands clusters one after the other.
pub(super) enum Expander {
    Zlib(Decompress),
    Zstd(zstd::stream::raw::Decoder<'static>),
}

impl Expander {
    pub(super) fn new(codec: Codec) -> io::Result<Expander> {
        Ok(match codec {
            Codec::Zlib => Expander::Zlib(Decompress::new(false)),
            Codec::Zstd => {
                let mut decoder = zstd::stream::raw::Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                Expander::Zstd(decoder)
            }
        })
    }

    /// Expands `packed`, which may be followed by anything, into exactly `cluster`.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when it gives less, or more, or is no such data.
    pub(super) fn expand(&mut self, packed: &[u8], cluster: &mut [u8]) -> io::Result<()> {
        let is_whole = match self {
            Expander::Zlib(inflate) => {
                inflate.reset(false);
                let status = inflate.decompress(packed, cluster, FlushDecompress::Finish);
                status.is_ok_and(|status| status == Status::StreamEnd) && inflate.total_out() == cluster.len() as u64
            }
            Expander::Zstd(decoder) => {
                decoder.reinit()?;
                zstd_frame(decoder, packed, cluster).unwrap_or(false)
            }
        };
        if is_whole { Ok(()) } else { Err(corrupt("qcow2: a compressed cluster does not give one cluster")) }
    }
}

/// Whether the frame at the start of `packed` fills `out` and ends there.
fn zstd_frame(decoder: &mut impl Operation, packed: &[u8], out: &mut [u8]) -> io::Result<bool> {
    let (mut read, mut written) = (0, 0);
    loop {
        let status = decoder.run_on_buffers(&packed[read..], &mut out[written..])?;
        read += status.bytes_read;
        written += status.bytes_written;
        if status.remaining == 0 {
            return Ok(written == out.len());
        }
        if status.bytes_read == 0 && status.bytes_written == 0 {
            return Ok(false);
        }
    }
}

/// Compresses clusters one after the other.
pub(super) enum Packer {
    Zlib(Box<ForSmallWindow>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Packer {
    pub(super) fn new(codec: Codec) -> io::Result<Packer> {
        Ok(match codec {
            Codec::Zlib => Packer::Zlib(Box::new(ForSmallWindow::new(WINDOW_BITS))),
            Codec::Zstd => Packer::Zstd(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        })
    }

    /// Appends the compressed cluster to the empty `out`, or the cluster itself when compressing does not make it
    /// smaller: the length tells which.
    pub(super) fn pack(&mut self, cluster: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Packer::Zlib(deflate) => deflate.compress(cluster, out),
            Packer::Zstd(compressor) => {
                out.reserve(zstd::zstd_safe::compress_bound(cluster.len()));
                compressor.compress_to_buffer(cluster, out)?;
            }
        }
        if out.len() >= cluster.len() {
            out.clear();
            out.extend_from_slice(cluster);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: usize = 65_536;

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x1234_5678_u32;
        let next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        };
        std::iter::repeat_with(next).take(len).collect()
    }

    #[test]
    fn clusters_come_back_and_noise_is_kept_as_it_is() {
        for codec in [Codec::Zlib, Codec::Zstd] {
            let (mut packer, mut expander) = (Packer::new(codec).unwrap(), Expander::new(codec).unwrap());
            let text: Vec<u8> = b"a line of text that comes again, 0123456789\n".repeat(1500)[..CLUSTER].to_vec();
            for data in [text, vec![7; CLUSTER], [noise(CLUSTER / 2), vec![0; CLUSTER / 2]].concat()] {
                let mut packed = Vec::new();
                packer.pack(&data, &mut packed).unwrap();
                assert!(packed.len() < CLUSTER, "{codec:?}");
                // behind it stands whatever comes next in the file
                packed.extend_from_slice(&noise(600));
                let mut back = vec![1; CLUSTER];
                expander.expand(&packed, &mut back).unwrap();
                assert!(back == data, "{codec:?}");
            }
            let mut kept = Vec::new();
            packer.pack(&noise(CLUSTER), &mut kept).unwrap();
            assert!(kept == noise(CLUSTER), "{codec:?}");
        }
    }

    #[test]
    fn noise_again_and_again_leaves_the_packer_sound() {
        for codec in [Codec::Zlib, Codec::Zstd] {
            let (mut packer, mut expander) = (Packer::new(codec).unwrap(), Expander::new(codec).unwrap());
            for turn in 0..40 {
                let len = [4096, CLUSTER, 2 << 20][turn % 3];
                let mut packed = Vec::new();
                packer.pack(&noise(len), &mut packed).unwrap();
                assert_eq!(packed.len(), len, "{codec:?}");
                packed.clear();
                packer.pack(&vec![3; len], &mut packed).unwrap();
                expander.expand(&packed, &mut vec![0; len]).unwrap();
            }
        }
    }

    #[test]
    fn too_little_too_much_and_nonsense_are_corrupt() {
        for codec in [Codec::Zlib, Codec::Zstd] {
            let (mut packer, mut expander) = (Packer::new(codec).unwrap(), Expander::new(codec).unwrap());
            let mut packed = Vec::new();
            packer.pack(&vec![9; CLUSTER], &mut packed).unwrap();
            for size in [0, 1, CLUSTER - 1, CLUSTER + 1, 2 * CLUSTER] {
                assert!(expander.expand(&packed, &mut vec![0; size]).is_err(), "{codec:?} {size}");
            }
            assert!(expander.expand(&packed[..packed.len() - 2], &mut vec![0; CLUSTER]).is_err(), "{codec:?}");
            assert!(expander.expand(&noise(5000), &mut vec![0; CLUSTER]).is_err(), "{codec:?}");
            assert!(expander.expand(&[], &mut vec![0; CLUSTER]).is_err(), "{codec:?}");
            expander.expand(&packed, &mut vec![0; CLUSTER]).unwrap();
        }
    }
}
