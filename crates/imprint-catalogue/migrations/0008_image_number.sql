-- A number for each row of an image, which labels and members carry besides its id: to find the row by a text costs as
-- much again as to read it. SQLite keeps rows by such a number, so the table is made anew, its columns in the same order.

CREATE TABLE image_numbered ( -- sqlite
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, -- sqlite
    owner TEXT NOT NULL, name TEXT, name_sorted TEXT NOT NULL, status TEXT NOT NULL, visibility TEXT NOT NULL, -- sqlite
    hidden BIGINT NOT NULL, protected BIGINT NOT NULL, disk_format TEXT NOT NULL, container_format TEXT NOT NULL, -- sqlite
    min_disk_gib BIGINT NOT NULL, min_ram_mib BIGINT NOT NULL, size_bytes BIGINT NOT NULL, -- sqlite
    content_map TEXT, content_bytes BIGINT, content_virtual_bytes BIGINT, content_md5 TEXT, -- sqlite
    content_hash_algorithm TEXT, content_hash_value TEXT, -- sqlite
    staged_map TEXT, staged_bytes BIGINT, staged_virtual_bytes BIGINT, staged_md5 TEXT, -- sqlite
    staged_hash_algorithm TEXT, staged_hash_value TEXT, writer TEXT, -- sqlite
    tags TEXT NOT NULL, properties TEXT NOT NULL, failure TEXT, -- sqlite
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, -- sqlite
    region TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL DEFAULT '{}', disks TEXT NOT NULL DEFAULT '[]', family TEXT, -- sqlite
    architecture TEXT NOT NULL DEFAULT '', os_type TEXT NOT NULL DEFAULT '', resource_group TEXT NOT NULL DEFAULT '' -- sqlite
); -- sqlite
INSERT INTO image_numbered SELECT NULL, i.* FROM image i ORDER BY i.created_at, i.id; -- sqlite
DROP TABLE image; -- sqlite
ALTER TABLE image_numbered RENAME TO image; -- sqlite
CREATE INDEX image_own_created ON image (owner, visibility, hidden, created_at, id); -- sqlite
CREATE INDEX image_own_updated ON image (owner, visibility, hidden, updated_at, created_at, id); -- sqlite
CREATE INDEX image_own_name ON image (owner, visibility, hidden, name_sorted, created_at, id); -- sqlite
CREATE INDEX image_own_size ON image (owner, visibility, hidden, size_bytes, created_at, id); -- sqlite
CREATE INDEX image_own_status ON image (owner, visibility, hidden, status, created_at, id); -- sqlite
CREATE INDEX image_seen_created ON image (visibility, hidden, created_at, id); -- sqlite
CREATE INDEX image_seen_updated ON image (visibility, hidden, updated_at, created_at, id); -- sqlite
CREATE INDEX image_seen_name ON image (visibility, hidden, name_sorted, created_at, id); -- sqlite
CREATE INDEX image_seen_size ON image (visibility, hidden, size_bytes, created_at, id); -- sqlite
CREATE INDEX image_seen_status ON image (visibility, hidden, status, created_at, id); -- sqlite
CREATE INDEX image_md5 ON image (content_md5) WHERE content_md5 IS NOT NULL; -- sqlite
CREATE INDEX image_hash ON image (content_hash_value) WHERE content_hash_value IS NOT NULL; -- sqlite
CREATE INDEX image_content ON image (content_map) WHERE content_map IS NOT NULL; -- sqlite
CREATE INDEX image_staged ON image (staged_map) WHERE staged_map IS NOT NULL; -- sqlite
CREATE INDEX image_writer ON image (writer) WHERE writer IS NOT NULL; -- sqlite
CREATE INDEX image_own_region ON image (owner, region, visibility, hidden, status, created_at, id); -- sqlite
CREATE INDEX image_seen_region ON image (region, visibility, hidden, status, created_at, id); -- sqlite
CREATE INDEX image_family ON image (owner, region, family) WHERE family IS NOT NULL; -- sqlite
CREATE INDEX image_homeless ON image (id) WHERE region = ''; -- sqlite
-- postgres: ALTER TABLE image ADD COLUMN number BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE;

ALTER TABLE image_label ADD COLUMN image_number BIGINT NOT NULL DEFAULT 0;
UPDATE image_label SET image_number = (SELECT i.number FROM image i WHERE i.id = image_label.image_id);
DROP INDEX image_label_own;
DROP INDEX image_label_seen;
CREATE INDEX image_label_own ON image_label (label, owner, visibility, hidden, created_at, image_id, image_number);
CREATE INDEX image_label_seen ON image_label (label, visibility, hidden, created_at, image_id, image_number);

ALTER TABLE image_member ADD COLUMN image_number BIGINT NOT NULL DEFAULT 0;
UPDATE image_member SET image_number = (SELECT i.number FROM image i WHERE i.id = image_member.image_id);
DROP INDEX image_member_offers;
CREATE INDEX image_member_offers ON image_member (project, status, image_visibility, image_hidden, image_created_at,
    image_id, image_status, image_region, image_owner, image_number);
