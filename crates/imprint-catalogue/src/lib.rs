//! Facts at rest: one set of SQL statements on SQLite and PostgreSQL.
