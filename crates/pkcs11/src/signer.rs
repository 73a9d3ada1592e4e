//! Signatures by a key of the token (ECDSA, FIPS 186-5). The message is hashed here.

use std::sync::{Arc, PoisonError, RwLock};

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{KeyType, ObjectClass, ObjectHandle};
use strongroom_crypto::external::ExternalError;
use strongroom_crypto::sign::{self, Algorithm, Signer};

use crate::error::{Failure, TokenError};
use crate::keys::{self, KeyKind, KeySelector, Purpose};
use crate::pool::Stamp;
use crate::raw::Named;
use crate::token::{Lease, Token};

/// A signing key of a token. Copies share everything. Each signature is verified in this process before it is given out.
#[derive(Clone)]
pub struct TokenSigner(Arc<Shared>);

struct Shared {
    token: Token,
    algorithm: Algorithm,
    public_key: Vec<u8>,
    id: Vec<u8>,
    known: RwLock<Option<(Stamp, ObjectHandle)>>,
}

impl Token {
    /// The one signing key that is meant: P-256 or P-384.
    ///
    /// # Errors
    ///
    /// [`TokenError`]: no such key, more than one, weak attributes, another curve, or a public half that is not on its curve.
    pub fn signer(&self, selector: &KeySelector) -> Result<TokenSigner, TokenError> {
        let (algorithm, public_key, id) = self.run_plain(&|lease| {
            let (class, key_type) = (ObjectClass::PRIVATE_KEY, KeyType::EC);
            let (_, description) = keys::usable(lease, class, key_type, selector, Purpose::Signing)?;
            let (kind, algorithm) = match description.kind {
                Some(kind @ KeyKind::EcP256) => (kind, Algorithm::EcdsaP256Sha256),
                Some(kind @ KeyKind::EcP384) => (kind, Algorithm::EcdsaP384Sha384),
                _ => {
                    return Err(Failure::Unsupported(format!(
                        "the key with {selector} is on another curve; use P-256 or P-384"
                    )));
                }
            };
            let public_key = keys::ec_public(lease, &description.id, kind)?;
            Ok((algorithm, public_key, description.id))
        })?;
        let signer = TokenSigner(Arc::new(Shared {
            token: self.clone(),
            algorithm,
            public_key,
            id,
            known: RwLock::default(),
        }));
        self.run_plain(&|lease| signer.0.sign(lease, CANARY).map(drop))?;
        Ok(signer)
    }
}

impl TokenSigner {
    /// The key's `CKA_ID`.
    pub fn id(&self) -> &[u8] {
        &self.0.id
    }

    /// Signs on the calling thread. See [`Signer::sign`].
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let shared = &*self.0;
        shared.token.run(&|lease| shared.sign(lease, message), &|lease| shared.sign(lease, CANARY).map(drop))
    }

    /// Signs on the calling thread, and believes the token: for whoever verifies the signature anyway.
    ///
    /// A token that signs wrongly, by a fault or on purpose, is not found out here; a wrong ECDSA signature can tell the key.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn sign_unverified(&self, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let shared = &*self.0;
        shared
            .token
            .run(&|lease| shared.sign_only(lease, message), &|lease| shared.sign(lease, CANARY).map(drop))
    }
}

impl Signer for TokenSigner {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    fn public_key(&self) -> &[u8] {
        &self.0.public_key
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ExternalError> {
        Ok(self.sign_message(message)?)
    }
}

impl Shared {
    fn sign_only(&self, lease: &Lease<'_>, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let key = self.key(lease)?;
        let by = Named { name: "CKM_ECDSA", mechanism: Mechanism::Ecdsa };
        let digest = self.algorithm.digest(message);
        lease.module().raw().sign(lease.session(), &by, key, &digest, self.algorithm.signature_len())
    }

    fn sign(&self, lease: &Lease<'_>, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let signature = self.sign_only(lease, message)?;
        if sign::verify(self.algorithm, &self.public_key, message, &signature) {
            Ok(signature)
        } else {
            Err(Failure::Misbehaved("its signature is wrong".into()))
        }
    }

    fn key(&self, lease: &Lease<'_>) -> Result<ObjectHandle, Failure> {
        let known = *self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((stamp, key)) = known
            && stamp == lease.stamp()
        {
            return Ok(key);
        }
        let (class, selector) = (ObjectClass::PRIVATE_KEY, KeySelector::id(self.id.as_slice()));
        let (key, _) = keys::usable(lease, class, KeyType::EC, &selector, Purpose::Signing)?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some((lease.stamp(), key));
        Ok(key)
    }
}

const CANARY: &[u8] = b"strongroom pkcs11 canary";
