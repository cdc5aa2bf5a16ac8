//! Server and client against each other and against hostile bytes.
