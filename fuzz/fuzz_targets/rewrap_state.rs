//! Fuzzes [`strongroom_fuzz::rewrap_state`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::rewrap_state(data);
});
