//! Counting what a version protects, at the speed of the cipher.
//!
//! The [ledger](crate::ledger) gives a *block*; each thread takes a *slice* of it and counts that down alone, so that threads do not
//! wait for each other's cache lines. When a thread finds the block empty it takes back what the slices of other threads
//! still hold before it reserves another block: a limit is reached exactly, not some slices early.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ledger::LedgerError;
use crate::policy::Amount;

/// What one version may still protect before the next block.
pub(crate) struct Counter {
    slices: [Slice; SLICES],
    pool: Mutex<Pool>,
    /// Held while a block is being reserved ahead of time.
    refilling: Mutex<()>,
}

/// What one thread, or a few, may use without asking: operations in the upper 24 bits, bytes in the lower 40, so that one atomic
/// instruction takes of both. On a cache line of its own (two, since processors fetch them in pairs).
#[derive(Default)]
#[repr(align(128))]
struct Slice(AtomicU64);

/// What is left of the blocks beside the slices, and what they were reserved under.
#[derive(Default)]
struct Pool {
    left: Amount,
    blocks: Blocks,
}

/// How much is reserved at once, and how much in all.
#[derive(Clone, Copy, Default)]
pub(crate) struct Blocks {
    block: Amount,
    limit: Amount,
    /// The revision of the policy that says so.
    revision: u64,
}

impl Blocks {
    /// A thousandth of the limit, so that a crash costs no more than that; and not so much that a crash matters, nor so
    /// little that a busy key waits for the disk.
    pub(crate) fn of(limit: Amount, revision: u64) -> Self {
        let block = Amount {
            operations: (limit.operations / SHARE).clamp(1, MOST_OPERATIONS),
            bytes: (limit.bytes / SHARE).clamp(1, MOST_BYTES),
        };
        Self { block, limit, revision }
    }

    /// A block of what is missing, and nothing of what is not: a crash would lose it.
    fn reservation(self, need: Amount) -> Reservation {
        let want = |need: u64, block: u64| if need == 0 { 0 } else { block.max(need) };
        let want = Amount {
            operations: want(need.operations, self.block.operations),
            bytes: want(need.bytes, self.block.bytes),
        };
        Reservation { need, want, limit: self.limit }
    }

    fn half(self) -> Amount {
        Amount { operations: self.block.operations / 2, bytes: self.block.bytes / 2 }
    }
}

/// What is asked of the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservation {
    /// Without which nothing is to be reserved.
    pub(crate) need: Amount,
    /// As much of this as the limit allows.
    pub(crate) want: Amount,
    pub(crate) limit: Amount,
}

/// Whether a new block should be reserved before this one is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Supply {
    Enough,
    Low,
}

impl Counter {
    pub(crate) fn new() -> Self {
        Self { slices: Default::default(), pool: Mutex::default(), refilling: Mutex::default() }
    }

    /// Counts what is about to be done.
    ///
    /// `reserve` asks the ledger, and is called while other threads that run out wait.
    #[inline]
    pub(crate) fn count(
        &self,
        need: Amount,
        blocks: Blocks,
        reserve: impl FnOnce(Reservation) -> Result<Amount, LedgerError>,
    ) -> Result<Supply, LedgerError> {
        if self.slice().take(need) {
            return Ok(Supply::Enough);
        }
        self.count_from_block(need, blocks, reserve)
    }

    #[cold]
    fn count_from_block(
        &self,
        need: Amount,
        blocks: Blocks,
        reserve: impl FnOnce(Reservation) -> Result<Amount, LedgerError>,
    ) -> Result<Supply, LedgerError> {
        // Always before a slice is locked, and no slice is held while waiting for it.
        let mut pool = lock(&self.pool);
        let blocks = self.agree(&mut pool, blocks);
        if !pool.left.covers(need) {
            pool.left = self.take_back().saturating_add(pool.left);
        }
        if !pool.left.covers(need) {
            match reserve(blocks.reservation(need.saturating_sub(pool.left))) {
                Ok(granted) => pool.left = pool.left.saturating_add(granted),
                // The last block may be the one that is being reserved ahead of time: it is waited for.
                Err(LedgerError::Exhausted) => {
                    drop(pool);
                    drop(lock(&self.refilling));
                    pool = lock(&self.pool);
                    pool.left = self.take_back().saturating_add(pool.left);
                }
                Err(error) => return Err(error),
            }
        }
        if !take(&mut pool.left, need) {
            return Err(LedgerError::Exhausted);
        }
        let share = Amount {
            operations: blocks.block.operations / SLICE_SHARE,
            bytes: blocks.block.bytes / SLICE_SHARE,
        };
        let granted = self.slice().add(share.min(pool.left));
        pool.left = pool.left.saturating_sub(granted);
        Ok(if pool.left.covers(blocks.half()) { Supply::Enough } else { Supply::Low })
    }

