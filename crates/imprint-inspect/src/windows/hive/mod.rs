//! Registry hives (`regf`): keys by path and values, read-only.
//!
//! What lives here: the format. What never does: what any key means. Places in a hive come from a file that anyone may
//! have written: each is checked, lists of lists are followed to a bound, and every cell costs a step of the budget.

#[cfg(test)]
pub(super) mod builder;
#[cfg(test)]
mod tests;
mod value;

use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::fields::{le16, le32, slice};
use crate::guest_file::Bytes;

pub(crate) use value::Value;

const MAGIC: &[u8] = b"regf";

/// Places in the file's header.
const FILE_SEQUENCE_BEGUN: usize = 4;
const FILE_SEQUENCE_DONE: usize = 8;
const FILE_MAJOR: usize = 20;
const FILE_ROOT: usize = 36;
const FILE_BINS_BYTES: usize = 40;
const FILE_HEADER_BYTES: usize = 512;

/// Cells' places count from here.
const BINS_START: u64 = 4096;

/// Places in a key's cell.
const KEY_FLAGS: usize = 2;
const KEY_CHILDREN: usize = 20;
const KEY_CHILD_LIST: usize = 28;
const KEY_VALUES: usize = 36;
const KEY_VALUE_LIST: usize = 40;
const KEY_NAME_BYTES: usize = 72;
const KEY_NAME: usize = 76;
const KEY_NAME_IS_LATIN: u16 = 0x20;

/// The longest name of a key in bytes: 255 characters.
const NAME_BYTES_MAX: usize = 512;

/// The longest cell that is read: a list of 65,535 places with their hashes.
const CELL_BYTES_MAX: usize = 8 * 65_536 + 8;

/// How many keys one key may have, and how many values. The list of installed updates is the longest that is looked at.
const CHILDREN_MAX: usize = 50_000;
const VALUES_MAX: usize = 50_000;

/// How deep a list of children may be nested; Windows makes one level.
const LIST_DEPTH_MAX: usize = 4;

/// How deep keys may be nested; Windows allows 512, none that is looked for lies below this.
const PATH_KEYS_MAX: usize = 64;

/// A hive.
pub(crate) struct Hive<'a> {
    bytes: Box<dyn Bytes + 'a>,
    budget: &'a Budget,
    root: Key,
    end: u64,
    was_written_whole: bool,
}

/// A key of a hive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Key {
    /// Its name, in the case that it was made with.
    pub(crate) name: String,
    children: List,
    values: List,
}

/// How many things a list holds, and where the list is.
#[derive(Debug, Clone, Copy, Default)]
struct List {
    count: u32,
    at: u32,
}

