//! Rewrapping streams in place: what changes, and that no crash loses a stream.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_possible_truncation, missing_docs)]
#![allow(clippy::print_stdout)]

mod common;

use std::collections::BTreeSet;
use std::io;
use std::sync::Mutex;

use common::{NamedKey, bytes};
use strongroom_crypto::external::ExternalError;
use strongroom_crypto::hash::sha256;
use strongroom_crypto::secret::Secret;
use strongroom_envelope::stream::{
    Area, HeaderSlots, Options, StreamRewrapError, check_header, inspect, rewrap_in_place, wrapped_key,
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
    println!("evidence: id=envelope/rewrap-crashes figure={crashes} crashes, no stream lost verdict=pass");
}

#[test]
fn header_without_its_spare_is_told_and_healed() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let is_whole = |stream: &[u8]| inspect(stream).unwrap().slots() == HeaderSlots::Alike;
    let whole = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    assert!(is_whole(&whole), "the control");
    for at in [SECTOR, SECTOR + 200, 2 * SECTOR - 1, 2 * SECTOR, 2 * SECTOR + 200, FLOE_AT - 1] {
        let mut rotten = whole.clone();
        rotten[at] ^= 1;
        assert!(!is_whole(&rotten), "{at}");
        let disk = Disk::new(&rotten);
        envelope.rewrap_stream(&disk).unwrap();
        assert!(is_whole(&disk.bytes()), "{at}");
    }
    // As a crash between the two writes leaves it: the old header is still there.
    let disk = Disk::new(&whole);
    envelope.rewrap_stream(&disk).unwrap();
    let mut half = disk.bytes();
    half[SECTOR..2 * SECTOR].copy_from_slice(&whole[SECTOR..2 * SECTOR]);
    assert!(!is_whole(&half));
    half[2 * SECTOR + 20] ^= 1;
    half[SECTOR + 20] ^= 1;
    assert!(inspect(&half).is_err());
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
fn rewrap_that_fails_twice_and_is_repeated_survives_a_power_cut_in_any_order_of_sectors() {
    let envelope = Envelope::new(Long { bytes: 512 });
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    assert_eq!(stream[14..16], [4, 0], "slots of two sectors, so that they can be torn");
    let opens = |stream: &[u8]| envelope.decrypt(b"", stream, Vec::new(), &Options::default()).is_ok();
    let (mut failed, mut cuts) = (0, 0);
    for once in failures(&envelope, &Cached::new(&stream)) {
        for twice in failures(&envelope, &once).into_iter().chain([once]) {
            failed += 1;
            for at_cut in (0..8).filter_map(|step| fail(&envelope, &twice, step, Fault::Killed)) {
                for kept in 0..1 << at_cut.dirty.len() {
                    let mut disk = at_cut.clone();
                    disk.write_back(kept);
                    assert!(opens(&disk.disk), "{failed}, {kept:b}");
                    cuts += 1;
                }
            }
            let mut whole = Faulty::new(twice, usize::MAX, Fault::Killed);
            envelope.rewrap_stream(&whole).unwrap();
            let disk = &whole.disk().disk;
            assert!(opens(disk) && disk[SECTOR..3 * SECTOR] == disk[3 * SECTOR..5 * SECTOR], "{failed}");
        }
    }
    assert!(failed > 150 && cuts > 2000, "{failed} {cuts}");
    // The control: the other slot written while the first is not known to be durable.
    let killed = fail(&envelope, &Cached::new(&stream), 1, Fault::Killed).unwrap();
    let lost = (0..16).filter(|kept| {
        let mut careless = killed.clone();
        let slot = careless.cache[3 * SECTOR..5 * SECTOR].to_vec();
        careless.write(SECTOR, &slot);
        careless.write_back(*kept);
        !opens(&careless.disk)
    });
    assert_eq!(lost.count(), 4);
}

