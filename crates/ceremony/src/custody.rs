//! Bringing a share to its custodian and to nobody else.
//!
//! Shares are encrypted to keys that custodians gave, with age or OpenPGP. This crate holds no private key of either and
//! never decrypts.
//!
//! What is encrypted is the share's text form and a line feed, so that it can be entered as it comes out. What the libraries
//! copy on their way is not in secret memory: it lies on the heap of a process that is undumpable and ends with the ceremony.

mod age;
mod openpgp;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::plan::Custody;

/// A key that shares can be encrypted to, or the news that there is none.
pub enum Recipient {
    /// An age recipient.
    Age(age::AgeRecipient),
    /// An OpenPGP certificate's key for encryption.
    OpenPgp(Box<openpgp::Certificate>),
    /// The custodian gave no key: the share is shown or printed.
    None,
}

impl Recipient {
    /// The recipient that a plan names. Reads the certificate's file, and holds it against the fingerprint.
    ///
    /// # Errors
    ///
    /// [`CustodyError`], when no share could be encrypted so.
    pub fn of(custody: &Custody) -> Result<Self, CustodyError> {
        match custody {
            Custody::Age { recipient } => age::AgeRecipient::parse(recipient).map(Self::Age),
            Custody::OpenPgp { certificate, fingerprint } => {
                let bytes = fs::read(certificate).map_err(|error| CustodyError::Certificate {
                    problem: format!("the file {} could not be read: {error}", certificate.display()),
                })?;
                let certificate = openpgp::Certificate::parse(&bytes, fingerprint)?;
                Ok(Self::OpenPgp(Box::new(certificate)))
            }
            Custody::Screen | Custody::Paper => Ok(Self::None),
        }
    }

    /// Encrypts a share's text. `None` where there is no key.
    ///
    /// # Errors
    ///
    /// [`CustodyError::Encrypt`].
    pub fn encrypt(&self, share: &str) -> Result<Option<Vec<u8>>, CustodyError> {
        match self {
            Self::Age(recipient) => recipient.encrypt(share).map(Some),
            Self::OpenPgp(certificate) => certificate.encrypt(share).map(Some),
            Self::None => Ok(None),
        }
    }

    /// How the file's name ends.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Age(_) => "age",
            Self::OpenPgp(_) => "asc",
            Self::None => "txt",
        }
    }
}

/// Whether an age recipient is one that a quantum computer does not break.
pub fn is_hybrid(recipient: &str) -> bool {
    recipient.starts_with(age::HYBRID)
}

/// Writes a file that only its owner can read, whatever the umask; never over another.
///
/// # Errors
///
/// As the operating system says, above all when there is such a file.
pub fn write_private(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

/// The file, still empty.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Why a share could not be encrypted.
#[derive(Debug, PartialEq, Eq)]
pub enum CustodyError {
    /// The text is no age recipient that the library can encrypt to.
    AgeRecipient {
        /// Why.
        problem: &'static str,
    },
    /// The certificate cannot be used.
    Certificate {
        /// Why.
        problem: String,
    },
    /// The library failed. It says nothing of the share.
    Encrypt(String),
}

impl fmt::Display for CustodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AgeRecipient { problem } => write!(f, "the age recipient is refused: {problem}"),
            Self::Certificate { problem } => write!(f, "the OpenPGP certificate is refused: {problem}"),
            Self::Encrypt(problem) => {
                write!(f, "the share could not be encrypted, so it was not handed out: {problem}")
            }
        }
    }
}

impl std::error::Error for CustodyError {}
