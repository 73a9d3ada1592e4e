//! Reading and writing the fields of a record.

use strongroom_crypto::secret::Plaintext;
use zeroize::Zeroizing;

use super::RecordError;

pub(super) struct Writer {
    out: Zeroizing<Vec<u8>>,
}

impl Writer {
    pub(super) fn with_capacity(len: usize) -> Self {
        Self { out: Zeroizing::new(Vec::with_capacity(len)) }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn put_secret(&mut self, secret: &[u8]) -> Result<(), RecordError> {
        let len = u32::try_from(secret.len()).map_err(|_| RecordError::Malformed("a secret too long"))?;
        self.put(&len.to_be_bytes());
        self.put(secret);
        Ok(())
    }

    pub(super) fn finish(self) -> Plaintext {
        self.out.into()
    }
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or(RecordError::Truncated)?;
        self.rest = tail;
        Ok(*head)
    }

    pub(super) fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, RecordError> {
        self.array().map(u64::from_be_bytes)
    }

    /// Where it lies: whoever keeps it moves it to secret memory.
    pub(super) fn secret(&mut self) -> Result<&'a [u8], RecordError> {
        let len = usize::try_from(self.u32()?).map_err(|_| RecordError::Truncated)?;
        let (head, tail) = self.rest.split_at_checked(len).ok_or(RecordError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }
}
