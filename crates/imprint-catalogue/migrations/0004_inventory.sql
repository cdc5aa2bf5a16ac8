-- What images are made from and what is made from images: snapshots, disks, machines; and what else an image says of
-- itself. Absent words are the empty text where they are part of a count.

-- An empty region is that of images that are older than regions; adopt_region gives them one.
ALTER TABLE image ADD COLUMN region TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN facts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE image ADD COLUMN disks TEXT NOT NULL DEFAULT '[]';
-- Facts that lists and counts need apart.
ALTER TABLE image ADD COLUMN family TEXT;
ALTER TABLE image ADD COLUMN architecture TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN os_type TEXT NOT NULL DEFAULT '';
ALTER TABLE image ADD COLUMN resource_group TEXT NOT NULL DEFAULT '';

CREATE INDEX image_own_region ON image (owner, region, visibility, hidden, status, created_at, id);
CREATE INDEX image_seen_region ON image (region, visibility, hidden, status, created_at, id);
CREATE INDEX image_family ON image (owner, region, family) WHERE family IS NOT NULL;
CREATE INDEX image_homeless ON image (id) WHERE region = '';

-- How many images there are of each kind, kept with every change: totals are given without looking at the images. The
-- empty label counts all of them, each other one those that have it; not every label is counted.
CREATE TABLE image_count (
    label BLOB NOT NULL,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL,
    hidden BIGINT NOT NULL,
    status TEXT NOT NULL,
    region TEXT NOT NULL,
    architecture TEXT NOT NULL,
    os_type TEXT NOT NULL,
    resource_group TEXT NOT NULL,
    images BIGINT NOT NULL,
    PRIMARY KEY (label, owner, visibility, hidden, region, status, architecture, os_type, resource_group)
) WITHOUT ROWID;
CREATE INDEX image_count_seen ON image_count (label, visibility, hidden, region, status, images);

-- What an account is offered is listed and counted without its images, as far as these tell.
ALTER TABLE image_member ADD COLUMN image_owner TEXT NOT NULL DEFAULT '';
ALTER TABLE image_member ADD COLUMN image_visibility TEXT NOT NULL DEFAULT '';
ALTER TABLE image_member ADD COLUMN image_hidden BIGINT NOT NULL DEFAULT 0;
ALTER TABLE image_member ADD COLUMN image_status TEXT NOT NULL DEFAULT '';
ALTER TABLE image_member ADD COLUMN image_region TEXT NOT NULL DEFAULT '';
UPDATE image_member SET
    image_owner = (SELECT i.owner FROM image i WHERE i.id = image_member.image_id),
    image_visibility = (SELECT i.visibility FROM image i WHERE i.id = image_member.image_id),
    image_hidden = (SELECT i.hidden FROM image i WHERE i.id = image_member.image_id),
    image_status = (SELECT i.status FROM image i WHERE i.id = image_member.image_id);
DROP INDEX image_member_offers;
CREATE INDEX image_member_offers ON image_member (project, status, image_visibility, image_hidden, image_created_at,
    image_id, image_status, image_region, image_owner);

-- image_label is what images that have a disk from it are labelled with.
CREATE TABLE snapshot (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    region TEXT NOT NULL,
    disk_id TEXT,
    kind TEXT NOT NULL,
    name TEXT,
    description TEXT,
    status TEXT NOT NULL,
    size_gib BIGINT NOT NULL,
    content_map TEXT,
    content_bytes BIGINT,
    content_virtual_bytes BIGINT,
    content_md5 TEXT,
    content_hash_algorithm TEXT,
    content_hash_value TEXT,
    disk_format TEXT NOT NULL,
    retention_days BIGINT,
    resource_group TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    image_label BLOB NOT NULL
);
CREATE INDEX snapshot_own ON snapshot (owner, region, created_at, id);
CREATE INDEX snapshot_disk ON snapshot (disk_id, created_at, id) WHERE disk_id IS NOT NULL;
CREATE INDEX snapshot_retained ON snapshot (created_at, id) WHERE retention_days IS NOT NULL;
CREATE INDEX snapshot_content ON snapshot (content_map) WHERE content_map IS NOT NULL;

-- base_* are the bytes it began with.
CREATE TABLE disk (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    region TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    description TEXT,
    status TEXT NOT NULL,
    category TEXT NOT NULL,
    size_gib BIGINT NOT NULL,
    source_image TEXT,
    source_snapshot TEXT,
    base_map TEXT,
    base_bytes BIGINT,
    base_virtual_bytes BIGINT,
    base_md5 TEXT,
    base_hash_algorithm TEXT,
    base_hash_value TEXT,
    base_format TEXT NOT NULL,
    instance_id TEXT,
    letter TEXT,
    was_attached BIGINT NOT NULL,
    delete_with_instance BIGINT NOT NULL,
    resource_group TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    attached_at BIGINT
);
CREATE INDEX disk_own ON disk (owner, region, created_at, id);
CREATE INDEX disk_instance ON disk (instance_id, letter, id) WHERE instance_id IS NOT NULL;
CREATE INDEX disk_snapshot ON disk (source_snapshot) WHERE source_snapshot IS NOT NULL;
CREATE INDEX disk_base ON disk (base_map) WHERE base_map IS NOT NULL;

CREATE TABLE instance (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT,
    host_name TEXT,
    description TEXT,
    status TEXT NOT NULL,
    class TEXT NOT NULL,
    image_id TEXT NOT NULL,
    locked TEXT,
    protected BIGINT NOT NULL,
    user_data TEXT,
    resource_group TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT
);
CREATE INDEX instance_own ON instance (owner, region, created_at, id);
CREATE INDEX instance_image ON instance (image_id);

-- Tags of snapshots, disks and machines, each as a digest of its text; images have image_label.
CREATE TABLE inventory_label (
    item_id TEXT NOT NULL,
    label BLOB NOT NULL,
    PRIMARY KEY (item_id, label)
) WITHOUT ROWID;
CREATE INDEX inventory_label_items ON inventory_label (label, item_id);

CREATE TABLE resource_group (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, name)
);

-- Users that an account's owner made, and what they, and roles that others may take on, are allowed.
CREATE TABLE identity_grant_users (
    user_id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    display_name TEXT NOT NULL,
    comments TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE identity_grant_roles (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    trust_document TEXT NOT NULL,
    description TEXT NOT NULL,
    max_session_secs BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE identity_grant_policies (
    project_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, name)
);

-- Which policies hold for which users and roles.
CREATE TABLE identity_grant_attachments (
    project_id TEXT NOT NULL,
    policy_kind TEXT NOT NULL,
    policy_name TEXT NOT NULL,
    principal_kind TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (project_id, policy_kind, policy_name, principal_kind, principal_id)
);
CREATE INDEX identity_grant_attachments_by_principal ON identity_grant_attachments (principal_kind, principal_id);

CREATE INDEX job_owner_kind ON job (owner, kind, created_at, id);

-- Numbers that requests may use once. SQLite keeps them in a file of their own; here they need not outlive a crash of
-- the server.
-- postgres: CREATE UNLOGGED TABLE nonce (digest BYTEA NOT NULL PRIMARY KEY, expires_at BIGINT NOT NULL);
-- postgres: CREATE INDEX nonce_expiry ON nonce (expires_at);
