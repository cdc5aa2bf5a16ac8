//! One condition of a list as SQL.

use imprint_model::{FactKey, Filter, Number, Status, TimeOp, Timestamp, Visibility};

use super::VALUES_MAX;
use super::statement::{Source, Statement};
use crate::images::label;
use crate::label::Label;
use crate::pattern;
use crate::{Error, ErrorKind, Value};

const SECOND_MICROS: i64 = 1_000_000;

/// The label that a condition on a tag, property, fact or snapshot looks for.
pub(super) fn label_of(filter: &Filter) -> Option<Label> {
    match filter {
        Filter::Tag(tag) => Some(label::of_tag(tag)),
        Filter::TagKey(key) => Some(label::of_tag_key(key)),
        Filter::Fact(key, value) if label::is_labelled(*key) => Some(label::of_fact(*key, value)),
        Filter::Snapshot(snapshot) => Some(label::of_snapshot(*snapshot)),
        Filter::Property(name, value) => Some(label::of_property(name, value)),
        _ => None,
    }
}

/// Whether numbers are kept of the images that meet a condition, by its label.
pub(super) fn is_kept_by_label(filter: &Filter) -> bool {
    matches!(filter, Filter::Tag(_) | Filter::TagKey(_) | Filter::Fact(FactKey::Family | FactKey::Platform, _))
}

/// Whether numbers are kept of the images that meet a condition, together with every other one of this kind.
pub(super) fn is_kept(filter: &Filter) -> bool {
    match filter {
        Filter::Statuses(_) | Filter::States(_) | Filter::Region(_) => true,
        Filter::Visibility(_) | Filter::Visibilities(_) | Filter::Hidden(_) => true,
        Filter::Owner(_) | Filter::NotOwner(_) | Filter::ResourceGroups(_) => true,
        Filter::Fact(key, _) | Filter::FactAmong(key, _) => fact_column(*key).is_some(),
        _ => false,
    }
}

/// Whether a condition leaves few images of all there are, and an index of its own finds them.
pub(super) fn is_selective(filter: &Filter) -> bool {
    matches!(filter, Filter::Ids(_) | Filter::HashValue(_) | Filter::Md5(_))
}

/// Whether a condition can only be checked on the image itself, not on its label or member rows.
pub(super) fn needs_image(source: Source, filter: &Filter) -> bool {
    match filter {
        Filter::CreatedAt(..) => false,
        Filter::Statuses(_) | Filter::States(_) | Filter::Region(_) | Filter::NotOwner(_) => source != Source::Offer,
        Filter::Fact(key, _) if fact_column(*key).is_some() => true,
        other => label_of(other).is_none(),
    }
}

