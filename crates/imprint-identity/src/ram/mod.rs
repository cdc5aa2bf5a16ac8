//! Users, policies and roles that an account has of its own.
//!
//! A user of an account is a user of identity, too, with the role `member` in the account's project, so that passwords,
//! tokens and application credentials work for it; policies then bound what it may do, whichever way it comes in.

pub(crate) mod attachments;
pub(crate) mod document;
pub(crate) mod keys;
pub(crate) mod names;
pub(crate) mod policies;
pub(crate) mod roles;
pub(crate) mod system;
pub(crate) mod users;

use imprint_catalogue::Tx;
use imprint_catalogue::identity::{self as tables, LIST_MAX};

pub(crate) use attachments::Holder;
pub(crate) use keys::check_new_key;
pub(crate) use policies::{PolicyKind, policy_row};

use crate::revoked::Revoked;
use crate::{Error, revoke};

/// Removes all users, policies and roles of a project, and ends what was got with them.
pub(crate) fn delete_of_project(tx: &mut Tx<'_>, project_id: &str, now_micros: i64) -> Result<(), Error> {
    loop {
        let page = tables::list_grant_users(tx, project_id, None, LIST_MAX)?;
        for user in &page {
            crate::users::delete_rows(tx, &user.user_id)?;
            revoke(tx, &Revoked::User(&user.user_id), now_micros)?;
        }
        if page.is_empty() {
            break;
        }
    }
    // sessions of roles act for the project, and end with it
    Ok(tables::delete_grants_of_project(tx, project_id)?)
}
