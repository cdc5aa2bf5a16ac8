//! Everything that can be asked of images: a file for each verb.

mod change;
mod create;
mod delete;
mod download;
mod members;
mod read;
mod tags;
mod update;
mod upload;
mod use_state;

pub use change::{Change, Presence};
pub use create::CreateImage;
pub use download::Download;
pub use read::{ListImages, Listing, Seen};
pub use upload::Upload;

pub(crate) use upload::require_formats;
