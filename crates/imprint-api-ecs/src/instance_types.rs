//! The sizes of machines this installation speaks of: a table, and what an image must be to run on one of them. Never
//! here: whether a machine can run at all.

use imprint_model::{Architecture, BootMode, Facts};

/// The processor of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Processor {
    /// PC.
    X86,
    /// ARM.
    Arm,
}

/// Whether disks are shown as NVMe devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nvme {
    /// Always: the image must be able to boot from one.
    Required,
    /// If the image can.
    Supported,
    /// Never.
    Unsupported,
}

impl Nvme {
    /// The API's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Supported => "supported",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One size of machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InstanceType {
    /// `ecs.g7.large`.
    pub(crate) id: &'static str,
    /// What it is a size of.
    pub(crate) family: &'static Family,
    /// Virtual processors.
    pub(crate) cpus: u32,
    /// Memory, MiB.
    pub(crate) memory_mib: u32,
}

/// What all sizes of one family have in common.
#[derive(Debug)]
pub(crate) struct Family {
    /// `ecs.g7`.
    pub(crate) id: &'static str,
    /// The level the API groups families by.
    pub(crate) level: &'static str,
    /// How the API calls what the family is for.
    pub(crate) category: &'static str,
    pub(crate) processor: Processor,
    pub(crate) nvme: Nvme,
    /// Which generation the API counts it to.
    pub(crate) generation: &'static str,
}

impl Family {
    const fn x86(id: &'static str, category: &'static str, nvme: Nvme, generation: &'static str) -> Self {
        Self { id, level: "EnterpriseLevel", category, processor: Processor::X86, nvme, generation }
    }

    const fn arm(id: &'static str, category: &'static str) -> Self {
        Self {
            id,
            level: "EnterpriseLevel",
            category,
            processor: Processor::Arm,
            nvme: Nvme::Required,
            generation: "ecs-8",
        }
    }
}

static G7: Family = Family::x86("ecs.g7", "General-purpose", Nvme::Supported, "ecs-7");
static C7: Family = Family::x86("ecs.c7", "Compute-optimized", Nvme::Supported, "ecs-7");
static R7: Family = Family::x86("ecs.r7", "Memory-optimized", Nvme::Supported, "ecs-7");
static G8I: Family = Family::x86("ecs.g8i", "General-purpose", Nvme::Required, "ecs-8");
static G8Y: Family = Family::arm("ecs.g8y", "General-purpose");
static C8Y: Family = Family::arm("ecs.c8y", "Compute-optimized");
static R8Y: Family = Family::arm("ecs.r8y", "Memory-optimized");
static T6: Family = Family {
    id: "ecs.t6",
    level: "CreditEntryLevel",
    category: "Shared",
    processor: Processor::X86,
    nvme: Nvme::Unsupported,
    generation: "ecs-6",
};

const fn size(id: &'static str, family: &'static Family, cpus: u32, memory_mib: u32) -> InstanceType {
    InstanceType { id, family, cpus, memory_mib }
}

const GIB: u32 = 1024;

/// Every type, families together, smallest first.
static TYPES: &[InstanceType] = &[
    size("ecs.g7.large", &G7, 2, 8 * GIB),
    size("ecs.g7.xlarge", &G7, 4, 16 * GIB),
    size("ecs.g7.2xlarge", &G7, 8, 32 * GIB),
    size("ecs.g7.4xlarge", &G7, 16, 64 * GIB),
    size("ecs.g7.8xlarge", &G7, 32, 128 * GIB),
    size("ecs.c7.large", &C7, 2, 4 * GIB),
    size("ecs.c7.xlarge", &C7, 4, 8 * GIB),
    size("ecs.c7.2xlarge", &C7, 8, 16 * GIB),
    size("ecs.c7.4xlarge", &C7, 16, 32 * GIB),
    size("ecs.c7.8xlarge", &C7, 32, 64 * GIB),
    size("ecs.r7.large", &R7, 2, 16 * GIB),
    size("ecs.r7.xlarge", &R7, 4, 32 * GIB),
    size("ecs.r7.2xlarge", &R7, 8, 64 * GIB),
    size("ecs.r7.4xlarge", &R7, 16, 128 * GIB),
    size("ecs.g8i.large", &G8I, 2, 8 * GIB),
    size("ecs.g8i.xlarge", &G8I, 4, 16 * GIB),
    size("ecs.g8i.2xlarge", &G8I, 8, 32 * GIB),
    size("ecs.g8y.small", &G8Y, 1, 4 * GIB),
    size("ecs.g8y.large", &G8Y, 2, 8 * GIB),
    size("ecs.g8y.xlarge", &G8Y, 4, 16 * GIB),
    size("ecs.g8y.2xlarge", &G8Y, 8, 32 * GIB),
    size("ecs.g8y.4xlarge", &G8Y, 16, 64 * GIB),
    size("ecs.c8y.small", &C8Y, 1, 2 * GIB),
    size("ecs.c8y.large", &C8Y, 2, 4 * GIB),
    size("ecs.c8y.xlarge", &C8Y, 4, 8 * GIB),
    size("ecs.c8y.2xlarge", &C8Y, 8, 16 * GIB),
    size("ecs.r8y.large", &R8Y, 2, 16 * GIB),
    size("ecs.r8y.xlarge", &R8Y, 4, 32 * GIB),
    size("ecs.t6-c4m1.large", &T6, 2, GIB / 2),
    size("ecs.t6-c2m1.large", &T6, 2, GIB),
    size("ecs.t6-c1m1.large", &T6, 2, 2 * GIB),
    size("ecs.t6-c1m2.large", &T6, 2, 4 * GIB),
    size("ecs.t6-c1m4.large", &T6, 2, 8 * GIB),
    size("ecs.t6-c1m4.xlarge", &T6, 4, 16 * GIB),
];

