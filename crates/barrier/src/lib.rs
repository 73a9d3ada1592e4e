//! The encrypted view over storage.
