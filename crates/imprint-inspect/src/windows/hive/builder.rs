//! Hives made in memory, for tests.

use std::collections::BTreeMap;

/// What a made value holds.
#[derive(Debug, Clone)]
pub(in crate::windows) enum Made {
    Text(&'static str),
    Texts(&'static [&'static str]),
    Number(u32),
    Bytes(Vec<u8>),
    /// Nothing: only the key is made.
    Key,
}

#[derive(Default)]
struct Key {
    values: Vec<(String, Made)>,
    children: BTreeMap<String, Key>,
}

/// A hive with these values: path of the key, name of the value, value.
pub(in crate::windows) fn hive(values: &[(&str, &str, Made)]) -> Vec<u8> {
    let mut top = Key::default();
    for (path, name, value) in values {
        let key = path
            .split('\\')
            .filter(|name| !name.is_empty())
            .fold(&mut top, |key, name| key.children.entry(name.to_owned()).or_default());
        if !matches!(value, Made::Key) {
            key.values.push(((*name).to_owned(), value.clone()));
        }
    }
    let mut cells = Cells(vec![0; 32]);
    let root = cells.key("ROOT", &top);
    let mut bins = cells.0;
    bins.resize(bins.len().next_multiple_of(4096), 0);
    bins[..4].copy_from_slice(b"hbin");
    let mut header = vec![0; 4096];
    header[..4].copy_from_slice(b"regf");
    let size = u32::try_from(bins.len()).unwrap();
    for (at, field) in [(4, 1), (8, 1), (20, 1), (24, 5), (32, 1), (36, root), (40, size), (44, 1)] {
        header[at..at + 4].copy_from_slice(&u32::to_le_bytes(field));
    }
    [header, bins].concat()
}

/// Cells one after the other; the first 32 bytes are the header of their bin.
struct Cells(Vec<u8>);

impl Cells {
    fn add(&mut self, data: &[u8]) -> u32 {
        let at = u32::try_from(self.0.len()).unwrap();
        let size = (data.len() + 4).next_multiple_of(8);
        self.0.extend((-i32::try_from(size).unwrap()).to_le_bytes());
        self.0.extend_from_slice(data);
        self.0.resize(at as usize + size, 0);
        at
    }

    fn key(&mut self, name: &str, key: &Key) -> u32 {
        let children: Vec<u32> = key.children.iter().map(|(name, child)| self.key(name, child)).collect();
        let values: Vec<u32> = key.values.iter().map(|(name, value)| self.value(name, value)).collect();
        let child_list = self.list(&children);
        let value_list = self.add(&values.iter().flat_map(|at| at.to_le_bytes()).collect::<Vec<_>>());
        let is_latin = name.is_ascii();
        let name = encoded(name);
        let mut cell = vec![0; 76];
        cell[..2].copy_from_slice(b"nk");
        cell[2..4].copy_from_slice(&(if is_latin { 0x20_u16 } else { 0 }).to_le_bytes());
        let count = |list: &[u32]| u32::try_from(list.len()).unwrap();
        for (at, field) in [(20, count(&children)), (28, child_list), (36, count(&values)), (40, value_list)] {
            cell[at..at + 4].copy_from_slice(&u32::to_le_bytes(field));
        }
        cell[72..74].copy_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        cell.extend(name);
        self.add(&cell)
    }

    /// A list of children: with hashes, or, for more than two, a list of lists without.
    fn list(&mut self, children: &[u32]) -> u32 {
        let count = |list: usize| u16::try_from(list).unwrap().to_le_bytes();
        if children.len() <= 2 {
            let hashed = children.iter().flat_map(|at| [at.to_le_bytes(), [0; 4]].concat());
            let list = [b"lh".as_slice(), &count(children.len())].concat().into_iter().chain(hashed);
            return self.add(&list.collect::<Vec<_>>());
        }
        let parts: Vec<u32> = children
            .chunks(2)
            .map(|part| {
                let places = part.iter().flat_map(|at| at.to_le_bytes());
                let list = [b"li".as_slice(), &count(part.len())].concat().into_iter().chain(places);
                self.add(&list.collect::<Vec<_>>())
            })
            .collect();
        let places = parts.iter().flat_map(|at| at.to_le_bytes());
        let list = [b"ri".as_slice(), &count(parts.len())].concat().into_iter().chain(places);
        self.add(&list.collect::<Vec<_>>())
    }

    fn value(&mut self, name: &str, value: &Made) -> u32 {
        let (kind, data) = match value {
            Made::Text(text) => (1, units(&format!("{text}\0"))),
            Made::Texts(texts) => (7, units(&(texts.join("\0") + "\0\0"))),
            Made::Number(number) => (4, number.to_le_bytes().to_vec()),
            Made::Bytes(bytes) => (3, bytes.clone()),
            Made::Key => unreachable!("keys have no value"),
        };
        let len = u32::try_from(data.len()).unwrap();
        let (len, at) = match data.len() {
            0..=4 => {
                let mut here = [0; 4];
                here[..data.len()].copy_from_slice(&data);
                (len | 0x8000_0000, u32::from_le_bytes(here))
            }
            5..=16344 => (len, self.add(&data)),
            _ => (len, self.long(&data)),
        };
        let is_latin = name.is_ascii();
        let name = encoded(name);
        let mut cell = b"vk".to_vec();
        cell.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        cell.extend([len, at, kind].iter().flat_map(|field| field.to_le_bytes()));
        cell.extend(u16::from(is_latin).to_le_bytes());
        cell.extend([0; 2]);
        cell.extend(name);
        self.add(&cell)
    }

    fn long(&mut self, data: &[u8]) -> u32 {
        let parts: Vec<u32> = data.chunks(16344).map(|part| self.add(part)).collect();
        let list = self.add(&parts.iter().flat_map(|at| at.to_le_bytes()).collect::<Vec<_>>());
        self.add(
            &[b"db".as_slice(), &u16::try_from(parts.len()).unwrap().to_le_bytes(), &list.to_le_bytes(), &[0; 4]]
                .concat(),
        )
    }
}

fn encoded(name: &str) -> Vec<u8> {
    if name.is_ascii() { name.as_bytes().to_vec() } else { units(name) }
}

fn units(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
