//! Fuzzes [`strongroom_fuzz::hsm_wrapped`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::hsm_wrapped(data);
});
