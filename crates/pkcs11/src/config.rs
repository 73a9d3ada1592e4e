//! What a user says about a token, in the words that Vault and OpenBao use.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use strongroom_crypto::secret::SecretBytes;

/// Which token, which key, and how to use them. All that is given must hold (AND).
pub struct TokenConfig {
    /// The PKCS #11 module: a path to a shared library.
    pub lib: PathBuf,
    /// For modules that want a string at `C_Initialize` (`CK_C_INITIALIZE_ARGS.pReserved`), such as NSS.
    pub library_parameters: Option<String>,
    /// The slot's number. Some modules number anew at every start: prefer `token_label` or `serial`.
    pub slot: Option<u64>,
    /// The token's label.
    pub token_label: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// Where the user's PIN is. None for a token that asks for no login.
    pub pin: Option<PinSource>,
    /// The wrapping key's `CKA_LABEL`.
    pub key_label: Option<String>,
    /// The wrapping key's `CKA_ID`.
    pub key_id: Option<Vec<u8>>,
    /// How keys are wrapped. None: the first of AES-GCM, RSA-OAEP, AES-CBC with HMAC that key and token can do.
    pub mechanism: Option<Mechanism>,
    /// The hash of RSA-OAEP, also for its mask generation.
    pub rsa_oaep_hash: OaepHash,
    /// The label of the HMAC key that RSA-OAEP and AES-CBC need.
    pub hmac_key_label: Option<String>,
    /// Generate the wrapping key (and the HMAC key) where there is none.
    pub generate_key: bool,
    /// How many sessions work at once.
    pub max_parallel: usize,
    /// Opens read/write sessions even for reading: some tokens have no others.
    pub force_rw_session: bool,
    /// Where AES-GCM's IV comes from.
    pub iv_mode: IvMode,
    /// How long a call that was handed to a worker, and the wait for a free session, may take.
    pub timeout: Duration,
    /// Use keys whose attributes would let the key leave the token. One with `CKA_PRIVATE` false, which needs no PIN to be put
    /// there, is refused all the same.
    pub allow_weak_attributes: bool,
}

impl TokenConfig {
    /// A configuration with this module and the defaults: eight sessions, 30 seconds, IVs by the caller, SHA-256.
    pub fn new(lib: impl Into<PathBuf>) -> Self {
        Self {
            lib: lib.into(),
            library_parameters: None,
            slot: None,
            token_label: None,
            serial: None,
            pin: None,
            key_label: None,
            key_id: None,
            mechanism: None,
            rsa_oaep_hash: OaepHash::Sha256,
            hmac_key_label: None,
            generate_key: false,
            max_parallel: 8,
            force_rw_session: false,
            iv_mode: IvMode::Caller,
            timeout: Duration::from_secs(30),
            allow_weak_attributes: false,
        }
    }
}

/// Where a PIN is read from, each time that a token is opened.
pub enum PinSource {
    /// An environment variable of this name.
    Env(String),
    /// A file; one line feed at its end is not part of the PIN.
    File(PathBuf),
    /// The PIN.
    Given(SecretBytes),
}

/// How a key is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// `CKM_AES_GCM` (SP 800-38D) with a tag of 128 bits.
    AesGcm,
    /// `CKM_RSA_PKCS_OAEP` (RFC 8017) and `CKM_SHA256_HMAC` over the ciphertext, since anybody can encrypt to a public key.
    RsaOaep,
    /// `CKM_AES_CBC_PAD` (SP 800-38A), then `CKM_SHA256_HMAC` over the ciphertext.
    AesCbcHmac,
}

impl Mechanism {
    /// The words that [`FromStr`] takes.
    pub const NAMES: &[&str] = &["aes-gcm", "rsa-oaep", "aes-cbc-hmac"];
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AesGcm => "aes-gcm",
            Self::RsaOaep => "rsa-oaep",
            Self::AesCbcHmac => "aes-cbc-hmac",
        })
    }
}

impl FromStr for Mechanism {
    type Err = UnknownWord;

