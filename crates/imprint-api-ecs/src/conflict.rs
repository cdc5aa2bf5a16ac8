//! What stands in the way of a change, in the words most operations use for it; those whose tables say otherwise
//! override single ones (`Op::faults`).

use imprint_service::Conflict;

use crate::fault::{Code, code};

/// The code of a conflict: one line for each, without a catch-all.
pub(crate) fn code_of(conflict: Conflict) -> Code {
    match conflict {
        Conflict::ImageCreating => code::IMAGE_CREATING,
        Conflict::ImageNotAvailable => IMAGE_NOT_AVAILABLE,
        Conflict::ImageNotDeprecated => IMAGE_NOT_DEPRECATED,
        Conflict::ImageDeprecated => IMAGE_DEPRECATED,
        Conflict::ImageShared => IMAGE_SHARED,
        Conflict::ImagePublic => IMAGE_PUBLIC,
        Conflict::ImageUsedByInstance => IMAGE_USED,
        Conflict::ImageCopying => IMAGE_COPYING,
        Conflict::ImageImporting => IMAGE_IMPORTING,
        Conflict::ImageExporting => IMAGE_EXPORTING,
        Conflict::ImageNotCopy => IMAGE_NOT_COPY,
        Conflict::CopyCompleted => COPY_COMPLETED,
        Conflict::CopyFailed => COPY_FAILED,
        Conflict::SharedImageToOtherRegion => SAME_REGION_ONLY,
        Conflict::CommunityImageCopied => COMMUNITY_IMAGE,
        Conflict::MetadataAccessOpened => IMDS_OPENED,
        Conflict::BootModeForArchitecture => BOOT_MODE,
        Conflict::InstanceStatus | Conflict::InstanceRunning => INSTANCE_STATUS,
        Conflict::InstanceNeedsRestart => INSTANCE_NEEDS_RESTART,
        Conflict::InstanceLocked => INSTANCE_LOCKED,
        Conflict::InstanceProtected => INSTANCE_PROTECTED,
        Conflict::NoSystemDisk => NO_SYSTEM_DISK,
        Conflict::DiskStatus => DISK_STATUS,
        Conflict::DiskNeverAttached => DISK_NEVER_ATTACHED,
        Conflict::DiskAttached => DISK_ATTACHED,
        Conflict::DiskNotAttached => DISK_NOT_ATTACHED,
        Conflict::DiskIsSystem => DISK_IS_SYSTEM,
        Conflict::DiskSnapshotting => DISK_SNAPSHOTTING,
        Conflict::DiskElsewhere => DISK_STATUS,
        Conflict::SnapshotOfOtherDisk => SNAPSHOT_OF_OTHER,
        Conflict::SnapshotNotReady => SNAPSHOT_NOT_READY,
        Conflict::SnapshotNotSystem => SNAPSHOT_NOT_SYSTEM,
        Conflict::NoSystemSnapshot => NO_SYSTEM_SNAPSHOT,
        Conflict::TwoSystemSnapshots => TWO_SYSTEM_SNAPSHOTS,
        Conflict::SnapshotUsedByImage => SNAPSHOT_USED_BY_IMAGE,
        Conflict::SnapshotUsedByDisk => SNAPSHOT_USED_BY_DISK,
        Conflict::JobNotStoppable => TASK_STATUS,
        Conflict::DeviceTaken => DEVICE_TAKEN,
        Conflict::DiskTooSmall => DISK_TOO_SMALL,
        Conflict::ImageHasDataDisks => IMAGE_WITH_DATA_DISKS,
        Conflict::ExportTooLarge => EXPORT_TOO_LARGE,
        Conflict::SharedWithSelf => SHARED_WITH_SELF,
    }
}

pub(crate) const IMAGE_NOT_AVAILABLE: Code =
    Code::new(403, "ImageStatus.NotAvailable", "The specified image status is not available.");
pub(crate) const IMAGE_NOT_DEPRECATED: Code =
    Code::new(403, "ImageStatus.NotDeprecated", "The specified image status is not deprecated.");
pub(crate) const IMAGE_DEPRECATED: Code =
    Code::new(403, "OperationDenied.InvalidImageStatus", "The specified image cannot be shared when it is deprecated.");
pub(crate) const IMAGE_SHARED: Code = Code::new(
    403,
    "ImageUseShared",
    "The specified image has been shared to others, please remove shared accounts first.",
);
pub(crate) const IMAGE_PUBLIC: Code =
    Code::new(403, "ImageIsPublic", "You can not delete public image, please modify it to private.");
pub(crate) const IMAGE_USED: Code = Code::new(
    403,
    "ImageUsingByInstance",
    "The specified image has been used to create instances. You can use the DescribeInstances API to query these \
     instances, or you can use the force parameter to proceed.",
);
pub(crate) const IMAGE_COPYING: Code =
    Code::new(403, "OperationDenied.ImageCopying", "The image is being copied. Please use the CancelCopyImage API.");
pub(crate) const IMAGE_IMPORTING: Code = Code::new(403, "ImageIsImporting", "The specified Image is importing.");
pub(crate) const IMAGE_EXPORTING: Code = Code::new(
    403,
    "ImageIsExporting",
    "The specified image is currently being exported. You can use the DescribeTasks API to check the status of related \
     tasks and cancel them if needed.",
);
pub(crate) const IMAGE_NOT_COPY: Code =
    Code::new(400, "ImageCreatedNotFromCopy", "The specified image is not the target image of a copy action.");
