//! Reading one xz stream: decoding can begin at each block. Many writers make a single block of everything.

use std::io;
use std::sync::Arc;

use liblzma::stream::{Action, Error, Stream as Lzma, TELL_UNSUPPORTED_CHECK};

use super::DECODER_BYTES_MAX;
use super::source::Source;
use super::unpacked::{Decoder, Packing};
use super::xz_index::{self, Block, HEADER_BYTES};
use crate::read_at::{ReadAt, corrupt};

/// A stream whose index is sound.
pub(super) struct Stream {
    file: Arc<dyn ReadAt>,
    blocks: Arc<Vec<Block>>,
}

impl Stream {
    pub(super) fn open(file: Arc<dyn ReadAt>) -> io::Result<Stream> {
        let blocks = Arc::new(xz_index::read(&*file)?);
        Ok(Stream { file, blocks })
    }

    fn place(&self, offset: u64) -> usize {
        self.blocks.partition_point(|block| block.unpacked.0 <= offset).saturating_sub(1)
    }
}

impl Packing for Stream {
    fn size_bytes(&self) -> u64 {
        self.blocks.last().map_or(0, |block| block.unpacked.1)
    }

    fn start_at(&self, offset: u64) -> u64 {
        self.blocks.get(self.place(offset)).map_or(0, |block| block.unpacked.0)
    }

    fn decoder_at(&self, start: u64) -> io::Result<Box<dyn Decoder>> {
        let decoding = Decoding {
            file: Arc::clone(&self.file),
            blocks: Arc::clone(&self.blocks),
            next: self.place(start),
            current: None,
        };
        Ok(Box::new(decoding))
    }
}

/// Goes from block to block.
struct Decoding {
    file: Arc<dyn ReadAt>,
    blocks: Arc<Vec<Block>>,
    next: usize,
    /// The block under way, and how much of it is to come.
    current: Option<(OneBlock, u64)>,
}

impl Decoder for Decoding {
    fn fill(&mut self, buf: &mut [u8]) -> io::Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let (mut block, left) = match self.current.take() {
                Some(current) => current,
                None => {
                    let block = *self.blocks.get(self.next).ok_or_else(crate::past_the_end)?;
                    self.next += 1;
                    (OneBlock::new(&self.file, block)?, block.unpacked.1 - block.unpacked.0)
                }
            };
            let len = usize::try_from(left.min(rest.len() as u64)).map_err(io::Error::other)?;
            let (piece, later) = rest.split_at_mut(len);
            if block.step(piece)? < len {
                return Err(corrupt("xz: a block is shorter than the index says"));
            }
            if left > len as u64 {
                self.current = Some((block, left - len as u64));
            } else {
                block.finish()?;
            }
            rest = later;
        }
        Ok(())
    }
}

/// A decoder that was shown the stream's header and is shown one block: decoders do not care where the block stood.
struct OneBlock {
    source: Source,
    lzma: Lzma,
}

impl OneBlock {
    fn new(file: &Arc<dyn ReadAt>, block: Block) -> io::Result<OneBlock> {
        let mut header = [0; HEADER_BYTES];
        file.read_at(0, &mut header)?;
        let mut lzma = Lzma::new_stream_decoder(DECODER_BYTES_MAX, TELL_UNSUPPORTED_CHECK).map_err(failed)?;
        lzma.process(&header, &mut [], Action::Run).map_err(failed)?;
        Ok(OneBlock { source: Source::new(Arc::clone(file), block.packed.0, block.packed.1), lzma })
    }

    /// Fills the buffer as far as there is something; less than all of it is the end.
    fn step(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut made = 0;
        while made < buf.len() {
            let input = self.source.look()?;
            let before = (self.lzma.total_in(), self.lzma.total_out());
            self.lzma.process(input, &mut buf[made..], Action::Run).map_err(failed)?;
            let used = usize::try_from(self.lzma.total_in() - before.0).map_err(io::Error::other)?;
            let more = usize::try_from(self.lzma.total_out() - before.1).map_err(io::Error::other)?;
            self.source.used(used);
            made += more;
            if used == 0 && more == 0 {
                break;
            }
        }
        Ok(made)
    }

    /// All that was asked for has come: nothing more may come, and the checksum must hold.
    fn finish(&mut self) -> io::Result<()> {
        let mut more = [0; 1];
        if self.step(&mut more)? > 0 {
            return Err(corrupt("xz: a block is longer than the index says"));
        }
        if self.source.look()?.is_empty() { Ok(()) } else { Err(corrupt("xz: a block does not end where it should")) }
    }
}

fn failed(error: Error) -> io::Error {
    match error {
        Error::MemLimit => io::Error::new(io::ErrorKind::Unsupported, "xz: it needs more than 128 MiB of memory"),
        Error::Options | Error::UnsupportedCheck => {
            io::Error::new(io::ErrorKind::Unsupported, format!("xz: a filter or check is not known: {error}"))
        }
        Error::Mem => io::Error::new(io::ErrorKind::OutOfMemory, "xz: there is no memory for it"),
        other => corrupt(format!("xz: {other}")),
    }
}
