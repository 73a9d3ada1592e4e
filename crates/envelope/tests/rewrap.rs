//! Rewrapping streams in place: what changes, and that no crash loses a stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, missing_docs)]

mod common;

use std::io;
use std::sync::Mutex;

use common::{NamedKey, bytes};
use strongroom_crypto::external::ExternalError;
use strongroom_crypto::secret::Secret;
use strongroom_envelope::stream::{
    Area, Options, StreamRewrapError, check_header, has_spare_header, rewrap_in_place, wrapped_key,
};
use strongroom_envelope::{Envelope, KeyEncryption, ReadAt, WrappedKey};

const SECTOR: usize = 512;
const FLOE_AT: usize = 3 * SECTOR;

#[test]
fn rewrap_writes_two_slots_and_nothing_else() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(300_000);
    let before = envelope.encrypt(b"aad", &plaintext[..], Vec::new(), &Options::default()).unwrap();
    envelope.key().rotate();
    let disk = Disk::new(&before);
    envelope.rewrap_stream(&disk).unwrap();
    let after = disk.bytes();
    assert_eq!(after[..SECTOR], before[..SECTOR]);
    assert_eq!(after[FLOE_AT..], before[FLOE_AT..], "the body");
    assert_eq!(after[SECTOR..2 * SECTOR], after[2 * SECTOR..FLOE_AT], "both slots hold the same");
    assert_eq!(disk.read_beyond(FLOE_AT), 0, "the body is not even read");
    let writes: Vec<(u64, usize)> = disk.journal().iter().map(|(at, bytes)| (*at, bytes.len())).collect();
    assert_eq!(writes, [(1024, 512), (512, 512)]);
    assert_eq!((wrapped_key(&before).unwrap().version(), wrapped_key(&after).unwrap().version()), (1, 2));
    envelope.key().withdraw(1);
    assert_eq!(envelope.decrypt(b"aad", &after[..], Vec::new(), &Options::default()).unwrap(), plaintext);
    assert!(envelope.decrypt(b"aad", &before[..], Vec::new(), &Options::default()).is_err(), "the control");
}

#[test]
fn nothing_wrapped_by_the_old_key_stays_in_the_stream() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let before = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let old = wrapped_key(&before).unwrap();
    let holds = |stream: &[u8]| stream.windows(16).any(|window| window == &old.bytes()[12..28]);
    let disk = Disk::new(&before);
    envelope.rewrap_stream(&disk).unwrap();
    assert!(holds(&before), "the control");
    assert!(!holds(&disk.bytes()));
}

#[test]
fn crash_at_any_byte_of_any_write_leaves_a_stream_that_opens_and_can_be_rewrapped() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let plaintext = bytes(100);
    let mut stream = envelope.encrypt(b"", &plaintext[..], Vec::new(), &Options::default()).unwrap();
    let opens = |stream: &[u8]| {
        envelope.decrypt(b"", stream, Vec::new(), &Options::default()).is_ok_and(|opened| opened == plaintext)
    };
    let mut crashes = 0;
    for _ in 0..3 {
        let disk = Disk::new(&stream);
        envelope.rewrap_stream(&disk).unwrap();
        let journal = disk.journal();
        let mut on_disk = stream.clone();
        for (at, written) in &journal {
            let at = *at as usize;
            for cut in 0..=written.len() {
                // From the front, from the back, and with rubbish where the disk was writing.
                let damages = [(0, cut, None), (cut, written.len(), None), (0, cut, Some(0xFF))];
                for (from, to, rubbish) in damages {
                    let mut patched = on_disk.clone();
                    patched[at + from..at + to].copy_from_slice(&written[from..to]);
                    if let Some(byte) = rubbish {
                        let end = (to + 64).min(written.len());
                        patched[at + to..at + end].fill(byte);
                    }
                    assert!(opens(&patched), "write at {at}, {from}..{to}, {rubbish:?}");
                    let again = Disk::new(&patched);
                    envelope.rewrap_stream(&again).unwrap();
                    let again = again.bytes();
                    assert!(opens(&again));
                    assert_eq!(again[SECTOR..2 * SECTOR], again[2 * SECTOR..FLOE_AT], "healed");
                    crashes += 1;
                }
            }
            on_disk[at..at + written.len()].copy_from_slice(written);
        }
        stream = on_disk;
        envelope.key().rotate();
    }
    assert_eq!(crashes, 3 * 2 * 513 * 3);
    // The control: were both slots written without a sync between them, a crash could tear both.
    let mut both = stream.clone();
    both[SECTOR + 20] ^= 1;
    both[2 * SECTOR + 20] ^= 1;
    assert!(!opens(&both));
}

#[test]
fn header_without_its_spare_is_told_and_healed() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let whole = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    assert!(has_spare_header(&whole).unwrap(), "the control");
    for at in [SECTOR, SECTOR + 200, 2 * SECTOR - 1, 2 * SECTOR, 2 * SECTOR + 200, FLOE_AT - 1] {
        let mut rotten = whole.clone();
        rotten[at] ^= 1;
        assert!(!has_spare_header(&rotten).unwrap(), "{at}");
        let disk = Disk::new(&rotten);
        envelope.rewrap_stream(&disk).unwrap();
        assert!(has_spare_header(&disk.bytes()).unwrap(), "{at}");
    }
    // As a crash between the two writes leaves it: the old header is still there.
    let disk = Disk::new(&whole);
    envelope.rewrap_stream(&disk).unwrap();
    let mut half = disk.bytes();
    half[SECTOR..2 * SECTOR].copy_from_slice(&whole[SECTOR..2 * SECTOR]);
    assert!(!has_spare_header(&half).unwrap());
    half[2 * SECTOR + 20] ^= 1;
    half[SECTOR + 20] ^= 1;
    assert!(has_spare_header(&half).is_err());
}

