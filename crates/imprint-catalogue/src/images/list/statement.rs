//! A list's statement: one select for each part, merged, and the images of what is left of the merge.

use imprint_model::{Filter, ImageQuery, ProjectId};

use super::condition::{condition, is_selective, label_of, needs_image};
use super::order::Order;
use super::part::{Part, Parts, cut};
use crate::images::record::COLUMNS;
use crate::{Error, Value};

/// Which table a part's index is walked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// `image i`.
    Image,
    /// `image_label l`: images that have a certain label.
    Label,
    /// `image_member m`: images offered to an account.
    Offer,
}

impl Source {
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Image => "i.id",
            Self::Label => "l.image_id",
            Self::Offer => "m.image_id",
        }
    }

    pub(super) fn created_at(self) -> &'static str {
        match self {
            Self::Image => "i.created_at",
            Self::Label => "l.created_at",
            Self::Offer => "m.image_created_at",
        }
    }
}

/// Which images of the whole order are wanted.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// Keys of the image after which to begin.
    pub(super) marker: Option<Vec<Value>>,
    pub(super) offset: u64,
    pub(super) limit: u64,
}

/// A text with the values of its places.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Value>,
}

/// What each part's select is to give.
#[derive(Clone, Copy)]
enum Give<'a> {
    Count,
    First(&'a Order, &'a Slice),
}