impl<'a> Hive<'a> {
    /// Opens a hive: its header and its top key.
    pub(crate) fn open(bytes: Box<dyn Bytes + 'a>, budget: &'a Budget) -> Result<Hive<'a>> {
        let mut header = [0; FILE_HEADER_BYTES];
        bytes.read_at(0, &mut header)?;
        if !header.starts_with(MAGIC) {
            return Err(Error::corrupt("it does not begin as a hive"));
        }
        if le32(&header, FILE_MAJOR)? != 1 {
            return Err(Error::Unsupported(format!("version {} of hives", le32(&header, FILE_MAJOR)?)));
        }
        let end = (BINS_START + u64::from(le32(&header, FILE_BINS_BYTES)?)).min(bytes.size_bytes());
        let was_written_whole = le32(&header, FILE_SEQUENCE_BEGUN)? == le32(&header, FILE_SEQUENCE_DONE)?;
        let mut hive = Hive { bytes, budget, root: Key::default(), end, was_written_whole };
        hive.root = hive.key_at(le32(&header, FILE_ROOT)?)?;
        Ok(hive)
    }

    /// Whether the last write came to its end. If not, what is newest stands in the logs beside the hive, which are not
    /// read.
    pub(crate) fn was_written_whole(&self) -> bool {
        self.was_written_whole
    }

    /// The key at a path from the top, names separated by `\`; case does not matter.
    pub(crate) fn key(&self, path: &str) -> Result<Option<Key>> {
        self.key_below(&self.root, path)
    }

    /// The key at a path from another one on.
    pub(crate) fn key_below(&self, from: &Key, path: &str) -> Result<Option<Key>> {
        let mut key = from.clone();
        for name in path.split('\\').take(PATH_KEYS_MAX) {
            let mut wanted = None;
            self.each_child(&key, &mut |child| {
                if same_name(&child.name, name) {
                    wanted = Some(child);
                    return Walk::Stop;
                }
                Walk::On
            })?;
            match wanted {
                Some(child) => key = child,
                None => return Ok(None),
            }
        }
        Ok(Some(key))
    }

    /// The keys right below a key.
    pub(crate) fn children(&self, key: &Key) -> Result<Vec<Key>> {
        let mut children = Vec::new();
        self.each_child(key, &mut |child| {
            children.push(child);
            Walk::On
        })?;
        Ok(children)
    }

    /// The value of that name; the empty name is the key's own value. Case does not matter.
    pub(crate) fn value(&self, key: &Key, name: &str) -> Result<Option<Value>> {
        for at in self.value_places(key)? {
            let cell = self.cell(at)?;
            if same_name(&value::name(&cell)?, name) {
                return value::read(self, &cell).map(Some);
            }
        }
        Ok(None)
    }

    /// Visits all values of a key.
    pub(crate) fn each_value(&self, key: &Key, visit: &mut dyn FnMut(&str, Value)) -> Result<()> {
        for at in self.value_places(key)? {
            let cell = self.cell(at)?;
            visit(&value::name(&cell)?, value::read(self, &cell)?);
        }
        Ok(())
    }

    /// The value of that name of the key at a path.
    pub(crate) fn value_at(&self, path: &str, name: &str) -> Result<Option<Value>> {
        match self.key(path)? {
            Some(key) => self.value(&key, name),
            None => Ok(None),
        }
    }

    fn each_child(&self, key: &Key, visit: &mut dyn FnMut(Key) -> Walk) -> Result<()> {
        if key.children.count == 0 {
            return Ok(());
        }
        let mut visited = 0;
        self.each_listed(key.children.at, 0, &mut visited, visit).map(|_| ())
    }

    /// Visits the keys of a list: of places (`li`), of places with hashes (`lf`, `lh`), or of other lists (`ri`).
    fn each_listed(
        &self,
        at: u32,
        depth: usize,
        visited: &mut usize,
        visit: &mut dyn FnMut(Key) -> Walk,
    ) -> Result<Walk> {
        if depth > LIST_DEPTH_MAX {
            return Err(Error::corrupt("lists of keys are nested too deep"));
        }
        let list = self.cell(at)?;
        let stride = match slice(&list, 0, 2)? {
            b"lf" | b"lh" => 8,
            b"li" | b"ri" => 4,
            _ => return Err(Error::corrupt("a list of keys is none")),
        };
        for index in 0..usize::from(le16(&list, 2)?) {
            let place = le32(&list, 4 + stride * index)?;
            let walk = if list.starts_with(b"ri") {
                self.each_listed(place, depth + 1, visited, visit)?
            } else {
                *visited += 1;
                if *visited > CHILDREN_MAX {
                    return Err(Error::corrupt("a key has too many keys"));
                }
                visit(self.key_at(place)?)
            };
            if walk == Walk::Stop {
                return Ok(Walk::Stop);
            }
        }
        Ok(Walk::On)
    }

    fn value_places(&self, key: &Key) -> Result<Vec<u32>> {
        let count = key.values.count as usize;
        if count == 0 {
            return Ok(Vec::new());
        }
        if count > VALUES_MAX {
            return Err(Error::corrupt("a key has too many values"));
        }
        let list = self.cell(key.values.at)?;
        (0..count).map(|index| le32(&list, 4 * index)).collect()
    }

    fn key_at(&self, at: u32) -> Result<Key> {
        let cell = self.cell_start(at, KEY_NAME + NAME_BYTES_MAX)?;
        if !cell.starts_with(b"nk") {
            return Err(Error::corrupt("a key is none"));
        }
        let name_bytes = usize::from(le16(&cell, KEY_NAME_BYTES)?);
        let name = slice(&cell, KEY_NAME, name_bytes)?;
        let name = text(name, le16(&cell, KEY_FLAGS)? & KEY_NAME_IS_LATIN != 0);
        let children = List { count: le32(&cell, KEY_CHILDREN)?, at: le32(&cell, KEY_CHILD_LIST)? };
        let values = List { count: le32(&cell, KEY_VALUES)?, at: le32(&cell, KEY_VALUE_LIST)? };
        Ok(Key { name, children, values })
    }

    /// The bytes of a cell.
    fn cell(&self, at: u32) -> Result<Vec<u8>> {
        self.cell_start(at, CELL_BYTES_MAX)
    }

    /// At most so many bytes of a cell.
    fn cell_start(&self, at: u32, bytes_max: usize) -> Result<Vec<u8>> {
        self.budget.step()?;
        let start = BINS_START + u64::from(at);
        let outside = || Error::corrupt(format!("a cell at {at:#x} lies outside of the hive"));
        if start + 4 > self.end {
            return Err(outside());
        }
        let mut size = [0; 4];
        self.bytes.read_at(start, &mut size)?;
        // a cell in use has a negative size, which counts the size itself
        let size = i32::from_le_bytes(size);
        let len = u64::from(size.unsigned_abs());
        if size >= 0 || len < 4 || start + len > self.end {
            return Err(outside());
        }
        let len = usize::try_from(len - 4).map_or(bytes_max, |len| len.min(bytes_max));
        let mut cell = vec![0; len];
        self.bytes.read_at(start + 4, &mut cell)?;
        Ok(cell)
    }
}

/// Whether a walk over keys goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    On,
    Stop,
}

/// Text of a name: one byte a character, or two.
fn text(bytes: &[u8], is_latin: bool) -> String {
    if is_latin { bytes.iter().map(|byte| char::from(*byte)).collect() } else { utf16(bytes) }
}

/// Text of little-endian units of two bytes; what stands for no character becomes U+FFFD.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Whether two names are the same to Windows.
fn same_name(a: &str, b: &str) -> bool {
    let upper = |c: char| c.to_uppercase();
    a.eq_ignore_ascii_case(b) || (!a.is_ascii() && a.chars().flat_map(upper).eq(b.chars().flat_map(upper)))
}
