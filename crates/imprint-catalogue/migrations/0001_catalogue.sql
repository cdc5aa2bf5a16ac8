-- Images, members, jobs and what belongs to them. Numbers are BIGINT, flags 0 or 1, times microseconds, ids and JSON TEXT.

-- One row shows an image. Absent name and formats sort as the empty text, an absent size as -1.
-- content_* and staged_* are the system disk; data disks will have a table of their own, by image and position.
CREATE TABLE image (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    name TEXT,
    name_sorted TEXT NOT NULL,
    status TEXT NOT NULL,
    visibility TEXT NOT NULL,
    hidden BIGINT NOT NULL,
    protected BIGINT NOT NULL,
    disk_format TEXT NOT NULL,
    container_format TEXT NOT NULL,
    min_disk_gib BIGINT NOT NULL,
    min_ram_mib BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    content_map TEXT,
    content_bytes BIGINT,
    content_virtual_bytes BIGINT,
    content_md5 TEXT,
    content_hash_algorithm TEXT,
    content_hash_value TEXT,
    staged_map TEXT,
    staged_bytes BIGINT,
    staged_virtual_bytes BIGINT,
    staged_md5 TEXT,
    staged_hash_algorithm TEXT,
    staged_hash_value TEXT,
    writer TEXT,
    tags TEXT NOT NULL,
    properties TEXT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Lists walk one of two families of indexes, in the order asked for: within an account, or within a visibility.
CREATE INDEX image_own_created ON image (owner, visibility, hidden, created_at, id);
CREATE INDEX image_own_updated ON image (owner, visibility, hidden, updated_at, created_at, id);
CREATE INDEX image_own_name ON image (owner, visibility, hidden, name_sorted, created_at, id);
CREATE INDEX image_own_size ON image (owner, visibility, hidden, size_bytes, created_at, id);
CREATE INDEX image_own_status ON image (owner, visibility, hidden, status, created_at, id);
CREATE INDEX image_seen_created ON image (visibility, hidden, created_at, id);
CREATE INDEX image_seen_updated ON image (visibility, hidden, updated_at, created_at, id);
CREATE INDEX image_seen_name ON image (visibility, hidden, name_sorted, created_at, id);
CREATE INDEX image_seen_size ON image (visibility, hidden, size_bytes, created_at, id);
CREATE INDEX image_seen_status ON image (visibility, hidden, status, created_at, id);

-- Conditions that leave few images whoever looks.
CREATE INDEX image_md5 ON image (content_md5) WHERE content_md5 IS NOT NULL;
CREATE INDEX image_hash ON image (content_hash_value) WHERE content_hash_value IS NOT NULL;

CREATE INDEX image_content ON image (content_map) WHERE content_map IS NOT NULL;
CREATE INDEX image_staged ON image (staged_map) WHERE staged_map IS NOT NULL;
CREATE INDEX image_writer ON image (writer) WHERE writer IS NOT NULL;

-- Tags and properties, each as a digest of its text, with what a list needs to walk them in order of creation.
CREATE TABLE image_label (
    image_id TEXT NOT NULL,
    label BLOB NOT NULL,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL,
    hidden BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, label)
) WITHOUT ROWID;
CREATE INDEX image_label_own ON image_label (label, owner, visibility, hidden, created_at, image_id);
CREATE INDEX image_label_seen ON image_label (label, visibility, hidden, created_at, image_id);

-- Ids of deleted images: never given again.
CREATE TABLE image_gone (
    id TEXT NOT NULL PRIMARY KEY,
    deleted_at BIGINT NOT NULL
) WITHOUT ROWID;

-- Sums over an account's images, kept with every change: a quota is checked without looking at the images.
CREATE TABLE image_usage (
    owner TEXT NOT NULL PRIMARY KEY,
    images BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    staged_bytes BIGINT NOT NULL,
    uploading BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE image_member (
    image_id TEXT NOT NULL,
    project TEXT NOT NULL,
    status TEXT NOT NULL,
    image_created_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (image_id, project)
) WITHOUT ROWID;
CREATE INDEX image_member_offers ON image_member (project, status, image_created_at, image_id);

-- Work that outlives requests. lease_until is when a worker that is not heard of is taken for dead.
CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    user_id TEXT NOT NULL,
    image_id TEXT,
    request_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    result TEXT,
    message TEXT NOT NULL,
    state TEXT NOT NULL,
    done_bytes BIGINT NOT NULL,
    total_bytes BIGINT,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    worker TEXT,
    lease_until BIGINT
);
CREATE INDEX job_open ON job (created_at, id) WHERE state IN ('pending', 'running');
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_image ON job (image_id, created_at, id) WHERE image_id IS NOT NULL;
CREATE INDEX job_owner ON job (owner, created_at, id);
CREATE INDEX job_created ON job (created_at, id);

CREATE TABLE audit (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    user_id TEXT NOT NULL,
    project TEXT,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at, id);
CREATE INDEX audit_resource ON audit (resource, at, id);

CREATE TABLE idempotency (
    project TEXT NOT NULL,
    token TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (project, token)
) WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE quota (
    project TEXT NOT NULL,
    name TEXT NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (project, name)
) WITHOUT ROWID;

-- Definitions of image metadata: namespaces, and the items each holds.
CREATE TABLE definition_namespace (
    name TEXT NOT NULL PRIMARY KEY,
    display_name TEXT,
    description TEXT,
    visibility TEXT NOT NULL,
    protected BIGINT NOT NULL,
    owner TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX definition_namespace_created ON definition_namespace (created_at, name);

CREATE TABLE definition_item (
    namespace TEXT NOT NULL REFERENCES definition_namespace (name) ON UPDATE CASCADE ON DELETE CASCADE,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, kind, name)
);
CREATE INDEX definition_item_name ON definition_item (kind, name);

-- Small things that other crates keep, such as sealed signing keys.
CREATE TABLE kv (
    key TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL,
    updated_at BIGINT NOT NULL
);
