//! The parameters of a request, read in the types they should have.
//!
//! A value that is there but empty counts as absent, but for [`Params::given`] and tag values, where an empty text is a
//! value. Here are the codes every operation shares; an operation that has codes of its own reads the plain text.
//! Never here: what any parameter means.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use imprint_model::Timestamp;

use crate::fault::{Code, Fault, code};

/// Most members of an array that are looked at; a request has no more than a thousand parameters anyhow.
const MEMBERS_MAX: usize = 1_000;
/// Most entries of a list within one value.
const ENTRIES_MAX: usize = 1_000;

/// All parameters of a request, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params(BTreeMap<String, String>);

/// One member of an array of objects: `Tag.3` with its `Key` and `Value`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    params: &'a Params,
    array: &'a str,
    /// Its number, from 1.
    pub(crate) number: u32,
}

/// One member of `Tag`, as far as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TagPair<'a> {
    /// `Tag.N.Key`, none when absent or empty.
    pub(crate) key: Option<&'a str>,
    /// `Tag.N.Value`; empty is a value.
    pub(crate) value: Option<&'a str>,
}

/// A numbered page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    /// From 1.
    pub(crate) number: u32,
    /// How many entries, at least 1.
    pub(crate) size: u32,
}

impl Params {
    /// Of names that are each there once.
    pub(crate) fn new(all: BTreeMap<String, String>) -> Self {
        Self(all)
    }

    /// Every parameter in the order of names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A value as it was given, even when it is empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `MissingParameter` naming it.
    pub(crate) fn need(&self, name: &str) -> Result<&str, Fault> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// A truth, in whatever capitals.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn truth(&self, name: &str) -> Result<Option<bool>, Fault> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(invalid(name)),
        }
    }

    /// Whether a truth is given and true.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Fault> {
        self.truth(name).map(|truth| truth.unwrap_or(false))
    }

    /// A decimal whole number.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.text(name).map(|text| decimal(text).ok_or_else(|| invalid(name))).transpose()
    }

    /// A decimal whole number within a range.
    ///
    /// # Errors
    /// `refusal` for one outside of it, and for what is no number.
    pub(crate) fn within(&self, name: &str, range: RangeInclusive<u32>, refusal: Code) -> Result<Option<u32>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        decimal(text).filter(|number| range.contains(number)).map(Some).ok_or_else(|| refusal.fault())
    }

    /// A time in ISO 8601, with or without seconds.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.text(name).map(|text| read_time(text).ok_or_else(|| invalid(name))).transpose()
    }

    /// `PageNumber` from 1, `PageSize` from 1 to `size_max`.
    ///
    /// # Errors
    /// `refusal` for one outside.
    pub(crate) fn paging(&self, size_default: u32, size_max: u32, refusal: Code) -> Result<Paging, Fault> {
        let number = self.within("PageNumber", 1..=u32::MAX, refusal)?.unwrap_or(1);
        let size = self.within("PageSize", 1..=size_max, refusal)?.unwrap_or(size_default);
        Ok(Paging { number, size })
    }

    /// The members of `Name.1`, `Name.2`, … in the order of their numbers; holes and empty ones do not count.
    pub(crate) fn list<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let mut members: Vec<(u32, &str)> = self
            .below(name)
            .filter_map(|(rest, value)| Some((index(rest)?, value)))
            .filter(|(_, value)| !value.is_empty())
            .take(MEMBERS_MAX)
            .collect();
        members.sort_unstable_by_key(|(number, _)| *number);
        members.into_iter().map(|(_, value)| value).collect()
    }

    /// The members of an array of objects, in the order of their numbers.
    pub(crate) fn objects<'a>(&'a self, array: &'a str) -> Vec<Object<'a>> {
        let numbers = self.below(array).filter_map(|(rest, _)| index(rest.split_once('.')?.0));
        let mut numbers: Vec<u32> = numbers.take(MEMBERS_MAX).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| Object { params: self, array, number }).collect()
    }

    /// The members of `Tag`; the deprecated spelling `Tag.N.key` counts where `Tag.N.Key` is absent.
    pub(crate) fn tags(&self) -> Vec<TagPair<'_>> {
        let pairs = self.objects("Tag").into_iter().map(|object| {
            let name = |member: &str| format!("Tag.{}.{member}", object.number);
            let either = |wanted: &str, alias: &str| self.given(&name(wanted)).or_else(|| self.given(&name(alias)));
            TagPair { key: either("Key", "key").filter(|key| !key.is_empty()), value: either("Value", "value") }
        });
        pairs.collect()
    }

    /// A list written as one JSON array of texts (`InstanceIds`). A single text that is no array counts as one entry.
    ///
    /// # Errors
    /// `refusal` for anything else, and for more than `entries_max` entries.
    pub(crate) fn json_list(
        &self,
        name: &str,
        entries_max: usize,
        refusal: Code,
    ) -> Result<Option<Vec<String>>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let entries: Vec<String> = if text.trim_start().starts_with('[') {
            serde_json::from_str(text).map_err(|_| refusal.fault())?
        } else {
            vec![text.to_owned()]
        };
        if entries.len() > entries_max.min(ENTRIES_MAX) { Err(refusal.fault()) } else { Ok(Some(entries)) }
    }

    /// A list written with commas in one value; spaces around them and empty entries do not count.
    ///
    /// # Errors
    /// `refusal` for more than `entries_max` entries.
    pub(crate) fn comma_list(&self, name: &str, entries_max: usize, refusal: Code) -> Result<Option<Vec<&str>>, Fault> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entries: Vec<&str> = entries.take(entries_max.min(ENTRIES_MAX) + 1).collect();
        if entries.len() > entries_max.min(ENTRIES_MAX) { Err(refusal.fault()) } else { Ok(Some(entries)) }
    }

    /// What stands below `Name.`, without it.
    fn below<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .range(format!("{name}.")..)
            .map_while(move |(known, value)| Some((known.strip_prefix(name)?.strip_prefix('.')?, value.as_str())))
    }
}

