//! Which user or role has which policy.

use imprint_identity::PolicyHolder;
use serde_json::{Value, json};

use super::codes::{
    self, BAD_POLICY_TYPE, MANY_OF_ROLE, MANY_OF_USER, NO_POLICY, NO_ROLE, NO_ROLE_POLICY, NO_USER, NO_USER_POLICY,
    POLICY_NAME_LENGTH, POLICY_NAME_LETTERS, ROLE_HAS_POLICY, ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, USER_HAS_POLICY,
    USER_NAME_LENGTH, USER_NAME_LETTERS,
};
use super::{
    POLICY_NAME, POLICY_TYPE, ROLE_NAME, USER_NAME, date, policies, policy_name, project, role_name, user_name,
};
use crate::call::Call;
use crate::op::{Api, Effect, Op, Outcome, Parameter};

const OF_USER: &[Parameter] = &[USER_NAME.required(), POLICY_NAME.required(), POLICY_TYPE.required()];
const OF_ROLE: &[Parameter] = &[ROLE_NAME.required(), POLICY_NAME.required(), POLICY_TYPE.required()];

pub(super) const OPS: &[Op] = &[
    Op::new(Api::Ram, Effect::Changes, "AttachPolicyToUser", "Gives a policy to a user.", |call| {
        Box::pin(attach(call, Whose::User))
    })
    .parameters(OF_USER)
    .codes(&[
        USER_NAME_LENGTH,
        USER_NAME_LETTERS,
        POLICY_NAME_LENGTH,
        POLICY_NAME_LETTERS,
        BAD_POLICY_TYPE,
        NO_USER,
        NO_POLICY,
        USER_HAS_POLICY,
        MANY_OF_USER,
    ])
    .resources(user_and_policy),
    Op::new(Api::Ram, Effect::Changes, "DetachPolicyFromUser", "Takes a policy from a user.", |call| {
        Box::pin(detach(call, Whose::User))
    })
    .parameters(OF_USER)
    .codes(&[
        USER_NAME_LENGTH,
        USER_NAME_LETTERS,
        POLICY_NAME_LENGTH,
        POLICY_NAME_LETTERS,
        BAD_POLICY_TYPE,
        NO_USER,
        NO_POLICY,
        NO_USER_POLICY,
    ])
    .resources(user_and_policy),
    Op::new(Api::Ram, Effect::Reads, "ListPoliciesForUser", "Lists the policies a user has.", |call| {
        Box::pin(list(call, Whose::User))
    })
    .parameters(&[USER_NAME.required()])
    .codes(&[USER_NAME_LENGTH, USER_NAME_LETTERS, NO_USER])
    .resources(super::users::named),
    Op::new(Api::Ram, Effect::Changes, "AttachPolicyToRole", "Gives a policy to a role.", |call| {
        Box::pin(attach(call, Whose::Role))
    })
    .parameters(OF_ROLE)
    .codes(&[
        ROLE_NAME_LENGTH,
        ROLE_NAME_LETTERS,
        POLICY_NAME_LENGTH,
        POLICY_NAME_LETTERS,
        BAD_POLICY_TYPE,
        NO_ROLE,
        NO_POLICY,
        ROLE_HAS_POLICY,
        MANY_OF_ROLE,
    ])
    .resources(role_and_policy),
    Op::new(Api::Ram, Effect::Changes, "DetachPolicyFromRole", "Takes a policy from a role.", |call| {
        Box::pin(detach(call, Whose::Role))
    })
    .parameters(OF_ROLE)
    .codes(&[
        ROLE_NAME_LENGTH,
        ROLE_NAME_LETTERS,
        POLICY_NAME_LENGTH,
        POLICY_NAME_LETTERS,
        BAD_POLICY_TYPE,
        NO_ROLE,
        NO_POLICY,
        NO_ROLE_POLICY,
    ])
    .resources(role_and_policy),
    Op::new(Api::Ram, Effect::Reads, "ListPoliciesForRole", "Lists the policies a role has.", |call| {
        Box::pin(list(call, Whose::Role))
    })
    .parameters(&[ROLE_NAME.required()])
    .codes(&[ROLE_NAME_LENGTH, ROLE_NAME_LETTERS, NO_ROLE])
    .resources(super::roles::named),
];

/// Whose policies an operation is about.
#[derive(Debug, Clone, Copy)]
enum Whose {
    User,
    Role,
}

impl Whose {
    fn holder(self, call: &Call) -> Result<PolicyHolder, crate::fault::Fault> {
        Ok(match self {
            Self::User => PolicyHolder::User(user_name(call, "UserName")?.to_owned()),
            Self::Role => PolicyHolder::Role(role_name(call)?.to_owned()),
        })
    }

    fn refused(self, error: imprint_identity::Error) -> crate::error::Problem {
        let word = match self {
            Self::User => "User",
            Self::Role => "Role",
        };
        codes::of(error, word).into()
    }
}

fn user_and_policy(call: &Call) -> Vec<String> {
    vec![call.resource("user", "UserName"), call.resource("policy", "PolicyName")]
}

fn role_and_policy(call: &Call) -> Vec<String> {
    vec![call.resource("role", "RoleName"), call.resource("policy", "PolicyName")]
}

async fn attach(call: Call, whose: Whose) -> Outcome {
    let (kind, name, holder) = (policies::kind(&call)?, policy_name(&call)?, whose.holder(&call)?);
    let attached = call.parts.identity.attach_policy(project(&call), kind, name, holder);
    attached.await.map_err(|error| whose.refused(error))?;
    Ok(json!({}))
}

async fn detach(call: Call, whose: Whose) -> Outcome {
    let (kind, name, holder) = (policies::kind(&call)?, policy_name(&call)?, whose.holder(&call)?);
    let detached = call.parts.identity.detach_policy(project(&call), kind, name, holder);
    detached.await.map_err(|error| whose.refused(error))?;
    Ok(json!({}))
}

async fn list(call: Call, whose: Whose) -> Outcome {
    let held = call.parts.identity.policies_of(project(&call), whose.holder(&call)?).await;
    let held = held.map_err(|error| whose.refused(error))?;
    let held: Vec<Value> = held
        .iter()
        .map(|held| {
            let mut view = policies::view(&held.policy);
            view["AttachDate"] = date(held.attached_at).into();
            view
        })
        .collect();
    Ok(json!({ "Policies": { "Policy": held } }))
}
