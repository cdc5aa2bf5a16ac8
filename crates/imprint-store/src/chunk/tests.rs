use proptest::prelude::*;

use super::*;

fn size() -> ChunkSize {
    ChunkSize::new(32 << 10).unwrap()
}

fn cut_whole(data: &[u8]) -> Vec<Piece> {
    let mut out = Vec::new();
    let done = Cutter::new(size()).feed(data, true, &mut out);
    assert_eq!(done, data.len());
    out
}

/// Feeds `data` in parts of the given lengths, as a sender would.
fn cut_in_parts(data: &[u8], parts: &[usize]) -> Vec<Piece> {
    let mut cutter = Cutter::new(size());
    let (mut out, mut stage, mut rest) = (Vec::new(), Vec::new(), data);
    for part in parts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(rest.len().min(*part));
        stage.extend_from_slice(now);
        rest = later;
        let done = cutter.feed(&stage, false, &mut out);
        stage.drain(..done);
        assert!(stage.len() < (size().max_bytes() as usize) + BLOCK_BYTES, "what is left over has a bound");
    }
    cutter.feed(&stage, true, &mut out);
    join_holes(out)
}

/// Holes may be reported in parts.
fn join_holes(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out: Vec<Piece> = Vec::new();
    for piece in pieces {
        match out.last_mut() {
            Some(last)
                if last.content == Content::Hole
                    && piece.content == Content::Hole
                    && !piece.offset.is_multiple_of(WINDOW_BYTES) =>
            {
                last.len += piece.len;
            }
            _ => out.push(piece),
        }
    }
    out
}

fn noise(seed: u8, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut out);
    out
}

#[test]
fn the_cuts_of_a_known_content_never_move() {
    // moving a cut makes new content share nothing with what is stored: a new setting, never a silent change
    let cuts: Vec<u32> = cut_whole(&noise(1, 600_000)).iter().map(|piece| piece.len / 1024).collect();
    assert_eq!(cuts, GOLDEN_CUTS_KIB);
}

const GOLDEN_CUTS_KIB: [u32; 16] = [60, 36, 8, 16, 8, 48, 48, 84, 60, 28, 16, 16, 48, 20, 64, 25];

#[test]
fn chunks_keep_their_bounds_and_cover_everything() {
    let data = [noise(1, 5 << 20), vec![0; 100_000], noise(2, 3 << 20), vec![7; 1 << 20], noise(3, 777)].concat();
    let pieces = cut_whole(&data);
    let mut at = 0;
    for (number, piece) in pieces.iter().enumerate() {
        assert_eq!(piece.offset, at);
        let bytes = &data[usize::try_from(at).unwrap()..][..piece.len as usize];
        match piece.content {
            Content::Hole => assert!(bytes.iter().all(|&byte| byte == 0)),
            Content::Data { crc32 } => {
                assert_eq!(crc32, crc32fast::hash(bytes));
                let next_is_hole = pieces.get(number + 1).is_none_or(|next| next.content == Content::Hole);
                assert!(piece.len <= size().max_bytes() && (piece.len >= size().mean_bytes() / 4 || next_is_hole));
            }
        }
        at += u64::from(piece.len);
    }
    assert_eq!(at, data.len() as u64);
    let data_pieces = pieces.iter().filter(|piece| piece.content != Content::Hole).count();
    assert!((200..320).contains(&data_pieces), "9 MiB in {data_pieces} chunks of about 32 KiB");
}

#[test]
fn no_chunk_crosses_a_window() {
    let mut cutter = Cutter::new(size());
    let mut out = Vec::new();
    cutter.skip(0, WINDOW_BYTES / 4096 - 3, &mut out);
    assert_eq!(cutter.feed(&[9; 6 * BLOCK_BYTES], true, &mut out), 6 * BLOCK_BYTES);
    let ends: Vec<u64> = out.iter().map(|piece| piece.offset + u64::from(piece.len)).collect();
    assert!(ends.contains(&WINDOW_BYTES), "{out:?}");
}

#[test]
fn skipped_zeros_equal_zeros_that_were_sent() {
    let data = [noise(1, 40_960), vec![0; 70 << 20], noise(2, 5000)].concat();
    let mut cutter = Cutter::new(size());
    let mut out = Vec::new();
    let done = cutter.feed(&data[..40_960], false, &mut out);
    cutter.skip(40_960 - done, (70 << 20) / 4096, &mut out);
    cutter.feed(&data[data.len() - 5000..], true, &mut out);
    assert_eq!(join_holes(out), cut_whole(&data));
}

#[test]
fn cuts_fall_in_step_again_after_an_insertion_of_blocks() {
    let data = noise(1, 4 << 20);
    let moved = [noise(2, 3 * BLOCK_BYTES), data.clone()].concat();
    let names = |data: &[u8]| -> std::collections::HashSet<u32> {
        let crc = |piece: &Piece| match piece.content {
            Content::Data { crc32 } => crc32,
            Content::Hole => 0,
        };
        cut_whole(data).iter().map(crc).collect()
    };
    let (before, after) = (names(&data), names(&moved));
    assert!(before.intersection(&after).count() * 10 > before.len() * 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn how_bytes_arrive_makes_no_difference(
        runs in prop::collection::vec((any::<u8>(), 0_usize..90_000, any::<bool>()), 0..12),
        parts in prop::collection::vec(1_usize..70_000, 1..6),
    ) {
        let data: Vec<u8> =
            runs.iter().flat_map(|&(seed, len, zero)| if zero { vec![0; len] } else { noise(seed, len) }).collect();
        prop_assert_eq!(cut_in_parts(&data, &parts), join_holes(cut_whole(&data)));
    }
}
