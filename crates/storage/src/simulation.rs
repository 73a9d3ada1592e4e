//! A disk in memory that can fail and lose power at any operation.
//!
//! It keeps apart what has been written and what is durable, and counts every operation. A test runs its work once to
//! learn how many operations there are ([`SimulatedDisk::operations`]), then again for each of them with
//! [`SimulatedDisk::crash_at`]; from that operation on everything fails. [`SimulatedDisk::after_crash`] is then what a
//! machine could find after its next start: writes that were not synced are there, gone, torn between sectors or
//! overtaken by later ones, lengths and names that were not synced are old or new. One seed gives one such disk.
//!
//! ```
//! use strongroom_storage::simulation::SimulatedDisk;
//! use strongroom_storage::{CheckpointMode, DiskStorage, Options};
//!
//! let options = Options { checkpoint: CheckpointMode::Inline, segment_size: 32 * 1024, ..Options::default() };
//! let disk = SimulatedDisk::new();
//! DiskStorage::create_on(&disk, &options)?.close()?;
//! disk.crash_at(disk.operations() + 5);
//! assert!(DiskStorage::open_on(&disk, &options).is_err());
//! let found = disk.after_crash(7);
//! DiskStorage::open_on(&found, &options)?.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it does not do: tear within a sector, or damage what is durable ([`SimulatedDisk::flip`] does, if asked).

mod disk;
mod file;
mod random;

pub use disk::{Operation, SimulatedDisk};
