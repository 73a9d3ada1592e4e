//! One message: its header, and its segments one by one.

use strongroom_crypto::aead::{AeadKey, NONCE_LEN, TAG_LEN};
use strongroom_crypto::secret::Secret;
use subtle::ConstantTimeEq as _;

use super::error::FloeError;
use super::kdf::{Kdf, with_wiped_stack};
use super::parameters::{ENCODED_LEN, Parameters};

/// What `startEncryption` and `startDecryption` leave behind.
pub(crate) struct Message {
    parameters: Parameters,
    /// Parameters ‖ IV, with which every derivation begins.
    prefix: [u8; PREFIX_LEN],
    associated: Vec<u8>,
    key: Kdf,
}

impl Message {
    /// `startEncryption`: gives the header. `iv` must be drawn for this message, from the operating system.
    pub(crate) fn begin(
        parameters: Parameters,
        key: &Secret<32>,
        associated: &[u8],
        iv: &[u8; IV_LEN],
    ) -> Result<(Self, [u8; HEADER_LEN]), FloeError> {
        let mut prefix = [0; PREFIX_LEN];
        let (encoded, room) = prefix.split_at_mut(ENCODED_LEN);
        encoded.copy_from_slice(&parameters.encode());
        room.copy_from_slice(iv);
        let (message, tag) = Self::derive(parameters, prefix, key, associated)?;
        let mut header = [0; HEADER_LEN];
        let (head, tail) = header.split_at_mut(PREFIX_LEN);
        head.copy_from_slice(&prefix);
        tail.copy_from_slice(tag.expose());
        Ok((message, header))
    }

    /// `startDecryption`: takes the parameters from the header.
    pub(crate) fn resume(
        key: &Secret<32>,
        associated: &[u8],
        header: &[u8; HEADER_LEN],
    ) -> Result<Self, FloeError> {
        let (prefix, tag) = header.split_first_chunk::<PREFIX_LEN>().ok_or(FloeError::Length)?;
        let encoded = prefix.first_chunk().ok_or(FloeError::Length)?;
        Self::resume_with(Parameters::decode(encoded)?, *prefix, tag, key, associated)
    }

    #[cfg(test)]
    pub(super) fn resume_as(
        parameters: Parameters,
        key: &Secret<32>,
        associated: &[u8],
        header: &[u8; HEADER_LEN],
    ) -> Result<Self, FloeError> {
        let (prefix, tag) = header.split_first_chunk::<PREFIX_LEN>().ok_or(FloeError::Length)?;
        if prefix.first_chunk() != Some(&parameters.encode()) {
            return Err(FloeError::Parameters);
        }
        Self::resume_with(parameters, *prefix, tag, key, associated)
    }

    fn resume_with(
        parameters: Parameters,
        prefix: [u8; PREFIX_LEN],
        tag: &[u8],
        key: &Secret<32>,
        associated: &[u8],
    ) -> Result<Self, FloeError> {
        let (message, expected) = Self::derive(parameters, prefix, key, associated)?;
        if expected.expose().as_slice().ct_eq(tag).into() { Ok(message) } else { Err(FloeError::HeaderTag) }
    }

    fn derive(
        parameters: Parameters,
        prefix: [u8; PREFIX_LEN],
        key: &Secret<32>,
        associated: &[u8],
    ) -> Result<(Self, Secret<TAG32>), FloeError> {
        with_wiped_stack(|| {
            let kdf = Kdf::new(key.expose());
            let tag = kdf.expand(&[&prefix, b"HEADER_TAG:", associated])?;
            let message_key: Secret<48> = kdf.expand(&[&prefix, b"MESSAGE_KEY:", associated])?;
            let key = Kdf::new(message_key.expose());
            Ok((Self { parameters, prefix, associated: associated.to_vec(), key }, tag))
        })
    }

    pub(crate) fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// `encryptSegment`, in place: `segment` is the sealed length, with the plaintext from [`PLAINTEXT_AT`] on. `iv` must be
    /// drawn for this segment.
    pub(crate) fn seal(
        &self,
        epoch: &mut EpochKey,
        position: u64,
        last: bool,
        iv: &[u8; NONCE_LEN],
        segment: &mut [u8],
    ) -> Result<(), FloeError> {
        let sealed = self.put_head(position, last, iv, segment)?;
        let (body, room) = sealed.split_last_chunk_mut::<TAG_LEN>().ok_or(FloeError::Length)?;
        *room = self.epoch_key(epoch, position)?.seal_in_place(iv, &aad(position, last), body)?;
        Ok(())
    }

    /// `encryptSegment`, from elsewhere: `segment` is the sealed length. `iv` must be drawn for this segment.
    pub(crate) fn seal_into(
        &self,
        epoch: &mut EpochKey,
        position: u64,
        last: bool,
        iv: &[u8; NONCE_LEN],
        plaintext: &[u8],
        segment: &mut [u8],
    ) -> Result<(), FloeError> {
        let sealed = self.put_head(position, last, iv, segment)?;
        self.epoch_key(epoch, position)?.seal_into(iv, &aad(position, last), plaintext, &[], sealed)?;
        Ok(())
    }

