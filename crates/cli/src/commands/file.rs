//! `file encrypt|decrypt|rewrap|inspect`: files of any size, under named keys or keys in HSMs.

mod batch;
mod convert;
mod inspect;
mod keys;
mod places;
mod plan;
mod range;
mod reach;
mod rewrap;
mod standard;
mod why;

use clap::Subcommand;

pub(crate) use keys::parse_hsm;

use crate::context::Context;
use crate::exit::Failure;

/// What one can do with files.
#[derive(Subcommand)]
pub(crate) enum File {
    /// Encrypt files, each as FILE.srf, under a data key of its own that a named key or one in an HSM wraps.
    ///
    /// An encrypted file has its owner alone as reader (0600) and appears under its name when it is whole and on the disk,
    /// not before. Originals stay, unless --delete is given. In directories, what is encrypted already is passed over, and so is
    /// what has its encrypted form beside it; a named file that is encrypted already fails. Symbolic links are not followed.
    /// Names, sizes and the name of the key can be seen by anybody.
    Encrypt(convert::Encrypt),
    /// Decrypt files, FILE.srf as FILE.
    ///
    /// The header says which named key of the store it is under; --key takes files under that key alone. A key in an HSM is asked
    /// only if --hsm names it.
    ///
    /// A file that does not decrypt to its end leaves nothing behind. To stdout go only bytes that were authenticated, each at
    /// its place; from a file nothing is written before its end has been checked, but from stdin the end is checked last: use
    /// nothing of what came before this command has ended with exit code 0.
    Decrypt(convert::Decrypt),
    /// Wrap the data keys of encrypted files anew, where they lie, under the newest version of their key or under another key.
    ///
    /// Without --key and --hsm each file comes under the newest version of the named key that it is under already. What is under
    /// that version is passed over.
    ///
    /// Headers are written, about a kilobyte each; bodies are not even read. Whoever had a data key still has it: what changes is
    /// which keys open the file from now on. Can be interrupted at any moment, and repeated.
    Rewrap(rewrap::Rewrap),
    /// Tell which version of which key encrypted files are under. Nothing of it is proved before they are decrypted.
    Inspect(inspect::Inspect),
}

impl File {
    pub(crate) fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Encrypt(encrypt) => encrypt.run(context),
            Self::Decrypt(decrypt) => decrypt.run(context),
            Self::Rewrap(rewrap) => rewrap.run(context),
            Self::Inspect(inspect) => inspect.run(context.output),
        }
    }
}