    /// Adds a block that was reserved ahead of time, unless the supply is no longer low.
    pub(crate) fn refill(
        &self,
        blocks: Blocks,
        reserve: impl FnOnce(Reservation) -> Result<Amount, LedgerError>,
    ) -> Result<(), LedgerError> {
        let _one = lock(&self.refilling);
        let (blocks, low) = {
            let mut pool = lock(&self.pool);
            let blocks = self.agree(&mut pool, blocks);
            (blocks, blocks.half().saturating_sub(pool.left).min(Amount { operations: 1, bytes: 1 }))
        };
        if low == Amount::default() {
            return Ok(());
        }
        // Without the lock on the pool: the other threads go on with what there is.
        let granted = reserve(blocks.reservation(low))?;
        let mut pool = lock(&self.pool);
        // What comes under limits that were replaced meanwhile is lost like the rest.
        if pool.blocks.limit == blocks.limit {
            pool.left = pool.left.saturating_add(granted);
        }
        Ok(())
    }

    /// Takes limits over. What is left of a block that was reserved under others is lost.
    pub(crate) fn adopt(&self, blocks: Blocks) {
        self.agree(&mut lock(&self.pool), blocks);
    }

    /// The newest limits of all that were seen: whoever still sees the old ones does not bring them back.
    fn agree(&self, pool: &mut Pool, blocks: Blocks) -> Blocks {
        if blocks.revision >= pool.blocks.revision {
            if blocks.limit != pool.blocks.limit {
                self.take_back();
                pool.left = Amount::default();
            }
            pool.blocks = blocks;
        }
        pool.blocks
    }

    fn take_back(&self) -> Amount {
        self.slices.iter().fold(Amount::default(), |sum, slice| sum.saturating_add(slice.take_back()))
    }

    #[inline]
    fn slice(&self) -> &Slice {
        let [first, ..] = &self.slices;
        self.slices.get(THREAD.with(|thread| *thread)).unwrap_or(first)
    }
}

impl Slice {
    #[inline]
    fn take(&self, need: Amount) -> bool {
        let Some(need) = pack(need) else { return false };
        let mut held = self.0.load(Ordering::Relaxed);
        loop {
            if held >> BYTES_BITS < need >> BYTES_BITS
                || held & MOST_IN_SLICE.bytes < need & MOST_IN_SLICE.bytes
            {
                return false;
            }
            // Nothing but the count itself is communicated.
            match self.0.compare_exchange_weak(held, held - need, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => held = now,
            }
        }
    }

    /// Adds as much as there is room for, and says how much.
    fn add(&self, amount: Amount) -> Amount {
        let mut held = self.0.load(Ordering::Relaxed);
        loop {
            let granted = amount.min(MOST_IN_SLICE.saturating_sub(unpack(held)));
            let Some(more) = pack(granted) else { return Amount::default() };
            match self.0.compare_exchange_weak(held, held + more, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return granted,
                Err(now) => held = now,
            }
        }
    }

    fn take_back(&self) -> Amount {
        unpack(self.0.swap(0, Ordering::Relaxed))
    }
}

/// `None` where a slice never holds so much.
#[inline]
fn pack(amount: Amount) -> Option<u64> {
    MOST_IN_SLICE.covers(amount).then_some(amount.operations << BYTES_BITS | amount.bytes)
}

fn unpack(held: u64) -> Amount {
    Amount { operations: held >> BYTES_BITS, bytes: held & MOST_IN_SLICE.bytes }
}

fn take(from: &mut Amount, need: Amount) -> bool {
    let enough = from.covers(need);
    if enough {
        *from = from.saturating_sub(need);
    }
    enough
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// Threads take slices in turn: with few threads, one each.
    static THREAD: usize = NEXT_THREAD.fetch_add(1, Ordering::Relaxed) % SLICES;
}

static NEXT_THREAD: AtomicUsize = AtomicUsize::new(0);

const SLICES: usize = 16;
const BYTES_BITS: u32 = 40;
const MOST_IN_SLICE: Amount =
    Amount { operations: (1 << (64 - BYTES_BITS)) - 1, bytes: (1 << BYTES_BITS) - 1 };