impl<'a> Object<'a> {
    /// The full name of a member: `Tag.3.Key`.
    pub(crate) fn name(&self, member: impl Display) -> String {
        format!("{}.{}.{member}", self.array, self.number)
    }

    /// A member's text that is not empty.
    pub(crate) fn text(&self, member: &str) -> Option<&'a str> {
        self.params.text(&self.name(member))
    }

    /// A member's truth.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn truth(&self, member: &str) -> Result<Option<bool>, Fault> {
        self.params.truth(&self.name(member))
    }

    /// A member's whole number within a range.
    ///
    /// # Errors
    /// `refusal` for one outside of it, and for what is no number.
    pub(crate) fn within(&self, member: &str, range: RangeInclusive<u32>, refusal: Code) -> Result<Option<u32>, Fault> {
        self.params.within(&self.name(member), range, refusal)
    }
}

/// The refusal of a request without a parameter that must be there.
pub(crate) fn missing(name: &str) -> Fault {
    code::MISSING_PARAMETER.filled(&[name])
}

/// The refusal of a value that cannot be, where the operation has no code of its own.
pub(crate) fn invalid(name: &str) -> Fault {
    code::INVALID_PARAMETER.with_message(format!("The specified parameter \"{name}\" is not valid."))
}

/// A time in ISO 8601, in UTC, with or without seconds: `2019-11-15T06:07Z`.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    let civil = text.strip_suffix('Z')?;
    let seconds = match civil.len() {
        16 => ":00",
        19 => "",
        _ => return None,
    };
    if civil.as_bytes().get(10) != Some(&b'T') {
        return None;
    }
    Timestamp::parse_iso8601(&format!("{civil}{seconds}Z"))
}

/// Digits alone: no sign, no space.
fn decimal<T: FromStr>(text: &str) -> Option<T> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The number of a member: from 1, without leading zeros.
fn index(text: &str) -> Option<u32> {
    if text.starts_with('0') { None } else { decimal(text) }
}

#[cfg(test)]
mod tests;
