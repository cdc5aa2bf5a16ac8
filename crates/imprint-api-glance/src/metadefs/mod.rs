//! Metadata definitions on the wire: what a namespace, an object, a property, a tag and an association with a type of
//! resource look like when they are written and when they are shown. Who may write them, and how many there may be, is
//! the service's.

pub(crate) mod fields;
pub(crate) mod page;
pub(crate) mod property;
pub(crate) mod read;
pub(crate) mod view;

use imprint_service::Error;

use crate::error::Refusal;

/// The refusal of something done to a definition of a kind.
pub(crate) fn refused(what: &'static str) -> impl Fn(Error) -> Refusal {
    move |error| match error {
        Error::Protected => {
            Refusal::forbidden("The metadata definition namespace is protected: nothing can be deleted.")
        }
        Error::Duplicate(_) => {
            Refusal::conflict(format!("A metadata definition {what} with this name already exists."))
        }
        Error::Invalid { why, .. } => Refusal::bad_request(format!("Invalid metadata definition {what}: {why}")),
        other => other.into(),
    }
}
