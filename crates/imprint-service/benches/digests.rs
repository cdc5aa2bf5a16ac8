//! What do the digests alone cost that an upload must have? Prints seconds of one processor per GiB, the best of many
//! rounds; run it with `cargo bench -p imprint-service --bench digests`. No upload can cost less than its two.
#![expect(clippy::print_stdout, reason = "a bench reports to the terminal")]

use std::time::Instant;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

const ROUNDS: usize = 60;
const ROUND_BYTES: usize = 16 << 20;

fn main() {
    let content: Vec<u8> = (0..ROUND_BYTES).map(|place| (place.wrapping_mul(31) >> 3).to_le_bytes()[0]).collect();
    println!("{:<8} {:.2} s/GiB", "md5", secs_per_gib::<Md5>(&content));
    println!("{:<8} {:.2} s/GiB", "sha256", secs_per_gib::<Sha256>(&content));
    println!("{:<8} {:.2} s/GiB", "sha512", secs_per_gib::<Sha512>(&content));
}

/// The best round: whatever else runs on the machine can only make one slower.
fn secs_per_gib<D: Digest>(content: &[u8]) -> f64 {
    let rounds_per_gib = f64::from(1 << 30) / ROUND_BYTES as f64;
    let round = |_| {
        let started = Instant::now();
        std::hint::black_box(D::digest(content));
        started.elapsed().as_secs_f64()
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min) * rounds_per_gib
}
