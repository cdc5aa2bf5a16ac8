//! The HTTP shell: listener, request ids, limits, deadlines, access log, metrics, and the Dialect trait.
