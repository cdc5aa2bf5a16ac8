//! Lists of an account's own things in one region, newest first.

use std::collections::BTreeSet;

use imprint_model::{ProjectId, join_tag};

use super::item::{self, Item};
use crate::label;
use crate::pattern;
use crate::{Error, ErrorKind, Tx, Value};

/// Things that one list of tags gives at most.
pub const TAGGED_MAX: u32 = 1000;

/// Values that one condition may name at most.
const VALUES_MAX: usize = 1000;

/// A tag that is looked for: its key, and its value unless any will do.
pub type TagWanted = (String, Option<String>);

/// Which part of a list is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ItemPage<Id> {
    /// At most `limit` things that come after the thing `after`.
    After {
        /// The last thing of the page before.
        after: Option<Id>,
        /// Most things to give.
        limit: u32,
    },
    /// The `number`th page (from 1) of `size` things each.
    Numbered {
        /// From 1.
        number: u32,
        /// Things a page.
        size: u32,
    },
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Items<T> {
    /// Its things, newest first.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Things with their tags.
pub type Tags<Id> = Vec<(Id, BTreeSet<String>)>;

/// A question under construction: conditions on the table called `t`.
pub(super) struct Query {
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Query {
    pub(super) fn of(owner: &ProjectId, region: &str) -> Self {
        let conditions = vec!["t.owner = ?1".to_owned(), "t.region = ?2".to_owned()];
        Self { conditions, values: vec![owner.into(), region.into()] }
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// Adds a condition as it is.
    pub(super) fn when(mut self, condition: Option<&str>) -> Self {
        self.conditions.extend(condition.map(str::to_owned));
        self
    }

    /// `text` with `?` for the value, when there is a value.
    pub(super) fn with(mut self, text: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            let place = self.bind(value);
            self.conditions.push(text.replace('?', &place));
        }
        self
    }

    /// One of `values`, when they are given.
    pub(super) fn one_of<V: Into<Value>>(
        mut self,
        column: &str,
        values: Option<impl IntoIterator<Item = V>>,
    ) -> Result<Self, Error> {
        let Some(values) = values else { return Ok(self) };
        let places: Vec<String> = values.into_iter().take(VALUES_MAX + 1).map(|value| self.bind(value)).collect();
        if places.len() > VALUES_MAX {
            return Err(Error::new(ErrorKind::Other, format!("a condition names more than {VALUES_MAX} values")));
        }
        let none = places.is_empty();
        let condition = if none { "1 = 0".to_owned() } else { format!("{column} IN ({})", places.join(", ")) };
        self.conditions.push(condition);
        Ok(self)
    }

    /// A name, or a pattern in which `*` stands for any text.
    pub(super) fn named(mut self, name: Option<&String>) -> Result<Self, Error> {
        let Some(name) = name else { return Ok(self) };
        if name.len() > pattern::PATTERN_BYTES_MAX {
            return Err(Error::new(ErrorKind::Other, "a pattern for names is too long"));
        }
        if name.contains('*') {
            let place = self.bind(pattern::to_like(name));
            self.conditions.push(format!("t.name LIKE {place} ESCAPE '\\'"));
            return Ok(self);
        }
        Ok(self.with("t.name = ?", Some(name)))
    }

    /// In one of these groups, `None` being the default group.
    pub(super) fn in_groups(self, groups: Option<&Vec<Option<String>>>) -> Result<Self, Error> {
        self.one_of("t.resource_group", groups.map(|groups| groups.iter().map(|group| item::group(group.as_ref()))))
    }

    /// Has all of these tags.
    pub(super) fn tagged(mut self, tags: &[TagWanted]) -> Self {
        for (key, value) in tags {
            let label =
                value.as_ref().map_or_else(|| label::of_tag_key(key), |value| label::of_tag(&join_tag(key, value)));
            self = self
                .with("t.id IN (SELECT x.item_id FROM inventory_label x WHERE x.label = ?)", Some(label.as_slice()));
        }
        self
    }

    /// The page, and how many there are on all pages.
    pub(super) fn page<T: Item>(self, tx: &mut Tx<'_>, page: ItemPage<T::Id>) -> Result<Items<T>, Error> {
        tx.at_one_moment(|tx| self.page_now(tx, page))
    }

    fn page_now<T: Item>(mut self, tx: &mut Tx<'_>, page: ItemPage<T::Id>) -> Result<Items<T>, Error> {
        let total = self.count::<T>(tx)?;
        let (limit, offset) = match page {
            ItemPage::After { after, limit } => {
                if let Some(after) = after {
                    self.begin_after::<T>(tx, after)?;
                }
                (limit, 0)
            }
            ItemPage::Numbered { number, size } => (size, u64::from(number.max(1) - 1) * u64::from(size)),
        };
        if limit == 0 || offset >= total {
            return Ok(Items { items: Vec::new(), total });
        }
        Ok(Items { items: self.rows(tx, limit, offset)?, total })
    }

    /// Tags of the things that have some, newest first, after `after`.
    pub(super) fn tags<T: Item>(
        mut self,
        tx: &mut Tx<'_>,
        after: Option<T::Id>,
        limit: u32,
    ) -> Result<Tags<T::Id>, Error> {
        self.conditions.push("t.tags <> '[]'".to_owned());
        if let Some(after) = after {
            self.begin_after::<T>(tx, after)?;
        }
        let items: Vec<T> = self.rows(tx, limit.min(TAGGED_MAX), 0)?;
        Ok(items.iter().map(|item| (item.id(), item.tags().clone())).collect())
    }

    fn count<T: Item>(&self, tx: &mut Tx<'_>) -> Result<u64, Error> {
        let text = format!("SELECT COUNT(*) FROM {} t WHERE {}", T::TABLE, self.conditions.join(" AND "));
        tx.query_opt(&text, &self.values)?.ok_or_else(|| Error::corrupt("a count gave no row"))?.get(0)
    }

    fn begin_after<T: Item>(&mut self, tx: &mut Tx<'_>, after: T::Id) -> Result<(), Error> {
        let text = format!("SELECT created_at FROM {} WHERE id = ?1 AND owner = ?2 AND region = ?3", T::TABLE);
        let marker = tx.query_opt(&text, &[after.into(), self.values[0].clone(), self.values[1].clone()])?;
        let marker = marker
            .ok_or_else(|| Error::new(ErrorKind::UnknownMarker, format!("no {} {after} to go on after", T::TABLE)))?;
        let (created_at, id) = (self.bind(marker.int(0)?), self.bind(after));
        self.conditions.push(format!("(t.created_at, t.id) < ({created_at}, {id})"));
        Ok(())
    }

    fn rows<T: Item>(&mut self, tx: &mut Tx<'_>, limit: u32, offset: u64) -> Result<Vec<T>, Error> {
        let (limit, offset) = (self.bind(limit), self.bind(offset));
        let text = format!(
            "{} ORDER BY t.created_at DESC, t.id DESC LIMIT {limit} OFFSET {offset}",
            self.conditions.join(" AND ")
        );
        item::select(tx, &text, &self.values)
    }
}
