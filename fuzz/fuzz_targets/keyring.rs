//! Fuzzes [`strongroom_fuzz::keyring`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::keyring(data);
});