/// A block is this part of the limit.
const SHARE: u64 = 1024;
/// A slice is this part of a block.
const SLICE_SHARE: u64 = 64;
const MOST_OPERATIONS: u64 = 1 << 20;
const MOST_BYTES: u64 = 1 << 40;

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger in memory.
    #[derive(Default)]
    struct Book {
        used: Mutex<Amount>,
        reservations: AtomicU64,
    }

    impl Book {
        fn reserve(&self, asked: Reservation) -> Result<Amount, LedgerError> {
            self.reservations.fetch_add(1, Ordering::Relaxed);
            let mut used = lock(&self.used);
            let granted = asked.want.min(asked.limit.saturating_sub(*used));
            if !granted.covers(asked.need) {
                return Err(LedgerError::Exhausted);
            }
            *used = used.saturating_add(granted);
            Ok(granted)
        }
    }

    fn count_all(limit: Amount, bytes: u64, threads: usize) -> (u64, u64) {
        let (counter, book, blocks) = (Counter::new(), Book::default(), Blocks::of(limit, 1));
        let done = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while counter
                        .count(Amount { operations: 1, bytes }, blocks, |asked| book.reserve(asked))
                        .is_ok()
                    {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        (done.into_inner(), book.reservations.into_inner())
    }

    #[test]
    fn limit_of_operations_is_reached_exactly_by_any_number_of_threads() {
        for threads in [1, 2, 5, 20] {
            for limit in [0, 1, 7, 1000, 100_000] {
                let limit = Amount { operations: limit, bytes: u64::MAX };
                assert_eq!(count_all(limit, 10, threads).0, limit.operations, "{threads} threads");
            }
        }
    }

    #[test]
    fn limit_of_bytes_is_reached_to_the_last_operation_that_fits() {
        for threads in [1, 4] {
            let limit = Amount { operations: u64::MAX, bytes: 100_003 };
            assert_eq!(count_all(limit, 10, threads).0, 10_000);
            assert_eq!(count_all(limit, 100_004, threads).0, 0);
            assert_eq!(count_all(limit, 100_003, threads).0, 1);
        }
    }

    #[test]
    fn reservations_are_a_thousandth_of_the_operations() {
        let limit = Amount { operations: 1_024_000, bytes: u64::MAX };
        let (done, reservations) = count_all(limit, 10, 1);
        assert_eq!(done, 1_024_000);
        assert!((1024..=1030).contains(&reservations), "{reservations}");
    }

    const ONE: Amount = Amount { operations: 1, bytes: 0 };

    fn operations(limit: u64, revision: u64) -> Blocks {
        Blocks::of(Amount { operations: limit, bytes: u64::MAX }, revision)
    }

    #[test]
    fn block_of_other_limits_is_never_used() {
        let (counter, book) = (Counter::new(), Book::default());
        let first = operations(10_240, 1);
        assert!(counter.count(ONE, first, |asked| book.reserve(asked)).is_ok());
        let higher = operations(20_480, 2);
        counter.adopt(higher);
        let mut done = 1;
        while counter.count(ONE, higher, |asked| book.reserve(asked)).is_ok() {
            done += 1;
        }
        assert_eq!(done, 20_480 - (first.block.operations - 1));
    }

    #[test]
    fn whoever_still_sees_the_old_limits_is_held_to_the_new_ones() {
        let (counter, book) = (Counter::new(), Book::default());
        let (old, new) = (operations(10_240, 1), operations(1, 2));
        // The control: under the old limits alone it counts.
        assert!(Counter::new().count(ONE, old, |asked| Book::default().reserve(asked)).is_ok());
        counter.adopt(new);
        assert!(counter.count(ONE, old, |asked| book.reserve(asked)).is_ok());
        assert!(counter.count(ONE, old, |asked| book.reserve(asked)).is_err());
        counter.refill(old, |asked| book.reserve(asked)).unwrap();
        assert_eq!(lock(&book.used).operations, 1);
    }

    #[test]
    fn block_that_comes_when_the_limits_have_changed_is_lost() {
        let (counter, book) = (Counter::new(), Book::default());
        let (old, new) = (operations(10_240, 1), operations(10, 2));
        let reserve_late = |asked| {
            let granted = book.reserve(asked);
            counter.adopt(new);
            granted
        };
        counter.refill(old, reserve_late).unwrap();
        assert_eq!(lock(&book.used).operations, 10);
        for blocks in [old, new] {
            assert!(counter.count(ONE, blocks, |asked| book.reserve(asked)).is_err());
        }
    }

    #[test]
    fn slice_never_overflows_from_one_count_into_the_other() {
        let slice = Slice::default();
        let much = Amount { operations: u64::MAX, bytes: u64::MAX };
        assert_eq!(slice.add(much), MOST_IN_SLICE);
        assert_eq!(slice.add(much), Amount::default());
        assert!(!slice.take(Amount { operations: 1, bytes: MOST_IN_SLICE.bytes + 1 }));
        assert!(!slice.take(Amount { operations: MOST_IN_SLICE.operations + 1, bytes: 0 }));
        assert!(slice.take(Amount { operations: 1, bytes: MOST_IN_SLICE.bytes }));
        assert!(!slice.take(Amount { operations: 1, bytes: 1 }));
        assert!(slice.take(Amount { operations: MOST_IN_SLICE.operations - 1, bytes: 0 }));
        assert!(!slice.take(Amount { operations: 1, bytes: 0 }));
        assert_eq!(slice.take_back(), Amount::default());
    }

    #[test]
    fn refill_adds_a_block_only_where_one_is_wanted() {
        let limit = Amount { operations: 10_240, bytes: u64::MAX };
        let (counter, book, blocks) = (Counter::new(), Book::default(), Blocks::of(limit, 1));
        counter.refill(blocks, |asked| book.reserve(asked)).unwrap();
        counter.refill(blocks, |asked| book.reserve(asked)).unwrap();
        assert_eq!(book.reservations.into_inner(), 1);
    }
}
