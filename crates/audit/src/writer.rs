//! Appending to a chain.

use std::fmt;
use std::io;

use strongroom_crypto::external::ExternalError;
use strongroom_crypto::random::{self, RandomnessError};
use strongroom_crypto::sign::Signer;

use crate::chain::{self, COSIGNED, KEY, NAME, SEALED, SIGNATURE, SIGNED, Tip};
use crate::entry::{BadEntry, Entry};
use crate::key::{PublicKey, Signature};
use crate::public::{NotPublic, Public};
use crate::record::Record;
use crate::time::Time;

/// Where lines go.
pub trait Sink {
    /// Appends a line, which ends with its line feed, and returns once it is durable.
    ///
    /// # Errors
    ///
    /// Whatever the place says. Nobody can tell then how much of the line is there, and the writer takes no more.
    fn append(&mut self, line: &[u8]) -> io::Result<()>;
}

/// Appends to a chain, and seals it. What was appended is durable when the call returns.
pub struct Writer<S> {
    sink: S,
    id: [u8; 16],
    tip: Tip,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Sealed,
    Broken,
}

impl<S: Sink> Writer<S> {
    /// Begins a chain with a number of its own. The purpose says what it is a record of.
    ///
    /// # Errors
    ///
    /// [`AppendError`].
    pub fn begin(sink: S, at: Time, purpose: &str) -> Result<Self, AppendError> {
        let id = random::array().map_err(AppendError::Randomness)?;
        let purpose = Public::new(purpose).map_err(AppendError::Purpose)?;
        let mut writer = Self { sink, id, tip: Tip::start(), state: State::Open };
        writer.put(at, chain::opened(id, purpose))?;
        Ok(writer)
    }

    /// Goes on where a chain ended.
    pub(crate) fn at(sink: S, id: [u8; 16], tip: Tip) -> Self {
        Self { sink, id, tip, state: State::Open }
    }

    /// The chain's number. Written down elsewhere, it tells this chain from another of the same people.
    pub fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The hash of the last line, which stands for the chain so far.
    pub fn hash(&self) -> [u8; 32] {
        self.tip.previous
    }

    /// Appends what happened. Returns the number of its line.
    ///
    /// # Errors
    ///
    /// [`AppendError`]. What was to be recorded must not happen then.
    pub fn append(&mut self, at: Time, entry: Entry) -> Result<u64, AppendError> {
        if entry.is_of_chain() {
            return Err(AppendError::Entry(BadEntry::Reserved));
        }
        self.put(at, entry)
    }

    /// Appends a signature by the chain's key over everything so far, after which the chain goes on.
    ///
    /// # Errors
    ///
    /// [`AppendError`].
    pub fn sign(&mut self, at: Time, signer: &dyn Signer) -> Result<u64, AppendError> {
        self.put_signed(at, Entry::new(SIGNED), signer)
    }

    /// Appends somebody else's signature over everything so far.
    ///
    /// # Errors
    ///
    /// [`AppendError`].
    pub fn cosign(&mut self, at: Time, name: Public, signer: &dyn Signer) -> Result<u64, AppendError> {
        self.put_signed(at, Entry::new(COSIGNED).with(NAME, name), signer)
    }

    /// Appends the seal: a signature by the chain's key over everything, after which nothing can follow.
    ///
    /// # Errors
    ///
    /// [`AppendError`]. Unless the line could not be written, it can be tried again.
    pub fn seal(&mut self, at: Time, signer: &dyn Signer) -> Result<u64, AppendError> {
        let line = self.put_signed(at, Entry::new(SEALED), signer)?;
        self.state = State::Sealed;
        Ok(line)
    }

    fn put_signed(&mut self, at: Time, entry: Entry, signer: &dyn Signer) -> Result<u64, AppendError> {
        self.writable()?;
        let algorithm = signer.algorithm();
        let key = PublicKey::new(algorithm, signer.public_key()).ok_or(AppendError::Misbehaved)?;
        let unsigned = self.tip.place(at, entry.with(KEY, key.clone()));
        let message = chain::signed_message(&unsigned);
        let bytes = signer.sign(&message).map_err(AppendError::Signer)?;
        let signature = Signature::new(algorithm, &bytes).filter(|signature| key.verify(&message, signature));
        let signature = signature.ok_or(AppendError::Misbehaved)?;
        self.put(at, unsigned.entry.with(SIGNATURE, signature))
    }

    fn put(&mut self, at: Time, entry: Entry) -> Result<u64, AppendError> {
        self.writable()?;
        entry.check().map_err(AppendError::Entry)?;
        let (record, line) = line(self.tip, at, entry);
        if let Err(error) = self.sink.append(line.as_bytes()) {
            self.state = State::Broken;
            return Err(AppendError::Io(error));
        }
        self.tip = Tip::behind(&record);
        Ok(record.number())
    }

    fn writable(&self) -> Result<(), AppendError> {
        match self.state {
            State::Open => Ok(()),
            State::Sealed => Err(AppendError::Sealed),
            State::Broken => Err(AppendError::Broken),
        }
    }
}

/// The record of an entry, and its line as it lies in the file.
pub(crate) fn line(tip: Tip, at: Time, entry: Entry) -> (Record, String) {
    let record = tip.place(at, entry);
    let line = record.line() + "\n";
    (record, line)
}

/// Why something was not recorded.
#[derive(Debug)]
pub enum AppendError {
    /// It cannot be said in a record.
    Entry(BadEntry),
    /// The chain's purpose is no public text.
    Purpose(NotPublic),
    /// The place did not take it.
    Io(io::Error),
    /// An earlier line could not be written, so that nobody knows how the file ends. It must be opened again.
    Broken,
    /// The chain is sealed.
    Sealed,
    /// The chain's number could not be drawn.
    Randomness(RandomnessError),
    /// The key did not sign.
    Signer(ExternalError),
    /// What the key made is no signature of its own.
    Misbehaved,
}

impl fmt::Display for AppendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(error) => error.fmt(f),
            Self::Purpose(error) => error.fmt(f),
            Self::Io(error) => write!(
                f,
                "the record could not be written ({error}): make room for it, and open the file again"
            ),
            Self::Broken => f.write_str("an earlier record could not be written: open the file again"),
            Self::Sealed => f.write_str("the file is sealed, and nothing can be added: begin another"),
            Self::Randomness(error) => error.fmt(f),
            Self::Signer(error) => write!(f, "the key did not sign: {error}"),
            Self::Misbehaved => f.write_str(
                "what the key made is no signature of its own: do not trust the device that holds it",
            ),
        }
    }
}

impl std::error::Error for AppendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Entry(error) => Some(error),
            Self::Purpose(error) => Some(error),
            Self::Io(error) => Some(error),
            Self::Randomness(error) => Some(error),
            Self::Signer(error) => Some(error),
            Self::Broken | Self::Sealed | Self::Misbehaved => None,
        }
    }
}
