//! Wrapping keys under a key of the token.

mod cbc;
mod choose;
mod gcm;
mod mac;
mod oaep;

use std::sync::{Arc, PoisonError, RwLock};

use cryptoki::object::{KeyType, ObjectClass, ObjectHandle};
use strongroom_crypto::external::{ExternalError, KeyWrapper};
use strongroom_crypto::secret::SecretBytes;

use crate::blob::{self, Blob, Header, Malformed, Scheme};
use crate::error::{Failure, TokenError};
use crate::keys::{self, KeySelector, Purpose};
use crate::pool::Stamp;
use crate::token::{Lease, Pending, Token};

/// A wrapping key of a token. Copies share everything.
///
/// Its [`KeyWrapper`] calls the token on the caller's thread, which is the fastest way and cannot be interrupted: see
/// [`timed`](Self::timed) and [`wrap_elsewhere`](Self::wrap_elsewhere) for callers that must go on.
///
/// Everything that is wrapped is opened again and compared before it is given out. A wrapped key is opened with what it says of
/// itself, never with anything else; the key that it names must be in the token and safe to use.
#[derive(Clone)]
pub struct TokenKey(Arc<Shared>);

struct Shared {
    token: Token,
    /// Of what is wrapped from now on.
    header: Header,
    warnings: Vec<String>,
    /// Handles of keys that were found and judged.
    known: RwLock<Vec<Known>>,
}

#[derive(Clone)]
struct Known {
    stamp: Stamp,
    role: Role,
    id: Vec<u8>,
    key: Found,
}

/// A key that was found and judged.
#[derive(Clone, Copy)]
struct Found {
    handle: ObjectHandle,
    /// Bytes of an RSA modulus.
    modulus_len: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Aes,
    RsaPublic,
    RsaPrivate,
    Mac,
}

impl TokenKey {
    /// How new keys are wrapped, and under which key.
    pub fn header(&self) -> &Header {
        &self.0.header
    }

    /// The token.
    pub fn token(&self) -> &Token {
        &self.0.token
    }

    /// What is not safe about the key, and was accepted by `allow_weak_attributes`.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// Wraps a key on the calling thread. See [`KeyWrapper::wrap`].
    ///
    /// # Errors
    ///
    /// [`TokenError`]; nothing has to be undone.
    pub fn wrap_key(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, TokenError> {
        let shared = &*self.0;
        if key.is_empty() || key.len() > MOST_KEY {
            let text = format!("a key to wrap has 1 to {MOST_KEY} bytes, and this one has {}", key.len());
            return Err(shared.token.error(Failure::Setting(text)));
        }
        shared.token.run(&|lease| shared.wrap(lease, key, context), &|lease| shared.canary(lease))
    }

    /// Opens a wrapped key on the calling thread. See [`KeyWrapper::unwrap`].
    ///
    /// # Errors
    ///
    /// [`Failure::Rejected`] where the bytes were not made by a key of this token for this context.
    pub fn unwrap_key(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, TokenError> {
        let shared = &*self.0;
        let blob = Blob::decode(wrapped).map_err(|Malformed| {
            shared.token.error(Failure::Rejected("these bytes are not a key that a token wrapped"))
        })?;
        shared.token.run(&|lease| shared.open(lease, &blob, context), &|lease| shared.canary(lease))
    }

    /// Wraps a key on a thread of the token's. The future needs no runtime, and ends when the configured time is over.
    pub fn wrap_elsewhere(&self, key: SecretBytes, context: Vec<u8>) -> Pending<Vec<u8>, TokenError> {
        let this = self.clone();
        self.0.token.submit(move || this.wrap_key(&key, &context))
    }

    /// Opens a wrapped key on a thread of the token's. The future needs no runtime, and ends when the configured time is over.
    pub fn unwrap_elsewhere(&self, wrapped: Vec<u8>, context: Vec<u8>) -> Pending<SecretBytes, TokenError> {
        let this = self.clone();
        self.0.token.submit(move || this.unwrap_key(&wrapped, &context))
    }

    /// The same key for callers that wait no longer than the configured time, even if the token hangs.
    pub fn timed(&self) -> TimedKey {
        TimedKey(self.clone())
    }
}

impl KeyWrapper for TokenKey {
    fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        Ok(self.wrap_key(key, context)?)
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        Ok(self.unwrap_key(wrapped, context)?)
    }
}

/// A [`TokenKey`] whose calls run on the token's own threads and are given up when they take too long.
#[derive(Clone)]
pub struct TimedKey(TokenKey);

impl KeyWrapper for TimedKey {
    fn wrap(&self, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, ExternalError> {
        let (this, context) = (self.0.clone(), context.to_vec());
        let key = key.duplicate().map_err(|error| self.0.token().error(error.into()))?;
        let wrapped: Result<_, TokenError> =
            self.0.token().submit_and_wait(move || this.wrap_key(&key, &context));
        Ok(wrapped?)
    }

    fn unwrap(&self, wrapped: &[u8], context: &[u8]) -> Result<SecretBytes, ExternalError> {
        let (this, wrapped, context) = (self.0.clone(), wrapped.to_vec(), context.to_vec());
        let key: Result<_, TokenError> =
            self.0.token().submit_and_wait(move || this.unwrap_key(&wrapped, &context));
        Ok(key?)
    }
}

impl Shared {
    /// Wraps, and opens again what came out.
    fn wrap(&self, lease: &Lease<'_>, key: &SecretBytes, context: &[u8]) -> Result<Vec<u8>, Failure> {
        let binding = self.header.binding(context);
        let id = self.header.key_id();
        let (iv, ciphertext) = match self.header.scheme() {
            Scheme::Gcm(mode) => gcm::encrypt(lease, self.key(lease, Role::Aes, id)?, mode, &binding, key)?,
            Scheme::Oaep(hash) => (
                Vec::new(),
                oaep::encrypt(lease, self.key(lease, Role::RsaPublic, id)?, hash, &binding, key)?,
            ),
            Scheme::CbcHmac => cbc::encrypt(lease, self.key(lease, Role::Aes, id)?, &binding, key)?,
        };
        let mac = match self.header.scheme() {
            Scheme::Gcm(_) => Vec::new(),
            Scheme::Oaep(_) | Scheme::CbcHmac => {
                let mac_key = self.key(lease, Role::Mac, self.header.mac_key_id())?;
                mac::compute(lease, mac_key, &binding, &iv, &ciphertext)?.to_vec()
            }
        };
        let wrapped = blob::encode(&self.header, &iv, &ciphertext, &mac).map_err(|Malformed| {
            Failure::Misbehaved("its ciphertext or IV has an impossible length".into())
        })?;
        let blob = Blob::decode(&wrapped).map_err(|Malformed| {
            Failure::Misbehaved("its ciphertext or IV has an impossible length".into())
        })?;
        let same = match self.open(lease, &blob, context) {
            Ok(opened) => opened.ct_eq(key),
            Err(failure) if failure.fault() == strongroom_crypto::external::ExternalFault::Rejected => false,
            Err(failure) => return Err(failure),
        };
        if same {
            Ok(wrapped)
        } else {
            Err(Failure::Misbehaved("what it encrypted does not decrypt to the same".into()))
        }
    }

