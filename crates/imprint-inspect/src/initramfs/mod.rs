//! What an initramfs holds: its segments, and the kernel modules in them.
//!
//! What lives here: walking the segments (archives, plain or compressed, one after another) and noting the names that
//! matter. What never does: unpacking to anywhere, and what the names mean for a start (`drivers`).

mod codec;
mod cpio;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead, Read};

use crate::budget::Budget;
use crate::error::{Error, Result};

use codec::{Codec, DECODER_BYTES_MAX};
use cpio::{Archive, is_archive};
pub(crate) use source::{At, Part};
use source::{Source, from_io, into_io};

/// How many bytes all segments of all files together may decode to.
const DECODED_BYTES_MAX: u64 = 512 << 20;
/// How many segments there may be in all files.
const SEGMENTS_MAX: usize = 16;
/// How many entries there may be in all files.
const ENTRIES_MAX: u64 = 200_000;
/// How many kernels' modules may be in it.
const VERSIONS_MAX: usize = 16;
/// How long the version of a kernel and the name of a module may be: the kernel's own bounds.
const VERSION_BYTES_MAX: usize = 64;
const MODULE_BYTES_MAX: usize = 64;
/// What a module takes in memory besides its name.
const MODULE_BYTES: u64 = 64;
/// How many bytes tell what a segment is.
const LOOK_BYTES: usize = 6;
/// How much is decoded at once.
const BUFFER_BYTES: usize = 64 << 10;

/// What an initramfs holds.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Initramfs {
    /// Compressions of the segments in their order; `cpio` for a plain one.
    pub(crate) segments: Vec<&'static str>,
    /// Names in all archives.
    pub(crate) entries: u64,
    /// Modules by kernel version; names with `_` for `-`, without `.ko` and compression.
    pub(crate) modules: BTreeMap<String, HashSet<String>>,
    /// Whether a script in it lets the root partition grow.
    pub(crate) grows_root: bool,
    /// Why the listing ends early, if it does.
    pub(crate) trouble: Option<String>,
}

impl Initramfs {
    /// Lists the files that are loaded one behind another: the bounds are for all of them. What cannot be read ends the
    /// listing of its file and is told in [`Initramfs::trouble`].
    ///
    /// # Errors
    /// Those that end the check.
    pub(crate) fn read<A: At>(files: &[A], budget: &Budget) -> Result<Initramfs> {
        let mut listing = Listing { found: Initramfs::default(), budget, decoded: 0 };
        for file in files {
            match listing.segments(&mut Source::new(file)).map_err(from_io) {
                Ok(()) => {}
                Err(error) if error.ends_the_check() => return Err(error),
                Err(error) => {
                    listing.found.trouble.get_or_insert_with(|| error.to_string());
                }
            }
        }
        Ok(listing.found)
    }

    /// Whether it holds that module for that kernel.
    pub(crate) fn has(&self, version: &str, module: &str) -> bool {
        self.modules.get(version).is_some_and(|modules| modules.contains(module))
    }

    /// Number of modules in it.
    pub(crate) fn module_count(&self) -> usize {
        self.modules.values().map(HashSet::len).sum()
    }
}

/// A listing under way.
struct Listing<'b> {
    found: Initramfs,
    budget: &'b Budget,
    decoded: u64,
}

