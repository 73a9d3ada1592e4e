//! Reading and writing the few shapes that the formats are made of.

/// What remains of untrusted bytes; every step gives `None` when they end too early.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn bytes8(&mut self) -> Option<&'a [u8]> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    pub(crate) fn bytes16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The length prefix of a `bytes16`, or a count. Every caller's value is bounded far below by its type's constructor.
pub(crate) fn length16(length: usize) -> [u8; 2] {
    debug_assert!(u16::try_from(length).is_ok(), "a length that its constructor bounds");
    u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes()
}

/// The length prefix of a `bytes8`, or a count, bounded likewise.
pub(crate) fn length8(length: usize) -> u8 {
    debug_assert!(u8::try_from(length).is_ok(), "a length that its constructor bounds");
    u8::try_from(length).unwrap_or(u8::MAX)
}
