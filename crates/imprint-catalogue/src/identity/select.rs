//! A select whose conditions depend on what was asked for: the text names only the columns that are really compared,
//! so that each combination uses its index.

use crate::{Error, Row, Tx, Value};

/// Most rows any list of this module returns.
pub const LIST_MAX: u32 = 10_000;

pub(super) struct Select {
    text: String,
    values: Vec<Value>,
    limit: u32,
}

impl Select {
    /// Starts with a text that ends in a `WHERE` condition.
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), values: Vec::new(), limit: LIST_MAX }
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

    /// Adds `column > value` when there is a value.
    pub(super) fn after(mut self, column: &'static str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.values.push(value.into());
            self.text.push_str(&format!(" AND {column} > ?{}", self.values.len()));
        }
        self
    }

    /// Stops after `limit` rows instead of [`LIST_MAX`].
    pub(super) fn first(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it, sorted by `order`.
    pub(super) fn rows(mut self, tx: &mut Tx<'_>, order: &'static str) -> Result<Vec<Row>, Error> {
        self.values.push(self.limit.into());
        let text = format!("{} ORDER BY {order} LIMIT ?{}", self.text, self.values.len());
        tx.query(&text, &self.values)
    }
}

/// What a statement that counts the rows of one project gives.
pub(super) fn count(tx: &mut Tx<'_>, text: &str, project_id: &str) -> Result<u64, Error> {
    tx.query_opt(text, &[project_id.into()])?.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)
}
