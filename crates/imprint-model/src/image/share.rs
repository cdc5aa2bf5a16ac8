//! Sharing an image with another account.

use serde::{Deserialize, Serialize};

use crate::{ImageId, ProjectId, Timestamp};

crate::words! {
    /// What the other account made of the offer.
    MemberStatus {
        /// Nothing yet.
        Pending = "pending",
        /// Wants to see it in its lists.
        Accepted = "accepted",
        /// Does not.
        Rejected = "rejected",
    }
}

/// One account that an image is shared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The image.
    pub image: ImageId,
    /// The account it is shared with.
    pub project: ProjectId,
    /// Its answer.
    pub status: MemberStatus,
    /// When it was shared.
    pub created_at: Timestamp,
    /// When the answer last changed.
    pub updated_at: Timestamp,
}
