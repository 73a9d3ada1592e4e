//! What a token really can do: each capability is tried with keys that are made for it and live as long as the session.
//!
//! A token's list of mechanisms says what it has a name for. Whether it takes an IV from the caller, appends one, or
//! encrypts without one and says nothing, only a try tells.

use cryptoki::mechanism::aead::{GcmMessageParams, GcmParams, GeneratorFunction};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType, MessageParam};
use cryptoki::object::{Attribute, ObjectHandle};
use strongroom_crypto::secret::SecretBytes;

use crate::error::{Failure, TokenError};
use crate::keys::P256_OID;
use crate::raw::{GcmWithoutIv, Named};
use crate::token::{Lease, Token};

/// One capability, and what came of trying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// What was tried.
    pub name: &'static str,
    /// What came of it.
    pub answer: Answer,
}

/// What came of trying a capability.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It works.
    Yes,
    /// The token says that it does not.
    No(String),
    /// It says that it does, and what it does is not safe to rely on.
    Unsafe(&'static str),
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::No(why) => write!(f, "no ({why})"),
            Self::Unsafe(why) => write!(f, "unsafe: {why}"),
        }
    }
}

impl Token {
    /// Tries everything. The keys are of sessions alone, and gone afterwards.
    ///
    /// # Errors
    ///
    /// [`TokenError`] where the token does not answer at all. What it refuses is an answer.
    pub fn capabilities(&self) -> Result<Vec<Capability>, TokenError> {
        PROBES
            .iter()
            .map(|(name, probe)| {
                let answer = match self.run_writing(&|lease| probe(lease)) {
                    Ok(answer) => answer,
                    Err(error) => match error.failure() {
                        Failure::Call { code, .. } => Answer::No(code.to_string()),
                        Failure::Unsupported(_) => Answer::No("not in the module".into()),
                        Failure::Misbehaved(_) => Answer::Unsafe("CKR_OK and a wrong answer"),
                        _ => return Err(error),
                    },
                };
                Ok(Capability { name, answer })
            })
            .collect()
    }
}

type Probe = fn(&Lease<'_>) -> Result<Answer, Failure>;

fn aes_key(lease: &Lease<'_>) -> Result<ObjectHandle, Failure> {
    let template = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::ValueLen(32.into()),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
        Attribute::Wrap(true),
        Attribute::Unwrap(true),
    ];
    Ok(lease.session().generate_key(&Mechanism::AesKeyGen, &template)?)
}

fn generates_aes(lease: &Lease<'_>) -> Result<Answer, Failure> {
    aes_key(lease).map(|_| Answer::Yes)
}

fn gcm(
    lease: &Lease<'_>,
    key: ObjectHandle,
    iv: &mut [u8],
    aad: &[u8],
    tag_bits: u64,
) -> Result<Vec<u8>, Failure> {
    let mechanism = Mechanism::AesGcm(GcmParams::new(iv, aad, tag_bits.into())?);
    let by = Named { name: "CKM_AES_GCM", mechanism };
    lease.module().raw().encrypt(lease.session(), &by, key, &DATA, DATA.len() + 32)
}

fn opens(
    lease: &Lease<'_>,
    key: ObjectHandle,
    iv: &mut [u8],
    aad: &[u8],
    sealed: &[u8],
) -> Result<bool, Failure> {
    let mechanism = Mechanism::AesGcm(GcmParams::new(iv, aad, 128.into())?);
    let by = Named { name: "CKM_AES_GCM", mechanism };
    let mut output = SecretBytes::zeroed(sealed.len())?;
    let len = lease.module().raw().decrypt(lease.session(), &by, key, sealed, output.expose_mut())?;
    Ok(output.expose().get(..len) == Some(DATA.as_slice()))
}

fn gcm_caller(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let key = aes_key(lease)?;
    let sealed = gcm(lease, key, &mut [7; 12], b"aad", 128)?;
    if sealed.len() != DATA.len() + 16 || !opens(lease, key, &mut [7; 12], b"aad", &sealed)? {
        return Ok(Answer::Unsafe("it does not decrypt to the same"));
    }
    // What the error is, differs; the session is discarded after it.
    Ok(match opens(lease, key, &mut [7; 12], b"bad", &sealed) {
        Ok(_) => Answer::Unsafe("it ignores the associated data"),
        Err(_) => Answer::Yes,
    })
}

