//! A store that was killed with acknowledged batches in its log, and whose log somebody then wrote over.

use std::sync::LazyLock;

use strongroom_storage::io::Disk;
use strongroom_storage::simulation::SimulatedDisk;
use strongroom_storage::{Batch, CheckpointMode, DiskStorage, Options, Storage};

/// Reads patches (segment, offset, length, bytes), lays them over the log, and opens the store.
///
/// Either it is refused as damaged, or it holds what was committed and nothing else: each batch wholly or not at all, none
/// without the one before it.
pub fn patched(data: &[u8]) -> bool {
    let disk = KILLED.after_kill();
    let mut rest = data;
    let mut patches = 0;
    while let Some((&[segment, high, low, length], more)) = rest.split_first_chunk() {
        let (bytes, more) = more.split_at(more.len().min(usize::from(length)));
        let file = disk.open(if segment & 1 == 0 { "log.0" } else { "log.1" }).expect("a segment");
        let end = file.len().expect("a length").saturating_sub(u64::from(length));
        let offset = u64::from(u16::from_be_bytes([high, low])).min(end);
        file.write_at(offset, bytes).expect("a simulated write");
        patches += usize::from(!bytes.is_empty());
        rest = more;
    }
    let Ok(store) = DiskStorage::open_on(&disk, &options()) else {
        assert!(patches > 0, "what nobody touched opens");
        return false;
    };
    let found: Vec<bool> = (0..BATCHES).map(|number| holds(&store, number)).collect();
    let first_missing = found.iter().position(|found| !found).unwrap_or(found.len());
    assert!(found.iter().skip(first_missing).all(|found| !found), "a batch without the one before it");
    let keys = pollster::block_on(store.scan(b"", None, usize::MAX)).expect("an opened store is read");
    assert_eq!(keys.len(), 2 * first_missing, "nothing but what was committed");
    true
}

/// Whether a batch is there wholly; half of one is the fault that this looks for.
fn holds(store: &DiskStorage, number: u8) -> bool {
    let read = |key: [u8; 2]| pollster::block_on(store.get(&key)).expect("an opened store is read");
    match (read([b'a', number]), read([b'b', number])) {
        (Some(first), Some(second)) => {
            assert!(*first == value(number) && *second == value(number));
            true
        }
        (None, None) => false,
        _ => panic!("half a batch"),
    }
}

fn value(number: u8) -> Vec<u8> {
    vec![number; 1 + 20 * usize::from(number)]
}

fn options() -> Options {
    Options { segment_size: 4096, checkpoint: CheckpointMode::Inline, ..Options::default() }
}

static KILLED: LazyLock<SimulatedDisk> = LazyLock::new(|| {
    let disk = SimulatedDisk::new();
    let store = DiskStorage::create_on(&disk, &options()).expect("a new store");
    for number in 0..BATCHES {
        let mut batch = Batch::new();
        batch.put(vec![b'a', number], value(number));
        batch.put(vec![b'b', number], value(number));
        pollster::block_on(store.commit(batch)).expect("a commit");
    }
    // Before the store is closed, which would empty the log.
    let killed = disk.after_kill();
    drop(store);
    killed
});

const BATCHES: u8 = 6;