/// The condition on a row of `source`.
pub(super) fn condition(statement: &mut Statement, source: Source, filter: &Filter) -> Result<String, Error> {
    Ok(match filter {
        Filter::Ids(ids) => one_of(statement, "i.id", ids)?,
        Filter::Names(names) => one_of(statement, "i.name", names)?,
        Filter::Statuses(statuses) => {
            words(statement, &source.of_image("status"), statuses.iter().map(|s| s.as_str()))?
        }
        Filter::DiskFormats(formats) => words(statement, "i.disk_format", formats.iter().map(|f| f.as_str()))?,
        Filter::ContainerFormats(formats) => {
            words(statement, "i.container_format", formats.iter().map(|f| f.as_str()))?
        }
        Filter::Visibility(visibility) => equal(statement, "i.visibility", visibility.as_str()),
        Filter::Owner(owner) => equal(statement, "i.owner", owner),
        Filter::Hidden(flag) => equal(statement, "i.hidden", *flag),
        Filter::Protected(flag) => equal(statement, "i.protected", *flag),
        Filter::States(states) => {
            let (is, hides) = (source.of_image("status"), source.of_image("hidden"));
            let one = |&(status, hidden): &(Status, Option<bool>)| match hidden {
                None => format!("{is} = '{status}'"),
                Some(hidden) => format!("({is} = '{status}' AND {hides} = {})", i64::from(hidden)),
            };
            either(states.iter().map(one))
        }
        Filter::Visibilities(all) => words(statement, "i.visibility", all.iter().map(|v| v.as_str()))?,
        Filter::FactAmong(key, values) => fact_among(statement, source, *key, values)?,
        Filter::ResourceGroups(groups) => one_of(statement, "i.resource_group", &column_words(groups))?,
        Filter::NameLike(wanted) => like(statement, wanted)?,
        Filter::Region(region) => equal(statement, &source.of_image("region"), region),
        Filter::NotOwner(owner) => format!("{} <> {}", source.of_image("owner"), statement.bind(owner)),
        Filter::UsedByInstance(used) => {
            let negation = if *used { "" } else { "NOT " };
            format!("{negation}EXISTS (SELECT 1 FROM instance n WHERE n.image_id = {})", source.id())
        }
        Filter::Fact(key, value) if fact_column(*key).is_some() || !label::is_labelled(*key) => {
            fact_among(statement, source, *key, &[Some(value.clone())])?
        }
        Filter::Tag(_) | Filter::TagKey(_) | Filter::Property(..) | Filter::Fact(..) | Filter::Snapshot(_) => {
            let wanted = label_of(filter).expect("these have labels");
            let place = statement.bind(wanted.as_slice());
            format!("EXISTS (SELECT 1 FROM image_label x WHERE x.image_id = {} AND x.label = {place})", source.id())
        }
        Filter::Md5(value) => equal(statement, "i.content_md5", value),
        Filter::HashAlgorithm(value) => equal(statement, "i.content_hash_algorithm", value),
        Filter::HashValue(value) => equal(statement, "i.content_hash_value", value),
        Filter::Between(number, least, most) => between(statement, *number, *least, *most),
        Filter::CreatedAt(op, time) => compared(statement, source.created_at(), *op, *time),
        Filter::UpdatedAt(op, time) => compared(statement, "i.updated_at", *op, *time),
        Filter::Given(given) => {
            let member = format!("SELECT 1 FROM image_member g WHERE g.image_id = {}", source.id());
            negated(!given, &format!("i.visibility = '{}' AND EXISTS ({member})", Visibility::Shared))
        }
        Filter::Tagged(tagged) => format!("i.tags {} '[]'", if *tagged { "<>" } else { "=" }),
        // The kind is what is written first of a disk.
        Filter::FirstDisk(kind) => {
            let like = format!("{}%", pattern::literal(&format!("[{{\"kind\":\"{kind}\"")));
            format!("i.disks LIKE {} ESCAPE '\\'", statement.bind(like))
        }
        Filter::Any(filters) => either(each(statement, source, filters)?.into_iter()),
        Filter::All(filters) => match each(statement, source, filters)?.as_slice() {
            [] => "1 = 1".to_owned(),
            conditions => format!("({})", conditions.join(" AND ")),
        },
        Filter::Not(filter) => negated(true, &condition(statement, source, filter)?),
    })
}

fn each(statement: &mut Statement, source: Source, filters: &[Filter]) -> Result<Vec<String>, Error> {
    let one = |filter: &Filter| Ok(format!("({})", condition(statement, source, filter)?));
    filters.iter().map(one).collect()
}

/// The condition or its contrary; what is unknown of an image is not so.
fn negated(contrary: bool, condition: &str) -> String {
    format!("CASE WHEN {condition} THEN {} ELSE {} END = 1", i32::from(!contrary), i32::from(contrary))
}

/// Any of these; without any, nothing.
fn either(conditions: impl Iterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.collect();
    if conditions.is_empty() { "1 = 0".to_owned() } else { format!("({})", conditions.join(" OR ")) }
}

fn fact_among(
    statement: &mut Statement,
    source: Source,
    key: FactKey,
    values: &[Option<String>],
) -> Result<String, Error> {
    if let Some(column) = fact_column(key) {
        return one_of(statement, &format!("i.{column}"), &column_words(values));
    }
    let mut conditions = Vec::new();
    let wanted: Vec<&String> = values.iter().flatten().collect();
    if label::is_labelled(key) && !wanted.is_empty() {
        let labels: Vec<Label> = wanted.iter().map(|value| label::of_fact(key, value)).collect();
        let wanted = one_of(statement, "x.label", &labels)?;
        conditions
            .push(format!("EXISTS (SELECT 1 FROM image_label x WHERE x.image_id = {} AND {wanted})", source.id()));
    } else {
        for value in wanted {
            conditions.push(fact_in_text(statement, key, value)?);
        }
    }
    if values.contains(&None) {
        let member = pattern::to_like(&format!("*\"{key}\":*"));
        conditions.push(format!("i.facts NOT LIKE {} ESCAPE '\\'", statement.bind(member)));
    }
    Ok(either(conditions.into_iter()))
}

/// Values as a column holds them in which the absence of a fact is the empty text; no fact is that text.
fn column_words(values: &[Option<String>]) -> Vec<&str> {
    let words = values.iter().map(|value| value.as_deref());
    words.filter(|word| *word != Some("")).map(Option::unwrap_or_default).collect()
}

