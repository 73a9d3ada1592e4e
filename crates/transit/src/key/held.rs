//! Uses of keys that are held elsewhere.

use std::sync::Arc;

use strongroom_crypto::secret::{Plaintext, Secret, SecretBytes};
use strongroom_crypto::sign::{Algorithm, Signer};

use super::encrypt::seal_with_nonce;
use super::{Key, unsupported};
use crate::algorithm::{
    AeadKey, HashAlgorithm, KeyType, Marshaling, ParameterError, PublicKey, SignOptions, VerifyError,
};
use crate::error::UseError;
use crate::held::HeldKeys;
use crate::ledger::VersionId;
use crate::policy::KeyKind;
use crate::version::HeldReference;

impl Key {
    /// wrapped length u16 ‖ wrapped key ‖ nonce ‖ ciphertext ‖ tag.
    pub(super) fn seal_held(
        &self,
        kind: KeyKind,
        (id, reference): (VersionId, &HeldReference),
        plaintext: &[u8],
        associated_data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), UseError> {
        let holder = self.held(kind, KeyKind::HeldWrapping)?.wrapper(reference)?;
        let data_key = Secret::<32>::random()?;
        let wrapped = holder.wrap(&SecretBytes::copy_from_slice(data_key.expose())?, &context(id))?;
        let len = u16::try_from(wrapped.len()).map_err(|_| UseError::TooLong)?;
        out.extend_from_slice(&len.to_be_bytes());
        out.extend_from_slice(&wrapped);
        let cipher = AeadKey::new(KeyType::Aes256Gcm96, data_key.expose())?;
        seal_with_nonce(&cipher, associated_data, plaintext, out)
    }

    pub(super) fn open_held(
        &self,
        kind: KeyKind,
        (id, reference): (VersionId, &HeldReference),
        sealed: &[u8],
        associated_data: &[u8],
    ) -> Result<Plaintext, UseError> {
        let holder = self.held(kind, KeyKind::HeldWrapping)?.wrapper(reference)?;
        let (len, rest) = sealed.split_first_chunk().ok_or(UseError::Forged)?;
        let len = usize::from(u16::from_be_bytes(*len));
        let (wrapped, sealed) = rest.split_at_checked(len).ok_or(UseError::Forged)?;
        let data_key = holder.unwrap(wrapped, &context(id))?;
        let data_key = Secret::<32>::copy_from_slice(data_key.expose()).map_err(|_| UseError::Forged)?;
        Ok(AeadKey::new(KeyType::Aes256Gcm96, data_key.expose())?.open(associated_data, sealed)?)
    }

    pub(super) fn sign_held(
        &self,
        kind: KeyKind,
        reference: &HeldReference,
        input: &[u8],
        options: SignOptions,
    ) -> Result<Vec<u8>, UseError> {
        let signer = self.signer(kind, reference)?;
        check_options(signer.algorithm(), options)?;
        let signature = signer.sign(input)?;
        match options.marshaling {
            Marshaling::Jws => Ok(signature),
            Marshaling::Asn1 => to_asn1(&signature).ok_or(UseError::Cipher),
        }
    }

    pub(super) fn check_signing_held(
        &self,
        kind: KeyKind,
        reference: &HeldReference,
        options: SignOptions,
    ) -> Result<(), UseError> {
        check_options(self.signer(kind, reference)?.algorithm(), options).map(drop)
    }

    pub(super) fn verify_held(
        &self,
        kind: KeyKind,
        reference: &HeldReference,
        input: &[u8],
        signature: &[u8],
        options: SignOptions,
    ) -> Result<Result<(), VerifyError>, UseError> {
        let signer = self.signer(kind, reference)?;
        let (key_type, _) = check_options(signer.algorithm(), options)?;
        let public = PublicKey::from_raw(key_type, signer.public_key()).map_err(|_| UseError::Cipher)?;
        Ok(public.verify(input, signature, &options))
    }

    fn signer(&self, kind: KeyKind, reference: &HeldReference) -> Result<Arc<dyn Signer>, UseError> {
        Ok(self.held(kind, KeyKind::HeldSigning)?.signer(reference)?)
    }

    pub(super) fn held(&self, kind: KeyKind, wanted: KeyKind) -> Result<&dyn HeldKeys, UseError> {
        let held = self.transit.inner.options.held.as_deref().filter(|_| kind == wanted);
        held.ok_or_else(|| unsupported(kind))
    }
}

/// A key held elsewhere hashes the message itself, with the one hash of its algorithm.
fn check_options(algorithm: Algorithm, options: SignOptions) -> Result<(KeyType, HashAlgorithm), UseError> {
    let (key_type, hash) = match algorithm {
        Algorithm::EcdsaP256Sha256 => (KeyType::EcdsaP256, HashAlgorithm::Sha2_256),
        Algorithm::EcdsaP384Sha384 => (KeyType::EcdsaP384, HashAlgorithm::Sha2_384),
        _ => return Err(unsupported(KeyKind::HeldSigning)),
    };
    if options.prehashed {
        return Err(ParameterError::Prehashed(key_type).into());
    }
    match options.hash {
        Some(asked) if asked == hash => Ok((key_type, hash)),
        Some(_) => Err(UseError::HeldHash(hash)),
        None => Err(ParameterError::NoHash.into()),
    }
}

/// From r ‖ s, as every [`Signer`] gives it, to a DER sequence (RFC 3279, section 2.2.3).
fn to_asn1(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(signature.len() / 2)?;
    let mut integers = Vec::with_capacity(signature.len() + 8);
    for number in [r, s] {
        let first = number.iter().position(|&byte| byte != 0)?;
        let number = number.get(first..)?;
        // An integer has a sign: a leading 1 would make it negative.
        let padded = number.first().is_some_and(|&byte| byte >= 0x80);
        integers.extend([DER_INTEGER, u8::try_from(number.len() + usize::from(padded)).ok()?]);
        integers.extend(padded.then_some(0));
        integers.extend_from_slice(number);
    }
    // Up to P-384 the length has one byte.
    let len = u8::try_from(integers.len()).ok().filter(|&len| len < 0x80)?;
    Some([&[DER_SEQUENCE, len], integers.as_slice()].concat())
}

/// What the fresh key is bound to where it is wrapped: an HSM finds its key by what the wrapped one says, so that without this a
/// ciphertext would open under the number of any version held there, whatever the state of its own.
fn context(version: VersionId) -> Vec<u8> {
    [LABEL, version.0.as_slice()].concat()
}

const LABEL: &[u8] = b"strongroom transit data key";
const DER_INTEGER: u8 = 2;
const DER_SEQUENCE: u8 = 0x30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_zeros_before_them_but_the_sign() {
        assert_eq!(to_asn1(&[0, 0x7f, 0, 0x80]), Some(vec![0x30, 7, 2, 1, 0x7f, 2, 2, 0, 0x80]));
        assert_eq!(to_asn1(&[0, 0, 0, 1]), None);
        assert_eq!(to_asn1(&[]), None);
    }
}
