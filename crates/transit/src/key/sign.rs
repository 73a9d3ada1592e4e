//! Signatures.

use super::{Key, check_context, unsupported};
use crate::algorithm::{HashAlgorithm, Marshaling, Material, SignOptions, VerifyError};
use crate::cell::Live;
use crate::error::UseError;
use crate::policy::Policy;
use crate::text::{self, Base64};
use crate::version::{VersionKey, VersionSecret};

/// How to sign or verify, and with what.
#[derive(Clone, Copy, Debug, Default)]
pub struct SignRequest<'a> {
    /// What a derived key is derived for; nothing for another.
    pub context: &'a [u8],
    /// The version that signs; `None`: the newest active one. The verifier takes the signature's.
    pub version: Option<u32>,
    /// Hash, padding and form.
    pub options: SignOptions,
}

/// Which hash a MAC has.
#[derive(Clone, Copy, Debug)]
pub struct MacOptions {
    /// The hash.
    pub hash: HashAlgorithm,
    /// The version that makes the MAC; `None`: the newest active one. The verifier takes the MAC's.
    pub version: Option<u32>,
}

impl Default for MacOptions {
    fn default() -> Self {
        Self { hash: HashAlgorithm::Sha2_256, version: None }
    }
}

/// Signatures.
impl Key {
    /// Signs: version `u32` ‖ signature.
    ///
    /// # Errors
    ///
    /// [`UseError`]. Nothing was signed then. What was asked for wrongly is not counted; an operation that failed otherwise may be.
    pub fn sign(&self, input: &[u8], request: &SignRequest<'_>) -> Result<Vec<u8>, UseError> {
        let check =
            |live: &Live, key: &VersionKey| self.check_signing(live.policy(), key, input.len(), request);
        self.protect(request.version, input.len(), check, |live, version, key| {
            let policy = live.policy();
            let signature = match &key.secret {
                VersionSecret::Local(material) => sign_local(policy, material, input, request)?,
                VersionSecret::Held(reference) => {
                    self.sign_held(policy.kind, reference, input, request.options)?
                }
            };
            Ok([version.number.to_be_bytes().as_slice(), &signature].concat())
        })
    }

    /// What can be said before it is done.
    fn check_signing(
        &self,
        policy: &Policy,
        key: &VersionKey,
        input_len: usize,
        request: &SignRequest<'_>,
    ) -> Result<(), UseError> {
        check_context(policy, request.context)?;
        match &key.secret {
            VersionSecret::Local(material) if !material.key_type().supports_signing() => {
                Err(unsupported(policy.kind))
            }
            VersionSecret::Local(material) => Ok(material.check_signing(input_len, request.options)?),
            VersionSecret::Held(reference) => {
                self.check_signing_held(policy.kind, reference, request.options)
            }
        }
    }

    /// Signs to Vault's text: `vault:vN:` and base64, or base64url in JWS form.
    ///
    /// # Errors
    ///
    /// As [`sign`](Self::sign).
    pub fn sign_text(&self, input: &[u8], request: &SignRequest<'_>) -> Result<String, UseError> {
        let bytes = self.sign(input, request)?;
        let (version, signature) = text::split_bytes(&bytes)?;
        Ok(text::encode(version, signature, base64(request.options.marshaling)))
    }

    /// Whether this is a signature of this input by the version that it names.
    ///
    /// It need not be the one that [`sign`](Self::sign) gave: of an ECDSA signature (r, s) anybody makes (r, n − s), which is as good,
    /// so a signature is no identifier of what was signed. See [`SignOptions::prehashed`] for what else is equal to ECDSA.
    ///
    /// # Errors
    ///
    /// [`UseError`] where it cannot be said; a signature that is wrong, whatever is wrong with it, is `Ok(false)`.
    pub fn verify(
        &self,
        input: &[u8],
        signature: &[u8],
        request: &SignRequest<'_>,
    ) -> Result<bool, UseError> {
        let (version, signature) = text::split_bytes(signature)?;
        self.verify_by(version, input, signature, request)
    }

    /// The same for Vault's text.
    ///
    /// # Errors
    ///
    /// [`UseError::Text`]; or as [`verify`](Self::verify).
    pub fn verify_text(
        &self,
        input: &[u8],
        signature: &str,
        request: &SignRequest<'_>,
    ) -> Result<bool, UseError> {
        let (version, signature) = text::decode(signature, base64(request.options.marshaling))?;
        self.verify_by(version, input, &signature, request)
    }

    fn verify_by(
        &self,
        version: u32,
        input: &[u8],
        signature: &[u8],
        request: &SignRequest<'_>,
    ) -> Result<bool, UseError> {
        let content = self.cell.load();
        let live = content.usable()?;
        let policy = live.policy();
        check_context(policy, request.context)?;
        let (_, key) = live.processing(version)?;
        let outcome = match &key.secret {
            VersionSecret::Local(material) => {
                if !material.key_type().supports_signing() {
                    return Err(unsupported(policy.kind));
                }
                if policy.derived {
                    material.derive_signing(request.context)?.verify(input, signature, &request.options)
                } else {
                    material.verify(input, signature, &request.options)
                }
            }
            VersionSecret::Held(reference) => {
                self.verify_held(policy.kind, reference, input, signature, request.options)?
            }
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(VerifyError::Wrong) => Ok(false),
            Err(VerifyError::Parameter(error)) => Err(error.into()),
        }
    }
}

fn sign_local(
    policy: &Policy,
    material: &Material,
    input: &[u8],
    request: &SignRequest<'_>,
) -> Result<Vec<u8>, UseError> {
    let signature = if policy.derived {
        material.derive_signing(request.context)?.sign(input, &request.options)?
    } else {
        material.sign(input, &request.options)?
    };
    Ok(signature)
}

fn base64(marshaling: Marshaling) -> Base64 {
    match marshaling {
        Marshaling::Asn1 => Base64::Standard,
        Marshaling::Jws => Base64::Url,
    }
}
