//! Reading zstd frames: decoding can begin at each. The length of a frame that does not tell it is measured by decoding
//! the frame when the file is opened.

use std::io;
use std::sync::Arc;

use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation, OutBuffer};

use super::source::Source;
use super::unpacked::{Decoder, Packing};
use super::{DECODER_BYTES_MAX, no_more_than, zst_frames};
use crate::Format;
use crate::read_at::{ReadAt, corrupt};

/// Decoded at a time while measuring.
const STEP_BYTES: usize = 128 * 1024;

/// All frames of a file.
pub(super) struct Frames {
    file: Arc<dyn ReadAt>,
    frames: Arc<Vec<Frame>>,
    size: u64,
}

struct Frame {
    /// Where it begins in the file, and where it ends.
    packed: (u64, u64),
    /// Where its content begins, and where it ends.
    unpacked: (u64, u64),
}

impl Frames {
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`] as soon as there are known to be more than `bytes_max`.
    pub(super) fn open(file: Arc<dyn ReadAt>, bytes_max: u64) -> io::Result<Frames> {
        let mut frames = Vec::new();
        let mut size = 0_u64;
        let mut measuring = Measuring { decoding: None, buf: vec![0; STEP_BYTES] };
        for found in zst_frames::find(&file)? {
            let content = match found.content {
                Some(content) => content,
                None => measuring.frame(Source::new(Arc::clone(&file), found.start, found.end), size, bytes_max)?,
            };
            let end = size.saturating_add(content);
            no_more_than(bytes_max, end, Format::Zst)?;
            // an empty one holds nothing that could be asked for
            if content > 0 {
                frames.push(Frame { packed: (found.start, found.end), unpacked: (size, end) });
            }
            size = end;
        }
        Ok(Frames { file, frames: Arc::new(frames), size })
    }

    fn place(&self, offset: u64) -> usize {
        self.frames.partition_point(|frame| frame.unpacked.0 <= offset).saturating_sub(1)
    }
}

/// Measures frames. There may be very many of a few bytes each, so memory is allocated once.
struct Measuring {
    decoding: Option<OneFrame>,
    buf: Vec<u8>,
}

impl Measuring {
    /// How much a frame unpacks to that stands behind so many bytes.
    fn frame(&mut self, source: Source, before: u64, bytes_max: u64) -> io::Result<u64> {
        let decoding = match &mut self.decoding {
            Some(decoding) => decoding.go_on_with(source)?,
            none => none.insert(OneFrame::new(source)?),
        };
        let mut size = 0_u64;
        loop {
            let made = decoding.step(&mut self.buf)?;
            size += made as u64;
            if made < self.buf.len() {
                return Ok(size);
            }
            no_more_than(bytes_max, before + size, Format::Zst)?;
        }
    }
}

impl Packing for Frames {
    fn size_bytes(&self) -> u64 {
        self.size
    }

    fn start_at(&self, offset: u64) -> u64 {
        self.frames.get(self.place(offset)).map_or(0, |frame| frame.unpacked.0)
    }

    fn decoder_at(&self, start: u64) -> io::Result<Box<dyn Decoder>> {
        let decoding = Decoding {
            file: Arc::clone(&self.file),
            frames: Arc::clone(&self.frames),
            next: self.place(start),
            current: None,
        };
        Ok(Box::new(decoding))
    }
}

/// Goes from frame to frame.
struct Decoding {
    file: Arc<dyn ReadAt>,
    frames: Arc<Vec<Frame>>,
    next: usize,
    /// The frame under way, and how much of it is to come.
    current: Option<(OneFrame, u64)>,
}

impl Decoder for Decoding {
    fn fill(&mut self, buf: &mut [u8]) -> io::Result<()> {
        let mut rest = buf;
        while !rest.is_empty() {
            let (mut frame, left) = match self.current.take() {
                Some(current) => current,
                None => {
                    let frame = self.frames.get(self.next).ok_or_else(crate::past_the_end)?;
                    self.next += 1;
                    let source = Source::new(Arc::clone(&self.file), frame.packed.0, frame.packed.1);
                    (OneFrame::new(source)?, frame.unpacked.1 - frame.unpacked.0)
                }
            };
            let len = usize::try_from(left.min(rest.len() as u64)).map_err(io::Error::other)?;
            let (piece, later) = rest.split_at_mut(len);
            if frame.step(piece)? < len {
                return Err(corrupt("zst: a frame is shorter than it says"));
            }
            if left > len as u64 {
                self.current = Some((frame, left - len as u64));
            } else {
                frame.finish()?;
            }
            rest = later;
        }
        Ok(())
    }
}

struct OneFrame {
    source: Source,
    zstd: Zstd<'static>,
    done: bool,
}

impl OneFrame {
    fn new(source: Source) -> io::Result<OneFrame> {
        let mut zstd = Zstd::new()?;
        zstd.set_parameter(DParameter::WindowLogMax(DECODER_BYTES_MAX.ilog2()))?;
        Ok(OneFrame { source, zstd, done: false })
    }

    /// The same decoder at the start of another frame.
    fn go_on_with(&mut self, source: Source) -> io::Result<&mut OneFrame> {
        self.zstd.reinit()?;
        (self.source, self.done) = (source, false);
        Ok(self)
    }

    /// Fills the buffer as far as there is something; less than all of it is the end.
    fn step(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut out = OutBuffer::around(buf);
        while !self.done && out.pos() < out.capacity() {
            let before = (self.source.position(), out.pos());
            let mut input = InBuffer::around(self.source.look()?);
            let hint = self.zstd.run(&mut input, &mut out).map_err(|error| corrupt(format!("zst: {error}")))?;
            let used = input.pos();
            self.source.used(used);
            self.done = hint == 0;
            if !self.done && before == (self.source.position(), out.pos()) {
                return Err(corrupt("zst: it is cut short"));
            }
        }
        Ok(out.pos())
    }

    /// All that was asked for has come: nothing more may come, and the checksum must hold.
    fn finish(&mut self) -> io::Result<()> {
        let mut more = [0; 1];
        match self.step(&mut more)? {
            0 => Ok(()),
            _ => Err(corrupt("zst: a frame is longer than it says")),
        }
    }
}
