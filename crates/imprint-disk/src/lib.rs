//! Disk formats: recognising and checking them while bytes stream past.
