//! The life of an image as one total function: [`Status::on`] is the only way to a new status.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an image is in its life. Dialects have words of their own for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A record without data.
    Queued,
    /// Data is being written.
    Saving,
    /// Data is being, or has been, put aside for a later import.
    Staged,
    /// A job is turning staged or remote data into the image's data.
    Importing,
    /// Complete and usable.
    Available,
    /// The record stays, but its data is given to administrators alone.
    Deactivated,
    /// The job that made it failed; the cause is kept beside it.
    Failed,
}

/// What can happen to an image's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Somebody begins to send the data.
    BeginUpload,
    /// Somebody begins to put data aside for import.
    BeginStaging,
    /// An import job was enqueued.
    BeginImport,
    /// All data is durable.
    DataComplete,
    /// Upload, staging or import ended without usable data; another attempt may follow.
    DataLost,
    /// An import of staged data could not be carried out; the data is still there.
    PutBack,
    /// The job that was to make the image gave up for good.
    GiveUp,
    /// The owner takes the data out of use.
    Deactivate,
    /// The owner puts the data into use again.
    Reactivate,
}

/// An event that does not fit the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an image that is {status} cannot take {event:?}")]
pub struct WrongStatus {
    /// The status the image has.
    pub status: Status,
    /// What was asked of it.
    pub event: Event,
}

impl Status {
    /// Every status, in the order of an image's life.
    pub const ALL: [Status; 7] = [
        Status::Queued,
        Status::Saving,
        Status::Staged,
        Status::Importing,
        Status::Available,
        Status::Deactivated,
        Status::Failed,
    ];

    /// The status after `event`.
    ///
    /// # Errors
    /// [`WrongStatus`] when the event cannot happen to an image in this status.
    pub fn on(self, event: Event) -> Result<Status, WrongStatus> {
        use Event as E;
        use Status as S;
        match (self, event) {
            (S::Queued, E::BeginUpload) => Ok(S::Saving),
            (S::Queued, E::BeginStaging) => Ok(S::Staged),
            (S::Queued | S::Staged, E::BeginImport) => Ok(S::Importing),
            (S::Saving | S::Importing, E::DataComplete) => Ok(S::Available),
            (S::Saving | S::Staged | S::Importing, E::DataLost) => Ok(S::Queued),
            (S::Importing, E::PutBack) => Ok(S::Staged),
            (S::Queued | S::Saving | S::Staged | S::Importing, E::GiveUp) => Ok(S::Failed),
            (S::Available | S::Deactivated, E::Deactivate) => Ok(S::Deactivated),
            (S::Available | S::Deactivated, E::Reactivate) => Ok(S::Available),
            (status, event) => Err(WrongStatus { status, event }),
        }
    }

    /// Whether the image has data that somebody may ask for.
    pub fn has_data(self) -> bool {
        matches!(self, Status::Available | Status::Deactivated)
    }

    /// The name in the catalogue.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Saving => "saving",
            Status::Staged => "staged",
            Status::Importing => "importing",
            Status::Available => "available",
            Status::Deactivated => "deactivated",
            Status::Failed => "failed",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Status {
    type Err = crate::BadWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Status::ALL.into_iter().find(|status| status.as_str() == text).ok_or(crate::BadWord)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 9] = [
        Event::BeginUpload,
        Event::BeginStaging,
        Event::BeginImport,
        Event::DataComplete,
        Event::DataLost,
        Event::PutBack,
        Event::GiveUp,
        Event::Deactivate,
        Event::Reactivate,
    ];

    /// The whole table, one line a status: what each event leads to, `-` where it is refused.
    #[test]
    fn the_table_is_as_reviewed() {
        let mut table = String::new();
        for status in Status::ALL {
            let row: Vec<String> =
                EVENTS.iter().map(|&event| status.on(event).map_or("-".to_owned(), |s| s.to_string())).collect();
            table += &format!("{status}: {}\n", row.join(" "));
        }
        assert_eq!(
            table,
            "queued: saving staged importing - - - failed - -\n\
             saving: - - - available queued - failed - -\n\
             staged: - - importing - queued - failed - -\n\
             importing: - - - available queued staged failed - -\n\
             available: - - - - - - - deactivated available\n\
             deactivated: - - - - - - - deactivated available\n\
             failed: - - - - - - - - -\n"
        );
    }

    #[test]
    fn data_never_disappears_from_an_image_that_has_it() {
        for status in Status::ALL.into_iter().filter(|status| status.has_data()) {
            for event in EVENTS {
                assert!(status.on(event).is_ok_and(Status::has_data) || status.on(event).is_err());
            }
        }
    }

    #[test]
    fn names_read_back() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(status));
        }
    }
}
