//! Machines, disks and snapshots in this API's words: what they look like, how they are named, how large a disk may be.
//! Never here: what can be done with them (that is the operations', and the service's beneath).

pub(crate) mod codes;
pub(crate) mod names;
pub(crate) mod page;
pub(crate) mod sizes;
pub(crate) mod tagged;
pub(crate) mod view;
pub(crate) mod words;
