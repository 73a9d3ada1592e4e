//! Which key wraps, and how: what the configuration says, or else the best that key and token can do.

use std::sync::{Arc, RwLock};

use cryptoki::mechanism::MechanismType;
use cryptoki::object::{KeyType, ObjectClass, ObjectHandle};

use super::{Shared, TokenKey};
use crate::blob::{Header, Malformed, Scheme};
use crate::config::Mechanism;
use crate::error::{Failure, TokenError};
use crate::keys::{self, KeyKind, KeySelector, KeySpec, Purpose};
use crate::token::{Lease, Token};

struct Choice {
    header: Header,
    warnings: Vec<String>,
}

impl Token {
    /// The wrapping key that the configuration names, generated where it says so and there is none.
    ///
    /// A value that everybody knows is wrapped and opened before this returns, so that a token that cannot do it is found
    /// out here. Two processes that both generate make two keys of one label, which is then refused: generate once.
    ///
    /// # Errors
    ///
    /// [`TokenError`]: no such key, more than one, weak attributes, or a mechanism that token or key lack.
    pub fn wrapping_key(&self) -> Result<TokenKey, TokenError> {
        let config = self.config();
        self.wrapping_key_named(&KeySelector { label: config.key_label.clone(), id: config.key_id.clone() })
    }

    /// As [`wrapping_key`](Self::wrapping_key), for a key that is named here and not in the configuration.
    ///
    /// # Errors
    ///
    /// As [`wrapping_key`](Self::wrapping_key).
    pub fn wrapping_key_named(&self, selector: &KeySelector) -> Result<TokenKey, TokenError> {
        let choose = |lease: &Lease<'_>| choose(lease, selector);
        let choice = match self.run_plain(&choose) {
            Err(error) if self.config().generate_key && is_missing(&error) => {
                self.make_missing(selector)?;
                self.run_plain(&choose)?
            }
            outcome => outcome?,
        };
        let key = TokenKey(Arc::new(Shared {
            token: self.clone(),
            header: choice.header,
            warnings: choice.warnings,
            known: RwLock::default(),
        }));
        // Its own canary: what fails with a value that everybody knows is no damaged ciphertext.
        let trial = |lease: &Lease<'_>| key.0.trial(lease);
        self.run(&trial, &trial)?;
        Ok(key)
    }

    /// The key that a wrapped key names, to open that: the configuration has no say in it. It is looked for when it is used.
    pub fn opening_key(&self, header: &Header) -> TokenKey {
        TokenKey(Arc::new(Shared {
            token: self.clone(),
            header: header.clone(),
            warnings: Vec::new(),
            known: RwLock::default(),
        }))
    }

    fn make_missing(&self, selector: &KeySelector) -> Result<(), TokenError> {
        let config = self.config();
        let label = selector.label.clone().ok_or_else(|| {
            self.error(Failure::Setting("a key can be generated only with a name; set key_label".into()))
        })?;
        let kind =
            if config.mechanism == Some(Mechanism::RsaOaep) { KeyKind::Rsa3072 } else { KeyKind::Aes256 };
        if self.find(selector)?.is_empty() {
            self.generate(&KeySpec { kind, label, id: selector.id.clone() })?;
        }
        if let Some(label) = &config.hmac_key_label
            && self.find(&KeySelector::label(label))?.is_empty()
        {
            self.generate(&KeySpec::new(KeyKind::Hmac256, label))?;
        }
        Ok(())
    }
}

