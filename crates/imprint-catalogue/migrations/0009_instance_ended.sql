-- When a machine last ended: a disk that came to it while it ran is known to its system.
ALTER TABLE instance ADD COLUMN ended_at BIGINT;
