//! What is tried. Each probe has a session of its own, since an error leaves an operation active.

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::mechanism::aead::{GcmMessageParams, GeneratorFunction};
use cryptoki::mechanism::elliptic_curve::{EcKdf, Ecdh1DeriveParams};
use cryptoki::mechanism::rsa::{PkcsMgfType, PkcsOaepParams, PkcsOaepSource};
use cryptoki::mechanism::{Mechanism, MechanismType, MessageParam};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki_sys::{CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD};

use crate::raw::{Gcm, Raw, told};

pub(crate) struct Probes<'a> {
    module: &'a Pkcs11,
    slot: Slot,
    raw: Raw,
}

/// An answer for the table; `Err` says what stood in the way.
type Answer = Result<String, String>;

impl<'a> Probes<'a> {
    pub(crate) fn new(module: &'a Pkcs11, slot: Slot, raw: Raw) -> Self {
        Self { module, slot, raw }
    }

    pub(crate) fn all(&self) -> Vec<(&'static str, String)> {
        let probes: [(&'static str, fn(&Self, &Session) -> Answer); 23] = [
            ("AES-256 in the token, not extractable", Self::token_key),
            ("AES-GCM, caller's IV, AAD", Self::gcm),
            ("AES-GCM, ulIvBits = 0", Self::gcm_without_iv_bits),
            ("AES-GCM without an IV", Self::gcm_without_iv),
            ("AES-GCM without a tag", Self::gcm_without_tag),
            ("AES-GCM, token's IV (message functions)", Self::gcm_message),
            ("answer to a damaged GCM ciphertext", Self::gcm_damaged),
            ("AES-CBC with padding", Self::cbc),
            ("HMAC-SHA-256", Self::hmac),
            ("RSA-OAEP, SHA-1", |probes, session| probes.oaep(session, SHA1, false)),
            ("RSA-OAEP, SHA-256", |probes, session| probes.oaep(session, SHA256, false)),
            ("answer to a damaged OAEP ciphertext", Self::oaep_damaged),
            ("ECDSA, P-256", |_, session| ecdsa(session, P256, 32)),
            ("ECDSA, P-384", |_, session| ecdsa(session, P384, 48)),
            ("ECDH, P-256, no KDF", |_, session| ecdh(session, || Ok(EcKdf::null()))),
            ("ECDH, P-256, X9.63 with SHA-256", |_, session| ecdh(session, || Ok(EcKdf::sha256()))),
            ("AES key wrap (RFC 3394)", |probes, session| probes.wrap(session, CKM_AES_KEY_WRAP)),
            ("AES key wrap with padding (0x210A)", |probes, session| probes.wrap(session, CKM_AES_KEY_WRAP_PAD)),
            ("AES KWP (RFC 5649, 0x210B)", |probes, session| probes.wrap(session, CKM_AES_KEY_WRAP_KWP)),
            ("C_GenerateRandom", |_, session| ok(session.generate_random_vec(32).map(drop))),
            ("C_SeedRandom", |_, session| ok(session.seed_random(&[0x5a; 32]))),
            ("CKA_COPYABLE, CKA_DESTROYABLE given", Self::newer_attributes),
            ("CKA_ALLOWED_MECHANISMS given", Self::allowed_mechanisms),
        ];
        probes.into_iter().map(|(name, probe)| (name, self.answer(probe))).collect()
    }

    fn answer(&self, probe: fn(&Self, &Session) -> Answer) -> String {
        let answer = self.module.open_rw_session(self.slot).map_err(failed).and_then(|session| probe(self, &session));
        answer.unwrap_or_else(|why| format!("no: {why}"))
    }

    fn token_key(&self, session: &Session) -> Answer {
        let _ = self;
        let template = aes(&[
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
        ]);
        let key = session.generate_key(&Mechanism::AesKeyGen, &template).map_err(failed)?;
        let asked = [AttributeType::Sensitive, AttributeType::Extractable, AttributeType::NeverExtractable];
        let found = session.get_attributes(key, &asked).map_err(failed)?;
        session.destroy_object(key).map_err(failed)?;
        let wanted =
            [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::NeverExtractable(true)];
        if wanted.iter().all(|attribute| found.contains(attribute)) {
            Ok("yes".into())
        } else {
            Err(format!("{found:?}"))
        }
    }

    fn gcm(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        let sealed = self.raw.gcm(true, session, key, GCM, DATA)?;
        if sealed.len() != DATA.len() + 16 {
            return Err(format!("{} bytes for {}", sealed.len(), DATA.len()));
        }
        if self.raw.gcm(false, session, key, GCM, &sealed)? != DATA {
            return Err("other bytes came back".into());
        }
        match self.raw.gcm(false, session, key, Gcm { aad: b"elsewhere", ..GCM }, &sealed) {
            Ok(_) => Err("OPENS WITH ANOTHER AAD".into()),
            Err(_) => Ok("yes".into()),
        }
    }

    fn gcm_without_iv_bits(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        self.raw.gcm(true, session, key, Gcm { iv_bits: 0, ..GCM }, DATA).map(|_| "accepted".into()).or_else(refused)
    }

    fn gcm_without_iv(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        let without = Gcm { iv: None, iv_bits: 0, ..GCM };
        let first = match self.raw.gcm(true, session, key, without, DATA) {
            Ok(first) => first,
            Err(why) => return refused(why),
        };
        let second = self.raw.gcm(true, session, key, without, DATA)?;
        Ok(if first == second { "ACCEPTED, THE SAME TWICE" } else { "accepted, differs" }.into())
    }

    fn gcm_without_tag(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        match self.raw.gcm(true, session, key, Gcm { tag_bits: 0, ..GCM }, DATA) {
            Ok(sealed) if sealed.len() == DATA.len() => Ok("ACCEPTED, NO TAG".into()),
            Ok(sealed) => Ok(format!("accepted, tag of {} bytes", sealed.len().saturating_sub(DATA.len()))),
            Err(why) => refused(why),
        }
    }

    fn gcm_message(&self, session: &Session) -> Answer {
        let _ = self;
        let key = aes_key(session)?;
        let encrypt = || {
            let (mut iv, mut tag) = ([0; 12], [0; 16]);
            let parameters =
                GcmMessageParams::new(&mut iv, 0.into(), GeneratorFunction::GenerateRandom, &mut tag)?;
            session.message_encrypt_init(&Mechanism::AesGcmMessage(parameters), key)?;
            session.encrypt_message(&MessageParam::AesGcmMessage(parameters), b"place", DATA)?;
            session.message_encrypt_final()?;
            Ok(iv)
        };
        let (first, second): ([u8; 12], [u8; 12]) =
            (encrypt().map_err(failed)?, encrypt().map_err(failed)?);
        if first == second || first == [0; 12] {
            Err("THE SAME IV TWICE, OR NONE".into())
        } else {
            Ok("yes".into())
        }
    }

    fn gcm_damaged(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        let mut sealed = self.raw.gcm(true, session, key, GCM, DATA)?;
        damage(&mut sealed);
        match self.raw.gcm(false, session, key, GCM, &sealed) {
            Ok(_) => Err("OPENS".into()),
            Err(code) => Ok(code),
        }
    }

    fn cbc(&self, session: &Session) -> Answer {
        let key = aes_key(session)?;
        let by = Mechanism::AesCbcPad([7; 16]);
        let sealed = self.raw.encrypt(session, &by, key, DATA)?;
        came_back(&self.raw.decrypt(session, &by, key, &sealed)?)
    }

    fn hmac(&self, session: &Session) -> Answer {
        let _ = self;
        let template = [
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::ValueLen(32.into()),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Verify(true),
        ];
        let key = session.generate_key(&Mechanism::GenericSecretKeyGen, &template).map_err(failed)?;
        let tag = session.sign(&Mechanism::Sha256Hmac, key, DATA).map_err(failed)?;
        session.verify(&Mechanism::Sha256Hmac, key, DATA, &tag).map_err(failed)?;
        if tag.len() == 32 { Ok("yes".into()) } else { Err(format!("{} bytes", tag.len())) }
    }

    fn oaep(&self, session: &Session, hash: (MechanismType, PkcsMgfType), damaged: bool) -> Answer {
        let public = [
            Attribute::ModulusBits(2048.into()),
            Attribute::PublicExponent(vec![1, 0, 1]),
            Attribute::Encrypt(true),
        ];
        let private = [Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Decrypt(true)];
        let (public, private) =
            session.generate_key_pair(&Mechanism::RsaPkcsKeyPairGen, &public, &private).map_err(failed)?;
        let by = Mechanism::RsaPkcsOaep(PkcsOaepParams::new(hash.0, hash.1, PkcsOaepSource::empty()));
        let mut sealed = self.raw.encrypt(session, &by, public, DATA)?;
        if !damaged {
            return came_back(&self.raw.decrypt(session, &by, private, &sealed)?);
        }
        damage(&mut sealed);
        match self.raw.decrypt(session, &by, private, &sealed) {
            Ok(_) => Err("OPENS".into()),
            Err(code) => Ok(code),
        }
    }

    fn oaep_damaged(&self, session: &Session) -> Answer {
        self.oaep(session, SHA256, true).or_else(|_| self.answer_anew(|probes, session| probes.oaep(session, SHA1, true)))
    }

    fn answer_anew(&self, probe: fn(&Self, &Session) -> Answer) -> Answer {
        probe(self, &self.module.open_rw_session(self.slot).map_err(failed)?)
    }

    fn wrap(&self, session: &Session, mechanism: u64) -> Answer {
        let by = session
            .generate_key(&Mechanism::AesKeyGen, &aes(&[Attribute::Wrap(true), Attribute::Unwrap(true)]))
            .map_err(failed)?;
        let key = session
            .generate_key(&Mechanism::AesKeyGen, &aes(&[Attribute::Extractable(true)]))
            .map_err(failed)?;
        let wrapped = self.raw.wrap(session, mechanism, by, key)?;
        // RFC 3394, and RFC 5649 for a whole number of blocks, add eight bytes.
        Ok(if wrapped.len() == 40 { "yes".into() } else { format!("yes, {} bytes for 32", wrapped.len()) })
    }

    fn newer_attributes(&self, session: &Session) -> Answer {
        let _ = self;
        let template =
            aes(&[Attribute::Token(true), Attribute::Copyable(false), Attribute::Destroyable(true)]);
        made(session, &template)
    }

    fn allowed_mechanisms(&self, session: &Session) -> Answer {
        let _ = self;
        let template =
            aes(&[Attribute::Token(true), Attribute::AllowedMechanisms(vec![MechanismType::AES_GCM])]);
        made(session, &template)
    }
}

fn made(session: &Session, template: &[Attribute]) -> Answer {
    let key = session.generate_key(&Mechanism::AesKeyGen, template).map_err(failed)?;
    ok(session.destroy_object(key))
}

fn ecdsa(session: &Session, curve: &[u8], digest: usize) -> Answer {
    let (public, private) = ec_pair(session, curve, &[Attribute::Verify(true)], &[Attribute::Sign(true)])?;
    let digest = vec![0x5a; digest];
    let signature = session.sign(&Mechanism::Ecdsa, private, &digest).map_err(failed)?;
    ok(session.verify(&Mechanism::Ecdsa, public, &digest, &signature))
}

fn ecdh(session: &Session, kdf: fn() -> Result<EcKdf<'static>, Error>) -> Answer {
    let (public, private) = ec_pair(session, P256, &[], &[Attribute::Derive(true)])?;
    let found = session.get_attributes(public, &[AttributeType::EcPoint]).map_err(failed)?;
    let [Attribute::EcPoint(point)] = found.as_slice() else { return Err("no CKA_EC_POINT".into()) };
    // Most tokens give the point in an OCTET STRING of DER; what is derived from takes it bare.
    let point = point.strip_prefix(&[0x04, 0x41]).unwrap_or(point);
    let by = Mechanism::Ecdh1Derive(Ecdh1DeriveParams::new(kdf().map_err(failed)?, point));
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::GENERIC_SECRET),
        Attribute::ValueLen(32.into()),
    ];
    ok(session.derive_key(&by, private, &template).map(drop))
}

