//! What is packed in records. Output is exactly one block: neither less nor more.

use std::io;

use flate2::{Decompress, FlushDecompress};

use crate::corrupt;

/// How far back deflate can refer.
pub(super) const WINDOW_BYTES: usize = 32 * 1024;

/// Inflates a part of a deflate stream that begins on a byte, into `out`. `window` is what came before it, the last
/// [`WINDOW_BYTES`] of it at most; a reference to before that is an error.
pub(super) fn inflate_part(window: &[u8], payload: &[u8], out: &mut [u8]) -> io::Result<()> {
    let mut inflate = Decompress::new(false);
    if !window.is_empty() {
        // a stored block puts the window where references look for it
        let len = u16::try_from(window.len()).map_err(io::Error::other)?;
        let mut lead = vec![0];
        lead.extend(len.to_le_bytes());
        lead.extend((!len).to_le_bytes());
        lead.extend(window);
        fill(&mut inflate, &lead, &mut vec![0; window.len()])?;
    }
    fill_wholly(&mut inflate, payload, out)
}

/// Inflates a zlib stream.
pub(super) fn inflate_whole(payload: &[u8], out: &mut [u8]) -> io::Result<()> {
    fill_wholly(&mut Decompress::new(true), payload, out)
}

/// Unpacks a zstd frame.
pub(super) fn unzstd(payload: &[u8], out: &mut [u8]) -> io::Result<()> {
    let len = zstd::bulk::Decompressor::new()?.decompress_to_buffer(payload, out).map_err(|error| damaged(&error))?;
    if len == out.len() { Ok(()) } else { Err(corrupt("a record holds less than a block")) }
}

fn fill_wholly(inflate: &mut Decompress, payload: &[u8], out: &mut [u8]) -> io::Result<()> {
    let used = fill(inflate, payload, out)?;
    let before = inflate.total_out();
    // a stream that has ended answers that it has
    let _ = inflate.decompress(&payload[used..], &mut [0], FlushDecompress::None).map_err(|error| damaged(&error))?;
    if inflate.total_out() == before { Ok(()) } else { Err(corrupt("a record holds more than a block")) }
}

/// Fills `out`; returns how much of `input` that took.
fn fill(inflate: &mut Decompress, input: &[u8], out: &mut [u8]) -> io::Result<usize> {
    let (start_in, start_out) = (inflate.total_in(), inflate.total_out());
    let since = |now: u64, then: u64| usize::try_from(now - then).map_err(io::Error::other);
    loop {
        let (used, made) = (since(inflate.total_in(), start_in)?, since(inflate.total_out(), start_out)?);
        if made == out.len() {
            return Ok(used);
        }
        inflate.decompress(&input[used..], &mut out[made..], FlushDecompress::None).map_err(|error| damaged(&error))?;
        let stands = since(inflate.total_in(), start_in)? == used && since(inflate.total_out(), start_out)? == made;
        if stands {
            return Err(corrupt("a record holds less than a block"));
        }
    }
}

fn damaged(error: &dyn std::error::Error) -> io::Error {
    corrupt(format!("a record cannot be unpacked: {error}"))
}
