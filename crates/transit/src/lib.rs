//! Named, versioned keys as a service.

pub mod algorithm;
