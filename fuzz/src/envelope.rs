//! Envelopes: headers, small objects, and streams by every way they can be read.

use std::io::Read as _;
use std::sync::Mutex;

use strongroom_crypto::hash::sha256;
use strongroom_envelope::stream::{self, Area, Options};
use strongroom_envelope::{ReadAt, wrapped_key};

use super::{fixed, prepare};

/// What a header says is what a reader that parses it takes, in either form; a rewrap of it says the same.
pub fn header(data: &[u8]) -> bool {
    prepare();
    let small = wrapped_key(data).ok();
    let patched = with_checksums(data);
    let streams = [Some(data), patched.as_deref()].into_iter().flatten().filter(|bytes| rewraps(bytes));
    let streams = streams.count() > 0;
    if let Some(wrapped) = &small {
        assert!((1..=255).contains(&wrapped.name().len()) && (1..=4096).contains(&wrapped.bytes().len()));
        if let Ok(rewrapped) = fixed::envelope().rewrap(data) {
            assert_eq!(
                wrapped_key(&rewrapped).expect("what was rewrapped is an object").bytes(),
                wrapped.bytes()
            );
        }
    }
    small.is_some() || streams
}

/// Whether a stream has a header that can be read. Rewrapped, if it can be, both its slots are the same and right.
fn rewraps(bytes: &[u8]) -> bool {
    if stream::wrapped_key(bytes).is_err() {
        return false;
    }
    let memory = Memory(Mutex::new(bytes.to_vec()));
    if fixed::envelope().rewrap_stream(&memory).is_ok() {
        let after = memory.0.into_inner().expect("nothing panicked");
        assert_eq!(after.len(), bytes.len());
        // That of the slot which was genuine, for the key of this target wraps nothing.
        let wrapped = stream::wrapped_key(&after).expect("a rewrapped header");
        assert!(bytes.windows(wrapped.bytes().len()).any(|window| window == wrapped.bytes()));
        let slot = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
        assert_eq!(after[512..512 + slot], after[512 + slot..512 + 2 * slot]);
        assert_eq!(after[512 + 2 * slot..], bytes[512 + 2 * slot..]);
    }
    true
}

pub fn small(data: &[u8]) -> bool {
    prepare();
    let Ok(opened) = fixed::envelope().open(fixed::PLACE, data) else { return false };
    // Sealed by our own seeds; a mutation that opens has changed nothing but the name and version, which the wrapping key
    // of this target does not bind.
    assert!(opened.as_slice().is_empty() || opened.as_slice() == fixed::PLAINTEXT);
    true
}

/// By every way the same comes out, or nothing; and before a refusal only what is genuine.
pub fn stream(data: &[u8]) -> bool {
    prepare();
    let patched = with_checksums(data);
    [Some(data), patched.as_deref()].into_iter().flatten().filter(|bytes| opens(bytes)).count() > 0
}

fn opens(bytes: &[u8]) -> bool {
    let (envelope, options) = (fixed::envelope(), Options::default());
    let whole = fixed::PLAINTEXT.repeat(9);
    let mut partial = Vec::new();
    let arriving = envelope.decrypt(fixed::PLACE, bytes, &mut partial, &options).is_ok();
    assert!(whole.starts_with(&partial));
    let lent = envelope.decrypt_from(fixed::PLACE, bytes, Vec::new(), &options);
    let copied = Memory(Mutex::new(bytes.to_vec()));
    let placed = envelope.decrypt_from(fixed::PLACE, &copied, Vec::new(), &options);
    let sliced = envelope.decrypt_slice(fixed::PLACE, bytes, &options);
    let read = envelope.reader(fixed::PLACE, bytes).and_then(|mut reader| {
        let mut plaintext = Vec::new();
        let length = reader.len();
        let outcome = reader.read_to_end(&mut plaintext);
        assert!(outcome.is_err() || u64::try_from(plaintext.len()) == Ok(length));
        outcome.map(|_| plaintext).map_err(|error| error.downcast().expect("an error of ours"))
    });
    assert_eq!([lent.is_ok(), placed.is_ok(), sliced.is_ok(), read.is_ok()], [arriving; 4]);
    if arriving {
        assert!([&whole[..], fixed::PLAINTEXT, b""].contains(&&partial[..]));
        assert_eq!([lent.ok(), placed.ok(), read.ok()], [(); 3].map(|()| Some(partial.clone())));
        assert_eq!(sliced.ok().map(|plaintext| plaintext.as_slice().to_vec()), Some(partial));
    }
    arriving
}

/// With the right checksums in both slots, so that mutations of them get past those.
fn with_checksums(data: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = data.to_vec();
    let slot = usize::from(u16::from_be_bytes([*data.get(14)?, *data.get(15)?]));
    for begin in [512, 512 + slot] {
        let content = begin..begin + slot.checked_sub(8)?;
        let sum = sha256(&[bytes.get(content.clone())?]);
        bytes.get_mut(content.end..)?.first_chunk_mut::<8>()?.copy_from_slice(&sum[..8]);
    }
    Some(bytes)
}

struct Memory(Mutex<Vec<u8>>);

impl ReadAt for Memory {
    fn size(&self) -> std::io::Result<u64> {
        self.0.lock().expect("nothing panicked").size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.0.lock().expect("nothing panicked").read_at(buffer, offset)
    }
}

impl Area for Memory {
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        let at = usize::try_from(offset).expect("within memory");
        self.0.lock().expect("nothing panicked")[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> std::io::Result<()> {
        Ok(())
    }
}
