//! Keys in the token: what there are, what they may do, and new ones.

mod generate;
mod inspect;

use std::fmt;
use std::str::FromStr;

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};

pub use generate::KeySpec;
pub(crate) use generate::P256_OID;
pub use inspect::{CheckValue, KeyDescription, Origin};
pub(crate) use inspect::{ec_public, rsa_public};

use strongroom_crypto::random;

use crate::code::Remedy;
use crate::config::UnknownWord;
use crate::error::{Failure, TokenError};
use crate::token::{Lease, Token};

/// The keys that can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// AES, 256 bits: wraps keys.
    Aes256,
    /// RSA, 3072 bits: wraps keys.
    Rsa3072,
    /// RSA, 4096 bits: wraps keys.
    Rsa4096,
    /// P-256: signs.
    EcP256,
    /// P-384: signs.
    EcP384,
    /// A generic secret of 256 bits: authenticates wrapped keys with HMAC-SHA-256.
    Hmac256,
}

impl KeyKind {
    /// The words that [`FromStr`] takes.
    pub const NAMES: &[&str] = &["aes-256", "rsa-3072", "rsa-4096", "ec-p256", "ec-p384", "hmac-256"];

    /// What a key of this kind is for. It is given no other use.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Aes256 | Self::Rsa3072 | Self::Rsa4096 => Purpose::Wrapping,
            Self::EcP256 | Self::EcP384 => Purpose::Signing,
            Self::Hmac256 => Purpose::Authenticating,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aes256 => "aes-256",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::EcP256 => "ec-p256",
            Self::EcP384 => "ec-p384",
            Self::Hmac256 => "hmac-256",
        })
    }
}

impl FromStr for KeyKind {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        const ALL: [KeyKind; 6] = [
            KeyKind::Aes256,
            KeyKind::Rsa3072,
            KeyKind::Rsa4096,
            KeyKind::EcP256,
            KeyKind::EcP384,
            KeyKind::Hmac256,
        ];
        ALL.into_iter()
            .find(|kind| kind.to_string() == word)
            .ok_or_else(|| UnknownWord::new("kind of key", word, Self::NAMES))
    }
}

/// What a key is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Encrypting and decrypting keys.
    Wrapping,
    /// Signatures.
    Signing,
    /// MACs over wrapped keys.
    Authenticating,
}

/// Which key is meant. All that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySelector {
    /// Its `CKA_LABEL`.
    pub label: Option<String>,
    /// Its `CKA_ID`.
    pub id: Option<Vec<u8>>,
}

impl KeySelector {
    /// The key with this label.
    pub fn label(label: impl Into<String>) -> Self {
        Self { label: Some(label.into()), id: None }
    }

    /// The key with this id.
    pub fn id(id: impl Into<Vec<u8>>) -> Self {
        Self { label: None, id: Some(id.into()) }
    }

    fn template(&self) -> Vec<Attribute> {
        let label = self.label.as_ref().map(|label| Attribute::Label(label.as_bytes().into()));
        let id = self.id.as_ref().map(|id| Attribute::Id(id.clone()));
        label.into_iter().chain(id).collect()
    }
}

impl fmt::Display for KeySelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.label, &self.id) {
            (Some(label), Some(id)) => write!(f, "label “{label}” and id {}", hex(id)),
            (Some(label), None) => write!(f, "label “{label}”"),
            (None, Some(id)) => write!(f, "id {}", hex(id)),
            (None, None) => f.write_str("any name (neither label nor id is given)"),
        }
    }
}

impl Token {
    /// Generates a key in the token, which never leaves it, and describes it.
    ///
    /// It is a new key with a new `CKA_ID`, also where one of this label exists: the old key stays for what it wrapped.
    ///
    /// Tokens fail to make keys now and then for no reason that they tell (SoftHSM does while other threads look for keys).
    /// Where the id is drawn here, so that nothing else can have it, what may be left of the first attempt is destroyed, and
    /// there is a second one.
    ///
    /// # Errors
    ///
    /// [`TokenError`]. Where the token did not make the key as it was told, the key is destroyed again.
    pub fn generate(&self, spec: &KeySpec) -> Result<KeyDescription, TokenError> {
        let make = |id: &[u8]| self.run_writing(&|lease| generate::generate(lease, spec, id));
        if let Some(id) = &spec.id {
            if !self.find(&KeySelector::id(id.as_slice()))?.is_empty() {
                let text = format!("the id {} is another key's already; give another", hex(id));
                return Err(self.error(Failure::Setting(text)));
            }
            return make(id);
        }
        let id = random::array::<16>().map_err(|error| self.error(error.into()))?;
        match make(&id) {
            Err(error) if says_nothing(error.failure()) => {
                let left = KeySelector::id(id);
                for _ in self.find(&left)? {
                    self.destroy(&left)?;
                }
                make(&id)
            }
            outcome => outcome,
        }
    }

