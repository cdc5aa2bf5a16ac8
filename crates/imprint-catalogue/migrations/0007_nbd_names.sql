-- Names under which an image or a snapshot can be read as a disk until some time. A name is a secret, so only its digest
-- is kept.
CREATE TABLE nbd_name (
    digest TEXT NOT NULL PRIMARY KEY,
    image_id TEXT,
    snapshot_id TEXT,
    expires_at BIGINT NOT NULL
);
CREATE INDEX nbd_name_expiry ON nbd_name (expires_at);
