//! The key of a session.

use super::header::{FORMAT, SUITE, Salt, StoreId, Term};
use crate::aead::{AeadError, AeadKey};
use crate::kdf;
use crate::secret::{Secret, SecretError};

/// Session key = HKDF-Expand(term key, label ‖ format ‖ suite ‖ store id ‖ term ‖ salt), scheduled.
pub(super) fn key<E>(term_key: &Secret<32>, store: StoreId, term: Term, salt: &Salt) -> Result<AeadKey, E>
where
    E: From<SecretError> + From<AeadError>,
{
    let info: [&[u8]; 5] = [LABEL, &[FORMAT, SUITE], store.as_bytes(), &term.get().to_be_bytes(), salt];
    let session_key = kdf::expand::<32>(term_key, &info)?;
    Ok(AeadKey::new(&session_key)?)
}

const LABEL: &[u8] = b"strongroom record session";
