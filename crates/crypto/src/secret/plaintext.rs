//! Values that were opened.

use std::mem;

use zeroize::Zeroizing;

/// A value that was opened, on the ordinary heap: wiped on drop and without `Debug`, but not locked, since values can
/// have megabytes.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, still wiped on drop.
    pub fn into_vec(mut self) -> Zeroizing<Vec<u8>> {
        mem::take(&mut self.0)
    }
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        // `Zeroizing` wipes elements one by one, but spare capacity in one sweep: the difference is tenfold.
        self.0.clear();
    }
}

impl From<Zeroizing<Vec<u8>>> for Plaintext {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}
