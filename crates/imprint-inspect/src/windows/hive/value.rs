//! Values of keys.

use super::{Hive, text, utf16};
use crate::error::{Error, Result};
use crate::fields::{le16, le32, slice};

/// Places in a value's cell.
const NAME_BYTES: usize = 2;
const DATA_BYTES: usize = 4;
const DATA: usize = 8;
const TYPE: usize = 12;
const FLAGS: usize = 16;
const NAME: usize = 20;
const NAME_IS_LATIN: u16 = 1;

/// Set in the length when the data stand in the place of their place.
const DATA_ARE_HERE: u32 = 0x8000_0000;

/// How many bytes one part of long data has.
const PART_BYTES: usize = 16344;

/// The longest data that are read.
const DATA_BYTES_MAX: usize = 1 << 20;

/// Types.
const STRING: u32 = 1;
const STRING_WITH_VARIABLES: u32 = 2;
const NUMBER: u32 = 4;
const NUMBER_BIG_ENDIAN: u32 = 5;
const LINK: u32 = 6;
const STRINGS: u32 = 7;
const LONG_NUMBER: u32 = 11;

/// What a value holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// Text up to its first NUL.
    Text(String),
    /// Texts.
    Texts(Vec<String>),
    /// A number.
    Number(u64),
    /// Anything else.
    Binary(Vec<u8>),
}

impl Value {
    /// The text, if it is one.
    pub(crate) fn text(self) -> Option<String> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The texts; one text is a list of one.
    pub(crate) fn texts(self) -> Vec<String> {
        match self {
            Value::Text(text) => vec![text],
            Value::Texts(texts) => texts,
            Value::Number(_) | Value::Binary(_) => Vec::new(),
        }
    }

    /// The number, also when it stands as text.
    pub(crate) fn number(&self) -> Option<u64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => text.trim().parse().ok(),
            Value::Texts(_) | Value::Binary(_) => None,
        }
    }
}

/// The name that a value's cell has.
pub(super) fn name(cell: &[u8]) -> Result<String> {
    if !cell.starts_with(b"vk") {
        return Err(Error::corrupt("a value is none"));
    }
    let bytes = slice(cell, NAME, usize::from(le16(cell, NAME_BYTES)?))?;
    Ok(text(bytes, le16(cell, FLAGS)? & NAME_IS_LATIN != 0))
}

/// What a value's cell stands for.
pub(super) fn read(hive: &Hive<'_>, cell: &[u8]) -> Result<Value> {
    let len = le32(cell, DATA_BYTES)?;
    let data = if len & DATA_ARE_HERE == 0 {
        let len = len as usize;
        if len > DATA_BYTES_MAX {
            return Err(Error::corrupt("a value is too long"));
        }
        if len == 0 { Vec::new() } else { data(hive, le32(cell, DATA)?, len)? }
    } else {
        slice(cell, DATA, ((len & !DATA_ARE_HERE) as usize).min(4))?.to_vec()
    };
    Ok(match (le32(cell, TYPE)?, data.len()) {
        (STRING | STRING_WITH_VARIABLES | LINK, _) => Value::Text(first(&utf16(&data)).to_owned()),
        (STRINGS, _) => {
            Value::Texts(utf16(&data).split('\0').filter(|text| !text.is_empty()).map(str::to_owned).collect())
        }
        (NUMBER, 4) => Value::Number(u64::from(le32(&data, 0)?)),
        (NUMBER_BIG_ENDIAN, 4) => Value::Number(u64::from(le32(&data, 0)?.swap_bytes())),
        (LONG_NUMBER, 8) => Value::Number(u64::from(le32(&data, 4)?) << 32 | u64::from(le32(&data, 0)?)),
        _ => Value::Binary(data),
    })
}

fn first(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

/// The data of a value: in a cell of their own, or, when too long for that, in several that a list names.
fn data(hive: &Hive<'_>, at: u32, len: usize) -> Result<Vec<u8>> {
    let cell = hive.cell(at)?;
    if len <= PART_BYTES || !cell.starts_with(b"db") {
        return slice(&cell, 0, len).map(<[u8]>::to_vec);
    }
    let (parts, list) = (usize::from(le16(&cell, 2)?), hive.cell(le32(&cell, 4)?)?);
    let mut data = Vec::new();
    for index in 0..parts {
        if data.len() >= len {
            break;
        }
        let part = hive.cell(le32(&list, 4 * index)?)?;
        data.extend_from_slice(slice(&part, 0, (len - data.len()).min(PART_BYTES))?);
    }
    if data.len() < len {
        return Err(Error::corrupt("a long value is cut"));
    }
    Ok(data)
}
