//! AES-CBC with padding (SP 800-38A; RFC 5652, section 6.3). It is decrypted only after its HMAC was checked.

use cryptoki::mechanism::Mechanism;
use strongroom_crypto::random;
use strongroom_crypto::secret::SecretBytes;

use super::Found;
use super::mac::{bound, unbind};
use crate::blob::{BINDING_LEN, Blob, CBC_IV_LEN};
use crate::error::Failure;
use crate::raw::Named;
use crate::token::Lease;

/// Answers the IV and the ciphertext.
pub(super) fn encrypt(
    lease: &Lease<'_>,
    key: Found,
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let iv = random::array::<CBC_IV_LEN>()?;
    let plaintext = bound(binding, plaintext)?;
    let padded = (plaintext.len() / BLOCK + 1) * BLOCK;
    let by = Named { name: "CKM_AES_CBC_PAD", mechanism: Mechanism::AesCbcPad(iv) };
    let ciphertext =
        lease.module().raw().encrypt(lease.session(), &by, key.handle, plaintext.expose(), padded)?;
    if ciphertext.len() != padded {
        return Err(Failure::Misbehaved("its AES-CBC ciphertext has the wrong length".into()));
    }
    Ok((iv.to_vec(), ciphertext))
}

pub(super) fn decrypt(
    lease: &Lease<'_>,
    key: Found,
    blob: &Blob<'_>,
    binding: &[u8; BINDING_LEN],
) -> Result<SecretBytes, Failure> {
    let iv = blob.iv().try_into().map_err(|_| Failure::Rejected("the wrapped key has a wrong IV"))?;
    let by = Named { name: "CKM_AES_CBC_PAD", mechanism: Mechanism::AesCbcPad(iv) };
    let mut output = SecretBytes::zeroed(blob.ciphertext().len())?;
    let written = lease.module().raw().decrypt(
        lease.session(),
        &by,
        key.handle,
        blob.ciphertext(),
        output.expose_mut(),
    )?;
    unbind(&output, written, binding)
}

const BLOCK: usize = 16;
