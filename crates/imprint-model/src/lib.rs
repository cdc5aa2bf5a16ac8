//! Nouns and rules of the image service: pure, no I/O, no HTTP, no SQL, and no vendor's words.

mod caller;
mod digest;
mod grants;
mod id;
mod image;
mod inventory;
mod job;
mod list;
mod policy;
mod time;
mod words;

pub use caller::{Caller, role};
pub use digest::{BadDigest, ChunkId, DIGEST_BYTES, MapId};
pub use grants::{Decision, Effect, Facts as GrantFacts, Grants, Operator, Statement};
pub use id::{BadId, DiskId, ImageId, InstanceId, JobId, LeaseId, ProjectId, SnapshotId, UserId};
pub use image::{
    Architecture, BootMode, ContainerFormat, Content, ContentHash, DATA_DISKS_MAX, DiskFormat, Event, FactKey, Facts,
    Image, ImageDisk, Licence, Member, MemberStatus, MetadataAccess, ObjectPlace, OsType, PLATFORMS, Status,
    Visibility, WrongStatus, join_tag, platform_word, platforms_of_word, split_tag,
};
pub use inventory::{
    Disk, DiskCategory, DiskEvent, DiskKind, DiskSource, DiskStatus, Instance, InstanceEvent, InstanceStatus, Snapshot,
    SnapshotEvent, SnapshotStatus, WrongStep,
};
pub use job::{Job, JobState};
pub use list::{Direction, Filter, ImageQuery, Number, Page, Reach, SharedWith, SortKey, TimeOp};
pub use policy::{Action, Refusal, authorise};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use words::BadWord;
