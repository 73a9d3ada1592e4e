//! One version's secret.

use strongroom_crypto::random;
use strongroom_crypto::secret::{Plaintext, Secret, SecretBytes, SecretError};

use super::private::Private;
use super::{
    AeadError, AeadKey, Convergent, DecapsulateError, DecodeError, DecryptError, DeriveError, GenerateError,
    HashAlgorithm, KeyType, OaepHash, ParameterError, PublicKey, SignError, SignOptions, VerifyError, derive,
    mac,
};

/// One version's secret: the key, and the HMAC key that Vault gives to every version beside it.
///
/// Its bytes are in secret memory, wiped on drop. See [the module](super) for what the libraries keep besides. It is
/// neither printed nor copied by accident:
///
/// ```compile_fail
/// # use strongroom_transit::algorithm::{GenerateOptions, KeyType, Material};
/// let key = Material::generate(KeyType::Ed25519, &GenerateOptions::default()).unwrap();
/// println!("{key:?}");
/// ```
///
/// ```compile_fail
/// # use strongroom_transit::algorithm::{GenerateOptions, KeyType, Material};
/// let key = Material::generate(KeyType::Ed25519, &GenerateOptions::default()).unwrap();
/// let copy = key.clone();
/// ```
///
/// What does compile, so that the two above fail for the reason meant:
///
/// ```
/// # use strongroom_transit::algorithm::{GenerateOptions, KeyType, Material};
/// let key = Material::generate(KeyType::Ed25519, &GenerateOptions::default()).unwrap();
/// println!("{}", key.key_type());
/// ```
pub struct Material {
    pub(crate) key_type: KeyType,
    /// As it is stored: see [`encode`](Self::encode).
    pub(crate) body: SecretBytes,
    /// None for [`KeyType::Hmac`], whose key it is.
    pub(crate) hmac_key: Option<Secret<HMAC_KEY_LEN>>,
    private: Private,
    public: Option<PublicKey>,
}

/// What is not said by the kind of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GenerateOptions {
    /// How many bytes a key of type `hmac` has, from 32 to 512: Vault's `key_size`.
    pub hmac_key_len: usize,
}

impl Default for GenerateOptions {
    fn default() -> Self {
        Self { hmac_key_len: HMAC_KEY_LEN }
    }
}

impl Material {
    /// Draws a new key.
    ///
    /// Where the key is a string of random bytes (symmetric and HMAC keys, seeds of Ed25519, ML-KEM and ML-DSA) it is drawn from
    /// the operating system, and from a second source where one was named ([`random::mix_in`]). The scalars of ECDSA and the primes of
    /// RSA come from aws-lc's generator alone, which the operating system seeds.
    ///
    /// # Errors
    ///
    /// [`GenerateError::HmacKeyLength`]; or no randomness or memory.
    pub fn generate(key_type: KeyType, options: &GenerateOptions) -> Result<Self, GenerateError> {
        if key_type == KeyType::Hmac && !HMAC_KEY_LENS.contains(&options.hmac_key_len) {
            return Err(GenerateError::HmacKeyLength);
        }
        let body = match random_len(key_type, *options) {
            Some(len) => {
                let mut body = SecretBytes::zeroed(len)?;
                random::fill_as_key(body.expose_mut())?;
                body
            }
            None => Private::generate_body(key_type)?,
        };
        Ok(Self::with_new_hmac_key(key_type, body)?)
    }

    /// The material of a body that is not ours yet, with a new HMAC key beside it.
    pub(crate) fn with_new_hmac_key(key_type: KeyType, body: SecretBytes) -> Result<Self, BodyError> {
        let hmac_key = if key_type == KeyType::Hmac { None } else { Some(Secret::random()?) };
        Self::from_parts(key_type, body, hmac_key)
    }

    fn from_parts(
        key_type: KeyType,
        body: SecretBytes,
        hmac_key: Option<Secret<HMAC_KEY_LEN>>,
    ) -> Result<Self, BodyError> {
        let (private, public) = Private::from_body(key_type, body.expose())?;
        Ok(Self { key_type, body, hmac_key, private, public })
    }