impl Listing<'_> {
    /// The segments of one file.
    fn segments(&mut self, source: &mut Source<'_>) -> io::Result<()> {
        let before = self.found.segments.len();
        while skip_zeros(source)? {
            let start = source.look(LOOK_BYTES)?.to_vec();
            if self.found.segments.len() >= SEGMENTS_MAX {
                return Err(imprint_disk::corrupt("it has too many segments"));
            }
            if is_archive(&start) {
                self.found.segments.push("cpio");
                self.archive(source)?;
            } else if let Some(codec) = Codec::of(&start) {
                self.found.segments.push(codec.name());
                self.compressed(codec, source)?;
            } else if self.found.segments.len() == before {
                return Err(imprint_disk::corrupt("it is neither an archive nor compressed in a known way"));
            } else {
                return Err(imprint_disk::corrupt("what follows its last segment is none"));
            }
        }
        if self.found.segments.len() == before { Err(imprint_disk::corrupt("it is empty")) } else { Ok(()) }
    }

    /// The archives in a compressed segment, and then what is left of it.
    fn compressed(&mut self, codec: Codec, source: &mut Source<'_>) -> io::Result<()> {
        let budget = self.budget;
        let _held = budget.hold(DECODER_BYTES_MAX).map_err(into_io)?;
        let Some(decoder) = codec.decoder(source)? else {
            return Err(imprint_disk::corrupt(format!("compression {} is not supported", codec.name())));
        };
        let left = DECODED_BYTES_MAX.saturating_sub(self.decoded);
        let mut decoded = io::BufReader::with_capacity(BUFFER_BYTES, Metered { stream: decoder, left, budget });
        let ended = self.archives(&mut decoded);
        self.decoded = DECODED_BYTES_MAX - decoded.get_ref().left;
        ended
    }

    /// Archives one behind another. Zeros pad them to blocks; anything else is the next header's first byte.
    fn archives(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        while skip_zeros(stream)? {
            self.archive(stream)?;
        }
        Ok(())
    }

    fn archive<R: Read>(&mut self, stream: &mut R) -> io::Result<()> {
        let mut archive = Archive::new(stream);
        while let Some(name) = archive.next_name()? {
            self.budget.step().map_err(into_io)?;
            self.found.entries += 1;
            if self.found.entries > ENTRIES_MAX {
                return Err(imprint_disk::corrupt("it has too many entries"));
            }
            self.note(&String::from_utf8_lossy(&name)).map_err(into_io)?;
        }
        Ok(())
    }

    fn note(&mut self, path: &str) -> Result<()> {
        // no writer makes such a name, and where it leads is somewhere else than it says
        if path.split('/').any(|part| part == "..") {
            return Ok(());
        }
        let path = path.trim_start_matches("./").trim_start_matches('/');
        let path = path.strip_prefix("main/").unwrap_or(path);
        if path.contains("growroot") || path.contains("growpart") || path.contains("growfs") {
            self.found.grows_root = true;
        }
        let inside = path.strip_prefix("usr/").unwrap_or(path).strip_prefix("lib/modules/");
        let Some((version, file)) = inside.and_then(|rest| rest.split_once('/')) else { return Ok(()) };
        let Some(module) = module_name(file) else { return Ok(()) };
        if version.len() > VERSION_BYTES_MAX || module.len() > MODULE_BYTES_MAX || self.found.has(version, &module) {
            return Ok(());
        }
        if self.found.modules.len() < VERSIONS_MAX || self.found.modules.contains_key(version) {
            self.budget.keep(MODULE_BYTES + module.len() as u64)?;
            self.found.modules.entry(version.to_owned()).or_default().insert(module);
        }
        Ok(())
    }
}

/// A module's name from its path: `kernel/drivers/nvme/host/nvme-core.ko.xz` is `nvme_core`.
pub(crate) fn module_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let (name, compression) = file.split_once(".ko")?;
    let known = ["", ".xz", ".zst", ".gz"].contains(&compression);
    (known && !name.is_empty()).then(|| name.replace('-', "_"))
}

/// Skips zeros; says whether anything follows.
fn skip_zeros(stream: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = stream.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().position(|&byte| byte != 0);
        let skipped = zeros.unwrap_or(bytes.len());
        stream.consume(skipped);
        if zeros.is_some() {
            return Ok(true);
        }
    }
}

/// A stream that ends in an error past its bound, and counts against the budget on its way.
struct Metered<'b, R> {
    stream: R,
    left: u64,
    budget: &'b Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(buf)?;
        self.budget.step().map_err(into_io)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                self.left = 0;
                let text = format!("it decodes to more than {} MiB", DECODED_BYTES_MAX >> 20);
                return Err(into_io(Error::corrupt(text)));
            }
        }
        Ok(read)
    }
}
