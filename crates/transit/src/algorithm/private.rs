//! What the cipher library makes of a private key, and what is done with it.

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Pkcs8V1Der};
use aws_lc_rs::kem;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair};
use strongroom_crypto::secret::{Plaintext, Secret, SecretBytes};
use zeroize::Zeroizing;

use super::material::{BodyError, HMAC_KEY_LENS};
use super::{
    DecapsulateError, DecryptError, KeyType, OaepHash, ParameterError, PublicKey, SignError, SignOptions,
    asn1, ecdsa, ml_dsa, ml_kem, rsa,
};

/// A private key as the library holds it. Symmetric keys are not held here: they are scheduled when they are used.
pub(crate) enum Private {
    Symmetric,
    Ed25519(Ed25519KeyPair),
    Ecdsa(EcdsaKeyPair),
    Rsa(Box<RsaPrivate>),
    MlDsa(PqdsaKeyPair),
    MlKem(kem::DecapsulationKey),
}

/// The library has a type for each of the two uses of an RSA key.
pub(crate) struct RsaPrivate {
    pub(crate) signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
}

impl Private {
    /// A new body of a kind whose keys are more than random bytes.
    pub(super) fn generate_body(key_type: KeyType) -> Result<SecretBytes, BodyError> {
        const REFUSED: BodyError = BodyError::Rejected("the cipher library made no key");
        if let Some(algorithm) = ecdsa::signing(key_type) {
            return ecdsa_body(&EcdsaKeyPair::generate(algorithm).map_err(|_| REFUSED)?);
        }
        let size = match key_type {
            KeyType::Rsa2048 => KeySize::Rsa2048,
            KeyType::Rsa3072 => KeySize::Rsa3072,
            KeyType::Rsa4096 => KeySize::Rsa4096,
            _ => return Err(REFUSED),
        };
        rsa_body(&RsaKeyPair::generate(size).map_err(|_| REFUSED)?)
    }

    /// Reads a body, whose form [`Material::encode`](super::Material::encode) tells.
    pub(super) fn from_body(key_type: KeyType, body: &[u8]) -> Result<(Self, Option<PublicKey>), BodyError> {
        const LENGTH: BodyError = BodyError::Rejected("a key of another length than its type's");
        let public = |raw: &[u8]| {
            PublicKey::checked(key_type, raw)
                .map(Some)
                .ok_or(BodyError::Rejected("no form of the public key"))
        };
        match key_type {
            KeyType::Aes128Gcm96
            | KeyType::Aes256Gcm96
            | KeyType::ChaCha20Poly1305
            | KeyType::XChaCha20Poly1305
            | KeyType::Xaes256Gcm => {
                if key_type.symmetric_key_len() == Some(body.len()) {
                    Ok((Self::Symmetric, None))
                } else {
                    Err(LENGTH)
                }
            }
            KeyType::Hmac => {
                if HMAC_KEY_LENS.contains(&body.len()) {
                    Ok((Self::Symmetric, None))
                } else {
                    Err(LENGTH)
                }
            }
            KeyType::Ed25519 => {
                let seed: &[u8; 32] = body.try_into().map_err(|_| LENGTH)?;
                let key = Ed25519KeyPair::from_seed_unchecked(seed)
                    .map_err(|_| BodyError::Rejected("no seed of Ed25519"))?;
                let public = public(key.public_key().as_ref())?;
                Ok((Self::Ed25519(key), public))
            }
            KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => {
                let key = ecdsa::parse_body(key_type, body)?;
                let public = public(key.public_key().as_ref())?;
                Ok((Self::Ecdsa(key), public))
            }
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
                let key = parse_rsa_body(key_type, body)?;
                let public = public(key.signing.public_key().as_ref())?;
                Ok((Self::Rsa(Box::new(key)), public))
            }
            KeyType::MlDsa44 | KeyType::MlDsa65 | KeyType::MlDsa87 => {
                let algorithm = ml_dsa::signing(key_type).ok_or(LENGTH)?;
                let seed: &[u8; 32] = body.try_into().map_err(|_| LENGTH)?;
                let key = PqdsaKeyPair::from_seed(algorithm, seed)
                    .map_err(|_| BodyError::Rejected("no seed of ML-DSA"))?;
                let public = public(key.public_key().as_ref())?;
                Ok((Self::MlDsa(key), public))
            }
            KeyType::MlKem768 | KeyType::MlKem1024 => {
                let seed: &[u8; 64] = body.try_into().map_err(|_| LENGTH)?;
                let (key, encapsulation_key) = ml_kem::expand(key_type, seed)?;
                Ok((Self::MlKem(key), public(&encapsulation_key)?))
            }
        }
    }

    pub(super) fn check_signing(
        &self,
        key_type: KeyType,
        input_len: usize,
        options: SignOptions,
    ) -> Result<(), ParameterError> {
        match self {
            Self::Symmetric | Self::MlKem(_) => Err(ParameterError::KeyType(key_type)),
            Self::Ed25519(_) | Self::MlDsa(_) if options.prehashed => {
                Err(ParameterError::Prehashed(key_type))
            }
            Self::Ed25519(_) | Self::MlDsa(_) => Ok(()),
            Self::Ecdsa(_) => ecdsa::check(input_len, options).map(drop),
            Self::Rsa(key) => rsa::check(&key.signing, input_len, options),
        }
    }

    pub(super) fn sign(
        &self,
        key_type: KeyType,
        input: &[u8],
        options: SignOptions,
    ) -> Result<Vec<u8>, SignError> {
        self.check_signing(key_type, input.len(), options)?;
        match self {
            Self::Symmetric | Self::MlKem(_) => Err(ParameterError::KeyType(key_type).into()),
            Self::Ed25519(key) => key
                .try_sign(input)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| SignError::Library),
            Self::MlDsa(key) => ml_dsa::sign(key, input),
            Self::Ecdsa(key) => ecdsa::sign(key, key_type, input, options),
            Self::Rsa(key) => rsa::sign(&key.signing, input, options),
        }
    }

    pub(super) fn decrypt(
        &self,
        key_type: KeyType,
        hash: OaepHash,
        ciphertext: &[u8],
    ) -> Result<Plaintext, DecryptError> {
        let Self::Rsa(key) = self else { return Err(DecryptError::KeyType(key_type)) };
        let mut plaintext = Zeroizing::new(vec![0; key.decrypting.min_output_size()]);
        let len = key
            .decrypting
            .decrypt(hash.algorithm(), ciphertext, &mut plaintext, None)
            .map_err(|_| DecryptError::Wrong)?
            .len();
        plaintext.truncate(len);
        Ok(plaintext.into())
    }

    pub(super) fn decapsulate(
        &self,
        key_type: KeyType,
        ciphertext: &[u8],
    ) -> Result<Secret<32>, DecapsulateError> {
        let (Self::MlKem(key), Some(len)) = (self, ml_kem::ciphertext_len(key_type)) else {
            return Err(DecapsulateError::KeyType(key_type));
        };
        if ciphertext.len() != len {
            return Err(DecapsulateError::Length);
        }
        let shared = key.decapsulate(ciphertext.into()).map_err(|_| DecapsulateError::Library)?;
        Ok(Secret::copy_from_slice(shared.as_ref())?)
    }
}

