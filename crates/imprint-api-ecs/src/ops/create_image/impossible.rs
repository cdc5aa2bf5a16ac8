//! Codes of this operation's table that nothing here answers with, and why.

use crate::fault::Code;

const BILLING: &str = "nothing here is sold";
const KEYS: &str = "disks are not encrypted by keys of a key service";

/// What the requirement's table has and this installation has no reason for.
pub(super) const CODES: &[(Code, &str)] = &[
    (
        Code::new(400, "InvalidDiskCategory.CreateImage", "The specified diskCategory is not allowed to create image."),
        "disks of every category here can be made into images",
    ),
    (
        Code::new(400, "InvalidParameter.AllEmpty", "%s"),
        "a request without any source is answered with MissingParameter",
    ),
    (
        Code::new(
            400,
            "InvalidParameter.DiskType",
            "The specified disk type which has kms key can't convert to system disk.",
        ),
        KEYS,
    ),
    (
        Code::new(
            400,
            "InvalidOperation.DiskCategoryUnsupported",
            "The current category of the disk does not support this operation.",
        ),
        "disks of every category here can be made into images",
    ),
    (Code::new(400, "AccountForbidden.CreateOrder", "Order cannot be created due to abnormal account."), BILLING),
    (
        Code::new(
            403,
            "InvalidSnapshot.TooOld",
            "This operation is denied because the specified snapshot by DiskDeviceMapping.n.SnapshotId or SnapshotId is \
             created before 2013-07-15.",
        ),
        "no snapshot here is that old",
    ),
    (
        Code::new(
            403,
            "InvalidParamter.Conflict",
            "The specified same token is trying to make requests with different parameters.",
        ),
        "a token used for another request is answered with IdempotenceParamNotMatch",
    ),
    (
        Code::new(403, "IncorrectDiskStatus.NeverAttached", "The specified disk has never been attached to instance."),
        "snapshots are taken of disks that are attached to the machine",
    ),
    (Code::new(403, "InvalidAccountStatus.NotEnoughBalance", "Your account does not have enough balance."), BILLING),
    (
        Code::new(403, "InvalidAccountStatus.SnapshotServiceUnavailable", "Snapshot service has not been opened yet."),
        "every account has snapshots",
    ),
    (
        Code::new(
            403,
            "UserNotInTheWhiteList",
            "The user is not in the white list of create image by data disk snapshot.",
        ),
        "every account may",
    ),
    (
        Code::new(
            403,
            "IncorrectDiskStatus.Invalid",
            "Device status is invalid, please restart instance and try again.",
        ),
        "a disk's status here is always a valid one",
    ),
    (Code::new(403, "OperationDenied.InvalidSnapshotCategory", "%s"), "snapshots have no categories here"),
    (
        Code::new(
            403,
            "IncorrectDiskStatus.Transferring",
            "The specified device is transferring, you can retry after the process is finished.",
        ),
        "disks do not move between categories here",
    ),
    (
        Code::new(403, "InvalidSystemSnapshot.Missing", "%s"),
        "mappings without a system disk are answered with OperationDenied",
    ),
    (Code::new(403, "InvalidParameter.KMSKeyId.CMKUnauthorized", "The CMK needs to be added ECS tag."), KEYS),
    (Code::new(403, "InvalidParameter.KMSKeyId.CMKNotEnabled", "The CMK needs to be enabled."), KEYS),
    (
        Code::new(403, "InvalidParameter.KMSKeyId.KMSUnauthorized", "ECS service have no right to access your KMS."),
        KEYS,
    ),
    (
        Code::new(
            403,
            "InvalidSnapshotCategory.NotSupportImageCreation",
            "The specified snapshot category does not support create image.",
        ),
        "snapshots have no categories here",
    ),
    (
        Code::new(
            403,
            "TooManySnapshot.Unfinished",
            "There are too many snapshots being created, please wait for them to be created done.",
        ),
        "how many snapshots are taken at once is not limited",
    ),
    (
        Code::new(
            403,
            "HibernationConfigured.InstanceOperationForbidden",
            "The operation is not permitted due to limit of the hibernation configured instance.",
        ),
        "machines do not hibernate here",
    ),
    (
        Code::new(403, "SnapshotNotReady", "The specified snapshot is not ready."),
        "an unfinished snapshot is answered with InvalidSnapshotId.NotReady",
    ),
    (
        Code::new(
            403,
            "QuotaExceed.ConcurrentSnapshotQuota",
            "The number of snapshots being created for the disk %s has exceeded the concurrent quota (%s). Please wait \
             for the previous snapshots to complete before trying again.",
        ),
        "a second snapshot of a disk is answered with IncorrectDiskStatus.CreatingSnapshot",
    ),
    (
        Code::new(
            403,
            "InvalidOperation.SnapshotStorageLocationUnsupported",
            "Snapshots with storage location in CloudBox do not support the current operation.",
        ),
        "there are no cloud boxes here",
    ),
    (
        Code::new(
            403,
            "AccountEnterpriseStatusInvalid",
            "Your enterprise registration is marked as revoked/deregistered in the National Enterprise Credit \
             Information Publicity System. Account transaction features (purchase/renewal/recharge) are disabled. Please \
             update real-name certification via Account Center. Restrictions will auto-remove after verification.",
        ),
        BILLING,
    ),
    (
        Code::new(
            403,
            "InvalidOperation.DefaultFreeSnapshotNotSupport",
            "The specified snapshot is a default free snapshot and does not support this operation.",
        ),
        "there are no free snapshots here",
    ),
    (
        Code::new(500, "InternalError", "The process of creating snapshot has failed due to some unknown error."),
        "snapshots begin within the call's own change, whose faults have InternalError's general message; one that fails \
         later leaves the image `CreateFailed`, with the cause",
    ),
];
