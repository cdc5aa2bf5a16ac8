//! Proofs of who sent a request.
