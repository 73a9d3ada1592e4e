//! Fuzzes [`strongroom_fuzz::audit_chain`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::audit_chain(data);
});
