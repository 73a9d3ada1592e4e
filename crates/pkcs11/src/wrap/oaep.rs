//! RSA-OAEP (RFC 8017, section 7.1). Anybody can encrypt to a public key, so it is decrypted only after its HMAC was checked.

use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType};
use strongroom_crypto::secret::SecretBytes;

use super::Found;
use super::mac::{bound, unbind};
use crate::blob::{BINDING_LEN, Blob};
use crate::config::OaepHash;
use crate::error::Failure;
use crate::raw::Named;
use crate::token::Lease;

pub(super) fn encrypt(
    lease: &Lease<'_>,
    key: Found,
    hash: OaepHash,
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<Vec<u8>, Failure> {
    let plaintext = bound(binding, plaintext)?;
    // RFC 8017, section 7.1.1, step 1b.
    if plaintext.len() + 2 * hash.len() + 2 > key.modulus_len {
        return Err(Failure::Unsupported(
            "the key to wrap is too long for the RSA key; use a longer one, or aes-gcm".into(),
        ));
    }
    let ciphertext = lease.module().raw().encrypt(
        lease.session(),
        &mechanism(hash),
        key.handle,
        plaintext.expose(),
        key.modulus_len,
    )?;
    if ciphertext.len() != key.modulus_len {
        return Err(Failure::Misbehaved("its RSA ciphertext has the wrong length".into()));
    }
    Ok(ciphertext)
}

pub(super) fn decrypt(
    lease: &Lease<'_>,
    key: Found,
    hash: OaepHash,
    blob: &Blob<'_>,
    binding: &[u8; BINDING_LEN],
) -> Result<SecretBytes, Failure> {
    let mut output = SecretBytes::zeroed(key.modulus_len)?;
    let written = lease.module().raw().decrypt(
        lease.session(),
        &mechanism(hash),
        key.handle,
        blob.ciphertext(),
        output.expose_mut(),
    )?;
    unbind(&output, written, binding)
}

fn mechanism(hash: OaepHash) -> Named<'static> {
    let (hash, mgf) = match hash {
        OaepHash::Sha1 => (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1),
        OaepHash::Sha256 => (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256),
        OaepHash::Sha384 => (MechanismType::SHA384, PkcsMgfType::MGF1_SHA384),
        OaepHash::Sha512 => (MechanismType::SHA512, PkcsMgfType::MGF1_SHA512),
    };
    let parameters = PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty());
    Named { name: "CKM_RSA_PKCS_OAEP", mechanism: Mechanism::RsaPkcsOaep(parameters) }
}
