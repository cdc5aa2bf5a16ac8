//! Users, policies and roles of an account, as far as an operator needs them. Here is what these operations share: their
//! codes, names and pages. Never here: what a policy means (the model's `Grants`) or how users are kept (identity's).

mod attachments;
mod codes;
mod keys;
mod policies;
mod roles;
mod users;

use std::ops::RangeInclusive;

use imprint_model::Timestamp;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::error::Problem;
use crate::fault::{Code, Fault, code};
use crate::op::{Kind, Op, Parameter};

/// Every file's rows.
pub(super) const FILES: [&[Op]; 5] = [users::OPS, keys::OPS, policies::OPS, attachments::OPS, roles::OPS];

/// Most entries of a page.
const ITEMS_MAX: u32 = 1_000;
/// Entries of a page when nothing is said.
const ITEMS_DEFAULT: u32 = 100;

const USER_NAME: Parameter = Parameter::text("UserName", "The user's name: 1 to 64 letters, digits, `.`, `_`, `-`.");
const ROLE_NAME: Parameter = Parameter::text("RoleName", "The role's name: 1 to 64 letters, digits, `.`, `-`.");
const POLICY_NAME: Parameter = Parameter::text("PolicyName", "The policy's name: 1 to 128 letters, digits, `-`.");
const POLICY_TYPE: Parameter = Parameter::text("PolicyType", "`System` (the installation's) or `Custom`.");
const MARKER: Parameter = Parameter::text("Marker", "Where the page begins: the `Marker` of the page before.");
const MAX_ITEMS: Parameter = Parameter::of("MaxItems", Kind::Number, "Entries of a page, 1 to 1000; default 100.");

/// The account's project, where identity keeps its users.
fn project(call: &Call) -> &str {
    call.who.signer.project_id()
}

/// What identity refuses, in these operations' words.
fn refused(error: imprint_identity::Error) -> Problem {
    codes::of(error, "User").into()
}

/// A name that must be given, in letters, digits and `also`.
fn name<'a>(call: &'a Call, parameter: &str, chars_max: usize, also: &[u8]) -> Result<&'a str, Fault> {
    let name = call.params.need(parameter)?;
    if name.len() > chars_max {
        return Err(codes::length(parameter));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
    if name.bytes().all(fits) { Ok(name) } else { Err(codes::letters(parameter)) }
}

fn user_name<'a>(call: &'a Call, parameter: &str) -> Result<&'a str, Fault> {
    name(call, parameter, 64, b"._-")
}

fn role_name(call: &Call) -> Result<&str, Fault> {
    name(call, "RoleName", 64, b".-")
}

fn policy_name(call: &Call) -> Result<&str, Fault> {
    name(call, "PolicyName", 128, b"-")
}

/// A text that may be absent and not be too long.
fn text<'a>(call: &'a Call, parameter: &str, chars: RangeInclusive<usize>) -> Result<Option<&'a str>, Fault> {
    match call.params.given(parameter) {
        Some(text) if text.chars().take(chars.end() + 1).count() > *chars.end() => Err(codes::length(parameter)),
        given => Ok(given),
    }
}

/// Where a page begins and how long it is.
fn page(call: &Call) -> Result<(Option<String>, u32), Fault> {
    let bad: Code = code::INVALID_PARAMETER;
    let limit = call.params.within("MaxItems", 1..=ITEMS_MAX, bad)?.unwrap_or(ITEMS_DEFAULT);
    Ok((call.params.text("Marker").map(str::to_owned), limit))
}

/// Cuts a page off a list that was asked for one entry too many, and says whether and where it goes on.
fn paged<T>(mut entries: Vec<T>, limit: u32, marker: impl Fn(&T) -> String) -> (Vec<T>, Map<String, Value>) {
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let mut answer = Map::new();
    answer.insert("IsTruncated".to_owned(), more.into());
    if let Some(last) = entries.last().filter(|_| more) {
        answer.insert("Marker".to_owned(), marker(last).into());
    }
    (entries, answer)
}

/// A time as these operations write it.
fn date(time: Timestamp) -> String {
    time.to_rfc3339_seconds()
}
