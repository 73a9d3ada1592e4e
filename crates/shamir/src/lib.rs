//! Shamir secret sharing in constant time, and the text forms of shares.
