//! A store behind a seal: open, unseal, barrier, keys, in one import.
