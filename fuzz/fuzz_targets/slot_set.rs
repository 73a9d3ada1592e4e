//! Fuzzes [`strongroom_fuzz::slot_set`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::slot_set(data);
});
