//! Sound files to start from, kept as their pages that are not all zeros.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex};

use imprint_disk::{ReadAt, past_the_end};

use crate::edits::Edited;

pub const PAGE_BYTES: usize = 4096;
/// Pages that edits are made in, at most.
const HOT_MAX: usize = 2048;

pub type Page = [u8; PAGE_BYTES];

/// A sound file.
pub struct Base {
    size: u64,
    pages: HashMap<u64, Box<Page>>,
    /// Pages that are read when the file is sound, in order: edits elsewhere would change nothing.
    pub hot: Vec<u64>,
    /// Puts checksums right after edits, so that what is behind them is reached.
    pub repair: fn(&mut Edited),
}

impl Base {
    pub fn new(bytes: &[u8]) -> Base {
        Base::read_from(bytes).expect("memory can be read")
    }

    /// All that the reader gives. Zeros take no memory.
    pub fn read_from(mut reader: impl Read) -> io::Result<Base> {
        let mut base = Base { size: 0, pages: HashMap::new(), hot: Vec::new(), repair: |_| {} };
        let mut part = Vec::with_capacity(PAGE_BYTES);
        while reader.by_ref().take(PAGE_BYTES as u64).read_to_end(&mut part)? > 0 {
            if part.iter().any(|&byte| byte != 0) {
                let mut page = Box::new([0; PAGE_BYTES]);
                page[..part.len()].copy_from_slice(&part);
                base.pages.insert(base.size / PAGE_BYTES as u64, page);
            }
            base.size += part.len() as u64;
            part.clear();
        }
        Ok(base)
    }

    /// The bytes of a disk, which may be longer than memory.
    pub fn of(disk: &dyn ReadAt) -> Base {
        let mut base = Base::new(&[]);
        base.size = disk.size_bytes();
        for number in 0..base.size.div_ceil(PAGE_BYTES as u64) {
            let at = number * PAGE_BYTES as u64;
            let len = (base.size - at).min(PAGE_BYTES as u64) as usize;
            let mut page = Box::new([0; PAGE_BYTES]);
            if disk.read_at(at, &mut page[..len]).is_ok() && page.iter().any(|&byte| byte != 0) {
                base.pages.insert(number, page);
            }
        }
        base
    }

    /// A kept file system of imprint-inspect, or a kept file of this folder. One that is not there ends the run: a
    /// target without its files would find nothing.
    pub fn kept(name: &str) -> Base {
        Base::read_kept(name).unwrap_or_else(|| panic!("no kept file {name} that can be read"))
    }

    fn read_kept(name: &str) -> Option<Base> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let paths = [here.join("bases").join(name), here.join("../crates/imprint-inspect/fixtures").join(name)];
        let file = paths.iter().find_map(|path| std::fs::File::open(path).ok())?;
        let mut decoder = zstd::Decoder::new(file).ok()?;
        decoder.window_log_max(27).ok()?;
        Base::read_from(decoder).ok()
    }

    pub fn repaired_by(mut self, repair: fn(&mut Edited)) -> Base {
        self.repair = repair;
        self
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn page(&self, number: u64) -> Option<&Page> {
        self.pages.get(&number).map(|page| &**page)
    }

    /// Learns which pages matter by letting the target read the sound file.
    pub fn learn(mut self, run: impl Fn(Arc<dyn ReadAt>)) -> &'static Base {
        let touched: &'static Mutex<BTreeSet<u64>> = Box::leak(Box::default());
        let base: &'static Base = Box::leak(Box::new(Base {
            size: self.size,
            pages: std::mem::take(&mut self.pages),
            hot: Vec::new(),
            repair: self.repair,
        }));
        run(Arc::new(Traced { base, touched }));
        let hot: Vec<u64> = touched.lock().expect("one thread").iter().copied().take(HOT_MAX).collect();
        let hot = if hot.is_empty() { vec![0] } else { hot };
        let pages = base.pages.iter().map(|(number, page)| (*number, page.clone())).collect();
        Box::leak(Box::new(Base { size: base.size, pages, hot, repair: base.repair }))
    }
}

/// Fills a buffer from pages; what has none is zeros.
pub fn read<'a>(size: u64, offset: u64, buf: &mut [u8], page: impl Fn(u64) -> Option<&'a Page>) -> io::Result<()> {
    let end = offset.checked_add(buf.len() as u64).ok_or_else(past_the_end)?;
    if end > size {
        return Err(past_the_end());
    }
    let mut done = 0;
    while done < buf.len() {
        let at = offset + done as u64;
        let inside = (at % PAGE_BYTES as u64) as usize;
        let len = (PAGE_BYTES - inside).min(buf.len() - done);
        let part = &mut buf[done..done + len];
        match page(at / PAGE_BYTES as u64) {
            Some(page) => part.copy_from_slice(&page[inside..inside + len]),
            None => part.fill(0),
        }
        done += len;
    }
    Ok(())
}

struct Traced {
    base: &'static Base,
    touched: &'static Mutex<BTreeSet<u64>>,
}

impl ReadAt for Traced {
    fn size_bytes(&self) -> u64 {
        self.base.size
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        read(self.base.size, offset, buf, |number| {
            let page = self.base.page(number);
            if page.is_some() {
                self.touched.lock().expect("one thread").insert(number);
            }
            page
        })
    }
}