fn gcm_writeback(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let mut iv = [0; 12];
    gcm(lease, aes_key(lease)?, &mut iv, b"aad", 128)?;
    Ok(if iv == [0; 12] { Answer::Unsafe("it encrypts with an IV of zeros") } else { Answer::Yes })
}

fn gcm_without_iv(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let key = aes_key(lease)?;
    let by = GcmWithoutIv { aad: b"aad", tag_bits: 128 };
    let encrypt =
        || lease.module().raw().encrypt_without_iv(lease.session(), &by, key, &DATA, DATA.len() + 32);
    let (first, second) = (encrypt()?, encrypt()?);
    Ok(if first == second {
        Answer::Unsafe("it encrypts with one IV for ever")
    } else if first.len() == DATA.len() + 32 {
        Answer::Yes
    } else {
        Answer::Unsafe("it does not tell the IV")
    })
}

fn gcm_message(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let key = aes_key(lease)?;
    let (mut iv, mut tag) = ([0; 12], [0; 16]);
    let parameters = GcmMessageParams::new(&mut iv, 0.into(), GeneratorFunction::GenerateRandom, &mut tag)?;
    let session = lease.session();
    session.message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key)?;
    let mut sealed = session.encrypt_message(&MessageParam::AesGcmMessage(parameters), b"aad", &DATA)?;
    session.message_encrypt_final()?;
    sealed.extend_from_slice(&tag);
    if iv == [0; 12] {
        return Ok(Answer::Unsafe("it generated no IV"));
    }
    Ok(if opens(lease, key, &mut iv, b"aad", &sealed)? {
        Answer::Yes
    } else {
        Answer::Unsafe("it does not decrypt to the same")
    })
}

fn gcm_no_tag(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let key = aes_key(lease)?;
    gcm(lease, key, &mut [7; 12], b"aad", 128)?;
    let sealed = gcm(lease, key, &mut [7; 12], b"aad", 0);
    // Refusing is what it should do.
    Ok(if sealed.is_ok() { Answer::Unsafe("it encrypts without a tag") } else { Answer::Yes })
}

fn cbc_pad(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let key = aes_key(lease)?;
    let by = Named { name: "CKM_AES_CBC_PAD", mechanism: Mechanism::AesCbcPad([7; 16]) };
    let sealed = lease.module().raw().encrypt(lease.session(), &by, key, &DATA, DATA.len() + 16)?;
    let mut output = SecretBytes::zeroed(sealed.len())?;
    let len = lease.module().raw().decrypt(lease.session(), &by, key, &sealed, output.expose_mut())?;
    Ok(if output.expose().get(..len) == Some(DATA.as_slice()) {
        Answer::Yes
    } else {
        Answer::Unsafe("it does not decrypt to the same")
    })
}

fn ecb(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let by = Named { name: "CKM_AES_ECB", mechanism: Mechanism::AesEcb };
    lease.module().raw().encrypt(lease.session(), &by, aes_key(lease)?, &[0; 16], 16)?;
    Ok(Answer::Yes)
}

fn hmac(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let template = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::ValueLen(32.into()),
        Attribute::Sign(true),
        Attribute::Verify(true),
    ];
    let key = lease.session().generate_key(&Mechanism::GenericSecretKeyGen, &template)?;
    let by = Named { name: "CKM_SHA256_HMAC", mechanism: Mechanism::Sha256Hmac };
    let mac = lease.module().raw().sign(lease.session(), &by, key, &DATA, 32)?;
    Ok(if mac.len() == 32 { Answer::Yes } else { Answer::Unsafe("the MAC has the wrong length") })
}

/// A key that may leave the token is wrapped: what the seal itself never does.
fn wraps(lease: &Lease<'_>, mechanism: &Mechanism<'_>) -> Result<Answer, Failure> {
    let by = aes_key(lease)?;
    let template = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(true),
        Attribute::ValueLen(32.into()),
        Attribute::Encrypt(true),
    ];
    let key = lease.session().generate_key(&Mechanism::AesKeyGen, &template)?;
    lease.session().wrap_key(mechanism, by, key)?;
    Ok(Answer::Yes)
}

fn key_wrap(lease: &Lease<'_>) -> Result<Answer, Failure> {
    wraps(lease, &Mechanism::AesKeyWrap)
}

fn key_wrap_pad(lease: &Lease<'_>) -> Result<Answer, Failure> {
    wraps(lease, &Mechanism::AesKeyWrapPad)
}

