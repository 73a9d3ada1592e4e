//! Streams: objects of any size in segments, encrypted and decrypted in bounded memory, on all cores, and read at random.
//!
//! A stream is a header area, in which a rewrap changes the wrapped key and nothing else, and a FLOE message (c2sp.org/FLOE).
//! The area has two slots. A rewrap never writes the one that holds the only whole header, so a crash at any byte leaves a
//! stream that opens; the alternative, a new file with a new header, would copy a terabyte to change a hundred bytes.

mod area;
mod cipher;
mod error;
mod input;
mod ivs;
mod memory;
mod options;
mod pipeline;
mod reader;
mod rewrap;

use std::io::{Read, Write};

use strongroom_crypto::random;

use crate::data_key::DataKey;
use crate::envelope::Envelope;
use crate::error::{KeyError, OpenError};
use crate::floe::{HEADER_LEN, IV_LEN, Message};
use crate::header::{Algorithm, PROLOGUE_LEN, Prologue};
use crate::key::KeyEncryption;
use crate::read_at::{ReadAt, read_exact_at};

use area::{FIRST_GENERATION, SECTOR, Slot, SlotError, Start};
use cipher::{Decrypting, Encrypting};
use input::{ByPlace, InOrder, Input, read_full};

pub use error::{DecryptError, EncryptError};
pub use options::Options;
pub use reader::Reader;
pub use rewrap::{Area, StreamRewrapError, check_header, has_spare_header, rewrap_in_place, wrapped_key};

impl<K: KeyEncryption> Envelope<K> {
    /// Encrypts what `source` gives until it ends, in memory of some hundred KiB for each thread.
    ///
    /// The stream decrypts only with the same associated data, which are not stored.
    ///
    /// # Errors
    ///
    /// [`EncryptError`]: what was written is then to be thrown away.
    pub fn encrypt<W: Write + Send>(
        &self,
        associated: &[u8],
        source: impl Read + Send,
        sink: W,
        options: &Options,
    ) -> Result<W, EncryptError> {
        self.encrypt_chunks(associated, &InOrder::new(source), sink, options)
    }

    /// As [`encrypt`](Self::encrypt), from a source that all threads read at once.
    ///
    /// # Errors
    ///
    /// As [`encrypt`](Self::encrypt).
    pub fn encrypt_from<W: Write + Send>(
        &self,
        associated: &[u8],
        source: &(impl ReadAt + ?Sized),
        sink: W,
        options: &Options,
    ) -> Result<W, EncryptError> {
        let len = source.size().map_err(EncryptError::Read)?;
        self.encrypt_chunks(associated, &ByPlace::new(source, 0, len), sink, options)
    }

    /// Decrypts a stream as it arrives. Every byte that reaches `sink` is genuine and in its place, but whether the stream
    /// is whole shows at its end only: use nothing before this returns without an error.
    ///
    /// # Errors
    ///
    /// [`DecryptError`].
    pub fn decrypt<W: Write + Send>(
        &self,
        associated: &[u8],
        mut source: impl Read + Send,
        sink: W,
        options: &Options,
    ) -> Result<W, DecryptError> {
        let mut fill = |buffer: &mut [u8]| {
            let read = read_full(&mut source, buffer).map_err(DecryptError::Read)?;
            if read == buffer.len() { Ok(()) } else { Err(DecryptError::Truncated) }
        };
        let (message, _) = self.resume(associated, &mut fill)?;
        pipeline::run(&InOrder::new(source), &Decrypting(&message), sink, options.threads())
    }

    /// As [`decrypt`](Self::decrypt), from a source that all threads read at once. That the stream is whole is checked
    /// before the first byte is written.
    ///
    /// # Errors
    ///
    /// [`DecryptError`].
    pub fn decrypt_from<W: Write + Send>(
        &self,
        associated: &[u8],
        source: &(impl ReadAt + ?Sized),
        sink: W,
        options: &Options,
    ) -> Result<W, DecryptError> {
        self.reader(associated, source)?.copy_to(sink, options)
    }

