//! Untrusted bytes by key, in atomic durable batches.
