//! The form of a wrapped key. It says which keys made it and how, so that opening it needs no setting and chooses nothing.
//!
//! ```text
//! offset      length  field
//! 0           1       version: 1
//! 1           1       mechanism: 1 = AES-GCM, 2 = RSA-OAEP, 3 = AES-CBC with padding
//! 2           1       hash of OAEP: 0 = none, 1 = SHA-1, 2 = SHA-256, 3 = SHA-384, 4 = SHA-512
//! 3           1       IV mode: 0 = none, 1 = caller, 2 = zeroed-writeback, 3 = appended, 4 = message-api
//! 4           1       k: length of the key's CKA_ID, 1–64
//! 5           k       CKA_ID of the wrapping key
//! 5+k         1       m: length of the HMAC key's CKA_ID, 0–64
//! 6+k         m       CKA_ID of the HMAC key
//! 6+k+m       1       i: length of the IV
//! 7+k+m       i       IV
//! 7+k+m+i     2       c: length of the ciphertext, big-endian, at least 1
//! 9+k+m+i     c       ciphertext; with AES-GCM the tag of 16 bytes is its end
//! 9+k+m+i+c   32      HMAC-SHA-256, not with AES-GCM
//! ```
//!
//! | mechanism | hash | IV mode | m | i |
//! |---|---|---|---|---|
//! | AES-GCM | 0 | 1, 2, 4: i = 12 · 3: i = 16 | 0 | 12 or 16 |
//! | RSA-OAEP | 1–4 | 0 | 1–64 | 0 |
//! | AES-CBC | 0 | 1 | 1–64 | 16 |
//!
//! The **binding** is `SHA-256("strongroom pkcs11 wrap v1" ‖ bytes 0 to 6+k+m ‖ context)`. With AES-GCM it is the associated data.
//! With the others it is the first 32 bytes of the plaintext, before the key, and the HMAC is over `binding ‖ IV ‖ ciphertext`.
//! The header tells its own length, so the context needs none.

use strongroom_crypto::hash;

use crate::config::{IvMode, Mechanism, OaepHash};

/// A wrapped key, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    header: Header,
    iv: &'a [u8],
    ciphertext: &'a [u8],
    mac: &'a [u8],
}

/// What a wrapped key says of how it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    scheme: Scheme,
    key_id: Vec<u8>,
    mac_key_id: Vec<u8>,
}

/// A mechanism with the parameters that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Gcm(IvMode),
    Oaep(OaepHash),
    CbcHmac,
}

/// The bytes are no wrapped key of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Header {
    pub(crate) fn new(scheme: Scheme, key_id: &[u8], mac_key_id: &[u8]) -> Result<Self, Malformed> {
        let needs_mac = !matches!(scheme, Scheme::Gcm(_));
        let lengths_fit = (1..=MOST_ID).contains(&key_id.len()) && mac_key_id.len() <= MOST_ID;
        if !lengths_fit || needs_mac == mac_key_id.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { scheme, key_id: key_id.into(), mac_key_id: mac_key_id.into() })
    }

    /// How the key was wrapped.
    pub fn mechanism(&self) -> Mechanism {
        match self.scheme {
            Scheme::Gcm(_) => Mechanism::AesGcm,
            Scheme::Oaep(_) => Mechanism::RsaOaep,
            Scheme::CbcHmac => Mechanism::AesCbcHmac,
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The `CKA_ID` of the wrapping key.
    pub fn key_id(&self) -> &[u8] {
        &self.key_id
    }

    /// The `CKA_ID` of the HMAC key; empty with AES-GCM.
    pub fn mac_key_id(&self) -> &[u8] {
        &self.mac_key_id
    }

    /// What ties a wrapped key to its header and to its context. See [the module](self).
    pub fn binding(&self, context: &[u8]) -> [u8; 32] {
        hash::sha256(&[LABEL, &self.encode(), context])
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let (mechanism, hash, iv_mode) = self.scheme.codes();
        let mut bytes = vec![VERSION, mechanism, hash, iv_mode];
        put_short(&mut bytes, &self.key_id);
        put_short(&mut bytes, &self.mac_key_id);
        bytes
    }
}

impl<'a> Blob<'a> {
    /// Takes bytes apart. Nothing is believed of them beyond their form.
    ///
    /// # Errors
    ///
    /// [`Malformed`]: another version, an unknown or unfitting code, a length that does not fit, or bytes left over.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (&[version, mechanism, hash, iv_mode], rest) = bytes.split_first_chunk().ok_or(Malformed)?;
        if version != VERSION {
            return Err(Malformed);
        }
        let scheme = Scheme::from_codes(mechanism, hash, iv_mode)?;
        let (key_id, rest) = take_short(rest)?;
        let (mac_key_id, rest) = take_short(rest)?;
        let header = Header::new(scheme, key_id, mac_key_id)?;
        let (iv, rest) = take_short(rest)?;
        let (len, rest) = rest.split_first_chunk().ok_or(Malformed)?;
        let (ciphertext, mac) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(Malformed)?;
        if iv.len() != scheme.iv_len() || mac.len() != scheme.mac_len() || ciphertext.is_empty() {
            return Err(Malformed);
        }
        Ok(Self { header, iv, ciphertext, mac })
    }

    /// How it was made.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The initialisation vector.
    pub fn iv(&self) -> &'a [u8] {
        self.iv
    }

    /// The ciphertext, with the tag where there is one.
    pub fn ciphertext(&self) -> &'a [u8] {
        self.ciphertext
    }

    /// The MAC; empty with AES-GCM.
    pub fn mac(&self) -> &'a [u8] {
        self.mac
    }
}

