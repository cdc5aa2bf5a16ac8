//! NBD: disks served read-only to QEMU and its kin, and QEMU's disks read. Knows disks only as
//! [`imprint_disk::ReadAt`] and names only as text; never who may have one, and never how its bytes are kept.
