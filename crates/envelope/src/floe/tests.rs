//! FLOE against published answers, and what it must refuse.

use std::path::Path;

use data_encoding::HEXLOWER;
use strongroom_crypto::random;
use strongroom_crypto::secret::Secret;

use super::*;

#[test]
fn published_answers_open_and_are_made_again() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testvectors/floe/published.json");
    let file: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let aad = file["associated_data"].as_str().unwrap().as_bytes();
    let answers = file["answers"].as_array().unwrap();
    for answer in answers {
        let bytes = |field: &str| HEXLOWER.decode(answer[field].as_str().unwrap().as_bytes()).unwrap();
        let (ciphertext, plaintext) = (bytes("ciphertext"), bytes("plaintext"));
        let segment = u32::from_be_bytes(ciphertext[2..6].try_into().unwrap());
        let rotation = u32::try_from(answer["rotation"].as_u64().unwrap()).unwrap();
        let parameters = Parameters::for_tests(segment, rotation);
        let key = Secret::from_array(&mut [0; 32]).unwrap();
        let (header, body) = ciphertext.split_first_chunk::<HEADER_LEN>().unwrap();
        let message = Message::resume_as(parameters, &key, aad, header).unwrap();
        assert_eq!(open_all(&message, body).unwrap(), plaintext);

        let iv = header[10..42].try_into().unwrap();
        let (message, made) = Message::begin(parameters, &key, aad, &iv).unwrap();
        assert_eq!(&made, header);
        let ivs: Vec<[u8; 12]> =
            body.chunks(parameters.segment()).map(|sealed| sealed[4..16].try_into().unwrap()).collect();
        assert_eq!(seal_all(&message, &plaintext, &ivs), body);
    }
    assert_eq!(answers.len(), 3);
}

#[test]
fn key_or_associated_data_or_header_of_another_message_is_told_at_once() {
    let (key, other) = (Secret::random().unwrap(), Secret::random().unwrap());
    let (_, header) = begin(parameters(), &key, b"aad").unwrap();
    let resume = |key, aad: &[u8], header: &[u8; HEADER_LEN]| Message::resume(key, aad, header).map(drop);
    assert_eq!(resume(&key, b"aad", &header), Ok(()), "the control");
    assert_eq!(resume(&other, b"aad", &header), Err(FloeError::HeaderTag));
    assert_eq!(resume(&key, b"aae", &header), Err(FloeError::HeaderTag));
    for at in 0..HEADER_LEN {
        for bit in 0..8 {
            let mut changed = header;
            changed[at] ^= 1 << bit;
            let refused = resume(&key, b"aad", &changed).unwrap_err();
            assert!(
                matches!(refused, FloeError::Parameters | FloeError::HeaderTag),
                "{at}.{bit}: {refused:?}"
            );
        }
    }
}

#[test]
fn segment_opens_at_its_own_place_alone() {
    let (message, _) = begin(parameters(), &Secret::random().unwrap(), b"").unwrap();
    let open = |position, last, sealed: &[u8]| {
        message
            .open(&mut EpochKey::default(), position, last, &mut sealed.to_vec())
            .map(|plain| plain.to_vec())
    };
    let mut full = vec![0; 64];
    message.seal(&mut EpochKey::default(), 3, false, &[1; 12], &mut full).unwrap();
    assert_eq!(open(3, false, &full), Ok(vec![0; 32]), "the control");
    assert_eq!(open(2, false, &full), Err(FloeError::Forged));
    assert_eq!(open(3 + (1 << 20), false, &full), Err(FloeError::Forged));
    assert_eq!(open(3, true, &full), Err(FloeError::MoreExpected));
    let mut relabelled = full.clone();
    relabelled[..4].copy_from_slice(&64_u32.to_be_bytes());
    assert_eq!(open(3, true, &relabelled), Err(FloeError::Forged));
    assert_eq!(open(3, false, &relabelled), Err(FloeError::NotTheLast));

    let mut last = vec![0; 40];
    message.seal(&mut EpochKey::default(), 3, true, &[2; 12], &mut last).unwrap();
    assert_eq!(open(3, true, &last), Ok(vec![0; 8]), "the control");
    assert_eq!(open(3, true, &last[..39]), Err(FloeError::Length));
    for len in 0..32 {
        assert_eq!(open(3, true, &last[..len]), Err(FloeError::Length), "{len}");
    }
}