/// The scalar and the point.
pub(crate) fn ecdsa_body(key: &EcdsaKeyPair) -> Result<SecretBytes, BodyError> {
    let scalar = key.private_key().as_be_bytes().map_err(|_| BodyError::Rejected("no scalar"))?;
    let parts = [scalar.as_ref(), key.public_key().as_ref()];
    let mut body = SecretBytes::zeroed(parts.iter().map(|part| part.len()).sum())?;
    for (byte, source) in body.expose_mut().iter_mut().zip(parts.into_iter().flatten()) {
        *byte = *source;
    }
    Ok(body)
}

/// `RSAPrivateKey`, out of the PKCS #8 that the library writes.
pub(crate) fn rsa_body(key: &RsaKeyPair) -> Result<SecretBytes, BodyError> {
    let document: Pkcs8V1Der<'_> = key.as_der().map_err(|_| BodyError::Rejected("no DER form"))?;
    let inner = asn1::inner_key(document.as_ref()).map_err(BodyError::Rejected)?;
    Ok(SecretBytes::copy_from_slice(inner)?)
}

fn parse_rsa_body(key_type: KeyType, body: &[u8]) -> Result<RsaPrivate, BodyError> {
    const REJECTED: BodyError = BodyError::Rejected("no RSA key, or one whose parts do not belong together");
    let signing = RsaKeyPair::from_der(body).map_err(|_| REJECTED)?;
    if !rsa::has_size(key_type, signing.public_key().as_ref()) {
        return Err(BodyError::Rejected("an RSA key of another size"));
    }
    let document: Pkcs8V1Der<'_> = signing.as_der().map_err(|_| REJECTED)?;
    if asn1::inner_key(document.as_ref()).map_err(BodyError::Rejected)? != body {
        return Err(BodyError::Rejected("an RSA key in another DER form than the one that is written"));
    }
    let decrypting = PrivateDecryptingKey::from_pkcs8(document.as_ref()).map_err(|_| REJECTED)?;
    let decrypting = OaepPrivateDecryptingKey::new(decrypting).map_err(|_| REJECTED)?;
    Ok(RsaPrivate { signing, decrypting })
}
