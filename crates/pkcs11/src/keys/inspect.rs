//! What a key is, what it may do, and whether that is safe.

use std::fmt;

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use strongroom_crypto::hash;
use strongroom_crypto::sign::{self, Algorithm};
use zeroize::Zeroizing;

use super::generate::{P256_OID, P384_OID};
use super::{KeyKind, KeySelector, Purpose, hex, search};
use crate::error::Failure;
use crate::raw::Named;
use crate::token::Lease;

/// What a token says of a key. The secret is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    /// Its kind, where it is one that can be generated here.
    pub kind: Option<KeyKind>,
    /// Its type in the standard's words, such as `CKK_AES`.
    pub key_type: String,
    /// Bits of the key, of the modulus or of the curve.
    pub bits: Option<usize>,
    /// Its `CKA_LABEL`.
    pub label: String,
    /// Its `CKA_ID`.
    pub id: Vec<u8>,
    /// Whether there is a public half.
    pub is_pair: bool,
    /// The attributes that are true or false, by name. None where the token does not know one.
    pub attributes: Vec<(&'static str, Option<bool>)>,
    /// Where it came from.
    pub origin: Origin,
}

/// What the token guarantees of a key's past (PKCS #11 v3.1, sections 4.8 and 4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `CKA_LOCAL`: it was generated in the token.
    pub local: Option<bool>,
    /// `CKA_ALWAYS_SENSITIVE`: it could never be read.
    pub always_sensitive: Option<bool>,
    /// `CKA_NEVER_EXTRACTABLE`: it could never be wrapped and carried away.
    pub never_extractable: Option<bool>,
}

impl KeyDescription {
    /// What would let the key, or what it protects, leave the token. Empty for a key that was generated here.
    pub fn weaknesses(&self, purpose: Purpose) -> Vec<String> {
        let mut wanted = vec![
            ("CKA_TOKEN", true),
            ("CKA_PRIVATE", true),
            ("CKA_SENSITIVE", true),
            ("CKA_EXTRACTABLE", false),
            ("CKA_LOCAL", true),
            ("CKA_ALWAYS_SENSITIVE", true),
            ("CKA_NEVER_EXTRACTABLE", true),
            ("CKA_ALWAYS_AUTHENTICATE", false),
            ("CKA_DERIVE", false),
            // A key that decrypts and also unwraps or wraps makes the token read out other keys.
            ("CKA_WRAP", false),
            ("CKA_UNWRAP", false),
        ];
        match purpose {
            Purpose::Wrapping => wanted.push(("CKA_SIGN", false)),
            Purpose::Signing | Purpose::Authenticating => wanted.push(("CKA_DECRYPT", false)),
        }
        let mut weaknesses: Vec<_> = wanted
            .into_iter()
            .filter(|(name, value)| self.attribute(name).is_some_and(|found| found != *value))
            .map(|(name, value)| format!("{name} is {}", if value { "false" } else { "true" }))
            .collect();
        for name in ["CKA_SENSITIVE", "CKA_EXTRACTABLE"] {
            if self.attribute(name).is_none() {
                weaknesses.push(format!("{name} is not known to the token"));
            }
        }
        if self.id.is_empty() {
            weaknesses.push("CKA_ID is empty".into());
        }
        weaknesses.extend(self.too_short());
        weaknesses
    }

    /// Below what SP 800-57, part 1, table 2 gives 128 bits of security, or AES-256 for wrapping a root key of 256.
    fn too_short(&self) -> Option<String> {
        let bits = self.bits?;
        let least = match self.key_type.as_str() {
            "CKK_RSA" => 3072,
            "CKK_AES" | "CKK_GENERIC_SECRET" => 256,
            _ => return None,
        };
        (bits < least).then(|| format!("it has {bits} bits, and {least} are needed"))
    }

    fn attribute(&self, name: &str) -> Option<bool> {
        self.attributes.iter().find(|(found, _)| *found == name).and_then(|(_, value)| *value)
    }

    fn name(&self) -> String {
        format!("the key “{}” (id {})", self.label, hex(&self.id))
    }
}

/// A value by which a person can tell whether two tokens hold the same key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckValue {
    /// How it was computed.
    pub method: &'static str,
    /// The value.
    pub bytes: Vec<u8>,
}

impl fmt::Display for CheckValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", hex(&self.bytes), self.method)
    }
}

