//! Whatever a list can be asked for by is what images show under that name.
