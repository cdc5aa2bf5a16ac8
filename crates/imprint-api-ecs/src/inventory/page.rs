//! Pages of machines, disks and snapshots: numbered ones, or one after the other by a token.

use imprint_service::{ItemPage, Items};
use serde_json::{Map, Value};

use super::codes::IDS_MAX;
use crate::fault::{Code, Fault, code};
use crate::ids::WireId;
use crate::op::{Kind, Parameter};
use crate::params::{Paging, Params, invalid};

/// `MaxResults`, where a list can be asked for by a token.
pub(crate) const MAX_RESULTS: Parameter =
    Parameter::of("MaxResults", Kind::Number, "Entries of a page that goes on by token, 1 to 100.");
/// `NextToken`, where a list can be asked for by a token.
pub(crate) const NEXT_TOKEN: Parameter = Parameter::text("NextToken", "Where the page before ended.");

/// Most entries of a page.
const SIZE_MAX: u32 = 100;
/// Entries of a page of which nobody said.
const SIZE_DEFAULT: u32 = 10;
/// Longest name to look for, in characters: that of the longest names there are.
const NAME_CHARS_MAX: usize = 128;

/// A page that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<Id> {
    Numbered(Paging),
    After { after: Option<Id>, limit: u32 },
}

impl<Id: WireId + Copy> Wanted<Id> {
    /// The page a request asks for.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(crate) fn read(params: &Params) -> Result<Self, Fault> {
        let refusal: Code = code::INVALID_PARAMETER;
        let limit = params.within("MaxResults", 1..=SIZE_MAX, refusal)?;
        let token = params.text("NextToken");
        if limit.is_none() && token.is_none() {
            return Ok(Self::Numbered(params.paging(SIZE_DEFAULT, SIZE_MAX, refusal)?));
        }
        let after = token.map(|token| Id::read(token).ok_or_else(|| invalid("NextToken"))).transpose()?;
        Ok(Self::After { after, limit: limit.unwrap_or(SIZE_DEFAULT) })
    }

    /// What the engine is asked for.
    pub(crate) fn page(&self) -> ItemPage<Id> {
        match *self {
            Self::Numbered(Paging { number, size }) => ItemPage::Numbered { number, size },
            Self::After { after, limit } => ItemPage::After { after, limit },
        }
    }

    /// An answer: the page, shown, below `list`.`entry`.
    pub(crate) fn answer<T>(
        &self,
        found: &Items<T>,
        (list, entry): (&str, &str),
        id: fn(&T) -> Id,
        show: impl FnMut(&T) -> Value,
    ) -> Value {
        let mut answer = Map::new();
        answer.insert("TotalCount".to_owned(), found.total.into());
        match *self {
            Self::Numbered(Paging { number, size }) => {
                answer.insert("PageNumber".to_owned(), number.into());
                answer.insert("PageSize".to_owned(), size.into());
            }
            Self::After { limit, .. } => {
                let full = found.items.len() >= limit as usize;
                let next = found.items.last().filter(|_| full).map(|last| id(last).wire());
                answer.insert("NextToken".to_owned(), next.unwrap_or_default().into());
            }
        }
        let shown = Value::Array(found.items.iter().map(show).collect());
        answer.insert(list.to_owned(), Value::Object(Map::from_iter([(entry.to_owned(), shown)])));
        Value::Object(answer)
    }
}

/// The ids of a parameter that is one JSON array. What is no id names nothing that exists.
///
/// # Errors
/// `InvalidParameter` for anything but an array, and for more than 100 of them.
pub(crate) fn ids<Id: WireId>(params: &Params, name: &str) -> Result<Option<Vec<Id>>, Fault> {
    let given = params.json_list(name, IDS_MAX, code::INVALID_PARAMETER).map_err(|_| invalid(name))?;
    Ok(given.map(|ids| ids.iter().filter_map(|text| Id::read(text)).collect()))
}

/// The one thing that a parameter says a list is about. What is no id is about nothing: `Err(Nothing)`.
pub(crate) fn about<Id: WireId>(params: &Params, name: &str) -> Result<Option<Id>, Nothing> {
    params.text(name).map(|text| Id::read(text).ok_or(Nothing)).transpose()
}

/// A condition that nothing meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nothing;

/// A name to look for; `Err(Nothing)` for one longer than any name.
pub(crate) fn name(params: &Params, parameter: &str) -> Result<Option<String>, Nothing> {
    match params.text(parameter) {
        Some(name) if name.chars().count() > NAME_CHARS_MAX => Err(Nothing),
        name => Ok(name.map(str::to_owned)),
    }
}