fn ec_pair(
    session: &Session,
    curve: &[u8],
    public: &[Attribute],
    private: &[Attribute],
) -> Result<(ObjectHandle, ObjectHandle), String> {
    let public = [&[Attribute::EcParams(curve.into())], public].concat();
    let private = [&[Attribute::Sensitive(true), Attribute::Extractable(false)], private].concat();
    session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private).map_err(failed)
}

fn aes_key(session: &Session) -> Result<ObjectHandle, String> {
    let template = aes(&[Attribute::Sensitive(true), Attribute::Extractable(false)]);
    session.generate_key(&Mechanism::AesKeyGen, &template).map_err(failed)
}

fn aes(more: &[Attribute]) -> Vec<Attribute> {
    let common = [Attribute::ValueLen(32.into()), Attribute::Encrypt(true), Attribute::Decrypt(true)];
    [&common, more].concat()
}

fn damage(sealed: &mut [u8]) {
    if let Some(byte) = sealed.last_mut() {
        *byte ^= 1;
    }
}

fn came_back(data: &[u8]) -> Answer {
    if data == DATA { Ok("yes".into()) } else { Err("other bytes came back".into()) }
}

fn ok(answer: Result<(), Error>) -> Answer {
    answer.map(|()| "yes".into()).map_err(failed)
}

/// A refusal that is the better answer.
fn refused(why: String) -> Answer {
    Ok(format!("refused: {why}"))
}

fn failed(error: Error) -> String {
    told(&Err::<(), _>(error))
}

const DATA: &[u8] = b"thirty-two bytes of a root key..";
const GCM: Gcm<'_> = Gcm { iv: Some(&[9; 12]), iv_bits: 96, aad: b"place", tag_bits: 128 };
const SHA1: (MechanismType, PkcsMgfType) = (MechanismType::SHA1, PkcsMgfType::MGF1_SHA1);
const SHA256: (MechanismType, PkcsMgfType) = (MechanismType::SHA256, PkcsMgfType::MGF1_SHA256);
/// DER of 1.2.840.10045.3.1.7 (SEC 2, secp256r1).
const P256: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// DER of 1.3.132.0.34 (SEC 2, secp384r1).
const P384: &[u8] = &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22];
