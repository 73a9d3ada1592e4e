//! Tokens, sessions and keys in an HSM, over PKCS #11.
