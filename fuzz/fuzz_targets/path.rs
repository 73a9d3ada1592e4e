//! Fuzzes [`strongroom_fuzz::path`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::path(data);
});
