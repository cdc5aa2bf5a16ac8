//! A select whose conditions depend on what was asked for: the text names only the columns that are really compared,
//! so that each combination uses its index.

use crate::{Error, Row, Tx, Value};

/// Most rows any list of this module returns.
pub const LIST_MAX: u32 = 10_000;

pub(super) struct Select {
    text: String,
    values: Vec<Value>,
}

impl Select {
    /// Starts with a text that ends in a `WHERE` condition.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new() }
    }

    /// Gives the value of the next placeholder the text already holds; before any [`Self::equals`].
    pub(super) fn bound(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds `column = value` when there is a value.
    pub(super) fn equals(mut self, column: &'static str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.values.push(value.into());
            self.text.push_str(&format!(" AND {column} = ?{}", self.values.len()));
        }
        self
    }

    /// Runs it, sorted by `order`.
    pub(super) fn rows(self, tx: &mut Tx<'_>, order: &'static str) -> Result<Vec<Row>, Error> {
        let text = format!("{} ORDER BY {order} LIMIT {LIST_MAX}", self.text);
        tx.query(&text, &self.values)
    }
}
