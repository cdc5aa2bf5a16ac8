//! The compressions of an initramfs: told by their first bytes, decoded as a stream, with little memory.
//!
//! What lives here: one reader for each compression, stopping exactly behind its member. What never does: what is inside.

use std::io::{self, BufRead, Read};

use imprint_disk::corrupt;

use super::source::Source;

/// How much memory a decoder may take: larger dictionaries are refused.
pub(super) const DECODER_BYTES_MAX: u64 = 128 << 20;
/// The same as a power of two, as zstd counts windows.
const WINDOW_LOG_MAX: u32 = 27;
/// How long a block of lz4's legacy form is when it is decoded.
const LZ4_BLOCK_BYTES: usize = 8 << 20;
/// What begins a member of lz4's legacy form.
const LZ4_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];

/// A compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    Gzip,
    Xz,
    Zstd,
    Lz4,
    Lzma,
    Bzip2,
    Lzo,
}

impl Codec {
    /// The compression that these bytes begin.
    pub(super) fn of(start: &[u8]) -> Option<Codec> {
        match start {
            [0x1f, 0x8b | 0x9e, ..] => Some(Codec::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Codec::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Codec::Zstd),
            [b'B', b'Z', b'h', ..] => Some(Codec::Bzip2),
            [0x89, b'L', b'Z', b'O', ..] => Some(Codec::Lzo),
            [0x5d, 0, 0, ..] => Some(Codec::Lzma),
            _ if start.starts_with(&LZ4_MAGIC) => Some(Codec::Lz4),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Codec::Gzip => "gzip",
            Codec::Xz => "xz",
            Codec::Zstd => "zstd",
            Codec::Lz4 => "lz4",
            Codec::Lzma => "lzma",
            Codec::Bzip2 => "bzip2",
            Codec::Lzo => "lzo",
        }
    }

    /// What one member holds, from its first byte on; `None` for a compression that is only known by name. When the
    /// reader ends, the source stands behind the member.
    pub(super) fn decoder<'s>(self, source: &'s mut Source<'_>) -> io::Result<Option<Box<dyn Read + 's>>> {
        Ok(match self {
            Codec::Gzip => Some(Box::new(flate2::bufread::GzDecoder::new(source))),
            Codec::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(DECODER_BYTES_MAX, 0)?;
                Some(Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream)))
            }
            Codec::Lzma => {
                let stream = liblzma::stream::Stream::new_lzma_decoder(DECODER_BYTES_MAX)?;
                Some(Box::new(liblzma::bufread::XzDecoder::new_stream(source, stream)))
            }
            Codec::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(source)?.single_frame();
                decoder.window_log_max(WINDOW_LOG_MAX)?;
                Some(Box::new(decoder))
            }
            Codec::Lz4 => Some(Box::new(Lz4Legacy::new(source)?)),
            Codec::Bzip2 | Codec::Lzo => None,
        })
    }
}

/// A member of lz4's legacy form, as kernels take it: the magic, then blocks, each with its compressed length before it.
struct Lz4Legacy<'s, 'a> {
    source: &'s mut Source<'a>,
    compressed: Vec<u8>,
    block: Vec<u8>,
    len: usize,
    given: usize,
}

impl<'s, 'a> Lz4Legacy<'s, 'a> {
    fn new(source: &'s mut Source<'a>) -> io::Result<Lz4Legacy<'s, 'a>> {
        let mut magic = [0; LZ4_MAGIC.len()];
        source.read_exact(&mut magic)?;
        Ok(Lz4Legacy { source, compressed: Vec::new(), block: vec![0; LZ4_BLOCK_BYTES], len: 0, given: 0 })
    }

    /// Decodes the next block; false at the end of the member. The form has no mark of its end: it is the end of the
    /// file, or a length that no block has.
    fn next_block(&mut self) -> io::Result<bool> {
        let longest = lz4_flex::block::get_maximum_output_size(LZ4_BLOCK_BYTES);
        let length = match *self.source.look(4)? {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
            _ => return Ok(false),
        };
        if length == 0 || length > longest {
            return Ok(false);
        }
        self.source.consume(4);
        self.compressed.resize(length, 0);
        self.source.read_exact(&mut self.compressed)?;
        self.len = lz4_flex::block::decompress_into(&self.compressed, &mut self.block)
            .map_err(|error| corrupt(format!("a block of lz4: {error}")))?;
        self.given = 0;
        Ok(self.len > 0)
    }
}

impl Read for Lz4Legacy<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.given == self.len && !self.next_block()? {
            return Ok(0);
        }
        let len = buf.len().min(self.len - self.given);
        buf[..len].copy_from_slice(&self.block[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }
}
