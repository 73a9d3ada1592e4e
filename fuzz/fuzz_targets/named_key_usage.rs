//! Fuzzes [`named::named_key_usage`].
#![no_main]

#[path = "../src/named.rs"]
mod named;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    named::named_key_usage(data);
});
