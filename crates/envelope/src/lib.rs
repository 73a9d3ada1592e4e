//! Data keys and streams for objects of any size.
