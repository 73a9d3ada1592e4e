//! The arena: chunks of locked pages, cut into units of 32 bytes.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use zeroize::Zeroize as _;

use super::error::SecretMemoryError;
use super::fork;
use super::mapping::Mapping;

/// Whether secrets may lie in pages that the kernel could swap out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// A secret that cannot be locked is not made.
    Required,
    /// Pages are locked where the kernel permits it. They are guarded, left out of dumps and wiped in any case.
    AllowUnlocked,
}

/// What the arena got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Every page is locked.
    Locked,
    /// Some page is not locked: keys may reach swap.
    Unlocked,
}

/// Maps, locks and faults in the first chunk, so that a limit that is too low shows at start rather than later.
///
/// Call it once per process, before the first secret; without it the first secret behaves as after
/// `prepare(Locking::Required)`. A later call changes what happens when the arena grows.
///
/// # Errors
///
/// [`SecretMemoryError::LockRefused`] says the limit and how to raise it.
pub fn prepare(locking: Locking) -> Result<Protection, SecretMemoryError> {
    fork::check_not_forked()?;
    let mut arena = lock();
    if locking == Locking::Required && arena.chunks.iter().any(|chunk| !chunk.locked) {
        return Err(SecretMemoryError::AlreadyUnlocked);
    }
    arena.locking = locking;
    if arena.chunks.is_empty() {
        arena.grow(CHUNK)?;
    }
    Ok(arena.protection())
}

/// What the arena has now: `None` before the first secret.
pub fn protection() -> Option<Protection> {
    let arena = lock();
    (!arena.chunks.is_empty()).then(|| arena.protection())
}

/// The longest secret: a keyring with tens of thousands of terms.
pub const MAX_SECRET: usize = 1024 * 1024;

/// A place in the arena, owned; wiped and given back on drop.
pub(super) struct Slot {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: a slot owns its bytes as a box does; access goes through `&self` and `&mut self`.
unsafe impl Send for Slot {}
// SAFETY: `&Slot` gives shared reading alone.
unsafe impl Sync for Slot {}

impl Slot {
    /// Takes a place of `len` zeros.
    pub(super) fn zeroed(len: usize) -> Result<Self, SecretMemoryError> {
        if len > MAX_SECRET {
            return Err(SecretMemoryError::TooLarge);
        }
        fork::check_not_forked()?;
        let start = lock().allocate(units(len))?;
        Ok(Self { start, len })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the slot owns `len` initialised bytes at `start`, in a chunk that lives as long as a slot of it does.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as `bytes`, and `&mut self` makes this the only reference.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }

    /// The bytes as an array.
    ///
    /// # Safety
    ///
    /// The slot must have `N` bytes.
    pub(super) unsafe fn array_unchecked<const N: usize>(&self) -> &[u8; N] {
        // SAFETY: the caller answers for the length; otherwise as `bytes`.
        unsafe { self.start.cast().as_ref() }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        lock().release(self.start, units(self.len));
    }
}

struct Arena {
    locking: Locking,
    chunks: Vec<Chunk>,
}

impl Arena {
    fn allocate(&mut self, units: usize) -> Result<NonNull<u8>, SecretMemoryError> {
        if let Some(start) = self.chunks.iter_mut().find_map(|chunk| chunk.take(units)) {
            return Ok(start);
        }
        self.grow(CHUNK.max(units * UNIT))?.take(units).ok_or(SecretMemoryError::TooLarge)
    }

    fn grow(&mut self, len: usize) -> Result<&mut Chunk, SecretMemoryError> {
        fork::set_witness()?;
        let mapping = Mapping::new(len)?;
        let locked = match (mapping.lock(), self.locking) {
            (Ok(()), _) => true,
            (Err(_), Locking::AllowUnlocked) => false,
            (Err(error), Locking::Required) => return Err(error),
        };
        self.chunks.push(Chunk { used: vec![false; mapping.len() / UNIT], full_to: 0, mapping, locked });
        self.chunks.last_mut().ok_or(SecretMemoryError::TooLarge)
    }

