//! Fuzzes [`strongroom_fuzz::share_text`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    strongroom_fuzz::share_text(data);
});
