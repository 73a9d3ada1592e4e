//! AEAD, KDF, MAC, HPKE, randomness, records and secret memory for Strongroom.