    fn release(&mut self, start: NonNull<u8>, units: usize) {
        let Some(at) = self.chunks.iter().position(|chunk| chunk.offset_of(start).is_some()) else { return };
        let Some(chunk) = self.chunks.get_mut(at) else { return };
        chunk.give_back(start, units);
        // A chunk made for one large secret would hold its share of the limit for ever.
        if chunk.mapping.len() > CHUNK && chunk.is_empty() {
            self.chunks.swap_remove(at);
        }
    }

    fn protection(&self) -> Protection {
        if self.chunks.iter().all(|chunk| chunk.locked) { Protection::Locked } else { Protection::Unlocked }
    }
}

struct Chunk {
    mapping: Mapping,
    locked: bool,
    /// One for each unit.
    used: Vec<bool>,
    /// Every unit before this one is used: what lives long gathers there, and need not be searched.
    full_to: usize,
}

impl Chunk {
    /// Takes the first run of free units that is long enough.
    fn take(&mut self, units: usize) -> Option<NonNull<u8>> {
        let mut run = 0;
        let searched = self.used.get(self.full_to..)?.iter().position(|used| {
            run = if *used { 0 } else { run + 1 };
            run == units
        })?;
        let end = self.full_to + searched + 1;
        let first = end.checked_sub(units)?;
        self.used.get_mut(first..end)?.fill(true);
        if first == self.full_to {
            self.full_to = end;
        }
        // SAFETY: the unit lies within the mapping, since `used` has one flag for each unit of it.
        Some(unsafe { self.mapping.start().add(first * UNIT) })
    }

    fn give_back(&mut self, start: NonNull<u8>, units: usize) {
        if let Some(first) = self.offset_of(start).map(|offset| offset / UNIT)
            && let Some(flags) = self.used.get_mut(first..first + units)
        {
            flags.fill(false);
            self.full_to = self.full_to.min(first);
        }
    }

    fn offset_of(&self, start: NonNull<u8>) -> Option<usize> {
        let offset = start.as_ptr().addr().checked_sub(self.mapping.start().as_ptr().addr())?;
        (offset < self.mapping.len()).then_some(offset)
    }

    fn is_empty(&self) -> bool {
        self.used.iter().all(|used| !used)
    }
}

/// Nothing panics while it is held, and half an update cannot be seen: a poisoned lock is as good as any.
fn lock() -> MutexGuard<'static, Arena> {
    ARENA.lock().unwrap_or_else(PoisonError::into_inner)
}

fn units(len: usize) -> usize {
    len.max(1).div_ceil(UNIT)
}

static ARENA: Mutex<Arena> = Mutex::new(Arena { locking: Locking::Required, chunks: Vec::new() });

/// Two of them fit into the usual limit of 64 KiB.
const CHUNK: usize = 32 * 1024;
/// Most keys have 32 bytes.
const UNIT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunk_gives_what_a_search_from_its_beginning_would_give() {
        let mapping = Mapping::new(8192).unwrap();
        let units = mapping.len() / UNIT;
        let mut chunk = Chunk { used: vec![false; units], full_to: 0, mapping, locked: false };
        let (mut model, mut held) = (vec![false; units], Vec::new());
        let (mut taken, mut refused) = (0, 0);
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut below = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state >> 40).unwrap() % bound
        };
        for round in 0..100_000 {
            // Filled and emptied in turns, so that every state between is met.
            let favours_taking = (round / 5000) % 2 == 0;
            if below(10) < if favours_taking { 6 } else { 4 } {
                let longest = if below(20) == 0 { 90 } else { 4 };
                let len = 1 + below(longest);
                let free = |at: &usize| model[*at..*at + len].iter().all(|used| !used);
                let expected = (0..=units - len).find(free);
                let given = chunk.take(len);
                let at = given.and_then(|start| chunk.offset_of(start)).map(|offset| offset / UNIT);
                assert_eq!(at, expected, "round {round}");
                let Some((start, at)) = given.zip(at) else {
                    refused += 1;
                    continue;
                };
                model[at..at + len].fill(true);
                held.push((start, at, len));
                taken += 1;
            } else if !held.is_empty() {
                let (start, at, len) = held.swap_remove(below(held.len()));
                model[at..at + len].fill(false);
                chunk.give_back(start, len);
            }
            assert!(model[..chunk.full_to].iter().all(|used| *used), "round {round}");
            assert_eq!(chunk.used, model, "round {round}");
        }
        assert!(taken > 10_000 && refused > 1_000, "{taken} {refused}");
    }
}
