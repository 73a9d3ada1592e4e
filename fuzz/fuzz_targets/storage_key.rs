//! Fuzzes [`strongroom_fuzz::storage_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::storage_key(data);
});