#[test]
fn refused_segment_holds_no_plaintext() {
    let (message, _) = begin(parameters(), &Secret::random().unwrap(), b"").unwrap();
    let mut segment = [0xAB; 64];
    message.seal(&mut EpochKey::default(), 0, false, &[1; 12], &mut segment).unwrap();
    let mut good = segment;
    message.open(&mut EpochKey::default(), 0, false, &mut good).unwrap();
    assert_eq!(good[16..48], [0xAB; 32], "the control");
    segment[63] ^= 1;
    assert!(message.open(&mut EpochKey::default(), 0, false, &mut segment).is_err());
    assert_eq!(segment[16..48], [0; 32]);
}

#[test]
fn key_changes_with_every_epoch_and_comes_back_with_it() {
    let parameters = Parameters::for_tests(64, 2);
    let (message, _) = begin(parameters, &Secret::random().unwrap(), b"").unwrap();
    let mut epoch = EpochKey::default();
    let seal = |epoch: &mut EpochKey, position| {
        let mut segment = [0; 64];
        message.seal(epoch, position, false, &[1; 12], &mut segment).unwrap();
        segment[16..48].to_vec()
    };
    let first = seal(&mut epoch, 0);
    // The position is associated data: it changes the tag, and the key stream comes from key and IV alone.
    assert_eq!(seal(&mut epoch, 3), first);
    let second = seal(&mut epoch, 4);
    assert_ne!(second, first);
    assert_eq!(seal(&mut epoch, 1), first, "back again");
}

#[test]
fn positions_end_where_the_specification_says() {
    let (message, _) = begin(parameters(), &Secret::random().unwrap(), b"").unwrap();
    let seal =
        |position, last| message.seal(&mut EpochKey::default(), position, last, &[1; 12], &mut [0; 64]);
    let end = 1 << 40;
    assert_eq!((seal(end - 2, false), seal(end - 1, true)), (Ok(()), Ok(())));
    assert_eq!(
        (seal(end - 1, false), seal(end, true)),
        (Err(FloeError::Exhausted), Err(FloeError::Exhausted))
    );
}

#[test]
fn segment_lengths_beyond_the_limits_are_refused() {
    assert!(Parameters::new(64).is_some() && Parameters::new(1 << 20).is_some());
    assert!(Parameters::new(63).is_none() && Parameters::new((1 << 20) + 1).is_none());
    let key = Secret::random().unwrap();
    let (_, header) = begin(Parameters::for_tests(63, 20), &key, b"").unwrap();
    assert_eq!(Message::resume(&key, b"", &header).map(drop), Err(FloeError::Parameters));
}

fn parameters() -> Parameters {
    Parameters::new(64).unwrap()
}

fn open_all(message: &Message, body: &[u8]) -> Result<Vec<u8>, FloeError> {
    let mut epoch = EpochKey::default();
    let segments: Vec<&[u8]> = body.chunks(message.parameters().segment()).collect();
    let mut plaintext = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let mut segment = segment.to_vec();
        let last = at + 1 == segments.len();
        plaintext.extend_from_slice(message.open(&mut epoch, at as u64, last, &mut segment)?);
    }
    Ok(plaintext)
}

fn seal_all(message: &Message, plaintext: &[u8], ivs: &[[u8; 12]]) -> Vec<u8> {
    let mut epoch = EpochKey::default();
    let parts: Vec<&[u8]> = plaintext.chunks(message.parameters().plaintext()).collect();
    let mut body = Vec::new();
    for (at, (part, iv)) in parts.iter().zip(ivs).enumerate() {
        let mut segment = [&[0; PLAINTEXT_AT], *part, &[0; 16]].concat();
        message.seal(&mut epoch, at as u64, at + 1 == parts.len(), iv, &mut segment).unwrap();
        body.extend_from_slice(&segment);
    }
    body
}

fn begin(
    parameters: Parameters,
    key: &Secret<32>,
    associated: &[u8],
) -> Result<(Message, [u8; HEADER_LEN]), FloeError> {
    Message::begin(parameters, key, associated, &random::array().unwrap())
}
