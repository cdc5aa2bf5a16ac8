//! Everything that can be asked of images: a file for each verb.

mod annotate;
mod change;
mod copy;
mod create;
mod delete;
mod download;
mod export;
mod family;
mod make;
mod members;
mod new;
mod offer;
mod push;
mod read;
mod rules;
mod safety;
mod share;
mod source;
mod tags;
mod update;
mod upload;
mod use_state;
mod writing;

pub use annotate::{Annotation, Progress};
pub use change::{Change, FactChange, Presence};
pub use copy::CopyImage;
pub use create::CreateImage;
pub use download::Download;
pub use make::MakeImage;
pub use new::NewImage;
pub use offer::{ChangeOffers, OfferStep};
pub use push::{ProvenChunk, possession_key, prove_possession};
pub use read::{ListImages, Listing, Seen};
pub use share::Sharing;
pub use source::{DiskWanted, ImageSource};
pub use update::UpdateRules;
pub use upload::Upload;

pub(crate) use change::{add_tags, remove_tag_keys};
pub(crate) use copy::{describe_copy, forget_copy, require_copyable, require_own};
pub(crate) use make::waiting_image;
pub(crate) use rules::{account_of, require_group, require_in};
pub(crate) use safety::Verdict;
pub(crate) use writing::{require_formats, require_no_copy_waits};
