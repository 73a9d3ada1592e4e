//! Why a file did not open, with the words of the command line.

use std::error::Error as _;

use strongroom_envelope::stream::{DecryptError, StreamRewrapError};
use strongroom_envelope::{ExternalError, KeyError, OpenError, WrappedKey};
use strongroom_transit::UseError;

use crate::exit::Failure;
use crate::text::shown;

/// A file with this header was not decrypted.
pub(super) fn not_decrypted(error: DecryptError, header: &WrappedKey) -> Failure {
    let said = match &error {
        DecryptError::Open(OpenError::Forged) => Some(
            "the file is damaged, or it was encrypted with another --context than this: give the same text, or take another copy"
                .to_owned(),
        ),
        DecryptError::Open(OpenError::Key(KeyError::Wrapping(error)))
        | DecryptError::Key(KeyError::Wrapping(error)) => not_unwrapped(error, header),
        _ => None,
    };
    let failure = Failure::from(error);
    match said {
        Some(said) => Failure::new(failure.kind, said),
        None => failure,
    }
}

/// A file with this header was not rewrapped.
pub(super) fn not_rewrapped(error: StreamRewrapError, header: &WrappedKey) -> Failure {
    match error {
        StreamRewrapError::Open(error) => not_decrypted(error, header),
        error => error.into(),
    }
}

/// What a named key says; one in an HSM speaks for itself.
fn not_unwrapped(error: &ExternalError, header: &WrappedKey) -> Option<String> {
    let (name, version) = (shown(header.name()), header.version());
    match error.source()?.downcast_ref::<UseError>()? {
        UseError::Forged => Some(format!(
            "version {version} of {name} in this store did not wrap its data key: name the store that it was encrypted in \
             (--store), or, if that is this one, take another copy: then the header was changed"
        )),
        UseError::NoVersion => Some(format!(
            "{name} in this store has no version {version}: name the store that it was encrypted in (--store)"
        )),
        _ => None,
    }
}
