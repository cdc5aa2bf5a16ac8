-- Where chunks are. On SQLite in a file of its own, so that adding thousands of rows holds no metadata up; on
-- PostgreSQL beside the rest, the big table in 16 parts by hash. Rows are as short as can be: one for each chunk.

CREATE TABLE pack (
    number BIGINT NOT NULL PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    sealed_at BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    records BIGINT NOT NULL,
    content_bytes BIGINT NOT NULL,
    cold BIGINT NOT NULL,
    condemned_at BIGINT
) WITHOUT ROWID;

-- The next pack's number. Never goes back: rows that a forgotten pack left behind must not come to life. A sequence
-- where there are several writers, so that they need not wait for one another.
CREATE TABLE pack_number (next BIGINT NOT NULL); -- sqlite
INSERT INTO pack_number (next) VALUES (1); -- sqlite
-- postgres: CREATE SEQUENCE pack_number;

CREATE TABLE chunk (
    id BLOB NOT NULL PRIMARY KEY,
    pack BIGINT NOT NULL,
    ordinal BIGINT NOT NULL,
    byte_offset BIGINT NOT NULL,
    stored_len BIGINT NOT NULL,
    len BIGINT NOT NULL,
    codec BIGINT NOT NULL
) WITHOUT ROWID
-- postgres: PARTITION BY HASH (id)
;
-- postgres: CREATE TABLE chunk_00 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 0);
-- postgres: CREATE TABLE chunk_01 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 1);
-- postgres: CREATE TABLE chunk_02 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 2);
-- postgres: CREATE TABLE chunk_03 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 3);
-- postgres: CREATE TABLE chunk_04 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 4);
-- postgres: CREATE TABLE chunk_05 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 5);
-- postgres: CREATE TABLE chunk_06 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 6);
-- postgres: CREATE TABLE chunk_07 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 7);
-- postgres: CREATE TABLE chunk_08 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 8);
-- postgres: CREATE TABLE chunk_09 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 9);
-- postgres: CREATE TABLE chunk_10 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 10);
-- postgres: CREATE TABLE chunk_11 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 11);
-- postgres: CREATE TABLE chunk_12 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 12);
-- postgres: CREATE TABLE chunk_13 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 13);
-- postgres: CREATE TABLE chunk_14 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 14);
-- postgres: CREATE TABLE chunk_15 PARTITION OF chunk FOR VALUES WITH (MODULUS 16, REMAINDER 15);

CREATE TABLE store_lease (
    id TEXT NOT NULL PRIMARY KEY,
    began_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;