    fn open(&self, lease: &Lease<'_>, blob: &Blob<'_>, context: &[u8]) -> Result<SecretBytes, Failure> {
        let header = blob.header();
        let binding = header.binding(context);
        if let Scheme::Gcm(_) = header.scheme() {
            let key = self.key(lease, Role::Aes, header.key_id())?;
            return gcm::decrypt(lease, key, blob, &binding);
        }
        let mac_key = self.key(lease, Role::Mac, header.mac_key_id())?;
        mac::verify(lease, mac_key, blob, &binding)?;
        match header.scheme() {
            Scheme::Oaep(hash) => oaep::decrypt(
                lease,
                self.key(lease, Role::RsaPrivate, header.key_id())?,
                hash,
                blob,
                &binding,
            ),
            Scheme::CbcHmac | Scheme::Gcm(_) => {
                cbc::decrypt(lease, self.key(lease, Role::Aes, header.key_id())?, blob, &binding)
            }
        }
    }

    /// Wraps a value that everybody knows, which includes opening it.
    fn trial(&self, lease: &Lease<'_>) -> Result<(), Failure> {
        let value = SecretBytes::copy_from_slice(&CANARY)?;
        self.wrap(lease, &value, b"canary").map(drop)
    }

    /// Whether the token is at work. The key may be one that a wrapped key names, which can be anybody's: that there is none
    /// of that name is no outage as long as there are others.
    fn canary(&self, lease: &Lease<'_>) -> Result<(), Failure> {
        match self.trial(lease) {
            Err(Failure::Key { found: 0, .. }) if keys::any_is_visible(lease)? => Ok(()),
            outcome => outcome,
        }
    }

    fn key(&self, lease: &Lease<'_>, role: Role, id: &[u8]) -> Result<Found, Failure> {
        let stamp = lease.stamp();
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            let of_today = |known: &&Known| known.stamp == stamp && known.role == role && known.id == id;
            if let Some(known) = known.iter().find(of_today) {
                return Ok(known.key);
            }
        }
        let key = find(lease, role, id)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.stamp == stamp);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.push(Known { stamp, role, id: id.into(), key });
        Ok(key)
    }
}

fn find(lease: &Lease<'_>, role: Role, id: &[u8]) -> Result<Found, Failure> {
    let selector = KeySelector::id(id);
    let secret = |class, key_type, purpose| keys::usable(lease, class, key_type, &selector, purpose);
    let (handle, modulus_len) = match role {
        Role::Aes => (secret(ObjectClass::SECRET_KEY, KeyType::AES, Purpose::Wrapping)?.0, 0),
        Role::Mac => {
            (secret(ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET, Purpose::Authenticating)?.0, 0)
        }
        Role::RsaPrivate => {
            let handle = secret(ObjectClass::PRIVATE_KEY, KeyType::RSA, Purpose::Wrapping)?.0;
            (handle, keys::rsa_public(lease, handle)?.0.len())
        }
        Role::RsaPublic => {
            // Anybody may put a public key into a token: the private half must belong to it.
            let private = secret(ObjectClass::PRIVATE_KEY, KeyType::RSA, Purpose::Wrapping)?.0;
            let halves = keys::search(lease, ObjectClass::PUBLIC_KEY, Some(KeyType::RSA), &selector)?;
            let numbers = keys::rsa_public(lease, private)?;
            let mut own = None;
            for half in halves {
                if keys::rsa_public(lease, half)? == numbers {
                    own = Some(half);
                    break;
                }
            }
            let public = own.ok_or_else(|| {
                Failure::Setting(format!(
                    "no public key with {selector} belongs to the private one; put its public half back into the token"
                ))
            })?;
            (public, numbers.0.len())
        }
    };
    Ok(Found { handle, modulus_len })
}

/// More than any key has, and little enough for every token that does AES in one call.
const MOST_KEY: usize = 4096;
/// More keys than a rotation leaves in use.
const MOST_KNOWN: usize = 64;
const CANARY: [u8; 32] = [0x5A; 32];
