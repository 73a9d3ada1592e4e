//! Private and public keys as Vault exports them.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::{AsDer as _, EcPrivateKeyRfc5915Der, Pkcs8V1Der};
use data_encoding::BASE64;
use pkcs8::LineEnding;
use pkcs8::der::pem;
use strongroom_crypto::secret::SecretBytes;
use zeroize::Zeroizing;

use super::ExportError;
use super::private::{ML_KEM_SEED_LEN, SEED_TAG};
use crate::algorithm::{KeyType, Material, Private, PublicKey, asn1};

/// What of a key is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// The key, of a kind that encrypts or encapsulates.
    EncryptionKey,
    /// The key, of a kind that signs.
    SigningKey,
    /// The HMAC key, which every kind has.
    HmacKey,
    /// The public half, of an asymmetric kind.
    PublicKey,
}

impl ExportKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::EncryptionKey, Self::SigningKey, Self::HmacKey, Self::PublicKey];

    /// Vault's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::EncryptionKey => "encryption-key",
            Self::SigningKey => "signing-key",
            Self::HmacKey => "hmac-key",
            Self::PublicKey => "public-key",
        }
    }
}

impl FromStr for ExportKind {
    type Err = UnknownExport;

    fn from_str(name: &str) -> Result<Self, UnknownExport> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(UnknownExport::Kind)
    }
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Vault's usual form: see [the module](super).
    Default,
    /// Base64 of the bytes, for symmetric keys and the algorithms that have such a form.
    Raw,
    /// Base64 of PKCS #8 or `SubjectPublicKeyInfo`.
    Der,
    /// PEM of PKCS #8 or `SubjectPublicKeyInfo`.
    Pem,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Default, Self::Raw, Self::Der, Self::Pem];

    /// Vault's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "",
            Self::Raw => "raw",
            Self::Der => "der",
            Self::Pem => "pem",
        }
    }
}

impl FromStr for ExportFormat {
    type Err = UnknownExport;

    fn from_str(name: &str) -> Result<Self, UnknownExport> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(UnknownExport::Format)
    }
}

/// A name that is no export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownExport {
    /// No kind of export.
    Kind,
    /// No format.
    Format,
}

impl fmt::Display for UnknownExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "there is no such export: use encryption-key, signing-key, hmac-key or public-key",
            Self::Format => "there is no such format: use raw, der or pem, or leave it out",
        })
    }
}

impl Error for UnknownExport {}

impl Material {
    /// Writes the key out as text. Whether it may leave is for the caller to have decided.
    ///
    /// # Errors
    ///
    /// [`ExportError::Kind`] where the key has nothing of the sort; [`ExportError::Format`].
    pub fn export(&self, kind: ExportKind, format: ExportFormat) -> Result<Zeroizing<String>, ExportError> {
        let fits = match kind {
            ExportKind::EncryptionKey => {
                self.key_type.supports_encryption() || self.key_type.supports_encapsulation()
            }
            ExportKind::SigningKey => self.key_type.supports_signing(),
            ExportKind::HmacKey => true,
            ExportKind::PublicKey => self.key_type.is_asymmetric(),
        };
        if !fits {
            return Err(ExportError::Kind(self.key_type));
        }
        match (kind, self.public_key()) {
            (ExportKind::HmacKey, _) => raw(self.key_type, self.hmac_key(), format),
            (ExportKind::PublicKey, Some(public)) => public.export(format).map(Zeroizing::new),
            _ => self.export_private(format),
        }
    }

