//! The parameters of an image list, turned into a question of the model, and back into the links of a page.

use std::str::FromStr;

use imprint_model::{
    Direction, Filter, ImageId, MemberStatus, Number, Page, ProjectId, SortKey, TimeOp, Timestamp, Visibility,
};
use imprint_service::{ListImages, Seen};

use crate::error::Refusal;
use crate::{facts, words};

/// Images on a page when the client does not say.
const LIMIT_DEFAULT: u32 = 25;
/// Most images on a page.
const LIMIT_MAX: u32 = 1_000;
/// Most conditions in one question: each costs the database work, and no image has more tags or properties than fit.
const FILTERS_MAX: usize = 300;

/// A list that is wanted.
#[derive(Debug)]
pub(crate) struct Question {
    /// The list; none when no image can be in it.
    pub(crate) list: Option<ListImages>,
    /// Most images on the page.
    pub(crate) limit: u32,
}

type Params = [(String, String)];

/// Reads the parameters.
pub(crate) fn read(params: &Params) -> Result<Question, Refusal> {
    let mut reader = Reader::default();
    for (name, value) in params {
        reader.take(name, value)?;
    }
    reader.finish(params)
}

/// The path of the list's first page, or of the one after `marker`, with all other parameters as they came.
pub(crate) fn link(params: &Params, marker: Option<ImageId>) -> String {
    imprint_http::page_link("/v2/images", params, marker.map(|id| id.to_string()).as_deref())
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Reader {
    limit: Option<u32>,
    marker: Option<ImageId>,
    seen: Option<Seen>,
    member_statuses: Option<Vec<MemberStatus>>,
    hidden: bool,
    filters: Vec<Filter>,
    impossible: bool,
}

impl Reader {
    fn take(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        match name {
            "limit" => self.limit = Some(limit(value)?),
            "marker" => self.marker = Some(marker(value)?),
            "visibility" => self.seen = seen(value)?,
            "member_status" => self.member_statuses = Some(member_statuses(value)?),
            "os_hidden" => self.hidden = flag(name, &value.to_lowercase())?,
            "changes-since" => {
                return Err(Refusal::bad_request("The \"changes-since\" filter is no longer available on v2."));
            }
            // the three are read together, see `sorting`; deleted images are never listed
            "sort" | "sort_key" | "sort_dir" | "deleted" => {}
            _ => self.take_filter(name, value)?,
        }
        Ok(())
    }

    fn take_filter(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let filter = match name {
            "tag" => Filter::Tag(value.trim().to_owned()),
            "protected" => Filter::Protected(flag(name, value)?),
            "owner" => Filter::Owner(ProjectId(value.to_owned())),
            "checksum" => Filter::Md5(value.to_owned()),
            "os_hash_algo" => Filter::HashAlgorithm(value.to_owned()),
            "os_hash_value" => Filter::HashValue(value.to_owned()),
            "name" => Filter::Names(choices(name, value)?),
            "id" => return self.take_choices(name, value, |id| id.parse().ok(), Filter::Ids),
            "status" => return self.take_choices(name, value, words::status_named, Filter::Statuses),
            "disk_format" => return self.take_choices(name, value, |word| word.parse().ok(), Filter::DiskFormats),
            "container_format" => {
                return self.take_choices(name, value, |word| word.parse().ok(), Filter::ContainerFormats);
            }
            "created_at" => time(name, value).map(|(op, at)| Filter::CreatedAt(op, at))?,
            "updated_at" => time(name, value).map(|(op, at)| Filter::UpdatedAt(op, at))?,
            _ => match number_filter(name, value)? {
                Some(NumberFilter::Possible(filter)) => filter,
                Some(NumberFilter::Impossible) => {
                    self.impossible = true;
                    return Ok(());
                }
                None => property_filter(name, value),
            },
        };
        self.push(filter)
    }

    /// Adds a condition on words of a closed set. Words outside of it match nothing.
    fn take_choices<W>(
        &mut self,
        name: &str,
        value: &str,
        known: impl Fn(&str) -> Option<W>,
        filter: impl FnOnce(Vec<W>) -> Filter,
    ) -> Result<(), Refusal> {
        let choices: Vec<W> = choices(name, value)?.iter().filter_map(|word| known(word)).collect();
        if choices.is_empty() {
            self.impossible = true;
            return Ok(());
        }
        self.push(filter(choices))
    }

    fn push(&mut self, filter: Filter) -> Result<(), Refusal> {
        if self.filters.len() >= FILTERS_MAX {
            return Err(Refusal::bad_request(format!("A list has at most {FILTERS_MAX} filters.")));
        }
        self.filters.push(filter);
        Ok(())
    }

    fn finish(mut self, params: &Params) -> Result<Question, Refusal> {
        let sort = sorting(params)?;
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        self.filters.push(Filter::Hidden(self.hidden));
        let possible = !self.impossible && limit > 0;
        let list = possible.then(|| ListImages {
            seen: self.seen.unwrap_or(Seen::Default),
            member_statuses: self.member_statuses.unwrap_or_else(|| vec![MemberStatus::Accepted]),
            filters: self.filters,
            sort,
            page: Page::After { after: self.marker, limit },
        });
        Ok(Question { list, limit })
    }
}

fn limit(value: &str) -> Result<u32, Refusal> {
    let number: i128 = value.trim().parse().map_err(|_| Refusal::bad_request("limit param must be an integer"))?;
    if number < 0 {
        return Err(Refusal::bad_request("limit param must be positive"));
    }
    Ok(u32::try_from(number).unwrap_or(LIMIT_MAX).min(LIMIT_MAX))
}

fn marker(value: &str) -> Result<ImageId, Refusal> {
    value.parse().map_err(|_| Refusal::bad_request("Invalid marker: no such image."))
}

fn seen(value: &str) -> Result<Option<Seen>, Refusal> {
    match value {
        "" => Ok(None),
        "all" => Ok(Some(Seen::All)),
        word => Visibility::from_str(word)
            .map(|visibility| Some(Seen::Only(visibility)))
            .map_err(|_| Refusal::bad_request(format!("Invalid visibility value: {word}"))),
    }
}

fn member_statuses(value: &str) -> Result<Vec<MemberStatus>, Refusal> {
    if value == "all" {
        return Ok(MemberStatus::ALL.to_vec());
    }
    let status =
        value.parse().map_err(|_| Refusal::bad_request(format!("Invalid value for 'member_status': {value}")))?;
    Ok(vec![status])
}

fn flag(name: &str, value: &str) -> Result<bool, Refusal> {
    match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(Refusal::bad_request(format!(
            "Invalid value '{other}' for '{name}' filter. Valid values are 'true' or 'false'."
        ))),
    }
}