/// From this much memory on a 32-bit system is of no use.
const MEMORY_64_BIT_MIB: u32 = 4 * GIB;

/// Every type there is.
pub(crate) fn all() -> &'static [InstanceType] {
    TYPES
}

/// The type of this id, which is case-sensitive.
pub(crate) fn named(id: &str) -> Option<&'static InstanceType> {
    TYPES.iter().find(|known| known.id == id)
}

impl InstanceType {
    /// Memory in the unit the API counts types in.
    pub(crate) fn memory_gib(&self) -> f64 {
        f64::from(self.memory_mib) / f64::from(GIB)
    }

    /// The processors whose images run on it.
    pub(crate) fn architectures(&self) -> &'static [Architecture] {
        match self.family.processor {
            Processor::Arm => &[Architecture::Arm64],
            Processor::X86 if self.memory_mib < MEMORY_64_BIT_MIB => &[Architecture::X86_64, Architecture::I386],
            Processor::X86 => &[Architecture::X86_64],
        }
    }

    /// The firmwares it has, in the API's words.
    pub(crate) fn boot_modes(&self) -> &'static [&'static str] {
        match self.family.processor {
            Processor::Arm => &["UEFI"],
            Processor::X86 => &["BIOS", "UEFI"],
        }
    }

    /// Whether an image with these facts runs on it. What nobody told is taken for the usual: a 64-bit PC that boots
    /// with what the machine has, and cannot boot from NVMe.
    pub(crate) fn runs(&self, facts: &Facts) -> bool {
        let architecture = facts.architecture.unwrap_or(Architecture::X86_64);
        let boots = self.family.processor == Processor::X86 || facts.boot_mode != Some(BootMode::Bios);
        let disks = self.family.nvme != Nvme::Required || facts.nvme == Some(true);
        self.architectures().contains(&architecture) && boots && disks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_belong_to_their_family() {
        for (place, found) in TYPES.iter().enumerate() {
            assert!(found.id.starts_with(found.family.id), "{}", found.id);
            assert!(TYPES[..place].iter().all(|earlier| earlier.id != found.id), "{}", found.id);
            assert!(std::ptr::eq(named(found.id).expect("listed"), found));
        }
        assert!(named("ecs.G7.large").is_none());
    }

    #[test]
    fn an_image_runs_where_processor_memory_disks_and_firmware_fit() {
        let facts = |architecture, nvme, boot_mode| Facts {
            architecture: Some(architecture),
            nvme: Some(nvme),
            boot_mode,
            ..Facts::default()
        };
        let runs = |id: &str, facts: &Facts| named(id).expect("listed").runs(facts);
        let plain = facts(Architecture::X86_64, false, None);
        assert!(runs("ecs.g7.large", &plain) && runs("ecs.g7.large", &Facts::default()));
        assert!(!runs("ecs.g8i.large", &plain), "its disks are NVMe");
        assert!(runs("ecs.g8i.large", &facts(Architecture::X86_64, true, None)));
        assert!(!runs("ecs.g8y.large", &facts(Architecture::X86_64, true, None)));
        assert!(runs("ecs.g8y.large", &facts(Architecture::Arm64, true, Some(BootMode::Uefi))));
        assert!(!runs("ecs.g8y.large", &facts(Architecture::Arm64, true, Some(BootMode::Bios))));
        let old = facts(Architecture::I386, false, Some(BootMode::Bios));
        assert!(runs("ecs.t6-c1m1.large", &old) && !runs("ecs.t6-c1m2.large", &old), "4 GiB are too many");
    }
}