impl Statement {
    /// Adds a value and gives its place.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// The statement that gives a page's images; none when there cannot be any.
    pub(super) fn page(query: &ImageQuery, order: &Order, slice: &Slice) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let selects = statement.selects(query, Give::First(order, slice))?;
        if selects.is_empty() {
            return Ok(None);
        }
        let keys: Vec<String> = (0..order.columns(Source::Image).len()).map(|key| format!("k{key}")).collect();
        let by_keys = order.clause(&keys);
        let by_page_keys = order.clause(&keys.iter().map(|key| format!("p.{key}")).collect::<Vec<_>>());
        let limit = statement.bind(slice.limit);
        let offset = statement.bind(slice.offset);
        // CROSS JOIN: the page first, then its images. The id is always the last key.
        statement.text = format!(
            "SELECT {} FROM (SELECT * FROM ({}) u ORDER BY {by_keys} LIMIT {limit} OFFSET {offset}) p \
             CROSS JOIN image i WHERE i.id = p.k{} ORDER BY {by_page_keys}",
            *COLUMNS,
            selects.join(" UNION ALL "),
            keys.len() - 1,
        );
        Ok(Some(statement))
    }

    /// The statement that counts all images of a list; none when there cannot be any.
    pub(super) fn count(query: &ImageQuery) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let selects = statement.selects(query, Give::Count)?;
        if selects.is_empty() {
            return Ok(None);
        }
        statement.text = format!("SELECT CAST(SUM(n) AS BIGINT) FROM ({}) u", selects.join(" UNION ALL "));
        Ok(Some(statement))
    }

    fn selects(&mut self, query: &ImageQuery, give: Give<'_>) -> Result<Vec<String>, Error> {
        if let Some(driver) = query.filters.iter().find(|filter| is_selective(filter)) {
            return self.selective(query, driver, give);
        }
        let driver = query.filters.iter().find(|filter| label_of(filter).is_some());
        let Parts { parts, rest } = cut(query, driver.is_none());
        let own = query.reach.own.as_ref();
        parts.iter().map(|part| self.part(part, own, &rest, driver, give)).collect()
    }

    /// For conditions that leave few images: find those, check everything else on each.
    fn selective(&mut self, query: &ImageQuery, driver: &Filter, give: Give<'_>) -> Result<Vec<String>, Error> {
        let Parts { parts, rest } = cut(query, false);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let found = condition(self, Source::Image, driver)?;
        let reached: Vec<String> = parts.iter().map(|part| self.scope(part, Source::Image)).collect();
        let mut checks = vec![format!("({})", reached.join(" OR "))];
        for filter in rest.into_iter().filter(|filter| *filter != driver) {
            checks.push(condition(self, Source::Image, filter)?);
        }
        // Inside CASE no planner sees a condition that it could start from instead.
        let conditions = vec![found, format!("CASE WHEN {} THEN 1 ELSE 0 END = 1", checks.join(" AND "))];
        Ok(vec![self.select("image i", conditions, Source::Image, give)])
    }

    fn part(
        &mut self,
        part: &Part,
        own: Option<&ProjectId>,
        rest: &[&Filter],
        driver: Option<&Filter>,
        give: Give<'_>,
    ) -> Result<String, Error> {
        let source = match (driver, &part.offer) {
            (_, Some(_)) => Source::Offer,
            (Some(_), None) => Source::Label,
            (None, None) => Source::Image,
        };
        let mut conditions = Vec::new();
        if let (Source::Label, Some(label)) = (source, driver.and_then(label_of)) {
            conditions.push(format!("l.label = {}", self.bind(label.as_slice())));
        }
        conditions.push(self.scope(part, source));
        if let (Some(own), Source::Offer) = (own, source) {
            // An account's own images are in a part of their own.
            conditions.push(format!("i.owner <> {}", self.bind(own)));
        }
        if let Some(status) = part.status {
            conditions.push(format!("i.status = {}", self.bind(status.as_str())));
        }
        if let Some(name) = &part.name {
            // The second is for the index, the first for images without a name.
            conditions.push(format!("i.name = {}", self.bind(name)));
            conditions.push(format!("i.name_sorted = {}", self.bind(name)));
        }
        let mut by_image = matches!(give, Give::First(order, _) if !order.is_by_creation());
        for &filter in rest {
            if source == Source::Label && Some(filter) == driver {
                continue;
            }
            by_image |= needs_image(filter);
            conditions.push(condition(self, source, filter)?);
        }
        let tables = match source {
            Source::Image => "image i",
            Source::Label if by_image => "image_label l CROSS JOIN image i",
            Source::Label => "image_label l",
            Source::Offer => "image_member m CROSS JOIN image i",
        };
        if tables.contains("CROSS JOIN") {
            conditions.push(format!("i.id = {}", source.id()));
        }
        Ok(self.select(tables, conditions, source, give))
    }

    /// The condition that a row belongs to a part, apart from the part's status and name.
    fn scope(&mut self, part: &Part, source: Source) -> String {
        let Part { owner, visibility, hidden, offer, status: _, name: _ } = part;
        let table = if source == Source::Label { "l" } else { "i" };
        let mut conditions = Vec::new();
        if let Some((project, answer)) = offer {
            let project = self.bind(project);
            conditions.push(match source {
                Source::Offer => format!("m.project = {project} AND m.status = '{answer}'"),
                _ => format!(
                    "EXISTS (SELECT 1 FROM image_member m WHERE m.image_id = i.id AND m.project = {project} \
                     AND m.status = '{answer}')"
                ),
            });
        }
        if let Some(owner) = owner {
            conditions.push(format!("{table}.owner = {}", self.bind(owner)));
        }
        conditions.push(format!("{table}.visibility = '{visibility}' AND {table}.hidden = {}", i64::from(*hidden)));
        format!("({})", conditions.join(" AND "))
    }

    fn select(&mut self, tables: &str, mut conditions: Vec<String>, source: Source, give: Give<'_>) -> String {
        let Give::First(order, slice) = give else {
            return format!("SELECT COUNT(*) AS n FROM {tables} WHERE {}", conditions.join(" AND "));
        };
        let columns = order.columns(source);
        if let Some(marker) = &slice.marker {
            conditions.push(order.after(self, source, marker));
        }
        let keys: Vec<String> = columns.iter().enumerate().map(|(key, column)| format!("{column} AS k{key}")).collect();
        // Other parts may give none of the page's images, so each gives as many as the page may need.
        let limit = self.bind(slice.offset.saturating_add(slice.limit));
        format!(
            "SELECT * FROM (SELECT {} FROM {tables} WHERE {} ORDER BY {} LIMIT {limit}) q{}",
            keys.join(", "),
            conditions.join(" AND "),
            order.clause(&columns),
            self.values.len(),
        )
    }
}
