//! Fuzzes [`strongroom_fuzz::envelope_small`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::envelope_small(data);
});