fn choose(lease: &Lease<'_>, selector: &KeySelector) -> Result<Choice, Failure> {
    let config = lease.config();
    if selector.label.is_none() && selector.id.is_none() {
        return Err(Failure::Setting("no key is named; set key_label or key_id".into()));
    }
    let mut aes = keys::search_private(lease, ObjectClass::SECRET_KEY, KeyType::AES, selector)?;
    let mut rsa = keys::search_private(lease, ObjectClass::PRIVATE_KEY, KeyType::RSA, selector)?;
    match config.mechanism {
        Some(Mechanism::AesGcm | Mechanism::AesCbcHmac) => rsa.clear(),
        Some(Mechanism::RsaOaep) => aes.clear(),
        None => {}
    }
    let both: Vec<_> = aes.iter().chain(&rsa).copied().collect();
    let handle = keys::only(lease, &both, &format!("{selector} that can wrap"))?;
    let (class, key_type) = if aes.is_empty() {
        (ObjectClass::PRIVATE_KEY, KeyType::RSA)
    } else {
        (ObjectClass::SECRET_KEY, KeyType::AES)
    };
    let scheme = scheme(lease, handle, !aes.is_empty())?;
    let (_, description) = keys::usable(lease, class, key_type, selector, Purpose::Wrapping)?;
    let mut warnings = description.weaknesses(Purpose::Wrapping);
    let mac_key_id = if matches!(scheme, Scheme::Gcm(_)) {
        Vec::new()
    } else {
        let (id, weaknesses) = mac_key(lease)?;
        warnings.extend(weaknesses);
        id
    };
    let header = Header::new(scheme, &description.id, &mac_key_id).map_err(|Malformed| {
        Failure::Setting("the key's CKA_ID is empty or longer than 64 bytes; generate another key".into())
    })?;
    Ok(Choice { header, warnings })
}

fn mac_key(lease: &Lease<'_>) -> Result<(Vec<u8>, Vec<String>), Failure> {
    let label = lease.config().hmac_key_label.as_ref().ok_or_else(|| {
        Failure::Setting(
            "RSA-OAEP and AES-CBC need an HMAC key beside the wrapping key; set hmac_key_label, and generate_key to make it"
                .into(),
        )
    })?;
    require(lease, MechanismType::SHA256_HMAC, "CKM_SHA256_HMAC")?;
    let selector = KeySelector::label(label);
    let (class, key_type) = (ObjectClass::SECRET_KEY, KeyType::GENERIC_SECRET);
    let found = keys::usable(lease, class, key_type, &selector, Purpose::Authenticating);
    let (_, description) = found.map_err(|failure| match failure {
        Failure::Key { found, wanted, pin_unchecked } => {
            Failure::Key { found, wanted: format!("hmac_key_label, {wanted},"), pin_unchecked }
        }
        other => other,
    })?;
    let weaknesses = description.weaknesses(Purpose::Authenticating);
    Ok((description.id, weaknesses))
}

fn scheme(lease: &Lease<'_>, key: ObjectHandle, is_aes: bool) -> Result<Scheme, Failure> {
    let config = lease.config();
    let mechanism = match config.mechanism {
        Some(mechanism) => mechanism,
        None if !is_aes => Mechanism::RsaOaep,
        None if has(lease, MechanismType::AES_GCM)? && keys::permits(lease, key, MechanismType::AES_GCM)? => {
            Mechanism::AesGcm
        }
        None => Mechanism::AesCbcHmac,
    };
    let (wanted, name, scheme) = match mechanism {
        Mechanism::AesGcm => (MechanismType::AES_GCM, "CKM_AES_GCM", Scheme::Gcm(config.iv_mode)),
        Mechanism::RsaOaep => {
            (MechanismType::RSA_PKCS_OAEP, "CKM_RSA_PKCS_OAEP", Scheme::Oaep(config.rsa_oaep_hash))
        }
        Mechanism::AesCbcHmac => (MechanismType::AES_CBC_PAD, "CKM_AES_CBC_PAD", Scheme::CbcHmac),
    };
    require(lease, wanted, name)?;
    if keys::permits(lease, key, wanted)? {
        Ok(scheme)
    } else {
        Err(Failure::Unsupported(format!(
            "the key's CKA_ALLOWED_MECHANISMS does not have {name}; set another mechanism, or use another key"
        )))
    }
}

fn require(lease: &Lease<'_>, mechanism: MechanismType, name: &str) -> Result<(), Failure> {
    if has(lease, mechanism)? {
        Ok(())
    } else {
        Err(Failure::Unsupported(format!("the token has no {name}; set another mechanism")))
    }
}

fn has(lease: &Lease<'_>, mechanism: MechanismType) -> Result<bool, Failure> {
    let (module, slot) = (lease.module(), lease.slot()?);
    Ok(module.raw().mechanisms(module.binding(), slot)?.contains(&mechanism))
}

fn is_missing(error: &TokenError) -> bool {
    matches!(error.failure(), Failure::Key { found: 0, .. })
}
