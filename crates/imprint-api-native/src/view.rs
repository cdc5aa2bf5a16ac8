//! From what the engine knows to what this API shows. Records are taken apart completely, so that a new member is
//! noticed here.

use imprint_identity as identity;
use imprint_model::{Disk, Instance, Job, Snapshot, Timestamp};

use crate::wire;

pub(crate) fn account(account: identity::Account) -> wire::Account {
    let identity::Account { account_id, project_id, name, enabled, created_at } = account;
    wire::Account { account_id, project_id, name, enabled, created_at: created_at.to_rfc3339_seconds() }
}

pub(crate) fn new_account(new: identity::NewAccount) -> wire::NewAccount {
    let identity::NewAccount { account, user_id, access_key_id, access_key_secret } = new;
    let identity::Account { account_id, project_id, name, enabled: _, created_at: _ } = account;
    wire::NewAccount { account_id, project_id, name, user_id, access_key_id, access_key_secret }
}

pub(crate) fn access_key(key: identity::AccessKey) -> wire::AccessKey {
    let identity::AccessKey { id, user_id, project_id, enabled, created_at } = key;
    wire::AccessKey { access_key_id: id, user_id, project_id, enabled, created_at: created_at.to_rfc3339_seconds() }
}

pub(crate) fn user(user: identity::User) -> wire::User {
    wire::User {
        user_id: user.id,
        name: user.name,
        domain_id: user.domain_id,
        enabled: user.enabled,
        project_id: user.default_project_id,
        created_at: Timestamp(user.created_at).to_rfc3339_seconds(),
    }
}

pub(crate) fn bound_user(user: identity::RamUser) -> wire::BoundUser {
    let identity::RamUser { id, project_id: _, name, display_name, comments, created_at } = user;
    wire::BoundUser { user_id: id, name, display_name, comments, created_at: created_at.to_rfc3339_seconds() }
}

pub(crate) fn policy(policy: identity::Policy) -> wire::Policy {
    let identity::Policy { kind, name, description, document, created_at: _, updated_at } = policy;
    let updated_at = updated_at.map(Timestamp::to_rfc3339_seconds);
    wire::Policy { name, kind: kind.as_str().to_owned(), description, document, updated_at }
}

pub(crate) fn quota(quota: imprint_service::AccountQuota) -> wire::AccountQuota {
    let imprint_service::AccountQuota { name, most, own } = quota;
    wire::AccountQuota { name: name.to_owned(), most, own }
}

/// What a job is to do is left out: it may name places with secrets in them.
pub(crate) fn job(job: Job) -> wire::Job {
    wire::Job {
        id: job.id.to_string(),
        kind: job.kind,
        state: job.state.to_string(),
        project_id: job.owner.0,
        image_id: job.image.map(|id| id.to_string()),
        message: job.message,
        done_bytes: job.done_bytes,
        total_bytes: job.total_bytes,
        attempts: job.attempts,
        created_at: job.created_at.to_rfc3339_seconds(),
        updated_at: job.updated_at.to_rfc3339_seconds(),
        ended_at: job.ended_at.map(Timestamp::to_rfc3339_seconds),
    }
}

/// How a machine is run is left out, and so is what its first boot is told: there may be secrets in it.
pub(crate) fn instance(instance: Instance) -> wire::Instance {
    wire::Instance {
        id: instance.id.to_string(),
        name: instance.name,
        status: instance.status.to_string(),
        project_id: instance.owner.0,
        region: instance.region,
        image_id: instance.image.to_string(),
        class: instance.class,
        cpus: instance.cpus,
        memory_mib: instance.memory_mib,
        host_name: instance.host_name,
        created_at: instance.created_at.to_rfc3339_seconds(),
        started_at: instance.started_at.map(Timestamp::to_rfc3339_seconds),
        failure: instance.failure,
    }
}

pub(crate) fn disk(disk: Disk) -> wire::Disk {
    wire::Disk {
        id: disk.id.to_string(),
        name: disk.name,
        status: disk.status.to_string(),
        kind: disk.kind.to_string(),
        size_gib: disk.size_gib,
        instance_id: disk.instance.map(|id| id.to_string()),
        letter: disk.letter,
        project_id: disk.owner.0,
        region: disk.region,
        created_at: disk.created_at.to_rfc3339_seconds(),
    }
}

pub(crate) fn snapshot(snapshot: Snapshot) -> wire::Snapshot {
    wire::Snapshot {
        id: snapshot.id.to_string(),
        name: snapshot.name,
        status: snapshot.status.to_string(),
        disk_id: snapshot.disk.map(|id| id.to_string()),
        kind: snapshot.kind.to_string(),
        size_gib: snapshot.size_gib,
        done_bytes: snapshot.done_bytes,
        total_bytes: snapshot.total_bytes,
        failure: snapshot.failure,
        project_id: snapshot.owner.0,
        region: snapshot.region,
        created_at: snapshot.created_at.to_rfc3339_seconds(),
    }
}