    /// The bytes to be stored: `format 1 | type 1 | HMAC key 32, absent for hmac | length u16 | key`. The key is
    ///
    /// - symmetric and HMAC: itself;
    /// - Ed25519 and ML-DSA: the seed of 32 bytes (RFC 8032, section 5.1.5; FIPS 204, algorithm 6, ξ);
    /// - ML-KEM: the seed of 64 bytes (FIPS 203, algorithm 16, d ‖ z);
    /// - ECDSA: the scalar, as long as the curve's order, and the uncompressed point (SEC 1, section 2.3.3);
    /// - RSA: `RSAPrivateKey` in DER (RFC 8017, appendix A.1.2).
    ///
    /// # Errors
    ///
    /// No secret memory.
    pub fn encode(&self) -> Result<SecretBytes, SecretError> {
        let hmac_key = self.hmac_key.as_ref().map(|key| key.expose().as_slice()).unwrap_or_default();
        let len = u16::try_from(self.body.len()).map_err(|_| SecretError::Length)?.to_be_bytes();
        let parts = [&[FORMAT, self.key_type.code()], hmac_key, &len, self.body.expose()];
        let mut bytes = SecretBytes::zeroed(parts.iter().map(|part| part.len()).sum())?;
        for (byte, source) in bytes.expose_mut().iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *source;
        }
        Ok(bytes)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    ///
    /// Every departure from the format is refused: an unknown version or type, a length that does not fit, a point
    /// that is not the scalar's, a DER form other than the one that is written.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let ([format, code], rest) = bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        if *format != FORMAT {
            return Err(DecodeError::Version);
        }
        let key_type = KeyType::from_code(*code).ok_or(DecodeError::Malformed("unknown type of key"))?;
        let (hmac_key, rest) = if key_type == KeyType::Hmac {
            (None, rest)
        } else {
            let (hmac_key, rest) = rest.split_at_checked(HMAC_KEY_LEN).ok_or(DecodeError::Truncated)?;
            (Some(Secret::copy_from_slice(hmac_key)?), rest)
        };
        let (len, body) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
        match usize::from(u16::from_be_bytes(*len)) {
            len if len > body.len() => return Err(DecodeError::Truncated),
            len if len < body.len() => return Err(DecodeError::Malformed("bytes after the end")),
            // Secret memory is dear, so the length is looked at before the key is copied.
            len if len > MAX_BODY => return Err(DecodeError::Malformed("a key too long")),
            _ => {}
        }
        Ok(Self::from_parts(key_type, SecretBytes::copy_from_slice(body)?, hmac_key)?)
    }

    /// Whether the key is the same, in constant time; the HMAC key beside it apart. Of an asymmetric key the public half tells.
    pub(crate) fn is_same_key(&self, other: &Self) -> bool {
        match (&self.public, &other.public) {
            (Some(own), Some(other)) => own == other,
            _ => self.body.ct_eq(&other.body),
        }
    }

    /// The kind of key.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The public half, of an asymmetric key.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }

    /// Schedules the key for sealing and opening, when it is not derived.
    ///
    /// # Errors
    ///
    /// [`AeadError::KeyType`] for a kind that does not encrypt symmetrically.
    pub fn aead(&self) -> Result<AeadKey, AeadError> {
        AeadKey::new(self.key_type, self.body.expose())
    }

    /// The key that belongs to a context: HKDF-SHA-256 (RFC 5869) of the key without a salt, the context as info.
    ///
    /// # Errors
    ///
    /// [`DeriveError::KeyType`] or [`DeriveError::NoContext`].
    pub fn derive_aead(&self, context: &[u8]) -> Result<AeadKey, DeriveError> {
        derive::aead(self.key_type, self.body.expose(), context)
    }

    /// The key that belongs to a context and chooses its own nonces: the same plaintext gives the same ciphertext.
    ///
    /// # Errors
    ///
    /// As [`derive_aead`](Self::derive_aead).
    pub fn derive_convergent(&self, context: &[u8]) -> Result<Convergent, DeriveError> {
        derive::convergent(self.key_type, self.body.expose(), context)
    }

    /// The signing key that belongs to a context, for Ed25519. It has the same HMAC key.
    ///
    /// # Errors
    ///
    /// As [`derive_aead`](Self::derive_aead).
    pub fn derive_signing(&self, context: &[u8]) -> Result<Self, DeriveError> {
        let (KeyType::Ed25519, Some(public)) = (self.key_type, &self.public) else {
            return Err(DeriveError::KeyType(self.key_type));
        };
        let seed = derive::ed25519_seed(self.body.expose(), public.raw(), context)?;
        let hmac_key = self.hmac_key.as_ref().map(Secret::duplicate).transpose()?;
        Self::from_parts(self.key_type, seed, hmac_key).map_err(|error| match error {
            BodyError::Secret(error) => DeriveError::Secret(error),
            BodyError::Rejected(_) => DeriveError::Library,
        })
    }

    /// Signs the input.
    ///
    /// # Errors
    ///
    /// [`SignError::Parameter`] where the options do not go with the key.
    pub fn sign(&self, input: &[u8], options: &SignOptions) -> Result<Vec<u8>, SignError> {
        self.private.sign(self.key_type, input, *options)
    }

    /// Whether [`sign`](Self::sign) takes an input of so many bytes with these options.
    pub(crate) fn check_signing(&self, input_len: usize, options: SignOptions) -> Result<(), ParameterError> {
        self.private.check_signing(self.key_type, input_len, options)
    }

    /// Whether the signature is this key's for the input: [`PublicKey::verify`].
    ///
    /// # Errors
    ///
    /// [`VerifyError::Wrong`]; or [`VerifyError::Parameter`] where the options do not go with the key.
    pub fn verify(&self, input: &[u8], signature: &[u8], options: &SignOptions) -> Result<(), VerifyError> {
        match &self.public {
            Some(public) => public.verify(input, signature, options),
            None => Err(ParameterError::KeyType(self.key_type).into()),
        }
    }

    /// HMAC over the input (FIPS 198-1), under the version's HMAC key.
    pub fn hmac(&self, hash: HashAlgorithm, input: &[u8]) -> Vec<u8> {
        mac::hmac(hash, self.hmac_key(), input)
    }

    /// Whether the tag is right, in constant time. A truncated tag is wrong.
    pub fn verify_hmac(&self, hash: HashAlgorithm, input: &[u8], tag: &[u8]) -> bool {
        mac::verify(hash, self.hmac_key(), input, tag)
    }

    pub(crate) fn hmac_key(&self) -> &[u8] {
        match &self.hmac_key {
            Some(key) => key.expose(),
            None => self.body.expose(),
        }
    }

    /// Decrypts what [`PublicKey::encrypt`] made: RSAES-OAEP (RFC 8017, section 7.1), no label.
    ///
    /// # Errors
    ///
    /// [`DecryptError::KeyType`] unless the key is RSA; [`DecryptError::Wrong`] for everything that the ciphertext may have,
    /// without saying what.
    pub fn decrypt(&self, hash: OaepHash, ciphertext: &[u8]) -> Result<Plaintext, DecryptError> {
        self.private.decrypt(self.key_type, hash, ciphertext)
    }

    /// The secret that was encapsulated (FIPS 203, algorithm 21).
    ///
    /// A ciphertext of the right length that was not made for this key gives a secret too, one that nobody knows:
    /// that is how ML-KEM rejects.
    ///
    /// # Errors
    ///
    /// [`DecapsulateError::KeyType`] unless the key is ML-KEM; [`DecapsulateError::Length`].
    pub fn decapsulate(&self, ciphertext: &[u8]) -> Result<Secret<32>, DecapsulateError> {
        self.private.decapsulate(self.key_type, ciphertext)
    }

    pub(crate) fn private(&self) -> &Private {
        &self.private
    }
}

/// How long the body is, of kinds whose body is a string of random bytes.
fn random_len(key_type: KeyType, options: GenerateOptions) -> Option<usize> {
    match key_type {
        KeyType::Hmac => Some(options.hmac_key_len),
        KeyType::Ed25519 | KeyType::MlDsa44 | KeyType::MlDsa65 | KeyType::MlDsa87 => Some(32),
        KeyType::MlKem768 | KeyType::MlKem1024 => Some(64),
        _ => key_type.symmetric_key_len(),
    }
}

/// Why a body is no key.
pub(crate) enum BodyError {
    /// It breaks the rule that is named.
    Rejected(&'static str),
    /// No secret memory.
    Secret(SecretError),
}

impl From<SecretError> for BodyError {
    fn from(error: SecretError) -> Self {
        Self::Secret(error)
    }
}

pub(crate) const HMAC_KEY_LEN: usize = 32;
/// Vault's bounds.
pub(crate) const HMAC_KEY_LENS: std::ops::RangeInclusive<usize> = 32..=512;
/// Well over the 2,375 bytes of an `RSAPrivateKey` of 4096 bits.
pub(crate) const MAX_BODY: usize = 4096;
const FORMAT: u8 = 1;
