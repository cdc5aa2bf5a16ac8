//! What is fuzzed, by name.

mod file_systems;
mod formats;
mod nbd;
mod records;

use std::sync::Arc;

use imprint_disk::ReadAt;

use crate::base::Base;
use crate::edits;

/// How a target takes its input.
pub enum Kind {
    /// The input is the bytes that are read.
    Bytes(fn(&[u8])),
    /// The input is edits of a sound file.
    Edits {
        /// The sound files.
        bases: fn() -> Vec<Base>,
        /// Reads one.
        run: fn(Arc<dyn ReadAt>, u8),
    },
}

/// A target ready to run.
pub enum Target {
    Bytes(fn(&[u8])),
    Edits { bases: Vec<&'static Base>, run: fn(Arc<dyn ReadAt>, u8) },
}

/// Every target.
pub static ALL: &[(&str, Kind)] = &[
    ("inspector", Kind::Bytes(formats::inspector)),
    ("inspector-edits", Kind::Edits { bases: formats::every_format, run: formats::stream }),
    ("qcow2", Kind::Edits { bases: formats::qcow2, run: formats::open }),
    ("vmdk", Kind::Edits { bases: formats::vmdk, run: formats::open }),
    ("vhd", Kind::Edits { bases: formats::vhd, run: formats::open }),
    ("vhdx", Kind::Edits { bases: formats::vhdx, run: formats::open }),
    ("vdi", Kind::Edits { bases: formats::vdi, run: formats::open }),
    ("zvhd", Kind::Edits { bases: formats::zvhd, run: formats::open }),
    ("check", Kind::Edits { bases: formats::with_records, run: formats::check }),
    ("packed", Kind::Edits { bases: formats::packed, run: formats::open }),
    ("xfs", Kind::Edits { bases: file_systems::xfs, run: file_systems::open_xfs }),
    ("btrfs", Kind::Edits { bases: file_systems::btrfs, run: file_systems::open_btrfs }),
    ("ext", Kind::Edits { bases: file_systems::ext, run: file_systems::volumes }),
    ("fat", Kind::Edits { bases: file_systems::fat, run: file_systems::volumes }),
    ("ntfs", Kind::Edits { bases: file_systems::ntfs, run: file_systems::volumes }),
    ("iso9660", Kind::Edits { bases: file_systems::iso9660, run: file_systems::volumes }),
    ("partitions", Kind::Edits { bases: file_systems::partitions, run: file_systems::volumes }),
    ("lvm", Kind::Edits { bases: file_systems::lvm, run: file_systems::volumes }),
    ("inspect", Kind::Edits { bases: file_systems::guests, run: file_systems::inspect }),
    ("dpkg", Kind::Bytes(records::dpkg)),
    ("apk", Kind::Bytes(records::apk)),
    ("rpm", Kind::Bytes(records::rpm)),
    ("hive", Kind::Bytes(records::hive)),
    ("settings", Kind::Bytes(records::settings)),
    ("initramfs", Kind::Bytes(records::initramfs)),
    ("nbd-server", Kind::Bytes(nbd::server)),
    ("nbd-client", Kind::Bytes(nbd::client)),
];

impl Target {
    pub fn named(name: &str) -> Option<Target> {
        let (_, kind) = ALL.iter().find(|(other, _)| *other == name)?;
        Some(match *kind {
            Kind::Bytes(run) => Target::Bytes(run),
            Kind::Edits { bases, run } => {
                // The target's own byte chooses what is read: learn from several.
                let learn = |file: Arc<dyn ReadAt>| (0..=u8::MAX).step_by(5).for_each(|own| run(file.clone(), own));
                let bases: Vec<&'static Base> = bases().into_iter().map(|base| base.learn(learn)).collect();
                Target::Edits { bases, run }
            }
        })
    }

    pub fn run(&self, input: &[u8]) {
        match self {
            Target::Bytes(run) => run(input),
            Target::Edits { bases, run } => {
                if let Some((file, own)) = edits::apply(bases, input) {
                    run(file, own);
                }
            }
        }
    }
}
