//! Everything that can be asked of images: a file for each verb.

mod change;
mod create;
mod delete;
mod download;
mod members;
mod push;
mod read;
mod tags;
mod update;
mod upload;
mod use_state;
mod writing;

pub use change::{Change, Presence};
pub use create::CreateImage;
pub use download::Download;
pub use push::{ProvenChunk, possession_key, prove_possession};
pub use read::{ListImages, Listing, Seen};
pub use upload::Upload;

pub(crate) use writing::{require_formats, require_no_copy_waits};
