//! Versioned keys, their states and limits.
