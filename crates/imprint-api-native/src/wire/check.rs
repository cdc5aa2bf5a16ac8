//! What is said of looking into an image.

use imprint_service::inspect::Report;
use serde::{Deserialize, Serialize};

use super::Job;

/// A check that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckBegun {
    /// The job that does it; absent when the image was looked into before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
}

/// What is known of an image's inside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The check that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Job>,
    /// What the last one found; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}