    /// Writes a segment's mark and IV; gives the rest of it.
    fn put_head<'s>(
        &self,
        position: u64,
        last: bool,
        iv: &[u8; NONCE_LEN],
        segment: &'s mut [u8],
    ) -> Result<&'s mut [u8], FloeError> {
        let len = segment.len();
        self.check_place(position, last, len)?;
        let mark = if last { u32::try_from(len).map_err(|_| FloeError::Length)? } else { MORE_FOLLOW };
        let (head, rest) = segment.split_first_chunk_mut::<PLAINTEXT_AT>().ok_or(FloeError::Length)?;
        let (head_mark, head_iv) = head.split_at_mut(MARK_LEN);
        head_mark.copy_from_slice(&mark.to_be_bytes());
        head_iv.copy_from_slice(iv);
        Ok(rest)
    }

    /// `decryptSegment`, in place: gives the plaintext within `segment`. On an error `segment` holds none.
    pub(crate) fn open<'s>(
        &self,
        epoch: &mut EpochKey,
        position: u64,
        last: bool,
        segment: &'s mut [u8],
    ) -> Result<&'s mut [u8], FloeError> {
        let iv = self.check_head(position, last, segment)?;
        let body = segment.get_mut(PLAINTEXT_AT..).ok_or(FloeError::Length)?;
        let (body, tag) = body.split_last_chunk_mut::<TAG_LEN>().ok_or(FloeError::Length)?;
        self.epoch_key(epoch, position)?.open_in_place(&iv, &aad(position, last), body, tag)?;
        Ok(body)
    }

    /// `decryptSegment`, into a buffer as long as the plaintext. On an error the buffer holds none.
    pub(crate) fn open_into(
        &self,
        epoch: &mut EpochKey,
        position: u64,
        last: bool,
        segment: &[u8],
        plaintext: &mut [u8],
    ) -> Result<(), FloeError> {
        let iv = self.check_head(position, last, segment)?;
        let body = segment.get(PLAINTEXT_AT..).ok_or(FloeError::Length)?;
        let (body, tag) = body.split_last_chunk::<TAG_LEN>().ok_or(FloeError::Length)?;
        self.epoch_key(epoch, position)?.open_into(&iv, &aad(position, last), body, tag, plaintext)?;
        Ok(())
    }

    /// What can be checked before the tag; gives the segment's IV.
    fn check_head(&self, position: u64, last: bool, segment: &[u8]) -> Result<[u8; NONCE_LEN], FloeError> {
        let head = segment.first_chunk::<PLAINTEXT_AT>().ok_or(FloeError::Length)?;
        let (mark, iv) = head.split_first_chunk::<MARK_LEN>().ok_or(FloeError::Length)?;
        let mark = u32::from_be_bytes(*mark);
        match (last, mark == MORE_FOLLOW) {
            (true, true) => return Err(FloeError::MoreExpected),
            (false, false) => return Err(FloeError::NotTheLast),
            (true, false) if usize::try_from(mark) != Ok(segment.len()) => return Err(FloeError::Length),
            _ => self.check_place(position, last, segment.len())?,
        }
        iv.try_into().map_err(|_| FloeError::Length)
    }

    fn check_place(&self, position: u64, last: bool, len: usize) -> Result<(), FloeError> {
        if position >= MAX_SEGMENTS || (!last && position == MAX_SEGMENTS - 1) {
            return Err(FloeError::Exhausted);
        }
        let full = self.parameters.segment();
        let fits = if last { (SEGMENT_OVERHEAD..=full).contains(&len) } else { len == full };
        if fits { Ok(()) } else { Err(FloeError::Length) }
    }

    /// `DERIVE_KEY`, once for each 2^20 segments.
    fn epoch_key<'e>(&self, cache: &'e mut EpochKey, position: u64) -> Result<&'e AeadKey, FloeError> {
        let first = self.parameters.epoch(position);
        let kept = cache.0.take().filter(|(of, _)| *of == first);
        let key = if let Some((_, key)) = kept {
            key
        } else {
            let info: [&[u8]; 4] = [&self.prefix, b"DEK:", &first.to_be_bytes(), &self.associated];
            AeadKey::new(&with_wiped_stack(|| self.key.expand(&info))?)?
        };
        Ok(&cache.0.insert((first, key)).1)
    }
}

/// The key of the segments that were last sealed or opened, with the first position that it is for. Belongs to one message.
#[derive(Default)]
pub(crate) struct EpochKey(Option<(u64, AeadKey)>);

fn aad(position: u64, last: bool) -> [u8; 9] {
    let mut aad = [u8::from(last); 9];
    aad.iter_mut().zip(position.to_be_bytes()).for_each(|(to, from)| *to = from);
    aad
}

/// Parameters, IV and tag.
pub(crate) const HEADER_LEN: usize = PREFIX_LEN + TAG32;
/// A message's IV.
pub(crate) const IV_LEN: usize = 32;
/// Where the plaintext begins in a segment: after the mark and the segment's own IV.
pub(crate) const PLAINTEXT_AT: usize = MARK_LEN + NONCE_LEN;
/// What a segment has beyond its plaintext.
pub(crate) const SEGMENT_OVERHEAD: usize = PLAINTEXT_AT + TAG_LEN;
const PREFIX_LEN: usize = ENCODED_LEN + IV_LEN;
const TAG32: usize = 32;
const MARK_LEN: usize = 4;
/// Instead of a length, in every segment but the last.
const MORE_FOLLOW: u32 = u32::MAX;
/// `AEAD_MAX_SEGMENTS`.
const MAX_SEGMENTS: u64 = 1 << 40;
