//! AES-GCM (SP 800-38D) with a tag of 128 bits, and an IV from where the configuration says.

use cryptoki::mechanism::aead::{GcmMessageParams, GcmParams, GeneratorFunction};
use cryptoki::mechanism::{Mechanism, MessageParam};
use strongroom_crypto::random;
use strongroom_crypto::secret::SecretBytes;

use super::Found;
use crate::blob::{APPENDED_IV_LEN, BINDING_LEN, Blob, GCM_IV_LEN};
use crate::config::IvMode;
use crate::error::Failure;
use crate::raw::{GcmWithoutIv, Named};
use crate::token::Lease;

/// Answers the IV, and the ciphertext with its tag.
pub(super) fn encrypt(
    lease: &Lease<'_>,
    key: Found,
    mode: IvMode,
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let (iv, ciphertext) = match mode {
        IvMode::Caller => {
            let drawn = random::array::<GCM_IV_LEN>()?;
            let (iv, ciphertext) = with_iv(lease, key, drawn, binding, plaintext)?;
            if iv != drawn {
                return Err(Failure::Misbehaved("it changed the IV that it was given; set iv_mode".into()));
            }
            (iv.to_vec(), ciphertext)
        }
        IvMode::ZeroedWriteback => {
            let (iv, ciphertext) = with_iv(lease, key, [0; GCM_IV_LEN], binding, plaintext)?;
            (iv.to_vec(), ciphertext)
        }
        IvMode::Appended => appended(lease, key, binding, plaintext)?,
        IvMode::MessageApi => message(lease, key, binding, plaintext)?,
    };
    if iv.iter().all(|byte| *byte == 0) {
        return Err(Failure::Misbehaved("it did not generate an IV; set another iv_mode".into()));
    }
    if ciphertext.len() != plaintext.len() + TAG_LEN {
        return Err(Failure::Misbehaved("its AES-GCM ciphertext has the wrong length".into()));
    }
    Ok((iv, ciphertext))
}

pub(super) fn decrypt(
    lease: &Lease<'_>,
    key: Found,
    blob: &Blob<'_>,
    binding: &[u8; BINDING_LEN],
) -> Result<SecretBytes, Failure> {
    let sealed = blob.ciphertext();
    let len = sealed
        .len()
        .checked_sub(TAG_LEN)
        .filter(|len| *len > 0)
        .ok_or(Failure::Rejected("the wrapped key is too short"))?;
    let mut iv = blob.iv().to_vec();
    let parameters = GcmParams::new(&mut iv, binding, TAG_BITS.into())?;
    let by = Named { name: "CKM_AES_GCM", mechanism: Mechanism::AesGcm(parameters) };
    let mut output = SecretBytes::zeroed(sealed.len())?;
    let written =
        lease.module().raw().decrypt(lease.session(), &by, key.handle, sealed, output.expose_mut())?;
    let opened = output.expose().get(..written).filter(|_| written == len);
    let opened =
        opened.ok_or_else(|| Failure::Misbehaved("its AES-GCM plaintext has the wrong length".into()))?;
    Ok(SecretBytes::copy_from_slice(opened)?)
}

/// Answers the IV as it is afterwards.
fn with_iv(
    lease: &Lease<'_>,
    key: Found,
    mut iv: [u8; GCM_IV_LEN],
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<([u8; GCM_IV_LEN], Vec<u8>), Failure> {
    let parameters = GcmParams::new(&mut iv, binding, TAG_BITS.into())?;
    let by = Named { name: "CKM_AES_GCM", mechanism: Mechanism::AesGcm(parameters) };
    let most = plaintext.len() + TAG_LEN;
    let ciphertext =
        lease.module().raw().encrypt(lease.session(), &by, key.handle, plaintext.expose(), most)?;
    drop(by);
    Ok((iv, ciphertext))
}

fn appended(
    lease: &Lease<'_>,
    key: Found,
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let by = GcmWithoutIv { aad: binding, tag_bits: TAG_BITS };
    let most = plaintext.len() + TAG_LEN + APPENDED_IV_LEN;
    let mut output = lease.module().raw().encrypt_without_iv(
        lease.session(),
        &by,
        key.handle,
        plaintext.expose(),
        most,
    )?;
    if output.len() != most {
        return Err(Failure::Misbehaved("it appended no IV; set another iv_mode".into()));
    }
    let iv = output.split_off(plaintext.len() + TAG_LEN);
    Ok((iv, output))
}

fn message(
    lease: &Lease<'_>,
    key: Found,
    binding: &[u8; BINDING_LEN],
    plaintext: &SecretBytes,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let session = lease.session();
    let (mut iv, mut tag) = ([0; GCM_IV_LEN], [0; TAG_LEN]);
    let parameters = GcmMessageParams::new(&mut iv, 0.into(), GeneratorFunction::GenerateRandom, &mut tag)?;
    session.message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key.handle)?;
    let parameters = MessageParam::AesGcmMessage(parameters);
    let mut ciphertext = session.encrypt_message(&parameters, binding, plaintext.expose())?;
    session.message_encrypt_final()?;
    ciphertext.extend_from_slice(&tag);
    Ok((iv.to_vec(), ciphertext))
}

const TAG_LEN: usize = 16;
const TAG_BITS: u64 = 128;
