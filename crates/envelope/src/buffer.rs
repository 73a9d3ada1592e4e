//! Buffers that are used again.

/// Makes the buffer as long as what will be written over all of it. What it holds until then is what it held before, or zeros:
/// a buffer that is long enough is not cleared first, and one that is not is not copied.
pub(crate) fn set_len(buffer: &mut Vec<u8>, len: usize) {
    if buffer.capacity() < len {
        *buffer = vec![0; len];
    } else {
        buffer.resize(len, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_suffices_is_used_again_and_every_length_is_met() {
        let mut buffer = Vec::with_capacity(100);
        let memory = buffer.as_ptr();
        for len in [10, 100, 0, 50] {
            set_len(&mut buffer, len);
            assert_eq!((buffer.len(), buffer.as_ptr()), (len, memory));
        }
        set_len(&mut buffer, 101);
        assert_eq!(buffer, [0; 101]);
    }
}
