//! What in a text looks like a key: `docs/FORMATS.md`, "Audit chain", has the same rules.

/// The first stretch that could be a key of 20 bytes or more, or a share: in hexadecimal, base32 or base64, also in groups. Where
/// it begins and ends, in bytes.
pub(super) fn key_like(text: &str) -> Option<(usize, usize)> {
    let solid = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '=';
    let hexadecimal = |c: char| c.is_ascii_hexdigit() || c == ' ' || c == ':' || c == '-';
    let long_with_digit = |part: &str| {
        part.chars().filter(char::is_ascii_alphanumeric).count() >= KEY_LIKE
            && part.contains(|c: char| c.is_ascii_digit())
    };
    let ungrouped =
        stretch(text, solid, long_with_digit).or_else(|| stretch(text, hexadecimal, long_with_digit));
    ungrouped.or_else(|| {
        words(text).into_iter().find_map(|mut words| {
            let found = digits(&words);
            words.retain(|word| !word.is_number());
            found.or_else(|| share(&words)).or_else(|| random(&words))
        })
    })
}

/// The first longest stretch of characters that `within` takes and that is suspect.
fn stretch(
    text: &str,
    within: impl Fn(char) -> bool,
    suspect: impl Fn(&str) -> bool,
) -> Option<(usize, usize)> {
    let mut from = 0;
    for part in text.split_inclusive(|c| !within(c)) {
        let inner = part.strip_suffix(|c| !within(c)).unwrap_or(part);
        if suspect(inner) {
            return Some((from, from.saturating_add(inner.len())));
        }
        from = from.saturating_add(part.len());
    }
    None
}

/// ASCII letters and digits without anything between them, or single ones with something between each two.
struct Word {
    letters: String,
    from: usize,
    to: usize,
}

impl Word {
    /// Whether a key's group could look so, and a word of a language hardly: four characters or more, with a [turn] among them.
    fn is_mixed(&self) -> bool {
        self.letters.len() >= GROUP && turns(&self.letters).any(|turn| turn)
    }

    /// Whether it only counts groups.
    fn is_number(&self) -> bool {
        self.letters.len() <= 2 && self.letters.chars().all(|c| c.is_ascii_digit())
    }

    /// Its letters, where it is the word of this place.
    fn judged(&self, word: usize) -> Vec<Letter> {
        let is_mixed = self.is_mixed();
        let mut left = (self.letters.len() / TURNS_PER_WORD).max(TURNS_PER_WORD);
        let turns = std::iter::once(false).chain(turns(&self.letters));
        let judged = self.letters.chars().zip(turns).map(|(c, turn)| {
            let is_turn = is_mixed && turn && left > 0;
            left = left.saturating_sub(usize::from(is_turn));
            Letter { word, is_mixed, is_turn, is_bech32: is_bech32(c) }
        });
        judged.collect()
    }

    fn is_of(&self, alphabet: impl Fn(char) -> bool) -> bool {
        self.letters.chars().all(alphabet)
    }
}

/// One letter or digit of a text.
struct Letter {
    /// The place of its word.
    word: usize,
    is_mixed: bool,
    is_turn: bool,
    is_bech32: bool,
}

/// The words between which nothing stands but separators, stretch by stretch.
fn words(text: &str) -> Vec<Vec<Word>> {
    let mut stretches = vec![Vec::new()];
    let mut word: Option<Word> = None;
    for (at, c) in text.char_indices() {
        if c.is_ascii_alphanumeric() {
            let word = word.get_or_insert_with(|| Word { letters: String::new(), from: at, to: at });
            word.letters.push(c);
            word.to = at.saturating_add(1);
            continue;
        }
        if let Some(stretch) = stretches.last_mut() {
            stretch.extend(word.take());
        }
        if !is_separator(c) {
            stretches.push(Vec::new());
        }
    }
    if let Some(stretch) = stretches.last_mut() {
        stretch.extend(word);
    }
    stretches.iter().map(|words| joined(words)).collect()
}

/// Whether letters on its two sides may be of one key. Other characters are letters of other scripts, for the most part.
fn is_separator(c: char) -> bool {
    c < '\u{c0}'
        || matches!(c, '\u{2000}'..='\u{2bff}' | '\u{3000}'..='\u{303f}' | '\u{fe00}'..='\u{fe6f}' | '\u{feff}'..='\u{ff0f}'
            | '\u{fffd}' | '\u{e0000}'..='\u{e0fff}')
}

/// The same with single characters one after another put together: a key that was spaced out.
fn joined(words: &[Word]) -> Vec<Word> {
    let mut all = Vec::with_capacity(words.len());
    for run in words.chunk_by(|one, next| one.letters.len() == 1 && next.letters.len() == 1) {
        match run {
            [first, .., last] if run.len() >= SPACED_OUT => {
                let letters = run.iter().map(|word| word.letters.as_str()).collect();
                all.push(Word { letters, from: first.from, to: last.to });
            }
            run => all.extend(run.iter().map(|word| Word { letters: word.letters.clone(), ..*word })),
        }
    }
    all
}

