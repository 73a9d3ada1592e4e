//! Fuzzes [`strongroom_fuzz::envelope_header`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::envelope_header(data);
});
