//! Values that go into statements and come out in rows: the four types that both engines agree on.

use std::fmt::Display;

use imprint_model::{DiskId, ImageId, InstanceId, JobId, LeaseId, MapId, ProjectId, SnapshotId, Timestamp, UserId};

use crate::Error;

/// One value: all that is stored is a 64-bit number, a text or bytes, or is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// Numbers; flags as 0 and 1; times as microseconds.
    Int(i64),
    /// Texts, ids in their canonical form, JSON.
    Text(String),
    /// Digests.
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<u64> for Value {
    /// Numbers past 2⁶³ are stored as 2⁶³−1: no size or count that we keep gets there.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&&str> for Value {
    fn from(text: &&str) -> Self {
        Self::Text((*text).to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Self {
        Self::Int(time.0)
    }
}

impl<const LEN: usize> From<&[u8; LEN]> for Value {
    fn from(bytes: &[u8; LEN]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! as_text {
    ($($id:ty),+) => {
        $(
            impl From<$id> for Value {
                fn from(id: $id) -> Self {
                    Self::Text(id.to_string())
                }
            }

            impl From<&$id> for Value {
                fn from(id: &$id) -> Self {
                    Self::Text(id.to_string())
                }
            }
        )+
    };
}

as_text!(DiskId, ImageId, InstanceId, JobId, LeaseId, MapId, ProjectId, SnapshotId, UserId);

/// Values for a statement: `params![id, name]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::Value::from($value)),*] };
}

/// What a column can be read as.
pub trait FromValue<'a>: Sized {
    /// The value, if it has the right type.
    fn from_value(value: &'a Value) -> Option<Self>;
}

impl FromValue<'_> for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Int(number) = value { Some(*number) } else { None }
    }
}

impl FromValue<'_> for u64 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue<'_> for u32 {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromValue<'_> for bool {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(|number| number != 0)
    }
}

impl FromValue<'_> for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Timestamp)
    }
}

impl<'a> FromValue<'a> for &'a str {
    fn from_value(value: &'a Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl FromValue<'_> for String {
    fn from_value(value: &Value) -> Option<Self> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

impl<'a> FromValue<'a> for &'a [u8] {
    fn from_value(value: &'a Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl FromValue<'_> for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

impl FromValue<'_> for ProjectId {
    fn from_value(value: &Value) -> Option<Self> {
        <&str>::from_value(value).map(ProjectId::from)
    }
}

impl FromValue<'_> for UserId {
    fn from_value(value: &Value) -> Option<Self> {
        <&str>::from_value(value).map(UserId::from)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    fn from_value(value: &'a Value) -> Option<Self> {
        if *value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// One row of an answer; columns are numbered from 0 in the order of the select list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(crate) Vec<Value>);

impl Row {
    /// The column as a `T`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when there is no such column or it holds another type.
    pub fn get<'a, T: FromValue<'a>>(&'a self, column: usize) -> Result<T, Error> {
        self.0
            .get(column)
            .and_then(T::from_value)
            .ok_or_else(|| Error::corrupt(format!("column {column} is not a {}", std::any::type_name::<T>())))
    }

    /// The column as a text.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn text(&self, column: usize) -> Result<String, Error> {
        self.get(column)
    }

    /// The column as a text that may be absent.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn text_opt(&self, column: usize) -> Result<Option<String>, Error> {
        self.get(column)
    }

    /// The column as a number.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn int(&self, column: usize) -> Result<i64, Error> {
        self.get(column)
    }

    /// The column as a number that may be absent.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn int_opt(&self, column: usize) -> Result<Option<i64>, Error> {
        self.get(column)
    }

    /// The column as a flag.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn flag(&self, column: usize) -> Result<bool, Error> {
        self.get(column)
    }

    /// The column's text read as a word, id or digest.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when it is not one.
    pub fn parse<T: std::str::FromStr<Err: Display>>(&self, column: usize) -> Result<T, Error> {
        self.get::<&str>(column)?
            .parse()
            .map_err(|why| Error::corrupt(format!("column {column} is not a {}: {why}", std::any::type_name::<T>())))
    }

    /// Like [`Row::parse`] for a column that may be absent.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when it is there and cannot be read.
    pub fn parse_opt<T: std::str::FromStr<Err: Display>>(&self, column: usize) -> Result<Option<T>, Error> {
        if self.get::<Option<&str>>(column)?.is_none() { Ok(None) } else { self.parse(column).map(Some) }
    }

    /// The column's JSON.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Corrupt`] when it cannot be read.
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self, column: usize) -> Result<T, Error> {
        serde_json::from_str(self.get::<&str>(column)?)
            .map_err(|why| Error::corrupt(format!("column {column} is not the JSON it should be")).caused_by(why))
    }
}

/// `value` as a JSON text.
///
/// # Errors
/// [`crate::ErrorKind::Other`] when it has no JSON form, such as a map whose keys are no texts.
pub fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, Error> {
    serde_json::to_string(value)
        .map(Value::Text)
        .map_err(|why| Error::new(crate::ErrorKind::Other, "cannot be written as JSON").caused_by(why))
}
