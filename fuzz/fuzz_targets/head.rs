//! Fuzzes [`strongroom_fuzz::head`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::head(data);
});