/// The binding has no name for it, so it is looked up and not tried.
fn key_wrap_kwp(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let listed = lease.module().raw().mechanisms(lease.module().binding(), lease.slot()?)?;
    Ok(if listed.contains(&cryptoki_sys::CKM_AES_KEY_WRAP_KWP) {
        Answer::Yes
    } else {
        Answer::No("not listed".into())
    })
}

fn oaep(lease: &Lease<'_>, hash: MechanismType, mgf: PkcsMgfType) -> Result<Answer, Failure> {
    let public = [
        Attribute::Token(false),
        Attribute::ModulusBits(2048.into()),
        Attribute::PublicExponent(vec![1, 0, 1]),
        Attribute::Encrypt(true),
    ];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Decrypt(true),
    ];
    let (public, private) =
        lease.session().generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private)?;
    let parameters = PkcsOaepParams::new(hash, mgf, PkcsOaepSource::empty());
    let by = Named { name: "CKM_RSA_PKCS_OAEP", mechanism: Mechanism::RsaPkcsOaep(parameters) };
    let raw = lease.module().raw();
    let sealed = raw.encrypt(lease.session(), &by, public, &DATA, 256)?;
    let mut output = SecretBytes::zeroed(256)?;
    let len = raw.decrypt(lease.session(), &by, private, &sealed, output.expose_mut())?;
    Ok(if output.expose().get(..len) == Some(DATA.as_slice()) {
        Answer::Yes
    } else {
        Answer::Unsafe("it does not decrypt to the same")
    })
}

fn oaep_sha1(lease: &Lease<'_>) -> Result<Answer, Failure> {
    oaep(lease, MechanismType::SHA1, PkcsMgfType::MGF1_SHA1)
}

fn oaep_sha256(lease: &Lease<'_>) -> Result<Answer, Failure> {
    oaep(lease, MechanismType::SHA256, PkcsMgfType::MGF1_SHA256)
}

fn ecdsa(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let public = [Attribute::Token(false), Attribute::EcParams(P256_OID.into()), Attribute::Verify(true)];
    let private = [
        Attribute::Token(false),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ];
    let (_, private) = lease.session().generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
    let by = Named { name: "CKM_ECDSA", mechanism: Mechanism::Ecdsa };
    let signature = lease.module().raw().sign(lease.session(), &by, private, &[7; 32], 64)?;
    Ok(if signature.len() == 64 { Answer::Yes } else { Answer::Unsafe("the signature has the wrong length") })
}

fn random(lease: &Lease<'_>) -> Result<Answer, Failure> {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    lease.session().generate_random_slice(&mut first)?;
    lease.session().generate_random_slice(&mut second)?;
    Ok(if first == second { Answer::Unsafe("it repeats itself") } else { Answer::Yes })
}

fn seed(lease: &Lease<'_>) -> Result<Answer, Failure> {
    lease.session().seed_random(&[7; 32])?;
    Ok(Answer::Yes)
}

fn login_twice(lease: &Lease<'_>) -> Result<Answer, Failure> {
    // Without a PIN of its own it can only be asked for the state.
    let info = lease.session().get_session_info()?;
    Ok(match info.session_state() {
        cryptoki::session::SessionState::RoUser | cryptoki::session::SessionState::RwUser => Answer::Yes,
        _ => Answer::No("the session is not the user's".into()),
    })
}

const DATA: [u8; 32] = [0xA7; 32];

const PROBES: &[(&str, Probe)] = &[
    ("a login holds for every session", login_twice),
    ("AES-256 key, not extractable", generates_aes),
    ("AES-GCM, IV by the caller, associated data", gcm_caller),
    ("AES-GCM, IV of zeros written back", gcm_writeback),
    ("AES-GCM, no IV, one appended", gcm_without_iv),
    ("AES-GCM, IV by the token (message API)", gcm_message),
    ("AES-GCM without a tag is refused", gcm_no_tag),
    ("AES-CBC with padding", cbc_pad),
    ("AES-ECB (check value)", ecb),
    ("HMAC-SHA-256", hmac),
    ("AES key wrap (RFC 3394)", key_wrap),
    ("AES key wrap with padding (0x210A)", key_wrap_pad),
    ("AES key wrap with padding, KWP (0x210B), listed", key_wrap_kwp),
    ("RSA-OAEP, SHA-1", oaep_sha1),
    ("RSA-OAEP, SHA-256", oaep_sha256),
    ("ECDSA P-256", ecdsa),
    ("random bytes", random),
    ("seeding the random generator", seed),
];