pub(super) fn describe(lease: &Lease<'_>, key: ObjectHandle) -> Result<KeyDescription, Failure> {
    let mut asked: Vec<_> = FLAGS.iter().map(|(flag, _)| *flag).collect();
    asked.extend([
        AttributeType::Class,
        AttributeType::KeyType,
        AttributeType::Label,
        AttributeType::Id,
        AttributeType::ValueLen,
        AttributeType::Modulus,
        AttributeType::EcParams,
    ]);
    let found = lease.session().get_attributes(key, &asked)?;
    let mut attributes: Vec<_> = FLAGS.iter().map(|(_, name)| (*name, None)).collect();
    let mut description = KeyDescription {
        kind: None,
        key_type: String::new(),
        bits: None,
        label: String::new(),
        id: Vec::new(),
        is_pair: false,
        attributes: Vec::new(),
        origin: Origin { local: None, always_sensitive: None, never_extractable: None },
    };
    let mut key_type = None;
    let mut curve = Vec::new();
    for attribute in found {
        match attribute {
            Attribute::Class(class) => description.is_pair = class == ObjectClass::PRIVATE_KEY,
            Attribute::KeyType(found) => key_type = Some(found),
            Attribute::Label(label) => description.label = String::from_utf8_lossy(&label).into_owned(),
            Attribute::Id(id) => description.id = id,
            Attribute::ValueLen(len) => description.bits = usize::from(len).checked_mul(8),
            Attribute::Modulus(modulus) => description.bits = modulus.len().checked_mul(8),
            Attribute::EcParams(found) => curve = found,
            flag => {
                let place = FLAGS.iter().position(|(known, _)| *known == flag.attribute_type());
                if let Some((_, value)) = place.and_then(|place| attributes.get_mut(place)) {
                    *value = truth(&flag);
                }
            }
        }
    }
    description.attributes = attributes;
    description.key_type = key_type.map_or_else(|| "unknown".into(), |found| found.to_string());
    description.kind = kind(key_type, description.bits, &curve);
    match description.kind {
        Some(KeyKind::EcP256) => description.bits = Some(256),
        Some(KeyKind::EcP384) => description.bits = Some(384),
        _ => {}
    }
    description.origin = Origin {
        local: description.attribute("CKA_LOCAL"),
        always_sensitive: description.attribute("CKA_ALWAYS_SENSITIVE"),
        never_extractable: description.attribute("CKA_NEVER_EXTRACTABLE"),
    };
    Ok(description)
}

/// Refuses a key that is not safe for the purpose, unless the configuration accepts that. One that is not private is refused in
/// any case.
pub(super) fn judge(
    lease: &Lease<'_>,
    description: &KeyDescription,
    purpose: Purpose,
) -> Result<(), Failure> {
    let weaknesses = description.weaknesses(purpose);
    // An object that is not private can be made without the PIN, so whoever reaches the token could have put it there together
    // with a wrapped key that names it.
    let is_anybodys = description.attribute("CKA_PRIVATE") != Some(true);
    if weaknesses.is_empty() || (lease.config().allow_weak_attributes && !is_anybodys) {
        Ok(())
    } else {
        Err(Failure::WeakKey { key: description.name(), weaknesses })
    }
}

pub(super) fn check_value(lease: &Lease<'_>, key: ObjectHandle) -> Result<CheckValue, Failure> {
    let description = describe(lease, key)?;
    let raw = lease.module().raw();
    match description.kind {
        Some(KeyKind::Aes256) => {
            let by = Named { name: "CKM_AES_ECB", mechanism: Mechanism::AesEcb };
            // The whole block is the key that GCM hashes with: only its first bytes may be shown.
            let block = Zeroizing::new(raw.encrypt(lease.session(), &by, key, &[0; 16], 16)?);
            shown(
                &block,
                "first 3 bytes of the AES-ECB encryption of 16 zero bytes, CKA_CHECK_VALUE of PKCS #11",
            )
        }
        Some(KeyKind::Hmac256) => {
            let by = Named { name: "CKM_SHA256_HMAC", mechanism: Mechanism::Sha256Hmac };
            let mac = Zeroizing::new(raw.sign(lease.session(), &by, key, HMAC_CHECK, 32)?);
            shown(&mac, "first 3 bytes of the HMAC-SHA-256 of “strongroom pkcs11 key check v1”")
        }
        Some(KeyKind::Rsa3072 | KeyKind::Rsa4096) => {
            let (modulus, exponent) = rsa_public(lease, key)?;
            let len = u32::try_from(modulus.len()).unwrap_or(u32::MAX).to_be_bytes();
            let bytes = hash::sha256(&[&len, &modulus, &exponent]).to_vec();
            let method = "SHA-256 of the modulus with its length as 4 bytes, and the exponent";
            Ok(CheckValue { method, bytes })
        }
        Some(kind @ (KeyKind::EcP256 | KeyKind::EcP384)) => {
            let point = ec_public(lease, &description.id, kind)?;
            Ok(CheckValue { method: "SHA-256 of the SEC 1 point", bytes: hash::sha256(&[&point]).to_vec() })
        }
        None => Err(Failure::Unsupported(format!(
            "{} is of a kind without a check value here",
            description.name()
        ))),
    }
}

/// The modulus and the exponent, which the private half tells too.
pub(crate) fn rsa_public(lease: &Lease<'_>, key: ObjectHandle) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let asked = [AttributeType::Modulus, AttributeType::PublicExponent];
    let (mut modulus, mut exponent) = (Vec::new(), Vec::new());
    for attribute in lease.session().get_attributes(key, &asked)? {
        match attribute {
            Attribute::Modulus(found) => modulus = found,
            Attribute::PublicExponent(found) => exponent = found,
            _ => {}
        }
    }
    if modulus.is_empty() {
        return Err(Failure::Misbehaved("it does not tell the modulus of an RSA key".into()));
    }
    Ok((modulus, exponent))
}