/// Looks into the text of the facts. Within a value its quotation marks are escaped: only the name of a member, a colon
/// and the value look like this.
fn fact_in_text(statement: &mut Statement, key: FactKey, value: &str) -> Result<String, Error> {
    let told = match key {
        FactKey::Nvme if matches!(value, "true" | "false") => value.to_owned(),
        FactKey::Nvme => return Ok("1 = 0".to_owned()),
        _ => serde_json::to_string(value)
            .map_err(|why| Error::new(ErrorKind::Other, "cannot be written as JSON").caused_by(why))?,
    };
    // A star of the value is no wildcard.
    let like = format!("%{}%", pattern::literal(&format!("\"{key}\":{told}")));
    if like.len() > pattern::PATTERN_BYTES_MAX {
        return Ok("1 = 0".to_owned());
    }
    Ok(format!("i.facts LIKE {} ESCAPE '\\'", statement.bind(like)))
}

/// The column that holds a fact, or the empty text, for counts and conditions.
pub(super) fn fact_column(key: FactKey) -> Option<&'static str> {
    match key {
        FactKey::Architecture => Some("architecture"),
        FactKey::OsType => Some("os_type"),
        FactKey::ResourceGroup => Some("resource_group"),
        _ => None,
    }
}

fn like(statement: &mut Statement, wanted: &str) -> Result<String, Error> {
    if wanted.len() > pattern::PATTERN_BYTES_MAX {
        return Err(Error::new(ErrorKind::Other, "a pattern for names is too long"));
    }
    // The column that the index on names has, and then what tells no name from an empty one.
    let place = statement.bind(pattern::to_like(wanted));
    Ok(format!("i.name_sorted LIKE {place} ESCAPE '\\' AND i.name IS NOT NULL"))
}

/// Where in the index on names those are that match a pattern.
pub(super) fn name_bounds(statement: &mut Statement, wanted: &str) -> String {
    let prefix = pattern::prefix(wanted);
    let like = statement.bind(pattern::to_like(wanted));
    let from = format!("i.name_sorted >= {} AND i.name_sorted LIKE {like} ESCAPE '\\'", statement.bind(prefix));
    match pattern::after_prefix(prefix) {
        Some(after) => format!("{from} AND i.name_sorted < {}", statement.bind(after)),
        None => from,
    }
}

fn equal(statement: &mut Statement, column: &str, value: impl Into<Value>) -> String {
    format!("{column} = {}", statement.bind(value))
}

fn words<'a>(statement: &mut Statement, column: &str, words: impl Iterator<Item = &'a str>) -> Result<String, Error> {
    one_of(statement, column, &words.collect::<Vec<_>>())
}

fn one_of<'a, T>(statement: &mut Statement, column: &str, values: &'a [T]) -> Result<String, Error>
where
    Value: From<&'a T>,
{
    match values {
        [] => Ok("1 = 0".to_owned()),
        [one] => Ok(equal(statement, column, one)),
        many if many.len() > VALUES_MAX => {
            Err(Error::new(ErrorKind::Other, format!("a condition names more than {VALUES_MAX} values")))
        }
        many => {
            let places: Vec<String> = many.iter().map(|value| statement.bind(value)).collect();
            Ok(format!("{column} IN ({})", places.join(", ")))
        }
    }
}

/// Numbers that an image does not have are within no bounds.
fn between(statement: &mut Statement, number: Number, least: Option<u64>, most: Option<u64>) -> String {
    let column = match number {
        // Absent is stored as -1 here.
        Number::SizeBytes => "i.size_bytes",
        Number::VirtualSizeBytes => "i.content_virtual_bytes",
        Number::MinDiskGib => "i.min_disk_gib",
        Number::MinRamMib => "i.min_ram_mib",
    };
    let least = format!("{column} >= {}", statement.bind(least.unwrap_or(0)));
    most.map_or(least.clone(), |most| format!("{least} AND {column} <= {}", statement.bind(most)))
}

fn compared(statement: &mut Statement, column: &str, op: TimeOp, time: Timestamp) -> String {
    let sign = match op {
        TimeOp::Gt => ">",
        TimeOp::Gte => ">=",
        TimeOp::Lt => "<",
        TimeOp::Lte => "<=",
        TimeOp::Eq | TimeOp::Neq => {
            let begin = time.whole_seconds().0;
            let from = statement.bind(begin);
            let to = statement.bind(begin.saturating_add(SECOND_MICROS));
            let negation = if op == TimeOp::Neq { "NOT " } else { "" };
            return format!("{negation}({column} >= {from} AND {column} < {to})");
        }
    };
    format!("{column} {sign} {}", statement.bind(time))
}
