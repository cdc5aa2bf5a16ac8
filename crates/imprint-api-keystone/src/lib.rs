//! Dialect: the OpenStack identity API v3, as far as image clients need it.
