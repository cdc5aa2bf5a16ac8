//! Nouns and rules of the image service: pure, no I/O, no HTTP, no SQL, and no vendor's words.

mod caller;
mod digest;
mod id;
mod image;
mod job;
mod list;
mod policy;
mod time;
mod words;

pub use caller::{Caller, role};
pub use digest::{BadDigest, ChunkId, DIGEST_BYTES, MapId};
pub use id::{BadId, ImageId, JobId, LeaseId, ProjectId, UserId};
pub use image::{
    ContainerFormat, Content, ContentHash, DiskFormat, Event, Image, Member, MemberStatus, Status, Visibility,
    WrongStatus,
};
pub use job::{Job, JobState};
pub use list::{Direction, Filter, ImageQuery, Number, Page, Reach, SharedWith, SortKey, TimeOp};
pub use policy::{Action, Refusal, authorise};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use words::BadWord;