/// Puts a wrapped key together.
pub(crate) fn encode(
    header: &Header,
    iv: &[u8],
    ciphertext: &[u8],
    mac: &[u8],
) -> Result<Vec<u8>, Malformed> {
    let len = u16::try_from(ciphertext.len()).map_err(|_| Malformed)?;
    let mut bytes = header.encode();
    put_short(&mut bytes, iv);
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(ciphertext);
    bytes.extend_from_slice(mac);
    Blob::decode(&bytes)?;
    Ok(bytes)
}

impl Scheme {
    fn codes(self) -> (u8, u8, u8) {
        match self {
            Self::Gcm(IvMode::Caller) => (1, 0, 1),
            Self::Gcm(IvMode::ZeroedWriteback) => (1, 0, 2),
            Self::Gcm(IvMode::Appended) => (1, 0, 3),
            Self::Gcm(IvMode::MessageApi) => (1, 0, 4),
            Self::Oaep(OaepHash::Sha1) => (2, 1, 0),
            Self::Oaep(OaepHash::Sha256) => (2, 2, 0),
            Self::Oaep(OaepHash::Sha384) => (2, 3, 0),
            Self::Oaep(OaepHash::Sha512) => (2, 4, 0),
            Self::CbcHmac => (3, 0, 1),
        }
    }

    fn from_codes(mechanism: u8, hash: u8, iv_mode: u8) -> Result<Self, Malformed> {
        ALL_SCHEMES
            .iter()
            .copied()
            .find(|scheme| scheme.codes() == (mechanism, hash, iv_mode))
            .ok_or(Malformed)
    }

    pub(crate) fn iv_len(self) -> usize {
        match self {
            Self::Gcm(IvMode::Appended) => APPENDED_IV_LEN,
            Self::Gcm(_) => GCM_IV_LEN,
            Self::Oaep(_) => 0,
            Self::CbcHmac => CBC_IV_LEN,
        }
    }

    fn mac_len(self) -> usize {
        match self {
            Self::Gcm(_) => 0,
            Self::Oaep(_) | Self::CbcHmac => MAC_LEN,
        }
    }
}

/// The length is checked by [`Header::new`] and [`encode`], which are the only ways here.
fn put_short(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(part);
}

fn take_short(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let (&len, rest) = bytes.split_first().ok_or(Malformed)?;
    rest.split_at_checked(usize::from(len)).ok_or(Malformed)
}

