//! The codes of users, policies and roles.

use imprint_identity::{Error, Kind};

use crate::fault::{Code, Fault};

pub(super) const NO_USER: Code = Code::new(404, "EntityNotExist.User", "The user does not exist.");
pub(super) const NO_KEY: Code = Code::new(404, "EntityNotExist.User.AccessKey", "The user access key does not exist.");
pub(super) const NO_POLICY: Code = Code::new(404, "EntityNotExist.Policy", "The policy does not exist.");
pub(super) const NO_ROLE: Code = Code::new(404, "EntityNotExist.Role", "The role does not exist.");
pub(super) const NO_USER_POLICY: Code =
    Code::new(404, "EntityNotExist.User.Policy", "The indicate policy of the user does not exist.");
pub(super) const NO_ROLE_POLICY: Code =
    Code::new(404, "EntityNotExist.Role.Policy", "The indicate policy of the role does not exist.");
pub(super) const USER_EXISTS: Code = Code::new(409, "EntityAlreadyExists.User", "The user does already EXIST.");
pub(super) const POLICY_EXISTS: Code = Code::new(409, "EntityAlreadyExists.Policy", "The policy does already EXIST.");
pub(super) const ROLE_EXISTS: Code = Code::new(409, "EntityAlreadyExists.Role", "The role does already EXIST.");
pub(super) const USER_HAS_POLICY: Code =
    Code::new(409, "EntityAlreadyExists.User.Policy", "The user has already been attached this policy.");
pub(super) const ROLE_HAS_POLICY: Code =
    Code::new(409, "EntityAlreadyExists.Role.Policy", "The role has already been attached this policy.");
pub(super) const USER_WITH_KEY: Code =
    Code::new(409, "DeleteConflict.User.AccessKey", "The user CAN NOT has any access key while deleting the user.");
pub(super) const USER_WITH_POLICY: Code =
    Code::new(409, "DeleteConflict.User.Policy", "The user CAN NOT has any attached policy while deleting the user.");
pub(super) const ROLE_WITH_POLICY: Code =
    Code::new(409, "DeleteConflict.Role.Policy", "The role CAN NOT has any attached policy while deleting the role.");
pub(super) const POLICY_OF_USER: Code = Code::new(
    409,
    "DeleteConflict.Policy.User",
    "The policy CAN NOT been attached to any user while deleting the policy.",
);
pub(super) const POLICY_OF_ROLE: Code = Code::new(
    409,
    "DeleteConflict.Policy.Role",
    "The policy CAN NOT been attached to any role while deleting the policy.",
);
pub(super) const MANY_USERS: Code =
    Code::new(409, "LimitExceeded.User", "The count of users beyond the current limits.");
pub(super) const MANY_KEYS: Code = Code::new(
    409,
    "LimitExceeded.User.AccessKey",
    "The access key count of the user access keys beyond the current limits.",
);
pub(super) const MANY_POLICIES: Code =
    Code::new(409, "LimitExceeded.Policy", "The count of policy beyond the current limits.");
pub(super) const MANY_ROLES: Code =
    Code::new(409, "LimitExceeded.Role", "The count of roles beyond the current limits.");
pub(super) const MANY_OF_USER: Code = Code::new(
    409,
    "LimitExceeded.User.Policy",
    "The policy count of the user attached policies beyond the current limits.",
);
pub(super) const MANY_OF_ROLE: Code = Code::new(
    409,
    "LimitExceeded.Role.Policy",
    "The count of policies attached to the role beyond the current limits.",
);
pub(super) const BAD_POLICY_TYPE: Code =
    Code::new(400, "InvalidParameter.PolicyType", "The parameter - \"PolicyType\" is incorrect.");
pub(super) const BAD_STATUS: Code =
    Code::new(400, "InvalidParameter.Status", "The parameter - \"Status\" is incorrect.");
pub(super) const BAD_DURATION: Code = Code::new(
    400,
    "InvalidParameter.MaxSessionDuration",
    "The parameter - \"MaxSessionDuration\" MUST be in the range of 3600 and 43200.",
);
/// The message tells what is wrong.
pub(super) const BAD_DOCUMENT: Code = Code::new(400, "MalformedPolicyDocument", "The policy document is malformed.");

