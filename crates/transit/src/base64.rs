//! What the library leaves open in base64 with padding (RFC 4648, section 4).

/// Whether a text that decoded to so many bytes has padding at its end alone. The library takes several padded texts in a row
/// for one, so that `QQ==Qg==` would be a second form of `QUI=`.
pub(crate) fn is_padded_once(encoded: &[u8], decoded_len: usize) -> bool {
    let padding = encoded.iter().rev().take_while(|byte| **byte == b'=').count();
    encoded.len() / 4 * 3 == decoded_len.saturating_add(padding)
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;

    use super::is_padded_once;

    #[test]
    fn padding_in_the_middle_is_seen() {
        for len in 0..100 {
            let text = BASE64.encode(&vec![0xa7; len]);
            assert!(is_padded_once(text.as_bytes(), len), "{text}");
        }
        for text in
            ["AA==AA==", "AAA=AA==", "AA==AAA=", "AAAAAA==AAAA", "mvHvdmfTdmfTEGs=EGs=", "AAA=AAA=AAA=AAA="]
        {
            let decoded =
                BASE64.decode(text.as_bytes()).expect("the library takes it, which is why there is this");
            assert!(!is_padded_once(text.as_bytes(), decoded.len()), "{text}");
        }
    }
}
