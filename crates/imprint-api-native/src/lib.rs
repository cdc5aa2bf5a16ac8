//! Dialect: Imprint's own API for its command line and for operators.