    /// Opens a stream for reading at random. Its end is checked here: a stream that was cut off or added to does not open.
    ///
    /// # Errors
    ///
    /// [`DecryptError`].
    pub fn reader<S: ReadAt>(&self, associated: &[u8], source: S) -> Result<Reader<S>, DecryptError> {
        let mut at = 0;
        let mut fill = |buffer: &mut [u8]| {
            read_exact_at(&source, buffer, at).map_err(DecryptError::of_reading)?;
            at = at.saturating_add(u64::try_from(buffer.len()).unwrap_or(u64::MAX));
            Ok(())
        };
        let (message, body_at) = self.resume(associated, &mut fill)?;
        Reader::new(source, message, body_at)
    }

    fn encrypt_chunks<W: Write + Send>(
        &self,
        associated: &[u8],
        input: &impl Input,
        mut sink: W,
        options: &Options,
    ) -> Result<W, EncryptError> {
        let iv = random::array().map_err(KeyError::from)?;
        let (head, message) = self.begin(associated, options, &iv)?;
        sink.write_all(&head).map_err(EncryptError::Write)?;
        let mut sink = pipeline::run(input, &Encrypting(&message), sink, options.threads())?;
        sink.flush().map_err(EncryptError::Write)?;
        Ok(sink)
    }

    /// A new stream's header area and FLOE header, and the message that follows them.
    fn begin(
        &self,
        associated: &[u8],
        options: &Options,
        iv: &[u8; IV_LEN],
    ) -> Result<(Vec<u8>, Message), EncryptError> {
        let (data_key, prologue) = self.data_keys.draw(Algorithm::Stream)?;
        let wrapped = data_key.wrap(self.key(), &prologue)?;
        let start = Start::new(prologue, &wrapped);
        let slot = start.slot(&data_key, FIRST_GENERATION, &wrapped).map_err(|error| match error {
            SlotError::Key(error) => error,
            // The slots were measured for this key.
            SlotError::NoRoom { .. } => KeyError::Cipher,
        })?;
        let body_key = data_key.body_key(start.prologue())?;
        let (message, header) = Message::begin(options.parameters(), &body_key, associated, iv)?;
        let mut head = start.encode(&slot);
        head.extend_from_slice(&header);
        Ok((head, message))
    }

    /// Reads the same, through `fill`; gives the message and where its segments begin.
    fn resume(
        &self,
        associated: &[u8],
        fill: &mut dyn FnMut(&mut [u8]) -> Result<(), DecryptError>,
    ) -> Result<(Message, u64), DecryptError> {
        let (start, slot) = read_area(fill)?;
        let data_key: DataKey = start.open(self.key(), &slot)?;
        let mut header = [0; HEADER_LEN];
        fill(&mut header)?;
        let body_key = data_key.body_key(start.prologue())?;
        let message = Message::resume(&body_key, associated, &header).map_err(DecryptError::of_header)?;
        Ok((message, u64::try_from(start.area_len() + HEADER_LEN).unwrap_or(u64::MAX)))
    }
}

/// The first sector, and the slot that counts.
fn read_area(
    fill: &mut dyn FnMut(&mut [u8]) -> Result<(), DecryptError>,
) -> Result<(Start, Slot), DecryptError> {
    let mut sector = [0; SECTOR];
    // What is no object of ours, or is a small one, shows before a whole sector is there.
    let (first, rest) = sector.split_at_mut(PROLOGUE_LEN);
    fill(first)?;
    if Prologue::split(first)?.0.algorithm() != Algorithm::Stream {
        return Err(OpenError::IsSmall.into());
    }
    fill(rest)?;
    let start = Start::decode(&sector)?;
    let mut slots = vec![0; start.area_len() - SECTOR];
    fill(&mut slots)?;
    let slot = start.newest(&slots)?;
    Ok((start, slot))
}