/// A share: `sr1` and behind it so many letters and digits of Bech32, however they are grouped.
fn share(words: &[Word]) -> Option<(usize, usize)> {
    for first in 0..words.len() {
        let from_here = || words.iter().skip(first).flat_map(|word| word.letters.chars());
        let begins = from_here().map(|c| c.to_ascii_lowercase()).take(PREFIX.len()).eq(PREFIX.chars());
        if begins && from_here().skip(PREFIX.len()).take_while(|c| is_bech32(*c)).count() >= AFTER_PREFIX {
            let mut letters = 0;
            let last = words.iter().skip(first).position(|word| {
                letters += word.letters.len();
                letters >= KEY_LIKE
            });
            return Some(span(words, first, first.saturating_add(last.unwrap_or(0))));
        }
    }
    None
}

/// A key in hexadecimal, whatever stands between its groups. Numbers alone are none: lists of them are common.
fn digits(words: &[Word]) -> Option<(usize, usize)> {
    let is_hexadecimal = |word: &Word| word.is_of(|c| c.is_ascii_hexdigit());
    let mut first = 0;
    for run in words.chunk_by(|one, next| is_hexadecimal(one) == is_hexadecimal(next)) {
        let count = |wanted: fn(&char) -> bool| -> usize {
            run.iter().flat_map(|word| word.letters.chars()).filter(wanted).count()
        };
        let (letters, digits) = (count(char::is_ascii_alphabetic), count(char::is_ascii_digit));
        let last = first + run.len() - 1;
        if run.iter().all(is_hexadecimal) && letters + digits >= KEY_LIKE && letters.min(digits) >= OF_EACH {
            return Some(span(words, first, last));
        }
        first = last + 1;
    }
    None
}

/// Any key: letters and digits, or small letters and capitals behind them, take turns as often as they do in random text and do
/// in no language, and this in words that are half of all. Where all is Bech32, which few texts are for long, less is enough.
fn random(words: &[Word]) -> Option<(usize, usize)> {
    let letters: Vec<_> = words.iter().enumerate().flat_map(|(place, word)| word.judged(place)).collect();
    let suspect = |window: &&[Letter]| {
        let mixed = window.iter().filter(|letter| letter.is_mixed).count();
        let turns = window.iter().filter(|letter| letter.is_turn).count();
        (mixed >= IN_MIXED && turns >= TURNS)
            || (mixed >= IN_MIXED_BECH32
                && turns >= TURNS_BECH32
                && window.iter().all(|letter| letter.is_bech32))
    };
    let mut found: Option<(usize, usize)> = None;
    for window in letters.windows(KEY_LIKE).filter(suspect) {
        let ends =
            (window.first().map_or(0, |letter| letter.word), window.last().map_or(0, |letter| letter.word));
        match &mut found {
            Some((_, last)) if ends.0 > last.saturating_add(1) => break,
            Some((_, last)) => *last = ends.1,
            None => found = Some(ends),
        }
    }
    found.map(|(first, last)| span(words, first, last))
}

/// From one word to another, and beyond them as far as the key may reach.
fn span(words: &[Word], mut first: usize, mut last: usize) -> (usize, usize) {
    let is_part = |word: &Word| word.is_mixed() || (word.letters.len() >= GROUP && word.is_of(is_bech32));
    let mixed = |place: usize| words.get(place).is_some_and(Word::is_mixed);
    while let Some(next) = words.get(last + 1) {
        if !is_part(next) && !mixed(last + 2) && !mixed(last + 3) {
            break;
        }
        last += 1;
    }
    while let Some(place) = first.checked_sub(1) {
        let before = |further: usize| place.checked_sub(further).is_some_and(mixed);
        if !words.get(place).is_some_and(is_part) && !before(1) && !before(2) {
            break;
        }
        first = place;
    }
    (words.get(first).map_or(0, |word| word.from), words.get(last).map_or(0, |word| word.to))
}

fn is_bech32(c: char) -> bool {
    BECH32.contains(c.to_ascii_lowercase())
}

/// For each character but the first, whether a digit meets a letter there, or a capital follows a small letter.
fn turns(letters: &str) -> impl Iterator<Item = bool> {
    letters.bytes().zip(letters.bytes().skip(1)).map(|(one, next)| {
        one.is_ascii_digit() != next.is_ascii_digit()
            || (one.is_ascii_lowercase() && next.is_ascii_uppercase())
    })
}

/// Hexadecimal digits of 20 bytes. No word of a language with a digit in it is as long.
const KEY_LIKE: usize = 40;
/// Of these in a row so many in mixed words: a share in groups of four has 29 on average.
const IN_MIXED: usize = 20;
/// A share's text has 18 on average where it has the most, and one in 300 has fewer than this; names with two or three serial
/// numbers among them stay below.
const TURNS: usize = 10;
/// The same where all is Bech32: of pieces of 60 letters in groups of four, one in 200 has fewer.
const IN_MIXED_BECH32: usize = 12;
const TURNS_BECH32: usize = 5;
/// What one word counts for at most, or a fourth of its letters: a long serial number alone is no key.
const TURNS_PER_WORD: usize = 4;
/// Characters of the shortest group that people write keys in.
const GROUP: usize = 4;
/// Single characters in a row that are no list.
const SPACED_OUT: usize = 10;
/// Letters, and digits, of a key in hexadecimal. One of 40 digits has 15 and 25 on average.
const OF_EACH: usize = 4;
const PREFIX: &str = "sr1";
const AFTER_PREFIX: usize = 37;
/// BIP 173.
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
