-- Where machines run and what they wrote; what a snapshot is taken of, and how far it is.
ALTER TABLE instance ADD COLUMN node TEXT;
ALTER TABLE instance ADD COLUMN cpus BIGINT NOT NULL DEFAULT 1;
ALTER TABLE instance ADD COLUMN memory_mib BIGINT NOT NULL DEFAULT 1024;
ALTER TABLE instance ADD COLUMN architecture TEXT NOT NULL DEFAULT 'x86_64';
ALTER TABLE instance ADD COLUMN boot_mode TEXT NOT NULL DEFAULT 'bios';
ALTER TABLE instance ADD COLUMN nvme BIGINT NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN stop_by BIGINT;
ALTER TABLE instance ADD COLUMN restart BIGINT NOT NULL DEFAULT 0;
ALTER TABLE instance ADD COLUMN failure TEXT;
UPDATE instance SET architecture = 'arm64', boot_mode = 'uefi'
    WHERE EXISTS (SELECT 1 FROM image i WHERE i.id = instance.image_id AND i.architecture = 'arm64');
CREATE INDEX instance_node ON instance (node, status) WHERE node IS NOT NULL;

ALTER TABLE disk ADD COLUMN node TEXT;
ALTER TABLE disk ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE disk ADD COLUMN written BIGINT NOT NULL DEFAULT 0;
ALTER TABLE disk ADD COLUMN grows BIGINT NOT NULL DEFAULT 0;
CREATE INDEX disk_node ON disk (node, id, generation) WHERE node IS NOT NULL;

ALTER TABLE snapshot ADD COLUMN node TEXT;
ALTER TABLE snapshot ADD COLUMN captured_with TEXT;
ALTER TABLE snapshot ADD COLUMN generation BIGINT NOT NULL DEFAULT 0;
ALTER TABLE snapshot ADD COLUMN done_bytes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE snapshot ADD COLUMN total_bytes BIGINT;
ALTER TABLE snapshot ADD COLUMN failure TEXT;
CREATE INDEX snapshot_under_way ON snapshot (node, created_at, id) WHERE status = 'progressing';

-- Machines whose rows are gone, and of which a node may still have a process or files.
CREATE TABLE machine_left (
    id TEXT NOT NULL PRIMARY KEY,
    node TEXT NOT NULL
);
CREATE INDEX machine_left_node ON machine_left (node, id);
