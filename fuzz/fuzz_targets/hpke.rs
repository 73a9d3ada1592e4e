//! Fuzzes [`strongroom_fuzz::hpke`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::hpke(data);
});
