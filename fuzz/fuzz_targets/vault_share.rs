//! Fuzzes [`strongroom_fuzz::vault_share`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::vault_share(data);
});
