//! Which calls are answered otherwise: a text file, one rule a line.
//!
//! ```text
//! # The third encryption fails; then the token is gone for good.
//! C_Encrypt  3   CKR_DEVICE_ERROR
//! *          10- CKR_TOKEN_NOT_PRESENT
//! C_Sign     *   garbage
//! ```
//!
//! - The function, or `*` for any.
//! - Which of its calls, counted from one since the plan was written: `3`, `3-5`, `3-` (the third and all later ones) or
//!   `*` (all). Each rule counts for itself. When the text of the plan changes, counting starts again.
//! - The answer, an [`Answer`].
//!
//! The first rule that applies is taken. Empty lines and lines that begin with `#` mean nothing.

use std::fmt;
use std::time::Duration;

use crate::codes;
use crate::output::Shape;
use crate::wrappers::FUNCTIONS;

/// The rules of a plan, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    rules: Vec<Rule>,
}

impl Plan {
    /// Reads the text of a plan.
    ///
    /// # Errors
    ///
    /// [`PlanError`] names the first line that is no rule.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let mut rules = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let rule = Rule::parse(line).map_err(|fault| PlanError {
                number: number + 1,
                line: line.into(),
                fault,
            })?;
            rules.push(rule);
        }
        Ok(Self { rules })
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

/// One line of a plan.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    /// `None` means any.
    function: Option<&'static str>,
    calls: Calls,
    answer: Answer,
}

impl Rule {
    fn parse(line: &str) -> Result<Self, Fault> {
        let mut words = line.split_whitespace();
        let (Some(function), Some(calls), Some(answer), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Fault::Words);
        };
        let answer = Answer::parse(answer)?;
        let calls = Calls::parse(calls).ok_or(Fault::Calls)?;
        if function == "*" {
            return Ok(Self { function: None, calls, answer });
        }
        let (name, shape) = FUNCTIONS.iter().find(|(name, _)| *name == function).ok_or(Fault::Function)?;
        if !answer.suits(*shape) {
            return Err(Fault::NoOutput);
        }
        Ok(Self { function: Some(name), calls, answer })
    }

    /// Whether a call counts for this rule. Answers that spoil output count only the calls that ask for output, not
    /// those that ask how much room it needs: otherwise a client that asks first would never meet its fault.
    pub(crate) fn counts(&self, function: &str, shape: Shape) -> bool {
        self.function.is_none_or(|name| name == function) && self.answer.suits(shape)
    }

    /// The answer to the `count`th call that counts.
    pub(crate) fn answer(&self, count: u64) -> Option<&Answer> {
        (self.calls.first <= count && count <= self.calls.last).then_some(&self.answer)
    }
}

/// What is answered instead of the token's own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A return value, by its name (`CKR_DEVICE_ERROR`) or as a number (`0x80000001`); the token is not asked.
    /// `CKR_OK` claims success without doing anything.
    Code(u64),
    /// `garbage`: the token is asked, and every byte of what it gives out is changed.
    Garbage,
    /// `short`: the token is asked, and what it gives out is said to be one byte (one handle, of a list) shorter.
    Short,
    /// `zero`: the token is asked, and every byte of what it gives out is made zero.
    Zero,
    /// `hang:MILLISECONDS`: the token is asked after that time.
    Hang(Duration),
}

impl Answer {
    fn parse(word: &str) -> Result<Self, Fault> {
        match word {
            "garbage" => return Ok(Self::Garbage),
            "short" => return Ok(Self::Short),
            "zero" => return Ok(Self::Zero),
            _ => {}
        }
        if let Some(milliseconds) = word.strip_prefix("hang:") {
            let milliseconds = milliseconds.parse().map_err(|_| Fault::Answer)?;
            return Ok(Self::Hang(Duration::from_millis(milliseconds)));
        }
        if let Some(digits) = word.strip_prefix("0x") {
            return u64::from_str_radix(digits, 16).map(Self::Code).map_err(|_| Fault::Answer);
        }
        codes::code(word).map(Self::Code).ok_or(Fault::Answer)
    }

    fn suits(&self, shape: Shape) -> bool {
        match self {
            Self::Code(_) | Self::Hang(_) => true,
            Self::Garbage | Self::Zero => shape != Shape::Nothing,
            Self::Short => shape == Shape::Counted,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => match codes::name(*code) {
                Some(name) => f.write_str(name),
                None => write!(f, "{code:#x}"),
            },
            Self::Garbage => f.write_str("garbage"),
            Self::Short => f.write_str("short"),
            Self::Zero => f.write_str("zero"),
            Self::Hang(duration) => write!(f, "hang:{}", duration.as_millis()),
        }
    }
}