const VERSION: u8 = 1;
const LABEL: &[u8] = b"strongroom pkcs11 wrap v1";
const MOST_ID: usize = 64;
pub(crate) const BINDING_LEN: usize = 32;
pub(crate) const MAC_LEN: usize = 32;
pub(crate) const GCM_IV_LEN: usize = 12;
pub(crate) const APPENDED_IV_LEN: usize = 16;
pub(crate) const CBC_IV_LEN: usize = 16;
const ALL_SCHEMES: &[Scheme] = &[
    Scheme::Gcm(IvMode::Caller),
    Scheme::Gcm(IvMode::ZeroedWriteback),
    Scheme::Gcm(IvMode::Appended),
    Scheme::Gcm(IvMode::MessageApi),
    Scheme::Oaep(OaepHash::Sha1),
    Scheme::Oaep(OaepHash::Sha256),
    Scheme::Oaep(OaepHash::Sha384),
    Scheme::Oaep(OaepHash::Sha512),
    Scheme::CbcHmac,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn samples() -> Vec<Vec<u8>> {
        ALL_SCHEMES
            .iter()
            .map(|scheme| {
                let mac_id: &[u8] = if scheme.mac_len() == 0 { b"" } else { b"mac" };
                let header = Header::new(*scheme, b"key", mac_id).unwrap();
                encode(&header, &vec![7; scheme.iv_len()], &[1; 48], &vec![9; scheme.mac_len()]).unwrap()
            })
            .collect()
    }

    #[test]
    fn every_scheme_comes_back() {
        for (bytes, scheme) in samples().iter().zip(ALL_SCHEMES) {
            let blob = Blob::decode(bytes).unwrap();
            assert_eq!(blob.header().scheme(), *scheme);
            assert_eq!((blob.header().key_id(), blob.ciphertext()), (&b"key"[..], &[1; 48][..]));
            assert_eq!(encode(blob.header(), blob.iv(), blob.ciphertext(), blob.mac()).unwrap(), *bytes);
        }
    }

    #[test]
    fn bytes_are_as_drawn() {
        let header = Header::new(Scheme::CbcHmac, b"K", b"MM").unwrap();
        let bytes = encode(&header, &[2; 16], &[3; 16], &[4; 32]).unwrap();
        let mut drawn = vec![1, 3, 0, 1, 1, b'K', 2, b'M', b'M', 16];
        drawn.extend_from_slice(&[2; 16]);
        drawn.extend_from_slice(&[0, 16]);
        drawn.extend_from_slice(&[3; 16]);
        drawn.extend_from_slice(&[4; 32]);
        assert_eq!(bytes, drawn);
    }

    #[test]
    fn every_strict_prefix_and_appended_byte_is_refused() {
        for bytes in samples() {
            for len in 0..bytes.len() {
                assert_eq!(Blob::decode(&bytes[..len]), Err(Malformed));
            }
            let mut longer = bytes.clone();
            longer.push(0);
            assert_eq!(Blob::decode(&longer), Err(Malformed));
        }
    }

    #[test]
    fn unknown_version_and_codes_are_refused() {
        let good = samples().swap_remove(0);
        for place in 0..4 {
            for code in 0..=u8::MAX {
                let mut bytes = good.clone();
                bytes[place] = code;
                let fits = code == good[place] || (place == 3 && matches!(code, 1 | 2 | 4));
                assert_eq!(Blob::decode(&bytes).is_ok(), fits, "{place} {code}");
            }
        }
    }

    #[test]
    fn binding_changes_with_every_part() {
        let header = Header::new(Scheme::CbcHmac, b"K", b"MM").unwrap();
        let other_key = Header::new(Scheme::CbcHmac, b"L", b"MM").unwrap();
        let moved = Header::new(Scheme::CbcHmac, b"KM", b"M").unwrap();
        let bindings =
            [header.binding(b"a"), header.binding(b"b"), other_key.binding(b"a"), moved.binding(b"a")];
        for (at, binding) in bindings.iter().enumerate() {
            assert!(bindings.iter().skip(at + 1).all(|other| other != binding));
        }
        assert_eq!(header.binding(b"a"), header.clone().binding(b"a"));
    }

    proptest! {
        #[test]
        fn whatever_decodes_encodes_to_the_same(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(blob) = Blob::decode(&bytes) {
                prop_assert_eq!(encode(blob.header(), blob.iv(), blob.ciphertext(), blob.mac()), Ok(bytes.clone()));
            }
        }
    }
}