    /// The key as [`import`](Self::import) takes it: its bytes, or PKCS #8.
    ///
    /// # Errors
    ///
    /// [`ExportError::Library`].
    pub fn to_import_form(&self) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let library = ExportError::Library;
        let taken = |document: &[u8]| Zeroizing::new(document.to_vec());
        match self.private() {
            Private::Symmetric => Ok(taken(self.body.expose())),
            Private::Ed25519(key) => {
                key.to_pkcs8v1().map(|document| taken(document.as_ref())).map_err(|_| library)
            }
            Private::Ecdsa(key) => {
                key.to_pkcs8v1().map(|document| taken(document.as_ref())).map_err(|_| library)
            }
            Private::MlDsa(key) => {
                key.to_pkcs8v1().map(|document| taken(document.as_ref())).map_err(|_| library)
            }
            Private::Rsa(key) => {
                let document: Pkcs8V1Der<'_> = key.signing.as_der().map_err(|_| library)?;
                Ok(taken(document.as_ref()))
            }
            Private::MlKem(_) => ml_kem_document(self.key_type, &self.body).ok_or(library),
        }
    }

    fn export_private(&self, format: ExportFormat) -> Result<Zeroizing<String>, ExportError> {
        let library = ExportError::Library;
        match (self.private(), format) {
            (Private::Symmetric, _) => raw(self.key_type, self.body.expose(), format),
            (Private::Ed25519(_), ExportFormat::Default | ExportFormat::Raw) => {
                let public = self.public_key().map(PublicKey::raw).unwrap_or_default();
                let pair = Zeroizing::new([self.body.expose(), public].concat());
                Ok(Zeroizing::new(BASE64.encode(&pair)))
            }
            (Private::Ecdsa(key), ExportFormat::Default) => {
                let document: EcPrivateKeyRfc5915Der<'_> = key.private_key().as_der().map_err(|_| library)?;
                pem_text(self.key_type, "EC PRIVATE KEY", document.as_ref())
            }
            (Private::Rsa(_), ExportFormat::Default) => {
                pem_text(self.key_type, "RSA PRIVATE KEY", self.body.expose())
            }
            (_, ExportFormat::Raw) => Err(ExportError::Format(self.key_type)),
            (_, ExportFormat::Der) => Ok(Zeroizing::new(BASE64.encode(&self.to_import_form()?))),
            (_, ExportFormat::Default | ExportFormat::Pem) => {
                pem_text(self.key_type, "PRIVATE KEY", &self.to_import_form()?)
            }
        }
    }
}

impl PublicKey {
    /// Writes the public key out as text.
    ///
    /// # Errors
    ///
    /// [`ExportError::Format`] for the raw form of RSA and ECDSA, which Vault does not give either.
    pub fn export(&self, format: ExportFormat) -> Result<String, ExportError> {
        let kind = self.key_type();
        let mut text = match format {
            ExportFormat::Default => self.display(),
            ExportFormat::Raw if kind.is_rsa() || kind.is_ecdsa() => return Err(ExportError::Format(kind)),
            ExportFormat::Raw => BASE64.encode(self.raw()),
            ExportFormat::Der => BASE64.encode(self.der()),
            ExportFormat::Pem => self.pem().to_owned(),
        };
        trim(kind, &mut text);
        Ok(text)
    }
}

fn raw(key_type: KeyType, key: &[u8], format: ExportFormat) -> Result<Zeroizing<String>, ExportError> {
    match format {
        ExportFormat::Default | ExportFormat::Raw => Ok(Zeroizing::new(BASE64.encode(key))),
        ExportFormat::Der | ExportFormat::Pem => Err(ExportError::Format(key_type)),
    }
}

fn pem_text(key_type: KeyType, label: &str, document: &[u8]) -> Result<Zeroizing<String>, ExportError> {
    let mut text = pem::encode_string(label, LineEnding::LF, document)
        .map(Zeroizing::new)
        .map_err(|_| ExportError::Library)?;
    trim(key_type, &mut text);
    Ok(text)
}

/// Vault's exports end with a newline for RSA alone.
fn trim(key_type: KeyType, text: &mut String) {
    if !key_type.is_rsa() {
        text.truncate(text.trim_end().len());
    }
}

/// RFC 9935, section 6: the seed alone, which that document recommends.
fn ml_kem_document(key_type: KeyType, seed: &SecretBytes) -> Option<Zeroizing<Vec<u8>>> {
    let inner = Zeroizing::new([&[SEED_TAG, ML_KEM_SEED_LEN], seed.expose()].concat());
    asn1::document(key_type, &inner)
}