/// Codes about a parameter's length and letters, which carry its name.
macro_rules! texts {
    ($($parameter:literal => $length:ident, $letters:ident;)*) => {
        $(
            pub(super) const $length: Code = Code::new(
                400,
                concat!("InvalidParameter.", $parameter, ".Length"),
                concat!("The parameter - \"", $parameter, "\" beyond the length limit."),
            );
            pub(super) const $letters: Code = Code::new(
                400,
                concat!("InvalidParameter.", $parameter, ".InvalidChars"),
                concat!("The parameter - \"", $parameter, "\" contains invalid chars."),
            );
        )*

        const TEXTS: &[(&str, Code, Code)] = &[$(($parameter, $length, $letters)),*];
    };
}

texts! {
    "UserName" => USER_NAME_LENGTH, USER_NAME_LETTERS;
    "NewUserName" => NEW_USER_NAME_LENGTH, NEW_USER_NAME_LETTERS;
    "DisplayName" => DISPLAY_NAME_LENGTH, DISPLAY_NAME_LETTERS;
    "NewDisplayName" => NEW_DISPLAY_NAME_LENGTH, NEW_DISPLAY_NAME_LETTERS;
    "Comments" => COMMENTS_LENGTH, COMMENTS_LETTERS;
    "NewComments" => NEW_COMMENTS_LENGTH, NEW_COMMENTS_LETTERS;
    "PolicyName" => POLICY_NAME_LENGTH, POLICY_NAME_LETTERS;
    "PolicyDocument" => DOCUMENT_LENGTH, DOCUMENT_LETTERS;
    "Description" => DESCRIPTION_LENGTH, DESCRIPTION_LETTERS;
    "NewDescription" => NEW_DESCRIPTION_LENGTH, NEW_DESCRIPTION_LETTERS;
    "RoleName" => ROLE_NAME_LENGTH, ROLE_NAME_LETTERS;
}

/// A value that is too long.
pub(super) fn length(parameter: &str) -> Fault {
    let known = TEXTS.iter().find(|(name, _, _)| *name == parameter);
    known.map_or_else(|| crate::params::invalid(parameter), |(_, length, _)| length.fault())
}

/// A value with letters that it may not have.
pub(super) fn letters(parameter: &str) -> Fault {
    let known = TEXTS.iter().find(|(name, _, _)| *name == parameter);
    known.map_or_else(|| crate::params::invalid(parameter), |(_, _, letters)| letters.fault())
}

/// What identity refuses; `holder` is `User` or `Role`, whichever the operation is about.
pub(super) fn of(error: Error, holder: &str) -> Fault {
    let role = holder == "Role";
    let code = match &error {
        Error::NotFound { kind: Kind::User, .. } => NO_USER,
        Error::NotFound { kind: Kind::AccessKey, .. } => NO_KEY,
        Error::NotFound { kind: Kind::Policy, .. } => NO_POLICY,
        Error::NotFound { kind: Kind::Role, .. } => NO_ROLE,
        Error::NotFound { kind: Kind::Attachment, .. } if role => NO_ROLE_POLICY,
        Error::NotFound { kind: Kind::Attachment, .. } => NO_USER_POLICY,
        Error::Duplicate { kind: Kind::User, .. } => USER_EXISTS,
        Error::Duplicate { kind: Kind::Policy, .. } => POLICY_EXISTS,
        Error::Duplicate { kind: Kind::Role, .. } => ROLE_EXISTS,
        Error::Duplicate { kind: Kind::Attachment, .. } if role => ROLE_HAS_POLICY,
        Error::Duplicate { kind: Kind::Attachment, .. } => USER_HAS_POLICY,
        Error::InUse { kind: Kind::User, by: Kind::AccessKey, .. } => USER_WITH_KEY,
        Error::InUse { kind: Kind::User, .. } => USER_WITH_POLICY,
        Error::InUse { kind: Kind::Role, .. } => ROLE_WITH_POLICY,
        Error::InUse { kind: Kind::Policy, .. } => POLICY_OF_USER,
        Error::Limit { kind: Kind::User, .. } => MANY_USERS,
        Error::Limit { kind: Kind::AccessKey, .. } => MANY_KEYS,
        Error::Limit { kind: Kind::Policy, .. } => MANY_POLICIES,
        Error::Limit { kind: Kind::Role, .. } => MANY_ROLES,
        Error::Limit { kind: Kind::Attachment, .. } if role => MANY_OF_ROLE,
        Error::Limit { kind: Kind::Attachment, .. } => MANY_OF_USER,
        Error::Document(why) => return BAD_DOCUMENT.with_message(why.to_string()),
        // the rest is nothing that is particular to these operations
        _ => return error.into(),
    };
    code.fault()
}
