//! What stands in for associated data where the mechanism has none: the binding inside the plaintext, and an HMAC by a key of
//! the token over the ciphertext, which is checked first.

use cryptoki::mechanism::Mechanism;
use strongroom_crypto::secret::SecretBytes;
use subtle::ConstantTimeEq as _;

use super::Found;
use crate::blob::{BINDING_LEN, Blob, MAC_LEN};
use crate::error::Failure;
use crate::raw::Named;
use crate::token::Lease;

/// HMAC-SHA-256 over binding ‖ IV ‖ ciphertext. The scheme in the binding fixes the length of the IV.
pub(super) fn compute(
    lease: &Lease<'_>,
    key: Found,
    binding: &[u8; BINDING_LEN],
    iv: &[u8],
    ciphertext: &[u8],
) -> Result<[u8; MAC_LEN], Failure> {
    let by = Named { name: "CKM_SHA256_HMAC", mechanism: Mechanism::Sha256Hmac };
    let message = [binding, iv, ciphertext].concat();
    let mac = lease.module().raw().sign(lease.session(), &by, key.handle, &message, MAC_LEN)?;
    mac.try_into().map_err(|_| Failure::Misbehaved("its HMAC has the wrong length".into()))
}

/// Computes the HMAC anew and compares, rather than believe a `CKR_OK` of `C_Verify`.
pub(super) fn verify(
    lease: &Lease<'_>,
    key: Found,
    blob: &Blob<'_>,
    binding: &[u8; BINDING_LEN],
) -> Result<(), Failure> {
    let expected = compute(lease, key, binding, blob.iv(), blob.ciphertext())?;
    if bool::from(expected.as_slice().ct_eq(blob.mac())) {
        Ok(())
    } else {
        Err(Failure::Rejected("the wrapped key's HMAC is wrong"))
    }
}

/// The binding, then the key.
pub(super) fn bound(binding: &[u8; BINDING_LEN], key: &SecretBytes) -> Result<SecretBytes, Failure> {
    let mut joined = SecretBytes::zeroed(BINDING_LEN + key.len())?;
    for (to, from) in joined.expose_mut().iter_mut().zip(binding.iter().chain(key.expose())) {
        *to = *from;
    }
    Ok(joined)
}

/// Checks the binding and takes it off.
pub(super) fn unbind(
    output: &SecretBytes,
    written: usize,
    binding: &[u8; BINDING_LEN],
) -> Result<SecretBytes, Failure> {
    let opened = output.expose().get(..written);
    let opened =
        opened.ok_or_else(|| Failure::Misbehaved("its plaintext has an impossible length".into()))?;
    let (found, key) =
        opened.split_first_chunk::<BINDING_LEN>().ok_or(Failure::Rejected("the wrapped key is too short"))?;
    if key.is_empty() || !bool::from(found.ct_eq(binding)) {
        return Err(Failure::Rejected("the wrapped key is bound to something else"));
    }
    Ok(SecretBytes::copy_from_slice(key)?)
}
