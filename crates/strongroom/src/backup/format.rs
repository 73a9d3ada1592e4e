//! The bytes of a backup (`docs/FORMATS.md`, section "Backup").

use std::io::{self, Read, Write};

use strongroom_crypto::hash::{Sha256, sha256};
use strongroom_crypto::record::StoreId;
use strongroom_seal::slot::SlotSet;
use strongroom_storage::{MAX_KEY, MAX_VALUE};

use super::error::RestoreError;

/// What stands before the entries.
pub struct Header {
    pub(crate) store: StoreId,
    pub(crate) created: u64,
    pub(crate) sequence: u64,
    /// The slots as they lie in storage.
    pub(crate) slots: Vec<u8>,
}

impl Header {
    fn encode(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.slots.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(self.store.as_bytes());
        bytes.extend_from_slice(&self.created.to_be_bytes());
        bytes.extend_from_slice(&self.sequence.to_be_bytes());
        bytes.extend_from_slice(&u32::try_from(self.slots.len()).map_err(too_long)?.to_be_bytes());
        bytes.extend_from_slice(&self.slots);
        Ok(bytes)
    }
}

/// Writes a backup and hashes what it writes.
pub(crate) struct Writer<W> {
    out: W,
    digest: Sha256,
    count: u64,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    pub(crate) fn begin(out: W, header: &Header) -> io::Result<Self> {
        let bytes = header.encode()?;
        let checksum = sha256(&[&bytes]);
        let mut writer = Self { out, digest: Sha256::new(), count: 0, bytes: 0 };
        writer.put(&bytes)?;
        writer.put(&checksum)?;
        Ok(writer)
    }

    pub(crate) fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.put(&u16::try_from(key.len()).map_err(too_long)?.to_be_bytes())?;
        self.put(&u32::try_from(value.len()).map_err(too_long)?.to_be_bytes())?;
        self.put(key)?;
        self.put(value)?;
        self.count += 1;
        Ok(())
    }

    /// Writes the end with a code over the digest of everything; gives the writer back, and how much was written.
    pub(crate) fn finish(
        mut self,
        authenticate: impl FnOnce(&[u8; 32]) -> [u8; 32],
    ) -> io::Result<(W, u64, u64)> {
        self.put(&END)?;
        self.put(&self.count.to_be_bytes())?;
        let code = authenticate(&self.digest.finish());
        self.out.write_all(&code)?;
        self.out.flush()?;
        Ok((self.out, self.count, self.bytes.saturating_add(32)))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        self.out.write_all(bytes)
    }
}

fn too_long<E>(_: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "longer than the format can say")
}

/// Reads a backup, trusting no length in it.
pub struct Reader<R> {
    input: R,
    digest: Sha256,
    count: u64,
    last_key: Vec<u8>,
}

/// What follows in a backup.
pub enum Item {
    /// An entry of storage.
    Entry {
        /// Its storage key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// The end.
    End {
        /// The digest of everything before the code.
        digest: [u8; 32],
        /// The code.
        code: [u8; 32],
    },
}

impl<R: Read> Reader<R> {
    /// Reads the header and checks its checksum.
    ///
    /// # Errors
    ///
    /// [`RestoreError`].
    pub fn begin(input: R) -> Result<(Self, Header, SlotSet), RestoreError> {
        let mut reader = Self { input, digest: Sha256::new(), count: 0, last_key: Vec::new() };
        let magic: [u8; 8] = reader.array().map_err(|error| match error {
            RestoreError::Truncated => RestoreError::NotABackup,
            error => error,
        })?;
        if &magic != MAGIC {
            return Err(RestoreError::NotABackup);
        }
        let version = u16::from_be_bytes(reader.array()?);
        if version != VERSION {
            return Err(RestoreError::Version(version));
        }
        let store = StoreId(reader.array()?);
        let created = u64::from_be_bytes(reader.array()?);
        let sequence = u64::from_be_bytes(reader.array()?);
        let len = u32::from_be_bytes(reader.array()?);
        if usize::try_from(len).map_or(true, |len| len > MAX_VALUE) {
            return Err(RestoreError::Damaged("the slots are too long"));
        }
        let slots = reader.bytes(u64::from(len))?;
        let header = Header { store, created, sequence, slots };
        if reader.array::<32>()? != sha256(&[&header.encode()?]) {
            return Err(RestoreError::Damaged("the checksum of its header"));
        }
        let set = SlotSet::decode(&header.slots).map_err(RestoreError::Slots)?;
        if set.store() != store {
            return Err(RestoreError::Mixed);
        }
        Ok((reader, header, set))
    }

    /// Reads on.
    ///
    /// # Errors
    ///
    /// [`RestoreError`]; entries out of order and bytes after the end are refused.
    pub fn next_item(&mut self) -> Result<Item, RestoreError> {
        let key_len = self.array()?;
        if key_len == END {
            return self.end();
        }
        let key_len = u16::from_be_bytes(key_len);
        let value_len = u32::from_be_bytes(self.array()?);
        if usize::from(key_len) > MAX_KEY {
            return Err(RestoreError::Damaged("a key is too long"));
        }
        if usize::try_from(value_len).map_or(true, |len| len > MAX_VALUE) {
            return Err(RestoreError::Damaged("a value is too long"));
        }
        let key = self.bytes(u64::from(key_len))?;
        let value = self.bytes(u64::from(value_len))?;
        if key <= self.last_key {
            return Err(RestoreError::Damaged("entries out of order"));
        }
        self.last_key.clone_from(&key);
        self.count += 1;
        Ok(Item::Entry { key, value })
    }

    fn end(&mut self) -> Result<Item, RestoreError> {
        if u64::from_be_bytes(self.array()?) != self.count {
            return Err(RestoreError::Damaged("the number of its entries"));
        }
        let digest = std::mem::replace(&mut self.digest, Sha256::new()).finish();
        let code = self.array()?;
        if self.input.by_ref().take(1).read_to_end(&mut Vec::new())? != 0 {
            return Err(RestoreError::Damaged("bytes after its end"));
        }
        Ok(Item::End { digest, code })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RestoreError> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes)?;
        self.digest.update(&bytes);
        Ok(bytes)
    }

    /// Grows with what there really is to read, not with what a length claims.
    fn bytes(&mut self, len: u64) -> Result<Vec<u8>, RestoreError> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(len).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).ok() != Some(len) {
            return Err(RestoreError::Truncated);
        }
        self.digest.update(&bytes);
        Ok(bytes)
    }
}

const MAGIC: &[u8; 8] = b"SRBACKUP";
const VERSION: u16 = 1;
const END: [u8; 2] = [0, 0];
const HEADER_LEN: usize = 8 + 2 + 16 + 8 + 8 + 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// One slot of 255 groups with 255 shares each has 2 MB of commitments.
    #[test]
    fn slots_may_be_as_long_as_storage_takes_them() {
        let header = |len| Header { store: StoreId([1; 16]), created: 2, sequence: 3, slots: vec![0; len] };
        let read = |len| {
            let file = Writer::begin(Vec::new(), &header(len)).unwrap().finish(|_| [0; 32]).unwrap().0;
            Reader::begin(file.as_slice()).map(|_| ()).unwrap_err()
        };
        assert!(matches!(read(MAX_VALUE), RestoreError::Slots(_)), "only what they hold is refused");
        assert!(matches!(read(MAX_VALUE + 1), RestoreError::Damaged("the slots are too long")));
    }
}
