//! Named keys are drawn from a second source too. It is one for the whole process, so that this is a program with one test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom_crypto::external::{EntropySource, ExternalError, ExternalFault};
use strongroom_crypto::random;
use strongroom_transit::algorithm::{GenerateOptions, KeyType, Material};

/// Fails after so many draws.
struct Source(AtomicU64);

impl EntropySource for Source {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), ExternalError> {
        buffer.fill(7);
        let left = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| ExternalError::new(ExternalFault::Unavailable, "the token is away"))
    }
}

#[test]
fn keys_that_are_random_bytes_need_the_second_source() {
    let generate = |key_type| Material::generate(key_type, &GenerateOptions::default()).is_ok();
    let kinds = [
        // The key, and the HMAC key beside it.
        (KeyType::Aes256Gcm96, 2),
        (KeyType::Xaes256Gcm, 2),
        (KeyType::Ed25519, 2),
        (KeyType::MlDsa65, 2),
        (KeyType::MlKem768, 2),
        (KeyType::Hmac, 1),
        // The control: its scalar comes from elsewhere, the HMAC key beside it does not.
        (KeyType::EcdsaP256, 1),
    ];
    for (kind, draws) in kinds {
        for available in 0..=draws {
            random::mix_in(Arc::new(Source(AtomicU64::new(available))));
            assert_eq!(generate(kind), available == draws, "{kind} with {available} draws");
        }
        random::mix_nothing_in();
        assert!(generate(kind), "{kind}");
    }
}
