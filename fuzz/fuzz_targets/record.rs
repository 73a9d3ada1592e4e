//! Fuzzes [`strongroom_fuzz::record`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::record(data);
});
