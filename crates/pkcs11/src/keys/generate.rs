//! New keys. Every attribute is given, since what a token takes where one is missing differs from token to token.

use cryptoki::error::RvError;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectHandle};

use super::inspect::{self, KeyDescription};
use super::{KeyKind, Purpose};
use crate::error::Failure;
use crate::token::Lease;

/// What key to generate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Its kind.
    pub kind: KeyKind,
    /// Its `CKA_LABEL`.
    pub label: String,
    /// Its `CKA_ID`: sixteen random bytes where none is given.
    pub id: Option<Vec<u8>>,
}

impl KeySpec {
    /// A key of this kind and label, with an id of its own.
    pub fn new(kind: KeyKind, label: impl Into<String>) -> Self {
        Self { kind, label: label.into(), id: None }
    }
}

pub(super) fn generate(lease: &Lease<'_>, spec: &KeySpec, id: &[u8]) -> Result<KeyDescription, Failure> {
    if spec.label.is_empty() {
        return Err(Failure::Setting("the key needs a label".into()));
    }
    if !(1..=64).contains(&id.len()) {
        return Err(Failure::Setting("a key's id has 1 to 64 bytes".into()));
    }
    let (handle, public) = match make(lease, spec, id, true) {
        // Attributes of version 2.40 that older tokens do not know. Without them they are as the standard's default: true.
        Err(Failure::Call { code, .. }) if unknown_attribute(code.error()) => make(lease, spec, id, false)?,
        made => made?,
    };
    let judged = inspect::describe(lease, handle).and_then(|description| {
        inspect::judge(lease, &description, spec.kind.purpose())?;
        Ok(description)
    });
    if judged.is_err() {
        for object in [Some(handle), public].into_iter().flatten() {
            lease.session().destroy_object(object)?;
        }
    }
    judged
}

fn unknown_attribute(error: RvError) -> bool {
    matches!(
        error,
        RvError::AttributeTypeInvalid
            | RvError::AttributeValueInvalid
            | RvError::AttributeReadOnly
            | RvError::TemplateInconsistent
            // NSS cannot store what it does not know, and says no more than that.
            | RvError::GeneralError
    )
}

fn make(
    lease: &Lease<'_>,
    spec: &KeySpec,
    id: &[u8],
    newer: bool,
) -> Result<(ObjectHandle, Option<ObjectHandle>), Failure> {
    let mut common = vec![
        Attribute::Token(true),
        Attribute::Label(spec.label.as_bytes().into()),
        Attribute::Id(id.into()),
        Attribute::Modifiable(false),
    ];
    if newer {
        common.extend([Attribute::Copyable(false), Attribute::Destroyable(true)]);
    }
    let mut secret = common.clone();
    secret.extend([Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false)]);
    let purpose = spec.kind.purpose();
    match spec.kind {
        KeyKind::Aes256 | KeyKind::Hmac256 => {
            let (mechanism, key_type) = if spec.kind == KeyKind::Aes256 {
                (Mechanism::AesKeyGen, KeyType::AES)
            } else {
                (Mechanism::GenericSecretKeyGen, KeyType::GENERIC_SECRET)
            };
            secret.extend([Attribute::KeyType(key_type), Attribute::ValueLen(32.into())]);
            secret.extend(uses(purpose, true, true));
            Ok((lease.session().generate_key(&mechanism, &secret)?, None))
        }
        KeyKind::Rsa3072 | KeyKind::Rsa4096 | KeyKind::EcP256 | KeyKind::EcP384 => {
            let (mechanism, key_type) = match spec.kind {
                KeyKind::Rsa3072 | KeyKind::Rsa4096 => (Mechanism::RsaPkcsKeyPairGen, KeyType::RSA),
                _ => (Mechanism::EccKeyPairGen, KeyType::EC),
            };
            secret.push(Attribute::KeyType(key_type));
            secret.extend(uses(purpose, true, false));
            let mut public = common;
            public.extend([Attribute::Private(false), Attribute::KeyType(key_type)]);
            public.extend(uses(purpose, false, true));
            public.extend(parameters(spec.kind));
            let (public, private) = lease.session().generate_key_pair(&mechanism, &public, &secret)?;
            Ok((private, Some(public)))
        }
    }
}

/// The usage flags of a key's secret half, of its public half, or of a symmetric key, which is both.
fn uses(purpose: Purpose, secret: bool, public: bool) -> Vec<Attribute> {
    let wraps = purpose == Purpose::Wrapping;
    let signs = purpose != Purpose::Wrapping;
    let mut flags = vec![Attribute::Derive(false)];
    if public {
        flags.extend([Attribute::Encrypt(wraps), Attribute::Wrap(false), Attribute::Verify(signs)]);
    }
    if secret {
        flags.extend([Attribute::Decrypt(wraps), Attribute::Unwrap(false), Attribute::Sign(signs)]);
    }
    flags
}

fn parameters(kind: KeyKind) -> Vec<Attribute> {
    let rsa = |bits: u32| {
        vec![Attribute::ModulusBits(u64::from(bits).into()), Attribute::PublicExponent(vec![1, 0, 1])]
    };
    match kind {
        KeyKind::Rsa3072 => rsa(3072),
        KeyKind::Rsa4096 => rsa(4096),
        KeyKind::EcP256 => vec![Attribute::EcParams(P256_OID.into())],
        KeyKind::EcP384 => vec![Attribute::EcParams(P384_OID.into())],
        KeyKind::Aes256 | KeyKind::Hmac256 => Vec::new(),
    }
}

/// DER of 1.2.840.10045.3.1.7 (SEC 2, secp256r1).
pub(crate) const P256_OID: &[u8] = &[0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
/// DER of 1.3.132.0.34 (SEC 2, secp384r1).
pub(crate) const P384_OID: &[u8] = &[0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22];
