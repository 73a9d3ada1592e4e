//! Slots: how the root key is wrapped and comes back.
