//! Streams: objects of any size in segments, encrypted and decrypted in bounded memory, on all cores, and read at random.
//!
//! A stream is a header area, in which a rewrap changes the wrapped key and nothing else, and a FLOE message (c2sp.org/FLOE).
//! The area has two slots. A rewrap never writes the one that holds the only whole header, so a crash at any byte leaves a
//! stream that opens; the alternative, a new file with a new header, would copy a terabyte to change a hundred bytes.
//!
//! A stream opens as long as one of the two is as it was written, whatever became of the other: torn, rotten or forged, it is
//! passed over without an error. Nothing but the wrapped key is in a slot, so nothing false comes of that, and every other bit
//! of a stream counts; but it is one slot that stands between the stream and its loss. [`inspect`] tells, and a rewrap makes
//! both good again.

mod area;
mod cipher;
mod error;
mod input;
mod inspect;
mod ivs;
mod memory;
mod options;
mod pipeline;
mod reader;
mod rewrap;
mod threads;

use std::io::{self, Read, Write};

use strongroom_crypto::random;

use crate::envelope::Envelope;
use crate::error::{KeyError, OpenError};
use crate::floe::{HEADER_LEN, IV_LEN, Message};
use crate::header::{Algorithm, PROLOGUE_LEN, Prologue};
use crate::key::KeyEncryption;
use crate::read_at::{ReadAt, read_exact_at};

use area::{FIRST_GENERATION, SECTOR, SlotError, Slots, Start};
use cipher::{Decrypting, Encrypting};
use input::{ByPlace, InOrder, Input, read_full};

pub use error::{DecryptError, EncryptError};
pub use inspect::{Header, HeaderSlots, check_header, inspect, wrapped_key};
pub use options::Options;
pub use reader::Reader;
pub use rewrap::{Area, StreamRewrapError, rewrap_in_place};

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

    /// As [`encrypt`](Self::encrypt), from a source that all threads read at once. It must have the length that it says: a
    /// file that grows meanwhile, or that has no length, as those in `/proc`, is refused, not cut short.
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
        let sink = self.encrypt_chunks(associated, &ByPlace::new(source, 0, len), sink, options)?;
        match read_exact_at(source, &mut [0], len) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(sink),
            Err(error) => Err(EncryptError::Read(error)),
            Ok(()) => Err(EncryptError::Read(io::Error::other(LONGER))),
        }
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
        pipeline::run(input, &Encrypting(&message), sink, options.threads())
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
        let (start, slots) = read_area(fill)?;
        let mut header = [0; HEADER_LEN];
        fill(&mut header)?;
        let message = slots.try_each(|slot| {
            let body_key = start.open(self.key(), slot)?.body_key(start.prologue())?;
            Message::resume(&body_key, associated, &header).map_err(DecryptError::of_header)
        })?;
        Ok((message, u64::try_from(start.area_len() + HEADER_LEN).unwrap_or(u64::MAX)))
    }
}

/// The first sector and the slots.
fn read_area(
    fill: &mut dyn FnMut(&mut [u8]) -> Result<(), DecryptError>,
) -> Result<(Start, Slots), DecryptError> {
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
    let slots = start.slots(&slots)?;
    Ok((start, slots))
}

const LONGER: &str = "it is longer than its length says; if it grew meanwhile, try again when it has come to rest, and if it has no \
                      length, read it through a pipe";

#[cfg(test)]
mod tests {
    use strongroom_crypto::external::ExternalError;
    use strongroom_crypto::secret::Secret;

    use super::area::SLOTS;
    use super::*;
    use crate::key::WrappedKey;

    /// Wraps nothing, as one does for somebody who may ask the wrapping key.
    struct Bare;

    impl KeyEncryption for Bare {
        fn wrap(&self, data_key: &Secret<32>, _: &[u8]) -> Result<WrappedKey, ExternalError> {
            Ok(WrappedKey::new("bare", 1, *data_key.expose()).unwrap())
        }

        fn unwrap(&self, wrapped: &WrappedKey, _: &[u8]) -> Result<Secret<32>, ExternalError> {
            Ok(Secret::copy_from_slice(wrapped.bytes()).unwrap())
        }
    }

    #[test]
    fn slot_with_another_data_key_and_a_right_tag_does_not_shut_out_the_genuine_one() {
        let envelope = Envelope::new(Bare);
        let (options, mut forged) = (Options::default(), 0);
        let stream = envelope.encrypt(b"aad", &b"value"[..], Vec::new(), &options).unwrap();
        let start = Start::decode(stream.first_chunk().unwrap()).unwrap();
        let (data_key, _) = envelope.data_keys.draw(Algorithm::Stream).unwrap();
        let wrapped = data_key.wrap(&Bare, start.prologue()).unwrap();
        for generation in [0, FIRST_GENERATION, u64::MAX] {
            let slot = start.slot(&data_key, generation, &wrapped).unwrap();
            let put = |stream: &mut Vec<u8>, index| {
                stream[start.slot_at(index)..start.slot_at(index + 1)].copy_from_slice(&slot);
            };
            for index in 0..SLOTS {
                let mut stream = stream.clone();
                put(&mut stream, index);
                assert_eq!(inspect(&stream).unwrap().slots(), HeaderSlots::Differ);
                let opened = envelope.decrypt_slice(b"aad", &stream, &options).unwrap();
                assert_eq!(opened.as_slice(), b"value", "generation {generation}, slot {index}");
                put(&mut stream, 1 - index);
                assert!(envelope.decrypt_slice(b"aad", &stream, &options).is_err(), "the control");
                forged += 1;
            }
        }
        assert_eq!(forged, 6);
    }
}
