//! Bytes at rest: chunks, packs, content-addressed maps, collection and scrubbing.
