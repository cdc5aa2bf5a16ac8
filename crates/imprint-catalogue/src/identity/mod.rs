//! The identity tables: domains, projects, users, roles, assignments, keys, credentials, revocations, the service list.
//!
//! Statements and rows live here. What they mean, who may change them and every secret's plain text live in the
//! identity crate: this module sees sealed and hashed values alone.

mod access_keys;
mod app_credentials;
mod assignments;
mod domains;
mod grant_attachments;
mod grant_policies;
mod grant_roles;
mod grant_users;
mod projects;
mod revocations;
mod roles;
mod select;
mod services;
mod token_keys;
mod users;

pub use access_keys::{
    AccessKeyRow, access_key, delete_access_key, delete_access_keys_of_project, delete_access_keys_of_user,
    insert_access_key, list_access_keys, update_access_key,
};
pub use app_credentials::{
    AppCredentialRow, app_credential, app_credential_by_name, delete_app_credential, delete_app_credentials_of_project,
    delete_app_credentials_of_user, insert_app_credential, list_app_credentials,
};
pub use assignments::{
    AssignmentFilter, AssignmentRow, delete_assignments_of_role, delete_assignments_of_target,
    delete_assignments_of_user, has_assignment, insert_assignment, list_assignments, remove_assignment,
};
pub use domains::{DomainRow, delete_domain, domain, domain_by_name, insert_domain, list_domains, update_domain};
pub use grant_attachments::{
    GrantAttachmentRow, delete_grant_attachment, delete_grant_attachments_of, delete_grants_of_project,
    grant_attachments_of, grant_attachments_of_policy, insert_grant_attachment,
};
pub use grant_policies::{
    GrantPolicyRow, count_grant_policies, delete_grant_policy, grant_policy, insert_grant_policy, list_grant_policies,
    update_grant_policy,
};
pub use grant_roles::{
    GrantRoleRow, count_grant_roles, delete_grant_role, grant_role, grant_role_by_name, insert_grant_role,
    list_grant_roles, update_grant_role,
};
pub use grant_users::{
    GrantUserRow, count_grant_users, delete_grant_user, grant_user, grant_user_by_name, insert_grant_user,
    list_grant_users, update_grant_user,
};
pub use projects::{
    ProjectFilter, ProjectRow, delete_project, insert_project, list_projects, list_projects_of_user, project,
    project_by_account_number, project_by_name, update_project,
};
pub use revocations::{RevocationRow, insert_revocation, last_revocation, prune_revocations, revocations_after};
pub use roles::{
    RoleRow, delete_role, insert_implication, insert_role, list_implications, list_roles, role, role_by_name,
    update_role,
};
pub use select::LIST_MAX;
pub use services::{
    EndpointRow, RegionRow, ServiceRow, delete_endpoint, delete_region, delete_service, insert_endpoint, insert_region,
    insert_service, list_endpoints, list_regions, list_services, update_endpoint, update_region, update_service,
};
pub use token_keys::{TokenKeyRow, delete_token_key, insert_token_key, list_token_keys};
pub use users::{
    UserFilter, UserRow, delete_user, insert_user, list_users, password_hash, set_password_hash, update_user, user,
    user_by_name,
};
