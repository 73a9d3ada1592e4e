//! What went wrong elsewhere and must not happen here; `docs/SECURITY-CATALOGUE.md` names the other tests.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, missing_docs)]

use strongroom_crypto::mac::MacKey;
use strongroom_crypto::secret::Secret;

/// CVE-2026-63132: a token was compared with `!=`, and an empty one could match.
#[test]
fn cve_2026_63132_empty_short_or_altered_tag_never_matches() {
    let key = MacKey::new(&Secret::random().unwrap());
    let tag = key.mac(&[b"message"]);
    assert!(key.verify(&[b"message"], &tag), "the control");
    let prefixes = (0..tag.len()).map(|length| tag[..length].to_vec());
    let longer = [[tag.as_slice(), &[0]].concat()];
    let flipped = (0..tag.len() * 8).map(|bit| {
        let mut altered = tag;
        altered[bit / 8] ^= 1 << (bit % 8);
        altered.to_vec()
    });
    let candidates: Vec<Vec<u8>> = prefixes.chain(longer).chain(flipped).collect();
    let accepted = candidates.iter().filter(|candidate| key.verify(&[b"message"], candidate)).count();
    println!(
        "evidence: id=catalogue/cve-2026-63132 figure={accepted} of {} empty, short, long and altered tags accepted verdict={}",
        candidates.len(),
        if accepted == 0 { "pass" } else { "fail" }
    );
    assert_eq!(accepted, 0);
}
