//! Who asks: accounts, users, keys, tokens. Plain secrets never leave this crate.
