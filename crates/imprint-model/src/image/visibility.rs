//! Who may see an image.

use serde::{Deserialize, Serialize};

crate::words! {
    /// Who may see an image besides its owner.
    Visibility {
        /// Nobody.
        Private = "private",
        /// The accounts it was shared with.
        Shared = "shared",
        /// Everybody who knows it; not in anybody's list unless asked for.
        Community = "community",
        /// Everybody, in every list.
        Public = "public",
    }
}