pub(crate) const COPY_COMPLETED: Code = Code::new(400, "IncorrectImageStatus", "The image copy has completed.");
pub(crate) const COPY_FAILED: Code = Code::new(400, "IncorrectImageStatus", "The Image copy has been failed.");
pub(crate) const SAME_REGION_ONLY: Code = Code::new(
    403,
    "OperationDenied.SameRegionOnly",
    "The image shared from others can not be copied to another region directly.",
);
pub(crate) const COMMUNITY_IMAGE: Code =
    Code::new(400, "OperationDenied.CommunityImage", "Community images do not support this operation.");
pub(crate) const IMDS_OPENED: Code = Code::new(
    403,
    "InvalidOperation.FeaturesImdsSupportNotMatch",
    "The specified parameter Features.ImdsSupport can not be set to v1 from v2.",
);
pub(crate) const BOOT_MODE: Code = Code::new(
    400,
    "InvalidBootMode.NotSupport",
    "The specified parameter BootMode is not supported for current image architecture.",
);
pub(crate) const INSTANCE_STATUS: Code =
    Code::new(403, "IncorrectInstanceStatus", "The current status of the resource does not support this operation.");
pub(crate) const INSTANCE_NEEDS_RESTART: Code = Code::new(
    403,
    "IncorrectInstanceStatus.NeedRestart",
    "The instance needs to be restarted after adding a disk in a shutdown status.",
);
pub(crate) const INSTANCE_LOCKED: Code = Code::new(
    400,
    "InstanceLockedForSecurity",
    "The specified operation is denied as your instance is locked for security reasons.",
);
pub(crate) const INSTANCE_PROTECTED: Code =
    Code::new(403, "InvalidOperation.DeletionProtection", "The operation is not allowed due to deletion protection.");
pub(crate) const NO_SYSTEM_DISK: Code =
    Code::new(400, "InvalidInstance.NotFoundSystemDisk", "The specified instance does not have system disk.");
pub(crate) const DISK_STATUS: Code =
    Code::new(403, "IncorrectDiskStatus", "The current disk status does not support this operation.");
pub(crate) const DISK_NEVER_ATTACHED: Code =
    Code::new(403, "IncorrectDiskStatus.NeverAttached", "The specified disk has never been attached to instance.");
pub(crate) const DISK_ATTACHED: Code = Code::new(403, "DiskStillAttached", "The disk is still attached to the disk.");
pub(crate) const DISK_NOT_ATTACHED: Code =
    Code::new(403, "DependencyViolation", "The specified disk is not attached to the specified instance.");
pub(crate) const DISK_IS_SYSTEM: Code =
    Code::new(403, "DiskTypeViolation", "The specified disk is a system disk and does not support this operation.");
pub(crate) const DISK_SNAPSHOTTING: Code =
    Code::new(403, "IncorrectDiskStatus.CreatingSnapshot", "A previous snapshot creation is in process.");
pub(crate) const SNAPSHOT_OF_OTHER: Code =
    Code::new(403, "InvalidParameter.Mismatch", "Specified snapshot and specified disk do not match.");
pub(crate) const SNAPSHOT_NOT_READY: Code = Code::new(
    403,
    "InvalidSnapshotId.NotReady",
    "The current status of the DiskDeviceMapping.n.SnapshotId or SnapshotId does not support this operation.",
);
pub(crate) const SNAPSHOT_NOT_SYSTEM: Code =
    Code::new(403, "OperationDenied", "The specified snapshot is not allowed to create image.");
pub(crate) const NO_SYSTEM_SNAPSHOT: Code = Code::new(
    400,
    "OperationDenied",
    "The specified parameter DiskDeviceMapping.n.SnapshotId does not contain system disk snapshot.",
);
pub(crate) const TWO_SYSTEM_SNAPSHOTS: Code = Code::new(
    400,
    "OperationDenied",
    "The specified parameter DiskDeviceMapping.n.SnapshotId contains two or more system disk snapshots.",
);
pub(crate) const SNAPSHOT_USED_BY_IMAGE: Code =
    Code::new(403, "SnapshotCreatedImage", "The snapshot has been used to create user defined image(s).");
pub(crate) const SNAPSHOT_USED_BY_DISK: Code =
    Code::new(403, "SnapshotCreatedDisk", "The snapshot has been used to create disk(s).");
pub(crate) const TASK_STATUS: Code = Code::new(
    403,
    "InvalidTaskId.IncorrectTaskStatus",
    "The current status of the task does not support this operation.",
);
pub(crate) const DEVICE_TAKEN: Code =
    Code::new(400, "InvalidDevice.InUse", "The specified parameter DiskDeviceMapping.n.Device has been occupied.");
pub(crate) const DISK_TOO_SMALL: Code =
    Code::new(403, "InvalidDiskSize.TooSmall", "Specified disk size is less than the size of snapshot");
pub(crate) const IMAGE_WITH_DATA_DISKS: Code = Code::new(
    400,
    "OperationDenied",
    "The specified image contains the snapshot of the data disk,does not support this operation.",
);
pub(crate) const EXPORT_TOO_LARGE: Code = Code::new(
    400,
    "InvalidImage.DiskAmountOrSize",
    "The specified image has too many data disks, or a data disk that is too large.",
);
pub(crate) const SHARED_WITH_SELF: Code =
    Code::new(404, "InvalidAccount.Forbbiden", "The specified Account does not yourself.");
