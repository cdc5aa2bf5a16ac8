//! Dialect: the OpenStack image API v2.
