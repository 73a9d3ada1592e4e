//! The write-ahead log's bytes: what `docs/FORMATS.md` draws under "Log", without any I/O.

pub(crate) mod frame;
pub(crate) mod header;
pub(crate) mod replay;

use std::fmt::{self, Display, Formatter};

/// Which log a segment or a frame belongs to: drawn when the store is created.
pub(crate) type LogId = [u8; 16];

/// How far a log has come: its last frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) sequence: u64,
    /// The frame's own; the next one names it, so that frames form a chain.
    pub(crate) checksum: u32,
}

/// The log has lost something that was acknowledged, or is another store's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// A segment's header is no header of ours.
    Header { segment: usize },
    /// A segment belongs to another store.
    Foreign { segment: usize },
    /// A frame is unreadable, and frames that were written after it are there.
    Hole { segment: usize, offset: usize },
    /// The frames that the database needs next are missing.
    Gap { expected: u64, found: u64 },
    /// The frames do not continue what the database has.
    Broken { sequence: u64 },
    /// A whole frame says something senseless.
    Senseless { sequence: u64 },
}

impl Display for Damage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { segment } => write!(f, "the beginning of log.{segment} is unreadable"),
            Self::Foreign { segment } => write!(f, "log.{segment} belongs to another store"),
            Self::Hole { segment, offset } => {
                write!(f, "log.{segment} is unreadable at byte {offset}, though later changes are there")
            }
            Self::Gap { expected, found } => {
                write!(
                    f,
                    "the log begins with change {found}, but the database needs change {expected} first"
                )
            }
            Self::Broken { sequence } => {
                write!(f, "change {sequence} in the log does not continue what is before it")
            }
            Self::Senseless { sequence } => write!(f, "change {sequence} in the log makes no sense"),
        }
    }
}

/// What a loss of power keeps or loses as a whole. Frames begin at multiples of it, so that writing one never touches
/// a sector of the acknowledged one before it.
pub(crate) const SECTOR: usize = 512;