#[test]
fn rewrap_to_another_key_that_was_killed_can_be_repeated_with_the_same_two() {
    let (old, new) = (Envelope::new(NamedKey::new("old")), Envelope::new(NamedKey::new("new")));
    let stream = old.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    for fail_after in 0..4 {
        let disk = Disk::new(&stream);
        *disk.fail_after.lock().unwrap() = Some(fail_after);
        assert!(rewrap_in_place(old.key(), new.key(), &disk).is_err());
        let again = Disk::new(&disk.bytes());
        let header = inspect(&again).unwrap();
        let names = (header.wrapped_key().name(), header.other_wrapped_key().map(WrappedKey::name));
        let expected = [("old", None), ("new", Some("old")), ("new", None), ("new", None)];
        assert_eq!(names, expected[fail_after]);
        let repeated = rewrap_in_place(old.key(), new.key(), &again);
        // Once nothing of the old key is left, the new one has to be named; it is done then.
        let old_is_gone = matches!(repeated, Err(StreamRewrapError::Open(_)));
        assert_eq!(old_is_gone, fail_after >= 2, "{fail_after}: {repeated:?}");
        let opened = new.decrypt(b"", &again.bytes()[..], Vec::new(), &Options::default()).unwrap();
        assert_eq!(opened, b"value");
    }
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
    let writes: Vec<usize> = disk.journal().iter().map(|(_, bytes)| bytes.len()).collect();
    assert_eq!(writes, [4608, 4608]);
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

#[test]
fn forged_slot_keeps_no_rewrap_from_making_both_good_again() {
    let envelope = Envelope::new(NamedKey::new("k"));
    let stream = envelope.encrypt(b"", &b"value"[..], Vec::new(), &Options::default()).unwrap();
    for (index, generation) in
        [0, 1].into_iter().flat_map(|index| [(index, 0), (index, 1), (index, u64::MAX)])
    {
        let mut forged = stream.clone();
        let slot = &mut forged[(1 + index) * SECTOR..(2 + index) * SECTOR];
        slot[..8].copy_from_slice(&u64::to_be_bytes(generation));
        slot[30] ^= 1;
        let sum = sha256(&[&slot[..504]]);
        slot[504..].copy_from_slice(&sum[..8]);
        assert_eq!(inspect(&forged).unwrap().slots(), HeaderSlots::Differ, "the danger");
        let disk = Disk::new(&forged);
        envelope.rewrap_stream(&disk).unwrap();
        let after = disk.bytes();
        assert_eq!(inspect(&after).unwrap().slots(), HeaderSlots::Alike);
        assert_eq!(envelope.decrypt(b"", &after[..], Vec::new(), &Options::default()).unwrap(), b"value");
    }
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

/// Every way in which a rewrap can fail that leaves something different behind.
fn failures(envelope: &Envelope<Long>, from: &Cached) -> Vec<Cached> {
    let faults = (0..16).map(|kept| Fault::Sync { kept }).chain([Fault::Killed, Fault::HalfWritten]);
    let all = faults.flat_map(|fault| (0..8).filter_map(move |step| fail(envelope, from, step, fault)));
    let mut different: Vec<Cached> = all.collect();
    different.sort();
    different.dedup();
    different
}

/// What a rewrap leaves behind that fails at this write or sync in this way; `None` if it does not come to that.
fn fail(envelope: &Envelope<Long>, from: &Cached, step: usize, fault: Fault) -> Option<Cached> {
    let mut disk = Faulty::new(from.clone(), step, fault);
    let outcome = envelope.rewrap_stream(&disk);
    outcome.is_err().then(|| disk.disk().clone())
}

/// A file of which the cache holds what the disk does not, in some sectors.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cached {
    cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl Cached {
    fn new(bytes: &[u8]) -> Self {
        Self { cache: bytes.to_vec(), disk: bytes.to_vec(), dirty: BTreeSet::new() }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        self.cache[at..at + bytes.len()].copy_from_slice(bytes);
        self.dirty.extend(at / SECTOR..(at + bytes.len()).div_ceil(SECTOR));
    }

    /// The dirty sectors with a 1 in `kept` reach the disk; all count as written.
    fn write_back(&mut self, kept: u32) {
        for (bit, sector) in std::mem::take(&mut self.dirty).into_iter().enumerate() {
            if kept >> bit & 1 == 1 {
                let bytes = sector * SECTOR..(sector + 1) * SECTOR;
                self.disk[bytes.clone()].copy_from_slice(&self.cache[bytes]);
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    /// The process is gone; the cache stays.
    Killed,
    /// The same in the middle of a write.
    HalfWritten,
    /// A sync that fails, after which the cache takes everything for written.
    Sync { kept: u32 },
}

/// It fails at one write or sync, and at all that follow.
struct Faulty {
    disk: Mutex<Cached>,
    left: Mutex<usize>,
    fault: Fault,
}

impl Faulty {
    fn new(disk: Cached, steps: usize, fault: Fault) -> Self {
        Self { disk: Mutex::new(disk), left: Mutex::new(steps), fault }
    }

    fn disk(&mut self) -> &Cached {
        self.disk.get_mut().unwrap()
    }

    /// Whether this step is the one that fails, if it is of the kind that does.
    fn fails(&self, kind_fails: bool) -> bool {
        let mut left = self.left.lock().unwrap();
        *left = left.wrapping_sub(1);
        *left == usize::MAX && kind_fails
    }
}

impl ReadAt for Faulty {
    fn size(&self) -> io::Result<u64> {
        self.disk.lock().unwrap().cache.size()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.lock().unwrap().cache.read_at(buffer, offset)
    }
}

impl Area for Faulty {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let fails = self.fails(!matches!(self.fault, Fault::Sync { .. }));
        let len = match (fails, self.fault) {
            (true, Fault::HalfWritten) => bytes.len() / 2,
            (true, _) => 0,
            (false, _) => bytes.len(),
        };
        self.disk.lock().unwrap().write(offset as usize, &bytes[..len]);
        if fails { Err(io::Error::other("killed")) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let fails = self.fails(self.fault != Fault::HalfWritten);
        let mut disk = self.disk.lock().unwrap();
        match (fails, self.fault) {
            (false, _) => disk.write_back(u32::MAX),
            (true, Fault::Sync { kept }) => disk.write_back(kept),
            (true, _) => {}
        }
        if fails { Err(io::Error::other("killed, or broken")) } else { Ok(()) }
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
