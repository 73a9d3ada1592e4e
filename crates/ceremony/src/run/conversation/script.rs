//! People out of a text file, for tests and for drills.
//!
//! ```text
//! # a remark
//! = a line that is told, in which [..] stands for any text
//! = ...
//! ? Ada: a question [..]
//! > the answer
//! * Ada: a question whose answer is secret
//! > $name
//! ! Ada: the heading of a share that is shown
//! > $name
//! ```
//!
//! `= ...` stands for any number of lines. A `$name` is a share: one that was shown is kept under it, one that is typed is
//! looked up. `$name wrong 2` types the share with the last two letters wrong. A step's beginning is told as `== WORD ==`.

use std::collections::{BTreeMap, VecDeque};

use zeroize::Zeroizing;

use super::{Conversation, Gone, Stage};
use crate::plan::Person;

/// A script, and how far it is.
pub struct Script {
    lines: VecDeque<(usize, String)>,
    kept: BTreeMap<String, Zeroizing<String>>,
    shown: Vec<String>,
}

impl Script {
    /// A script, and the shares that are known before it begins, by name.
    pub fn new(text: &str, known: BTreeMap<String, Zeroizing<String>>) -> Self {
        let lines = (1..).zip(text.lines());
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with("# "));
        Self {
            lines: lines.map(|(number, line)| (number, line.to_owned())).collect(),
            kept: known,
            shown: Vec::new(),
        }
    }

    /// The shares that were shown, by the names that the script gave them, and those that were known.
    pub fn into_kept(self) -> BTreeMap<String, Zeroizing<String>> {
        self.kept
    }

    /// Everything that everybody saw.
    pub fn shown(&self) -> &[String] {
        &self.shown
    }

    /// The line of the script that is next, when there is one left that must come.
    pub fn left(&self) -> Option<(usize, &str)> {
        self.lines.iter().find(|(_, line)| line != ANY).map(|(number, line)| (*number, line.as_str()))
    }

    fn told(&mut self, text: &str) -> Result<(), Gone> {
        self.shown.push(text.to_owned());
        let pattern = |line: &str| line.strip_prefix("= ").map(str::to_owned);
        if self.lines.front().is_some_and(|(_, line)| line == ANY) {
            let after = self.lines.get(1).and_then(|(_, line)| pattern(line));
            if after.is_some_and(|pattern| matches(&pattern, text)) {
                self.lines.drain(..2);
            }
            return Ok(());
        }
        match self.lines.front() {
            Some((_, line)) if pattern(line).is_some_and(|pattern| matches(&pattern, text)) => {
                self.lines.pop_front();
                Ok(())
            }
            front => Err(differs(front, &format!("= {text}"))),
        }
    }

    /// The answer of the script, if this question is the next one.
    fn answer(&mut self, sign: char, who: &Person, question: &str) -> Result<String, Gone> {
        let asked = format!("{sign} {}: {question}", who.name);
        self.shown.push(asked.clone());
        if self.lines.front().is_some_and(|(_, line)| line == ANY) {
            self.lines.pop_front();
        }
        match self.lines.front() {
            Some((_, line)) if matches(line, &asked) => self.lines.pop_front(),
            front => return Err(differs(front, &asked)),
        };
        let answer = self.lines.front().and_then(|(_, line)| line.strip_prefix('>')).map(str::trim);
        let answer = answer.map(str::to_owned);
        match answer {
            Some(answer) => {
                self.lines.pop_front();
                Ok(answer)
            }
            None => Err(differs(self.lines.front(), "> an answer")),
        }
    }

    fn share(&self, answer: &str) -> Result<Zeroizing<String>, Gone> {
        let Some(name) = answer.strip_prefix('$') else { return Ok(Zeroizing::new(answer.to_owned())) };
        let (name, wrong) = name.split_once(" wrong ").unwrap_or((name, "0"));
        let share = self.kept.get(name).ok_or_else(|| Gone(format!("the script knows no share {name}")))?;
        let wrong: usize = wrong.parse().map_err(|_| Gone(format!("{wrong} is no number of letters")))?;
        let right = share.chars().count().saturating_sub(wrong);
        let spoilt = (0..).zip(share.chars()).map(|(place, letter)| match letter {
            letter if place < right || letter.is_whitespace() => letter,
            'q' => 'p',
            _ => 'q',
        });
        Ok(Zeroizing::new(spoilt.collect()))
    }
}

impl Conversation for Script {
    fn stage(&mut self, stage: &Stage<'_>) -> Result<(), Gone> {
        let mark = if stage.rehearsal { " REHEARSAL" } else { "" };
        self.told(&format!("== {}{mark} ==", stage.step))
    }

    fn tell(&mut self, text: &str) -> Result<(), Gone> {
        text.lines().try_for_each(|line| self.told(line))
    }

    fn ask(&mut self, who: &Person, question: &str) -> Result<String, Gone> {
        self.answer('?', who, question)
    }

    fn secret(&mut self, who: &Person, question: &str) -> Result<Zeroizing<String>, Gone> {
        let answer = self.answer('*', who, question)?;
        self.share(&answer)
    }

    fn private(&mut self, who: &Person, _: &str, question: &str) -> Result<String, Gone> {
        self.answer('?', who, question)
    }

    fn show_share(&mut self, who: &Person, heading: &str, share: &str) -> Result<(), Gone> {
        let heading = heading.lines().next().unwrap_or_default();
        let answer = self.answer('!', who, heading)?;
        let name = answer.strip_prefix('$').unwrap_or(&answer);
        self.kept.insert(name.to_owned(), Zeroizing::new(share.to_owned()));
        Ok(())
    }

    fn progress(&mut self, have: usize, need: usize) -> Result<(), Gone> {
        self.told(&format!("Shares: {have}/{need}"))
    }
}

fn differs(front: Option<&(usize, String)>, happened: &str) -> Gone {
    match front {
        Some((number, line)) => {
            Gone(format!("line {number} of the script is {line:?}, and this came: {happened:?}"))
        }
        None => Gone(format!("the script is at its end, and this came: {happened:?}")),
    }
}

/// Whether the text is as the pattern says, in which `[..]` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, later)) = rest.split_once(part) else { return false };
        rest = later;
    }
    false
}

const ANY: &str = "= ...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_stands_for_what_it_says_and_nothing_else() {
        for (pattern, text, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a[..]", "abc", true),
            ("[..]c", "abc", true),
            ("a[..]c[..]e", "abcde", true),
            ("a[..]c[..]e", "abcdf", false),
            ("ab[..]bc", "abc", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn script_stops_where_it_differs() {
        let mut script = Script::new("= a\n= ...\n= d", BTreeMap::new());
        script.tell("a").unwrap();
        script.tell("b\nc").unwrap();
        assert_eq!(script.left(), Some((3, "= d")));
        script.tell("d").unwrap();
        assert_eq!(script.left(), None);
        assert!(script.tell("e").is_err());
    }
}
