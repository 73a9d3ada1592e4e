//! A hash as words, which people in a room can compare by reading them out.
//!
//! Each byte is one of 256 words of four to eight letters. Any two differ in at least two letters and in their first four, so
//! that one that was misheard or misspelt is not another.

/// The words of a SHA-256, one for each byte, with a space between.
pub fn of(hash: &[u8; 32]) -> String {
    let words: Vec<&str> = hash.iter().filter_map(|byte| WORDS.get(usize::from(*byte)).copied()).collect();
    words.join(" ")
}

/// The hash of these words. White space, also the ends of lines, and capitals make no difference. None for any other text.
pub fn parse(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = text.split_whitespace().map(byte).collect();
    bytes?.try_into().ok()
}

fn byte(word: &str) -> Option<u8> {
    let word = word.to_lowercase();
    WORDS.iter().position(|known| *known == word).and_then(|place| u8::try_from(place).ok())
}

/// In alphabetical order. The list is part of the format: a printed hash is compared years later.
#[rustfmt::skip]
const WORDS: [&str; 256] = [
    "acorn", "album", "almond", "alpine", "anchor", "angle", "anvil", "apron", "arcade", "atlas", "attic",
    "autumn", "badger", "bakery", "balcony", "ballad", "bamboo", "banana", "banjo", "barrel", "basket",
    "beacon", "beaver", "bicycle", "biscuit", "blossom", "bonfire", "border", "bottle", "bramble", "bridge",
    "bronze", "budget", "buffalo", "butter", "cabin", "cactus", "camera", "canal", "canyon", "captain",
    "caramel", "carpet", "castle", "cedar", "cello", "chapel", "cherry", "chimney", "cinema", "circus",
    "clover", "cobalt", "coconut", "coffee", "comet", "compass", "copper", "cotton", "cradle", "cricket",
    "crystal", "cupboard", "cushion", "cypress", "daisy", "dancer", "desert", "diamond", "dolphin",
    "donkey", "dragon", "drawer", "drummer", "easel", "echo", "eclipse", "elbow", "elephant", "ember",
    "emerald", "engine", "envelope", "equator", "fabric", "farmer", "feather", "fennel", "fiddle", "figure",
    "finch", "flint", "flute", "forest", "fossil", "fountain", "freckle", "furnace", "galaxy", "garden",
    "garlic", "gazelle", "ginger", "giraffe", "glacier", "goblet", "granite", "gravel", "guitar", "harbour",
    "harvest", "hedge", "helmet", "hexagon", "hobby", "horizon", "hotel", "iceberg", "indigo", "insect",
    "iris", "island", "ivory", "jaguar", "jasmine", "jigsaw", "journal", "juniper", "kayak", "kidney",
    "kingdom", "kitchen", "knuckle", "lagoon", "lantern", "lasso", "lavender", "lemon", "leopard",
    "library", "lilac", "lizard", "lobster", "locket", "lotus", "magnet", "maple", "meadow", "mercury",
    "mirror", "mitten", "morning", "mosaic", "muffin", "museum", "mustard", "napkin", "narrow", "nectar",
    "needle", "nephew", "nickel", "nutmeg", "oasis", "oatmeal", "ocean", "octopus", "olive", "onion",
    "opera", "orange", "orbit", "orchid", "oxygen", "palace", "panther", "paper", "pastry", "peanut",
    "pebble", "pelican", "pencil", "piano", "picnic", "pigeon", "pillow", "plaster", "poppy", "potato",
    "prairie", "pretzel", "pudding", "pumpkin", "puppet", "puzzle", "pyramid", "quarry", "quilt", "quiver",
    "rabbit", "radish", "raft", "raisin", "ribbon", "ripple", "ruby", "rudder", "saffron", "satchel",
    "school", "scooter", "shelter", "signal", "silver", "skeleton", "sleigh", "snow", "sofa", "spider",
    "spinach", "squirrel", "stable", "stove", "sugar", "summit", "sunset", "swallow", "tartan", "teapot",
    "tennis", "thimble", "throne", "thunder", "toast", "trumpet", "tulip", "turtle", "twig", "umbrella",
    "unicorn", "valley", "vanilla", "village", "violet", "volcano", "voyage", "waffle", "walnut", "whistle",
    "wolf", "wren", "yacht", "yogurt", "zebra", "zenith", "zigzag",
];

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn distance(one: &str, other: &str) -> usize {
        let mut row: Vec<usize> = (0..=other.len()).collect();
        for (i, a) in one.bytes().enumerate() {
            let above = std::mem::replace(&mut row, vec![i + 1]);
            for (j, b) in other.bytes().enumerate() {
                row.push((above[j] + usize::from(a != b)).min(above[j + 1] + 1).min(row[j] + 1));
            }
        }
        row[other.len()]
    }

    #[test]
    fn distance_is_the_number_of_letters_that_differ() {
        assert_eq!(
            [distance("otter", "otter"), distance("otter", "other"), distance("otter", "tern")],
            [0, 1, 3]
        );
    }

    #[test]
    fn no_word_is_easily_taken_for_another() {
        for (place, word) in WORDS.iter().enumerate() {
            assert!((4..=8).contains(&word.len()) && word.bytes().all(|c| c.is_ascii_lowercase()), "{word}");
            for other in &WORDS[place + 1..] {
                assert!(word < other, "{word}, {other}");
                assert!(word.as_bytes()[..4] != other.as_bytes()[..4], "{word}, {other}");
                assert!(distance(word, other) >= 2, "{word}, {other}");
            }
        }
    }

    #[test]
    fn list_is_the_one_that_was_printed_before() {
        let list: [u8; 32] = Sha256::digest(WORDS.join(" ")).into();
        assert_eq!(
            data_encoding::HEXLOWER.encode(&list),
            "0f24ec4ffe1eba52f3626f86a8a97daad03d19827269f56f1a3b11edb7e7e5c6"
        );
    }

    #[test]
    fn words_come_back_as_the_hash_and_every_changed_bit_changes_a_word() {
        let hash: [u8; 32] = Sha256::digest("abc").into();
        let words = of(&hash);
        assert_eq!(words.split(' ').count(), 32);
        assert_eq!(parse(&words), Some(hash));
        assert_eq!(parse(&format!("\n  {}\n", words.to_uppercase().replace(' ', "\n "))), Some(hash));
        for place in 0..256 {
            let mut other = hash;
            other[place / 8] ^= 1 << (place % 8);
            let differing = words
                .split(' ')
                .zip(of(&other).split(' ').collect::<Vec<_>>())
                .filter(|(a, b)| a != b)
                .count();
            assert_eq!(differing, 1);
        }
        let (_, shorter) = words.split_once(' ').unwrap();
        for text in [
            "",
            shorter,
            &format!("{words} otter"),
            &words.replacen(' ', "", 1),
            &format!("stranger {shorter}"),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