/// The values of a filter: one, or those of an `in:` list.
fn choices(name: &str, value: &str) -> Result<Vec<String>, Refusal> {
    let Some((operator, rest)) = value.split_once(':') else {
        return Ok(vec![value.to_owned()]);
    };
    match operator {
        "eq" => Ok(vec![rest.to_owned()]),
        "in" => split_list(name, rest),
        // a time is the one value with colons that needs no operator
        _ if Timestamp::parse_iso8601(value).is_some() => Ok(vec![value.to_owned()]),
        other => Err(Refusal::bad_request(format!("Unable to filter '{name}' by unknown operator '{other}'."))),
    }
}

/// Splits `a,"b,c",d`; inside quotes a backslash takes the next character as it is.
fn split_list(name: &str, list: &str) -> Result<Vec<String>, Refusal> {
    let bad = |why| Refusal::bad_request(format!("Invalid filter value {list} for '{name}'. {why}"));
    let mut values = Vec::new();
    let mut rest = list;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (value, after) = rest.split_once(',').map_or((rest, None), |(value, after)| (value, Some(after)));
            if value.contains('"') {
                return Err(bad("There is no comma before opening quotation mark."));
            }
            values.push(value.to_owned());
            match after {
                Some(after) => rest = after,
                None => return Ok(values),
            }
            continue;
        };
        let (value, after) = unquote(quoted).ok_or_else(|| bad("The quote is not closed."))?;
        values.push(value);
        if after.is_empty() {
            return Ok(values);
        }
        rest = after.strip_prefix(',').ok_or_else(|| bad("There is no comma after closing quotation mark."))?;
    }
}

/// The text up to the closing quotation mark, and what follows it.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn time(name: &str, value: &str) -> Result<(TimeOp, Timestamp), Refusal> {
    let (op, text) = match value.split_once(':') {
        Some(("gt", rest)) => (TimeOp::Gt, rest),
        Some(("gte", rest)) => (TimeOp::Gte, rest),
        Some(("lt", rest)) => (TimeOp::Lt, rest),
        Some(("lte", rest)) => (TimeOp::Lte, rest),
        Some(("eq", rest)) => (TimeOp::Eq, rest),
        Some(("neq", rest)) => (TimeOp::Neq, rest),
        _ => (TimeOp::Eq, value),
    };
    let time = Timestamp::parse_iso8601(text).ok_or_else(|| {
        Refusal::bad_request(format!("Bad \"{name}\" query filter format. Use ISO 8601 DateTime notation."))
    })?;
    Ok((op, time))
}

