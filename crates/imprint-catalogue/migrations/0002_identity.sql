-- Who asks: domains, projects (= accounts), users, roles, who holds which where, keys, revocations, and the service list.
-- Every secret in a `sealed` column is encrypted under a key that is not in this database. `*_hash` columns are argon2id.

CREATE TABLE identity_domains (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE identity_projects (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    parent_id TEXT NOT NULL,
    account_number TEXT NOT NULL UNIQUE,
    tags TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);
CREATE INDEX identity_projects_by_name ON identity_projects (name);

CREATE TABLE identity_users (
    id TEXT PRIMARY KEY,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    email TEXT,
    enabled BIGINT NOT NULL,
    default_project_id TEXT,
    password_hash TEXT,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (domain_id, name)
);
CREATE INDEX identity_users_by_name ON identity_users (name);

CREATE TABLE identity_roles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    extra TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE identity_role_implications (
    role_id TEXT NOT NULL,
    implied_role_id TEXT NOT NULL,
    PRIMARY KEY (role_id, implied_role_id)
);

-- target_kind: project, domain or system (whose target_id is 'all').
CREATE TABLE identity_assignments (
    user_id TEXT NOT NULL,
    target_kind TEXT NOT NULL,
    target_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    PRIMARY KEY (user_id, target_kind, target_id, role_id)
);
CREATE INDEX identity_assignments_by_target ON identity_assignments (target_kind, target_id);
CREATE INDEX identity_assignments_by_role ON identity_assignments (role_id);

CREATE TABLE identity_app_credentials (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    role_ids TEXT NOT NULL,
    unrestricted BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    UNIQUE (user_id, name)
);
CREATE INDEX identity_app_credentials_by_project ON identity_app_credentials (project_id);

CREATE TABLE identity_access_keys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    sealed_secret TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_access_keys_by_user ON identity_access_keys (user_id);
CREATE INDEX identity_access_keys_by_project ON identity_access_keys (project_id);

-- Keys that sign tokens, and one row ('check') that proves the master key is the right one.
CREATE TABLE identity_token_keys (
    id BIGINT PRIMARY KEY,
    sealed_secret TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- `id` comes from identity_counters inside the transaction of the change, so ids are visible in order.
CREATE TABLE identity_revocations (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX identity_revocations_by_time ON identity_revocations (created_at);

CREATE TABLE identity_counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO identity_counters (name, value) VALUES ('revocations', 0);

CREATE TABLE identity_regions (
    id TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    parent_region_id TEXT
);

CREATE TABLE identity_services (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled BIGINT NOT NULL
);

CREATE TABLE identity_endpoints (
    id TEXT PRIMARY KEY,
    service_id TEXT NOT NULL,
    interface TEXT NOT NULL,
    region_id TEXT,
    url TEXT NOT NULL,
    enabled BIGINT NOT NULL
);
CREATE INDEX identity_endpoints_by_service ON identity_endpoints (service_id);