    /// Takes our own words, the standard's names and its numbers, as they stand in the configuration of Vault.
    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word.to_ascii_lowercase().as_str() {
            "aes-gcm" | "ckm_aes_gcm" | "0x1087" => Ok(Self::AesGcm),
            "rsa-oaep" | "ckm_rsa_pkcs_oaep" | "0x0009" | "0x9" => Ok(Self::RsaOaep),
            "aes-cbc-hmac" | "ckm_aes_cbc_pad" | "0x1085" => Ok(Self::AesCbcHmac),
            _ => Err(UnknownWord::new("mechanism", word, Self::NAMES)),
        }
    }
}

/// Where AES-GCM's IV comes from. A token that draws it itself is asked to in one of three ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IvMode {
    /// Twelve random bytes of this process. At most 2^32 wraps under one key (SP 800-38D, section 8.3).
    Caller,
    /// The token writes it over twelve zeros that it is given (AWS `CloudHSM`, `ProtectServer`).
    ZeroedWriteback,
    /// The token is given none, and appends one of 16 bytes after the tag (Luna in FIPS mode).
    Appended,
    /// The token generates it in `C_EncryptMessage` (PKCS #11 v3.0).
    MessageApi,
}

impl IvMode {
    /// The words that [`FromStr`] takes.
    pub const NAMES: &[&str] = &["caller", "zeroed-writeback", "appended", "message-api"];
}

impl fmt::Display for IvMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "caller",
            Self::ZeroedWriteback => "zeroed-writeback",
            Self::Appended => "appended",
            Self::MessageApi => "message-api",
        })
    }
}

impl FromStr for IvMode {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "caller" => Ok(Self::Caller),
            "zeroed-writeback" => Ok(Self::ZeroedWriteback),
            "appended" => Ok(Self::Appended),
            "message-api" => Ok(Self::MessageApi),
            _ => Err(UnknownWord::new("IV mode", word, Self::NAMES)),
        }
    }
}

/// The hash of RSA-OAEP and of its MGF1 (RFC 8017, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OaepHash {
    /// SHA-1. Sound in OAEP, which does not need collision resistance; the only one that some tokens have.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl OaepHash {
    /// The words that [`FromStr`] takes.
    pub const NAMES: &[&str] = &["sha1", "sha256", "sha384", "sha512"];

    /// Bytes of a digest.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for OaepHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        })
    }
}

impl FromStr for OaepHash {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word.to_ascii_lowercase().replace('-', "").as_str() {
            "sha1" => Ok(Self::Sha1),
            "sha256" => Ok(Self::Sha256),
            "sha384" => Ok(Self::Sha384),
            "sha512" => Ok(Self::Sha512),
            _ => Err(UnknownWord::new("OAEP hash", word, Self::NAMES)),
        }
    }
}

/// A word that means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownWord {
    what: &'static str,
    word: String,
    known: &'static [&'static str],
}

impl UnknownWord {
    pub(crate) fn new(what: &'static str, word: &str, known: &'static [&'static str]) -> Self {
        Self { what, word: word.into(), known }
    }
}

impl UnknownWord {
    /// The words that there are.
    pub fn known(&self) -> &'static [&'static str] {
        self.known
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” is no {}; use one of {}", self.word, self.what, self.known.join(", "))
    }
}

impl std::error::Error for UnknownWord {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_back_and_others_are_refused() {
        for name in Mechanism::NAMES {
            assert_eq!(name.parse::<Mechanism>().unwrap().to_string(), *name);
        }
        for name in IvMode::NAMES {
            assert_eq!(name.parse::<IvMode>().unwrap().to_string(), *name);
        }
        for name in OaepHash::NAMES {
            assert_eq!(name.parse::<OaepHash>().unwrap().to_string(), *name);
        }
        let error = "aes-ecb".parse::<Mechanism>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "“aes-ecb” is no mechanism; use one of aes-gcm, rsa-oaep, aes-cbc-hmac"
        );
    }
}