    /// Describes every secret and private key of the token.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn keys(&self) -> Result<Vec<KeyDescription>, TokenError> {
        self.find(&KeySelector::default())
    }

    /// Describes the keys that are meant: none, one or several.
    ///
    /// # Errors
    ///
    /// [`TokenError`].
    pub fn find(&self, selector: &KeySelector) -> Result<Vec<KeyDescription>, TokenError> {
        self.run_plain(&|lease| {
            let mut found = Vec::new();
            for class in [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY] {
                for handle in search(lease, class, None, selector)? {
                    found.push(inspect::describe(lease, handle)?);
                }
            }
            Ok(found)
        })
    }

    /// Destroys the one key that is meant, with its public half. What it wrapped is lost for ever.
    ///
    /// # Errors
    ///
    /// [`Failure::Key`] unless exactly one key is meant.
    pub fn destroy(&self, selector: &KeySelector) -> Result<KeyDescription, TokenError> {
        self.run_writing(&|lease| {
            let mut found = search(lease, ObjectClass::SECRET_KEY, None, selector)?;
            found.extend(search(lease, ObjectClass::PRIVATE_KEY, None, selector)?);
            let handle = only(lease, &found, &selector.to_string())?;
            let description = inspect::describe(lease, handle)?;
            if description.is_pair {
                let public = KeySelector { label: None, id: Some(description.id.clone()) };
                for half in search(lease, ObjectClass::PUBLIC_KEY, None, &public)? {
                    lease.session().destroy_object(half)?;
                }
            }
            lease.session().destroy_object(handle)?;
            Ok(description)
        })
    }

    /// Computes the check value of the one key that is meant.
    ///
    /// # Errors
    ///
    /// [`Failure::Key`] unless exactly one key is meant; [`Failure::Unsupported`] where the key cannot give one.
    pub fn check_value(&self, selector: &KeySelector) -> Result<CheckValue, TokenError> {
        self.run_plain(&|lease| {
            let mut found = search(lease, ObjectClass::SECRET_KEY, None, selector)?;
            found.extend(search(lease, ObjectClass::PRIVATE_KEY, None, selector)?);
            inspect::check_value(lease, only(lease, &found, &selector.to_string())?)
        })
    }
}

/// Whether the token failed without saying why.
fn says_nothing(failure: &Failure) -> bool {
    matches!(failure, Failure::Call { code, .. } if code.remedy() == Remedy::Ambiguous)
}

/// The objects of a class on the token (never of a session alone) that are meant.
pub(crate) fn search(
    lease: &Lease<'_>,
    class: ObjectClass,
    key_type: Option<KeyType>,
    selector: &KeySelector,
) -> Result<Vec<ObjectHandle>, Failure> {
    let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
    template.extend(key_type.map(Attribute::KeyType));
    template.extend(selector.template());
    Ok(lease.session().find_objects(&template)?)
}

/// As [`search`], for keys that only whoever has the PIN could have put there. Where there is none, those that anybody could
/// have put there are shown, so that they can be refused by that name.
pub(crate) fn search_private(
    lease: &Lease<'_>,
    class: ObjectClass,
    key_type: KeyType,
    selector: &KeySelector,
) -> Result<Vec<ObjectHandle>, Failure> {
    let mut template = vec![
        Attribute::Class(class),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::KeyType(key_type),
    ];
    template.extend(selector.template());
    let found = lease.session().find_objects(&template)?;
    if found.is_empty() { search(lease, class, Some(key_type), selector) } else { Ok(found) }
}

/// Whether the token shows anything that only whoever is logged in sees.
pub(crate) fn any_is_visible(lease: &Lease<'_>) -> Result<bool, Failure> {
    Ok(!lease.session().find_objects(&[Attribute::Token(true), Attribute::Private(true)])?.is_empty())
}

/// The one object that was found.
pub(crate) fn only(lease: &Lease<'_>, found: &[ObjectHandle], wanted: &str) -> Result<ObjectHandle, Failure> {
    match found {
        [one] => Ok(*one),
        several => Err(Failure::Key {
            found: several.len(),
            wanted: wanted.into(),
            pin_unchecked: lease.pin_unchecked(),
        }),
    }
}

/// Finds the key for a purpose, and refuses it where its attributes are not safe.
pub(crate) fn usable(
    lease: &Lease<'_>,
    class: ObjectClass,
    key_type: KeyType,
    selector: &KeySelector,
    purpose: Purpose,
) -> Result<(ObjectHandle, KeyDescription), Failure> {
    let found = search_private(lease, class, key_type, selector)?;
    let handle = only(lease, &found, &selector.to_string())?;
    let description = inspect::describe(lease, handle)?;
    inspect::judge(lease, &description, purpose)?;
    Ok((handle, description))
}

/// Whether `CKA_ALLOWED_MECHANISMS`, where the key has it, permits the mechanism.
pub(crate) fn permits(
    lease: &Lease<'_>,
    key: ObjectHandle,
    mechanism: MechanismType,
) -> Result<bool, Failure> {
    let found = match lease.session().get_attributes(key, &[AttributeType::AllowedMechanisms]) {
        Ok(found) => found,
        Err(error @ cryptoki::error::Error::Pkcs11(..)) => return Err(error.into()),
        // A list with mechanisms that the binding does not know: the token decides for itself.
        Err(_) => return Ok(true),
    };
    Ok(match found.as_slice() {
        [Attribute::AllowedMechanisms(allowed)] if !allowed.is_empty() => allowed.contains(&mechanism),
        _ => true,
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for name in KeyKind::NAMES {
            assert_eq!(name.parse::<KeyKind>().unwrap().to_string(), *name);
        }
        assert!("des".parse::<KeyKind>().is_err());
    }
}
