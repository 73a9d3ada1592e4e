//! The words behind a command's name: few enough to be taken by hand.

use crate::{Failure, Outcome};

/// Words not yet taken. What nobody took is an error, so that a misspelt option is never ignored.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn new(words: Vec<String>) -> Self {
        Self(words)
    }

    /// Takes the option and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() != before
    }

    /// Takes `NAME VALUE`.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<f64>, Failure> {
        let Some(position) = self.0.iter().position(|word| word == name) else { return Ok(None) };
        self.0.remove(position);
        if position >= self.0.len() {
            return Err(Failure::new(format!("{name} needs a number after it")));
        }
        let word = self.0.remove(position);
        match word.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(Some(number)),
            _ => Err(Failure::new(format!("{name} needs a number greater than 0, not `{word}`"))),
        }
    }

    /// Takes the next word that is no option.
    pub(crate) fn word(&mut self) -> Option<String> {
        let position = self.0.iter().position(|word| !word.starts_with('-'))?;
        Some(self.0.remove(position))
    }

    /// Refuses whatever is left.
    pub(crate) fn finish(&self) -> Outcome {
        match self.0.first() {
            None => Ok(()),
            Some(word) => Err(Failure::new(format!("`{word}` is not understood here; --help tells what is"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn arguments(words: &str) -> Arguments {
        Arguments::new(words.split_whitespace().map(String::from).collect())
    }

    #[test]
    fn words_that_nobody_took_are_refused() {
        let mut given = arguments("--smoke --secnods 3");
        assert!(given.flag("--smoke"));
        assert!(given.finish().is_err());
    }

    #[test]
    fn options_are_taken_in_any_order() {
        let mut given = arguments("record --hours 0.5 --json");
        assert!(given.flag("--json"));
        assert_eq!(given.number("--hours").unwrap(), Some(0.5));
        assert_eq!(given.word().as_deref(), Some("record"));
        assert!(given.finish().is_ok());
    }

    #[test]
    fn number_that_is_none_is_refused() {
        for words in ["--hours", "--hours x", "--hours 0", "--hours -1", "--hours inf"] {
            assert!(arguments(words).number("--hours").is_err(), "{words}");
        }
    }
}
