//! What the test programs share. Each has one token: a module is initialised once for a process.

use std::path::Path;
use std::time::Duration;

use strongroom_crypto::secret::SecretBytes;
use strongroom_pkcs11::{PinSource, TokenConfig};
use strongroom_test_tokens::TestToken;

pub(crate) fn secret(bytes: &[u8]) -> SecretBytes {
    SecretBytes::copy_from_slice(bytes).unwrap()
}

/// A configuration for an AES-GCM key of this name, which is generated.
pub(crate) fn config(token: &TestToken, lib: &Path, key: &str) -> TokenConfig {
    let mut config = TokenConfig::new(lib);
    config.token_label = Some(token.label().into());
    config.pin = Some(PinSource::Given(secret(token.pin().as_bytes())));
    config.key_label = Some(key.into());
    config.generate_key = true;
    config.max_parallel = 4;
    config.timeout = Duration::from_secs(5);
    config
}
