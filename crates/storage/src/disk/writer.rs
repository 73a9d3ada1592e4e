//! Appends frames to the two segments of the log.

use std::io;
use std::sync::Arc;

use crate::io::File;
use crate::log::frame::FrameBuf;
use crate::log::{LogId, Position, SECTOR};

pub(super) struct Writer {
    log: LogId,
    segments: [Segment; 2],
    active: usize,
    /// Where the next frame goes in the active segment.
    offset: u64,
    /// The last durable frame.
    position: Position,
    frame: FrameBuf,
    skip_sync: bool,
}

pub(super) struct Segment {
    pub(super) file: Arc<dyn File>,
    /// How long it was made; its blocks are allocated, so that a sync need not write metadata.
    pub(super) length: u64,
    /// How long it is, longer if a batch needed more.
    pub(super) current: u64,
}

/// Why a frame could not be written.
pub(super) enum WriteError {
    /// It is not in the log, and the next one may be.
    NotWritten(io::Error),
    /// It may or may not be in the log.
    Unknown(io::Error),
}

impl Writer {
    pub(super) fn new(
        log: LogId,
        segments: [Segment; 2],
        active: usize,
        offset: u64,
        position: Position,
        skip_sync: bool,
    ) -> Self {
        Self { log, segments, active, offset, position, frame: FrameBuf::default(), skip_sync }
    }

    pub(super) fn position(&self) -> Position {
        self.position
    }

    pub(super) fn begin_frame(&mut self) {
        self.frame.begin();
    }

    pub(super) fn push(&mut self, changes: &[u8]) {
        self.frame.push(changes);
    }

    pub(super) fn frame_len(&self) -> usize {
        self.frame.contents_len()
    }

    /// Whether the frame can go into the active segment. One that is too long for any goes into an empty one.
    pub(super) fn fits(&self) -> bool {
        let size = u64::try_from(self.frame.size()).unwrap_or(u64::MAX);
        self.offset == FIRST_FRAME || self.offset.saturating_add(size) <= self.active().length
    }

    /// Goes on in the other segment, which must hold nothing that the database does not have.
    pub(super) fn switch(&mut self) {
        self.active = 1 - self.active.min(1);
        self.offset = FIRST_FRAME;
        let segment = self.active_mut();
        // Gives back what one large batch needed. If that fails the segment stays long, which does no harm.
        if segment.current > segment.length && segment.file.set_len(segment.length).is_ok() {
            segment.current = segment.length;
        }
    }

    /// Writes the frame and makes it durable.
    pub(super) fn write_frame(&mut self) -> Result<(), WriteError> {
        let [first, second] = &mut self.segments;
        let segment = if self.active == 0 { first } else { second };
        let too_long = || WriteError::NotWritten(io::Error::from(io::ErrorKind::InvalidInput));
        let (position, bytes) = self.frame.seal(&self.log, self.position).ok_or_else(too_long)?;
        let end = u64::try_from(bytes.len()).ok().and_then(|size| self.offset.checked_add(size));
        let end = end.ok_or_else(too_long)?;
        if let Err(error) = segment.file.write_at(self.offset, bytes) {
            if end > segment.current {
                // Room on a full disk is not to be kept by half a frame.
                let _ = segment.file.set_len(segment.current);
            }
            return Err(match crate::io::NoRoom::of(&error) {
                // The frame has no end, so it is none, and the next one goes over it.
                Some(_) => WriteError::NotWritten(error),
                None => WriteError::Unknown(error),
            });
        }
        if !self.skip_sync {
            segment.file.sync_data().map_err(WriteError::Unknown)?;
        }
        segment.current = segment.current.max(end);
        self.offset = end;
        self.position = position;
        Ok(())
    }

    fn active(&self) -> &Segment {
        let [first, second] = &self.segments;
        if self.active == 0 { first } else { second }
    }

    fn active_mut(&mut self) -> &mut Segment {
        let [first, second] = &mut self.segments;
        if self.active == 0 { first } else { second }
    }
}

/// Where the first frame of a segment begins: after the header's sector.
pub(super) const FIRST_FRAME: u64 = 512;
const _: () = assert!(SECTOR == 512, "the header takes one sector");
