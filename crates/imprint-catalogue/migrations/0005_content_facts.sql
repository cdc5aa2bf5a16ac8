-- What was found out about stored bytes, by the map that names them: whoever else has the same bytes need not find it
-- out again. What is in a value, the one who put it there knows. Gone when nothing names the map any more.
CREATE TABLE content_fact (
    map TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (map, name)
) WITHOUT ROWID;