/// The public point of the key with this id, checked to be on its curve: SEC 1, uncompressed.
pub(crate) fn ec_public(lease: &Lease<'_>, id: &[u8], kind: KeyKind) -> Result<Vec<u8>, Failure> {
    let (algorithm, len) = match kind {
        KeyKind::EcP384 => (Algorithm::EcdsaP384Sha384, 97),
        _ => (Algorithm::EcdsaP256Sha256, 65),
    };
    let selector = KeySelector::id(id);
    let halves = search(lease, ObjectClass::PUBLIC_KEY, Some(KeyType::EC), &selector)?;
    let public = super::only(lease, &halves, &format!("{selector} and a public half"))?;
    let found = lease.session().get_attributes(public, &[AttributeType::EcPoint])?;
    let [Attribute::EcPoint(point)] = found.as_slice() else {
        return Err(Failure::Misbehaved("it does not tell the point of an EC key".into()));
    };
    // The standard says a DER OCTET STRING; some tokens give the point itself.
    let bare = match point.as_slice() {
        [0x04, inner_len, inner @ ..] if usize::from(*inner_len) == inner.len() && inner.len() == len => {
            inner
        }
        other => other,
    };
    if !sign::is_public_key(algorithm, bare) {
        return Err(Failure::Misbehaved("its EC point is not on the curve".into()));
    }
    Ok(bare.into())
}

fn shown(bytes: &[u8], method: &'static str) -> Result<CheckValue, Failure> {
    let bytes = bytes.get(..3).ok_or_else(|| Failure::Misbehaved("its answer is too short".into()))?;
    Ok(CheckValue { method, bytes: bytes.into() })
}

fn kind(key_type: Option<KeyType>, bits: Option<usize>, curve: &[u8]) -> Option<KeyKind> {
    match (key_type?, bits) {
        (KeyType::AES, Some(256)) => Some(KeyKind::Aes256),
        (KeyType::GENERIC_SECRET | KeyType::SHA256_HMAC, Some(256)) => Some(KeyKind::Hmac256),
        (KeyType::RSA, Some(3072)) => Some(KeyKind::Rsa3072),
        (KeyType::RSA, Some(4096)) => Some(KeyKind::Rsa4096),
        (KeyType::EC, _) if curve == P256_OID => Some(KeyKind::EcP256),
        (KeyType::EC, _) if curve == P384_OID => Some(KeyKind::EcP384),
        _ => None,
    }
}

fn truth(flag: &Attribute) -> Option<bool> {
    match flag {
        Attribute::Token(value)
        | Attribute::Private(value)
        | Attribute::Sensitive(value)
        | Attribute::Extractable(value)
        | Attribute::Local(value)
        | Attribute::AlwaysSensitive(value)
        | Attribute::NeverExtractable(value)
        | Attribute::AlwaysAuthenticate(value)
        | Attribute::Encrypt(value)
        | Attribute::Decrypt(value)
        | Attribute::Sign(value)
        | Attribute::Verify(value)
        | Attribute::Wrap(value)
        | Attribute::Unwrap(value)
        | Attribute::Derive(value)
        | Attribute::WrapWithTrusted(value)
        | Attribute::Modifiable(value)
        | Attribute::Copyable(value)
        | Attribute::Destroyable(value) => Some(*value),
        _ => None,
    }
}

const HMAC_CHECK: &[u8] = b"strongroom pkcs11 key check v1";

const FLAGS: &[(AttributeType, &str)] = &[
    (AttributeType::Token, "CKA_TOKEN"),
    (AttributeType::Private, "CKA_PRIVATE"),
    (AttributeType::Sensitive, "CKA_SENSITIVE"),
    (AttributeType::Extractable, "CKA_EXTRACTABLE"),
    (AttributeType::Local, "CKA_LOCAL"),
    (AttributeType::AlwaysSensitive, "CKA_ALWAYS_SENSITIVE"),
    (AttributeType::NeverExtractable, "CKA_NEVER_EXTRACTABLE"),
    (AttributeType::AlwaysAuthenticate, "CKA_ALWAYS_AUTHENTICATE"),
    (AttributeType::Encrypt, "CKA_ENCRYPT"),
    (AttributeType::Decrypt, "CKA_DECRYPT"),
    (AttributeType::Sign, "CKA_SIGN"),
    (AttributeType::Verify, "CKA_VERIFY"),
    (AttributeType::Wrap, "CKA_WRAP"),
    (AttributeType::Unwrap, "CKA_UNWRAP"),
    (AttributeType::Derive, "CKA_DERIVE"),
    (AttributeType::WrapWithTrusted, "CKA_WRAP_WITH_TRUSTED"),
    (AttributeType::Modifiable, "CKA_MODIFIABLE"),
    (AttributeType::Copyable, "CKA_COPYABLE"),
    (AttributeType::Destroyable, "CKA_DESTROYABLE"),
];
