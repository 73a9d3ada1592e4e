//! Records against the bare cipher: in place, with associated data of the same length.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use strongroom_crypto::record::{HEADER_LEN, Opener, RecordBuf, Sealer, StoreId, Term, TermKeys};
use strongroom_crypto::secret::Secret;

use crate::turns::{Turn, processor_time};

/// Body lengths in bytes.
pub const SIZES: [usize; 7] = [64, 256, 1024, 4096, 16_384, 65_536, 1_048_576];

/// As long as the storage key of an entry with a short name: space, generation, token, synthetic IV, padded segment.
const PLACE: [u8; 1 + 2 + 16 + 16 + 32] = [7; 67];
const STORE: StoreId = StoreId([9; 16]);

/// Records of one size being sealed and opened, and the bare cipher doing the same.
pub struct Records {
    sealer: Sealer,
    opener: Opener,
    key: OneKey,
    bare: LessSafeKey,
    associated: Vec<u8>,
    counter: u64,
    size: usize,
    buffers: Vec<RecordBuf>,
    bare_buffers: Vec<Vec<u8>>,
    opened: Vec<u8>,
}

struct OneKey(Secret<32>);

impl TermKeys for OneKey {
    fn key(&self, term: Term) -> Option<&Secret<32>> {
        (term == Term::new(1)).then_some(&self.0)
    }
}

type Failure = Box<dyn std::error::Error>;

impl Records {
    /// Prepares as many buffers as stay within the cache.
    ///
    /// # Errors
    ///
    /// Without secret memory or randomness.
    pub fn new(size: usize) -> Result<Self, Failure> {
        let key = OneKey(Secret::random()?);
        let mut sealer = Sealer::start(STORE, Term::new(1), &key.0)?;
        sealer.begin_commit()?;
        let bare =
            UnboundKey::new(&AES_256_GCM, &[3; 32]).map(LessSafeKey::new).map_err(|_| "no bare cipher")?;
        let count = (256 * 1024 / size).clamp(1, 256);
        Ok(Self {
            sealer,
            opener: Opener::new(STORE),
            key,
            bare,
            associated: vec![5; HEADER_LEN + STORE.0.len() + PLACE.len()],
            counter: 0,
            size,
            buffers: (0..count).map(|_| RecordBuf::with_capacity(size)).collect(),
            bare_buffers: (0..count).map(|_| vec![0; size + 16]).collect(),
            opened: Vec::with_capacity(size),
        })
    }

    /// How many records one turn does.
    pub fn count(&self) -> usize {
        self.buffers.len()
    }

    /// Fills the callers' buffers: not a part of sealing.
    pub fn fill(&mut self) {
        for buffer in &mut self.buffers {
            buffer.clear();
            buffer.push_zeros(self.size);
        }
    }

    /// Seals every buffer in place.
    ///
    /// # Errors
    ///
    /// Not with a warm session.
    pub fn seal(&mut self) -> Result<(), Failure> {
        for buffer in &mut self.buffers {
            self.sealer.seal_in_place(&PLACE, buffer)?;
        }
        Ok(())
    }

    /// Opens every sealed buffer into one output.
    ///
    /// # Errors
    ///
    /// Not after [`Records::seal`].
    pub fn open(&mut self) -> Result<(), Failure> {
        for buffer in &self.buffers {
            let record = buffer.as_record().ok_or("not sealed")?;
            self.opener.open_into(&self.key, &PLACE, record, &mut self.opened)?;
        }
        Ok(())
    }

    fn bare_seal(&mut self) -> Result<(), Failure> {
        let associated = self.associated.as_slice();
        for (at, buffer) in self.bare_buffers.iter_mut().enumerate() {
            let nonce = nonce(self.counter + u64::try_from(at)?);
            let (body, tag) = buffer.split_at_mut_checked(self.size).ok_or("a short buffer")?;
            let sealed = self.bare.seal_in_place_separate_tag(nonce, Aad::from(associated), body);
            tag.copy_from_slice(sealed.map_err(|_| "the bare cipher does not seal")?.as_ref());
        }
        Ok(())
    }

    fn bare_open(&mut self) -> Result<(), Failure> {
        let associated = self.associated.as_slice();
        for (at, buffer) in self.bare_buffers.iter_mut().enumerate() {
            let nonce = nonce(self.counter + u64::try_from(at)?);
            let opened = self.bare.open_in_place(nonce, Aad::from(associated), buffer);
            std::hint::black_box(opened.map_err(|_| "the bare cipher does not open")?);
        }
        Ok(())
    }

    /// One turn of sealing and one of opening.
    ///
    /// # Errors
    ///
    /// Not with a warm session.
    pub fn turn(&mut self) -> Result<(Turn, Turn), Failure> {
        self.fill();
        self.counter += u64::try_from(self.count())?;
        let mut done = Ok(());
        let ours = processor_time(|| done = self.seal());
        done?;
        let mut done = Ok(());
        let limit = processor_time(|| done = self.bare_seal());
        done?;
        let sealing = Turn { ours, limit };
        let mut done = Ok(());
        let ours = processor_time(|| done = self.open());
        done?;
        let mut done = Ok(());
        let limit = processor_time(|| done = self.bare_open());
        done?;
        Ok((sealing, Turn { ours, limit }))
    }
}

fn nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce.iter_mut().skip(4).zip(counter.to_be_bytes()).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(nonce)
}
