//! The shell over real sockets: a small dialect of our own, and clients that behave well and badly.

mod bodies;
mod draining;
mod limits;
mod routing;
mod streams;
mod support;
