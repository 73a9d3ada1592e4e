//! Named, versioned keys as a service.
