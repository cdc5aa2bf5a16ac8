//! A list's statement: one select for each part, merged, and the images of what is left of the merge.

use imprint_model::{Filter, ImageQuery, ProjectId};

use super::condition::{condition, is_kept_by_label, is_selective, label_of, name_bounds, needs_image};
use super::driver::Driver;
use super::order::Order;
use super::part::{Part, Parts, cut};
use crate::images::count::EVERY;
use crate::images::record::{COLUMNS, MERGED_COLUMNS};
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

    /// The number of the image's row.
    fn number(self) -> &'static str {
        match self {
            Self::Image => "i.number",
            Self::Label => "l.image_number",
            Self::Offer => "m.image_number",
        }
    }

    /// The column that tells this of the image itself: offers repeat some, labels do not.
    pub(super) fn of_image(self, column: &str) -> String {
        match self {
            Self::Image | Self::Label => format!("i.{column}"),
            Self::Offer => format!("m.image_{column}"),
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

/// Rows of one part: what its select reads, and which it takes.
struct Walk {
    tables: &'static str,
    conditions: Vec<String>,
    source: Source,
    /// Whether the image itself is looked at for every row, whatever the row is walked of.
    by_image: bool,
    /// Whether the rows are found in the order asked for; few are otherwise.
    in_order: bool,
}

/// Inside CASE no planner sees a condition that it could start from.
fn unplanned(checks: &[String]) -> String {
    format!("CASE WHEN {} THEN 1 ELSE 0 END = 1", checks.join(" AND "))
}

impl Statement {
    /// Adds a value and gives its place.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    /// The statement that gives a page's images; none when there cannot be any.
    pub(super) fn page(
        query: &ImageQuery,
        driver: Driver<'_>,
        order: &Order,
        slice: &Slice,
    ) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let walks = statement.walks(query, driver, Some(order))?;
        if walks.is_empty() {
            return Ok(None);
        }
        // Where each part looks at its images anyway, it gives them at once: they are not looked up again. What is
        // skipped would be carried along, so only at the beginning of a list.
        let whole = slice.offset == 0 && walks.iter().all(|walk| walk.source != Source::Image && walk.by_image);
        let selects: Vec<String> = walks.into_iter().map(|walk| statement.first(walk, order, slice, whole)).collect();
        let merged = selects.join(" UNION ALL ");
        let keys: Vec<String> = (0..order.columns(Source::Image).len()).map(|key| format!("k{key}")).collect();
        let by_keys = order.clause(&keys);
        let limit = statement.bind(slice.limit);
        let offset = statement.bind(slice.offset);
        let page = format!("ORDER BY {by_keys} LIMIT {limit} OFFSET {offset}");
        statement.text = if whole {
            format!("SELECT {} FROM ({merged}) u {page}", *MERGED_COLUMNS)
        } else {
            let by_page_keys = order.clause(&keys.iter().map(|key| format!("p.{key}")).collect::<Vec<_>>());
            // CROSS JOIN: the page first, then its images.
            format!(
                "SELECT {} FROM (SELECT * FROM ({merged}) u {page}) p \
                 CROSS JOIN image i WHERE i.number = p.image_number ORDER BY {by_page_keys}",
                *COLUMNS,
            )
        };
        Ok(Some(statement))
    }

    /// The statement that counts all images of a list; none when there cannot be any.
    pub(super) fn count(query: &ImageQuery, driver: Driver<'_>) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let walks = statement.walks(query, driver, None)?;
        let selects: Vec<String> = walks.iter().map(Walk::count).collect();
        Ok(statement.sum(&selects))
    }

    /// The same from the numbers that are kept, where all conditions are on what is kept apart, at most one of them on a
    /// label.
    pub(super) fn kept(query: &ImageQuery) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let Parts { parts, rest } = cut(query, false);
        let label = rest.iter().copied().find(|filter| is_kept_by_label(filter));
        let own = query.reach.own.as_ref();
        let mut selects = Vec::new();
        for part in &parts {
            selects.push(match &part.offer {
                // These are as few as are shared with one account.
                Some(_) => statement.part(part, own, &rest, Driver::Order, None)?.count(),
                None => statement.numbers(part, &rest, label)?,
            });
        }
        Ok(statement.sum(&selects))
    }

    /// The number that is kept of the images that a walk of an index meets: all that `label` is on, or else all of these
    /// regions and statuses. What others have shared is left out.
    pub(super) fn walked(query: &ImageQuery, label: Option<&Filter>) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let Parts { mut parts, mut rest } = cut(query, false);
        parts.retain(|part| part.offer.is_none());
        match label {
            Some(label) => {
                parts.iter_mut().for_each(|part| part.region = None);
                rest.retain(|&filter| filter == label);
            }
            None => rest.retain(|filter| matches!(filter, Filter::Statuses(_) | Filter::States(_))),
        }
        let by_label = label.filter(|label| is_kept_by_label(label));
        let selects: Result<Vec<String>, Error> =
            parts.iter().map(|part| statement.numbers(part, &rest, by_label)).collect();
        Ok(statement.sum(&selects?))
    }

    fn sum(mut self, selects: &[String]) -> Option<Self> {
        self.text = format!("SELECT CAST(SUM(n) AS BIGINT) FROM ({}) u", selects.join(" UNION ALL "));
        (!selects.is_empty()).then_some(self)
    }

    /// How many images have a name within the bounds of a pattern, or `most` of each part if there are more. What
    /// others have shared is left out.
    pub(super) fn named(query: &ImageQuery, pattern: &str, most: u64) -> Result<Option<Self>, Error> {
        let mut statement = Self::default();
        let Parts { mut parts, .. } = cut(query, false);
        parts.retain(|part| part.offer.is_none());
        let mut selects = Vec::new();
        for part in &parts {
            let conditions = [statement.scope(part, Source::Image), name_bounds(&mut statement, pattern)];
            let limit = statement.bind(most);
            let (place, conditions) = (statement.values.len(), conditions.join(" AND "));
            selects.push(format!(
                "SELECT COUNT(*) AS n FROM (SELECT 1 FROM image i WHERE {conditions} LIMIT {limit}) q{place}"
            ));
        }
        Ok(statement.sum(&selects))
    }

    /// What has to be walked for a list; in this order, where that matters.
    fn walks(&mut self, query: &ImageQuery, driver: Driver<'_>, order: Option<&Order>) -> Result<Vec<Walk>, Error> {
        if let Some(few) = query.filters.iter().find(|filter| is_selective(filter)) {
            return self.selective(query, few);
        }
        let Parts { parts, rest } = cut(query, driver == Driver::Order);
        let own = query.reach.own.as_ref();
        parts.iter().map(|part| self.part(part, own, &rest, driver, order)).collect()
    }

    /// The numbers that are kept of a part's images with the label of one of its conditions.
    fn numbers(&mut self, part: &Part, rest: &[&Filter], label: Option<&Filter>) -> Result<String, Error> {
        let wanted = label.and_then(label_of);
        let wanted = self.bind(wanted.as_ref().map_or(EVERY, |label| label.as_slice()));
        // Their table has the columns of images that such conditions name.
        let mut conditions = vec![format!("i.label = {wanted}"), self.scope(part, Source::Image)];
        conditions.extend(self.region(part, Source::Image));
        for &filter in rest.iter().filter(|&&filter| Some(filter) != label) {
            conditions.push(condition(self, Source::Image, filter)?);
        }
        Ok(format!("SELECT COALESCE(SUM(i.images), 0) AS n FROM image_count i WHERE {}", conditions.join(" AND ")))
    }

    /// For conditions that leave few images: find those, check everything else on each.
    fn selective(&mut self, query: &ImageQuery, driver: &Filter) -> Result<Vec<Walk>, Error> {
        let Parts { parts, rest } = cut(query, false);
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let found = condition(self, Source::Image, driver)?;
        let reach = |part: &Part| {
            let scope = self.scope(part, Source::Image);
            self.region(part, Source::Image).map_or(scope.clone(), |region| format!("({scope} AND {region})"))
        };
        let reached: Vec<String> = parts.iter().map(reach).collect();
        let mut checks = vec![format!("({})", reached.join(" OR "))];
        for filter in rest.into_iter().filter(|filter| *filter != driver) {
            checks.push(condition(self, Source::Image, filter)?);
        }
        let conditions = vec![found, unplanned(&checks)];
        Ok(vec![Walk { tables: "image i", conditions, source: Source::Image, by_image: true, in_order: true }])
    }

    fn part(
        &mut self,
        part: &Part,
        own: Option<&ProjectId>,
        rest: &[&Filter],
        driver: Driver<'_>,
        order: Option<&Order>,
    ) -> Result<Walk, Error> {
        let source = match (driver, &part.offer) {
            (_, Some(_)) => Source::Offer,
            (Driver::Label(_), None) => Source::Label,
            (Driver::Order | Driver::Names(_), None) => Source::Image,
        };
        let by_name = source == Source::Image && (part.name.is_some() || driver != Driver::Order);
        let mut conditions = Vec::new();
        if let (Source::Label, Driver::Label(label)) = (source, driver) {
            conditions.extend(label_of(label).map(|label| format!("l.label = {}", self.bind(label.as_slice()))));
        }
        conditions.push(self.scope(part, source));
        if let (Source::Image, Driver::Names(pattern)) = (source, driver) {
            conditions.push(name_bounds(self, pattern));
        }
        if let (Some(own), Source::Offer) = (own, source) {
            // An account's own images are in a part of their own.
            conditions.push(format!("m.image_owner <> {}", self.bind(own)));
        }
        if let Some(name) = &part.name {
            // The second is for the index, the first for images without a name.
            conditions.push(format!("i.name = {}", self.bind(name)));
            conditions.push(format!("i.name_sorted = {}", self.bind(name)));
        }
        // Without a status the index on regions is in no order.
        let region = self.region(part, source);
        let mut checks: Vec<String> = match region {
            Some(region) if source == Source::Image && part.status.is_none() => vec![unplanned(&[region])],
            region => region.into_iter().collect(),
        };
        if let Some(status) = part.status {
            checks.push(format!("{} = {}", source.of_image("status"), self.bind(status.as_str())));
        }
        let mut by_image = source != Source::Offer && part.region.is_some();
        by_image |= part.name.is_some();
        by_image |= order.is_some_and(|order| !order.is_by_creation());
        for &filter in rest {
            if source == Source::Label && driver == Driver::Label(filter) {
                continue;
            }
            by_image |= needs_image(source, filter);
            checks.push(condition(self, source, filter)?);
        }
        if by_name && !checks.is_empty() {
            conditions.push(unplanned(&checks));
        } else {
            conditions.extend(checks);
        }
        let tables = match source {
            Source::Image => "image i",
            Source::Label if by_image => "image_label l CROSS JOIN image i",
            Source::Label => "image_label l",
            Source::Offer if by_image => "image_member m CROSS JOIN image i",
            Source::Offer => "image_member m",
        };
        if tables.contains("CROSS JOIN") {
            conditions.push(format!("i.number = {}", source.number()));
        }
        // The index on names is in an order of its own.
        let in_order = driver == Driver::Order || source != Source::Image;
        Ok(Walk { tables, conditions, source, by_image, in_order })
    }

    /// The condition that a row belongs to a part, apart from the part's region, status and name.
    fn scope(&mut self, part: &Part, source: Source) -> String {
        let Part { owner, visibility, hidden, offer, region: _, status: _, name: _ } = part;
        let table = match source {
            Source::Image => "i.",
            Source::Label => "l.",
            Source::Offer => "m.image_",
        };
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
            conditions.push(format!("{table}owner = {}", self.bind(owner)));
        }
        conditions.push(format!("{table}visibility = '{visibility}' AND {table}hidden = {}", i64::from(*hidden)));
        format!("({})", conditions.join(" AND "))
    }

    fn region(&mut self, part: &Part, source: Source) -> Option<String> {
        part.region.as_ref().map(|region| format!("{} = {}", source.of_image("region"), self.bind(region)))
    }

    /// The select of the first rows of a walk: their keys, and with `whole` everything of their images.
    fn first(&mut self, walk: Walk, order: &Order, slice: &Slice, whole: bool) -> String {
        let Walk { tables, mut conditions, source, in_order, .. } = walk;
        let columns = order.columns(source);
        if let Some(marker) = &slice.marker {
            conditions.push(order.after(self, source, marker));
        }
        let mut given: Vec<String> =
            columns.iter().zip(0..).map(|(column, key)| format!("{column} AS k{key}")).collect();
        given.push(if whole { COLUMNS.clone() } else { format!("{} AS image_number", source.number()) });
        let by = if in_order {
            order.clause(&columns)
        } else {
            // As an expression no planner takes it for the order of an index.
            let columns: Vec<String> =
                columns.iter().map(|column| format!("CASE WHEN 1 = 1 THEN {column} END")).collect();
            order.clause(&columns)
        };
        // Other parts may give none of the page's images, so each gives as many as the page may need.
        let limit = self.bind(slice.offset.saturating_add(slice.limit));
        format!(
            "SELECT * FROM (SELECT {} FROM {tables} WHERE {} ORDER BY {by} LIMIT {limit}) q{}",
            given.join(", "),
            conditions.join(" AND "),
            self.values.len(),
        )
    }
}

impl Walk {
    /// The select that counts a walk's rows.
    fn count(&self) -> String {
        format!("SELECT COUNT(*) AS n FROM {} WHERE {}", self.tables, self.conditions.join(" AND "))
    }
}