#[test]
fn header_is_proved_by_its_own_key_alone() {
    let (envelope, other) = (Envelope::new(NamedKey::new("k")), NamedKey::new("k"));
    let stream = envelope.encrypt(b"aad", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    check_header(envelope.key(), &stream).unwrap();
    assert!(check_header(&other, &stream).is_err());
    let second = envelope.encrypt(b"aad", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let mut mixed = stream;
    mixed[SECTOR..FLOE_AT].copy_from_slice(&second[SECTOR..FLOE_AT]);
    assert!(check_header(envelope.key(), &mixed).is_err());
}

#[test]
fn each_slot_is_synced_before_the_other_is_touched() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let disk = Disk::new(&stream);
    envelope.rewrap_stream(&disk).unwrap();
    assert_eq!(*disk.order.lock().unwrap(), ["write", "sync", "write", "sync"]);
}

#[test]
fn write_that_fails_is_told_and_leaves_a_good_stream() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    for fail_after in 0..4 {
        let disk = Disk::new(&stream);
        *disk.fail_after.lock().unwrap() = Some(fail_after);
        assert!(matches!(envelope.rewrap_stream(&disk), Err(StreamRewrapError::Write(_))), "{fail_after}");
        let bytes = disk.bytes();
        let opened = envelope.decrypt(b"", &bytes[..], Vec::new(), &Options::default()).unwrap();
        assert_eq!(opened, b"value");
    }
}

#[test]
fn key_that_wraps_at_length_has_longer_slots_and_one_that_does_not_fit_is_refused() {
    let (short, long) = (NamedKey::new("k"), Long { bytes: 4096 });
    let envelope = Envelope::new(Long { bytes: 4096 });
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let disk = Disk::new(&stream);
    rewrap_in_place(&long, &short, &disk).unwrap();
    let moved = Envelope::new(short);
    let opened = moved.decrypt(b"", &disk.bytes()[..], Vec::new(), &Options::default()).unwrap();
    assert_eq!(opened, b"value");

    let stream = moved.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let disk = Disk::new(&stream);
    // What an RSA key of 2048 bits makes fits; of 4096 bits it does not.
    rewrap_in_place(moved.key(), &Long { bytes: 256 }, &disk).unwrap();
    let refused = rewrap_in_place(&Long { bytes: 256 }, &Long { bytes: 512 }, &disk);
    assert!(matches!(refused, Err(StreamRewrapError::NoRoom { slot: 512, .. })));
    assert_eq!(disk.journal().len(), 2, "nothing was written");
}

#[test]
fn header_that_was_changed_is_not_blessed() {
    let envelope = Envelope::new(Long { bytes: 40 });
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    let mut changed = stream.clone();
    // The object's id: this key binds nothing, so only the header's own tag shows it.
    changed[10] ^= 1;
    assert!(matches!(envelope.rewrap_stream(&Disk::new(&changed)), Err(StreamRewrapError::Open(_))));
    assert!(envelope.rewrap_stream(&Disk::new(&stream)).is_ok(), "the control");
}

/// Wraps to so many bytes, and binds nothing.
struct Long {
    bytes: usize,
}

impl KeyEncryption for Long {
    fn wrap(&self, data_key: &Secret<32>, _: &[u8]) -> Result<WrappedKey, ExternalError> {
        let mut bytes = data_key.expose().to_vec();
        bytes.resize(self.bytes, 7);
        Ok(WrappedKey::new("k", 1, bytes).unwrap())
    }

    fn unwrap(&self, wrapped: &WrappedKey, _: &[u8]) -> Result<Secret<32>, ExternalError> {
        Ok(Secret::copy_from_slice(&wrapped.bytes()[..32]).unwrap())
    }
}

/// Bytes, and a journal of what was done to them.
struct Disk {
    bytes: Mutex<Vec<u8>>,
    journal: Mutex<Vec<(u64, Vec<u8>)>>,
    order: Mutex<Vec<&'static str>>,
    read_to: Mutex<usize>,
    fail_after: Mutex<Option<usize>>,
}

impl Disk {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: Mutex::new(bytes.to_vec()),
            journal: Mutex::default(),
            order: Mutex::default(),
            read_to: Mutex::default(),
            fail_after: Mutex::default(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    fn journal(&self) -> Vec<(u64, Vec<u8>)> {
        self.journal.lock().unwrap().clone()
    }

    fn read_beyond(&self, end: usize) -> usize {
        self.read_to.lock().unwrap().saturating_sub(end)
    }

    fn fails(&self) -> io::Result<()> {
        let mut left = self.fail_after.lock().unwrap();
        match &mut *left {
            Some(0) => return Err(io::Error::other("broken")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }
}

impl ReadAt for Disk {
    fn size(&self) -> io::Result<u64> {
        self.bytes.lock().unwrap().size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read_to = self.read_to.lock().unwrap();
        *read_to = (*read_to).max(offset as usize + buffer.len());
        self.bytes.lock().unwrap().read_at(buffer, offset)
    }
}

impl Area for Disk {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let outcome = self.fails();
        // Half of it arrives.
        let len = if outcome.is_ok() { bytes.len() } else { bytes.len() / 2 };
        let at = offset as usize;
        self.bytes.lock().unwrap()[at..at + len].copy_from_slice(&bytes[..len]);
        self.journal.lock().unwrap().push((offset, bytes.to_vec()));
        self.order.lock().unwrap().push("write");
        outcome
    }

    fn sync(&self) -> io::Result<()> {
        self.order.lock().unwrap().push("sync");
        self.fails()
    }
}