/// A condition on a property, or on the fact that it stands for.
fn property_filter(name: &str, value: &str) -> Filter {
    let fact = facts::key(name).and_then(|key| facts::filter(name, key, value));
    fact.unwrap_or_else(|| Filter::Property(words::stored_property(name), value.to_owned()))
}

enum NumberFilter {
    Possible(Filter),
    Impossible,
}

/// A condition on a number: `size_min`, `min_ram_max`, or the bare name for equality.
fn number_filter(name: &str, value: &str) -> Result<Option<NumberFilter>, Refusal> {
    let number = match name.strip_suffix("_min").or_else(|| name.strip_suffix("_max")).unwrap_or(name) {
        "size" => Number::SizeBytes,
        "virtual_size" => Number::VirtualSizeBytes,
        "min_disk" => Number::MinDiskGib,
        "min_ram" => Number::MinRamMib,
        _ if name.ends_with("_min") || name.ends_with("_max") => {
            return Err(Refusal::bad_request(format!("Unable to filter on a range of '{name}'.")));
        }
        _ => return Ok(None),
    };
    let bound: i128 = value.trim().parse().map_err(|_| {
        Refusal::bad_request(format!("Unable to filter on a range with a non-numeric value of '{name}'."))
    })?;
    // no stored number is negative, and none is over the largest signed one
    let stored = u64::try_from(bound.clamp(0, i128::from(i64::MAX))).expect("clamped");
    let beyond = bound > i128::from(i64::MAX);
    Ok(Some(if name.ends_with("_min") {
        if beyond {
            NumberFilter::Impossible
        } else {
            NumberFilter::Possible(Filter::Between(number, Some(stored), None))
        }
    } else if name.ends_with("_max") {
        if bound < 0 {
            NumberFilter::Impossible
        } else {
            NumberFilter::Possible(Filter::Between(number, None, Some(stored)))
        }
    } else if bound < 0 || beyond {
        NumberFilter::Impossible
    } else {
        NumberFilter::Possible(Filter::Between(number, Some(stored), Some(stored)))
    }))
}

/// Both ways to ask for an order.
fn sorting(params: &Params) -> Result<Vec<(SortKey, Direction)>, Refusal> {
    let all =
        |wanted: &'static str| params.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.trim());
    let (mut keys, mut directions) = (Vec::new(), Vec::new());
    if let Some(sort) = all("sort").next_back() {
        if all("sort_key").chain(all("sort_dir")).next().is_some() {
            return Err(Refusal::bad_request("Old and new sorting syntax cannot be combined"));
        }
        for part in sort.split(',') {
            let (key, direction) = part.split_once(':').unwrap_or((part, "desc"));
            keys.push(sort_key(key.trim())?);
            directions.push(sort_direction(direction.trim())?);
        }
    } else {
        keys = all("sort_key").map(sort_key).collect::<Result<_, _>>()?;
        directions = all("sort_dir").map(sort_direction).collect::<Result<_, _>>()?;
        if directions.len() > 1 && directions.len() != keys.len() {
            return Err(Refusal::bad_request("Number of sort dirs does not match the number of sort keys"));
        }
        if keys.is_empty() {
            keys.push(SortKey::CreatedAt);
        }
        if directions.len() <= 1 {
            let direction = directions.first().copied().unwrap_or(Direction::Descending);
            directions = vec![direction; keys.len()];
        }
    }
    let mut sort: Vec<(SortKey, Direction)> = Vec::new();
    for (key, direction) in keys.into_iter().zip(directions) {
        // a key that comes again cannot change the order any more
        if sort.iter().all(|(known, _)| *known != key) {
            sort.push((key, direction));
        }
    }
    Ok(sort)
}

fn sort_key(word: &str) -> Result<SortKey, Refusal> {
    word.parse().map_err(|_| {
        let known: Vec<_> = SortKey::ALL.iter().map(|key| key.as_str()).collect();
        let known = known.join(", ");
        Refusal::bad_request(format!("Invalid sort key: {word}. It must be one of the following: {known}."))
    })
}

fn sort_direction(word: &str) -> Result<Direction, Refusal> {
    match word {
        "" | "desc" => Ok(Direction::Descending),
        "asc" => Ok(Direction::Ascending),
        other => Err(Refusal::bad_request(format!("Invalid sort direction: {other}"))),
    }
}

#[cfg(test)]
mod tests;
