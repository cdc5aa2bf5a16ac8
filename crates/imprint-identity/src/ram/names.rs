//! Names within an account, how principals and roles are written as resources, and the bounds of texts.

use crate::Error;

/// Longest name of a user or role, in characters.
const NAME_MAX: usize = 64;
/// Longest name of a policy, in characters.
const POLICY_NAME_MAX: usize = 128;
/// Longest free text, in characters.
const TEXT_MAX: usize = 1_024;
/// Lengths of a session's name, in characters.
const SESSION_NAME_LEN: std::ops::RangeInclusive<usize> = 2..=64;

pub(crate) fn check_user_name(name: &str) -> Result<(), Error> {
    check("UserName", name, 1..=NAME_MAX, b".-_")
}

pub(crate) fn check_role_name(name: &str) -> Result<(), Error> {
    check("RoleName", name, 1..=NAME_MAX, b".-")
}

pub(crate) fn check_policy_name(name: &str) -> Result<(), Error> {
    check("PolicyName", name, 1..=POLICY_NAME_MAX, b"-")
}

pub(crate) fn check_session_name(name: &str) -> Result<(), Error> {
    check("RoleSessionName", name, SESSION_NAME_LEN, b".@-_")
}

pub(crate) fn check_text(field: &str, text: &str) -> Result<(), Error> {
    if text.chars().take(TEXT_MAX + 1).count() > TEXT_MAX || text.contains('\0') {
        return Err(Error::Invalid(format!("{field} has at most {TEXT_MAX} characters")));
    }
    Ok(())
}

fn check(field: &str, name: &str, len: std::ops::RangeInclusive<usize>, also: &[u8]) -> Result<(), Error> {
    if len.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || also.contains(&byte)) {
        return Ok(());
    }
    let also: Vec<String> = also.iter().map(|&byte| char::from(byte).to_string()).collect();
    Err(Error::Invalid(format!(
        "{field} has {} to {} characters: letters of ASCII, digits and {}",
        len.start(),
        len.end(),
        also.join(" ")
    )))
}

/// What the user of identity is called that stands for a user of an account.
pub(crate) fn login_name(name: &str, account_number: &str) -> String {
    format!("{name}@{account_number}")
}

/// The account itself, as a principal.
pub(crate) fn account_arn(account_number: &str) -> String {
    format!("acs:ram::{account_number}:root")
}

/// A user of an account.
pub(crate) fn user_arn(account_number: &str, name: &str) -> String {
    format!("acs:ram::{account_number}:user/{name}")
}

/// A role of an account.
pub(crate) fn role_arn(account_number: &str, name: &str) -> String {
    format!("acs:ram::{account_number}:role/{name}")
}

/// Account number and name of a role.
pub(crate) fn parse_role_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, name) = arn.strip_prefix("acs:ram::")?.split_once(":role/")?;
    let digits = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
    (digits && check_role_name(name).is_ok()).then_some((account, name))
}
