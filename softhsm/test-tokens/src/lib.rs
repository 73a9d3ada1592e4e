//! Real tokens to throw away: SoftHSM, Kryoptic, NSS, a network token, a token that fails on purpose.