/// Ordinals, both included.
#[derive(Debug, PartialEq, Eq)]
struct Calls {
    first: u64,
    last: u64,
}

impl Calls {
    fn parse(word: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse().ok().filter(|number: &u64| *number > 0);
        let (first, last) = match word.split_once('-') {
            _ if word == "*" => (1, u64::MAX),
            None => (number(word)?, number(word)?),
            Some((first, "")) => (number(first)?, u64::MAX),
            Some((first, last)) => (number(first)?, number(last)?),
        };
        (first <= last).then_some(Self { first, last })
    }
}

/// A line that is no rule.
#[derive(Debug, PartialEq, Eq)]
pub struct PlanError {
    number: usize,
    line: String,
    fault: Fault,
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Words,
    Function,
    Calls,
    Answer,
    NoOutput,
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            Fault::Words => "a rule has three words: FUNCTION WHICH ANSWER",
            Fault::Function => {
                "the function is in no function list of PKCS #11 3.0; write it as C_Encrypt, or * for any"
            }
            Fault::Calls => "which calls are meant? Write 3, 3-5, 3- or *, counting from 1",
            Fault::Answer => {
                "the answer is no CKR_ name, no 0x number, and none of garbage, short, zero, hang:MILLISECONDS"
            }
            Fault::NoOutput => "the function gives out nothing that this answer could change",
        };
        write!(f, "line {} of the plan, `{}`: {fault}", self.number, self.line)
    }
}

impl std::error::Error for PlanError {}

#[cfg(test)]
mod tests {
    use super::{Answer, Fault, Plan};
    use crate::output::Shape;

    fn fault(line: &str) -> Fault {
        Plan::parse(line).unwrap_err().fault
    }

    #[test]
    fn answers_are_read_as_they_are_written() {
        for answer in ["CKR_DEVICE_ERROR", "CKR_OK", "0x80000001", "garbage", "short", "zero", "hang:250"] {
            assert_eq!(Answer::parse(answer).unwrap().to_string(), answer);
        }
        assert_eq!(Answer::parse("CKR_DEVICE_ERROR"), Ok(Answer::Code(0x30)));
    }

    #[test]
    fn ordinals_choose_their_calls() {
        let struck = |which: &str| -> Vec<u64> {
            let plan = Plan::parse(&format!("C_Encrypt {which} CKR_DEVICE_ERROR")).unwrap();
            (1..=6).filter(|count| plan.rules()[0].answer(*count).is_some()).collect()
        };
        assert_eq!(struck("3"), [3]);
        assert_eq!(struck("2-4"), [2, 3, 4]);
        assert_eq!(struck("5-"), [5, 6]);
        assert_eq!(struck("*"), [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn spoilt_output_counts_only_calls_that_ask_for_output() {
        let plan = Plan::parse("C_Encrypt 1 garbage\nC_Encrypt 1 CKR_DEVICE_ERROR").unwrap();
        let [garbage, code] = plan.rules() else { panic!("two rules") };
        assert!(!garbage.counts("C_Encrypt", Shape::Nothing));
        assert!(garbage.counts("C_Encrypt", Shape::Counted));
        assert!(code.counts("C_Encrypt", Shape::Nothing));
        assert!(!code.counts("C_Decrypt", Shape::Counted));
    }

    #[test]
    fn line_that_is_no_rule_is_refused_with_its_number() {
        assert_eq!(fault("C_Encrypt 1"), Fault::Words);
        assert_eq!(fault("C_Encrypt 1 CKR_OK more"), Fault::Words);
        assert_eq!(fault("C_Encrpyt 1 CKR_OK"), Fault::Function);
        for which in ["0", "x", "-", "3-2", "-3", "1-0", ""] {
            assert!(Plan::parse(&format!("C_Encrypt {which} CKR_OK")).is_err(), "{which}");
        }
        for answer in ["DEVICE_ERROR", "ckr_ok", "hang:", "hang:x", "0x", "nonsense"] {
            assert_eq!(fault(&format!("C_Encrypt 1 {answer}")), Fault::Answer, "{answer}");
        }
        let error = Plan::parse("# fine\n\nC_Encrypt * CKR_OK\nC_Sign").unwrap_err();
        assert!(error.to_string().starts_with("line 4 of the plan, `C_Sign`"), "{error}");
    }

    #[test]
    fn answer_that_could_change_nothing_is_refused() {
        assert_eq!(fault("C_Verify 1 garbage"), Fault::NoOutput);
        assert_eq!(fault("C_GenerateRandom 1 short"), Fault::NoOutput);
        assert!(Plan::parse("C_GenerateRandom 1 zero\n* 1 garbage").is_ok());
    }
}
