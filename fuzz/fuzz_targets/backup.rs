//! Fuzzes [`strongroom_fuzz::backup`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::backup(data);
});
