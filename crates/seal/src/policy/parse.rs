//! The policy as a person writes it.

use std::fmt;
use std::str::FromStr;

use super::{Group, HsmKey, Policy, PolicyError, Quorum};

impl FromStr for Policy {
    type Err = ParseError;

    /// Reads `3 of 5`, `3/5`, `shamir(3 of 5)`, `groups(2 of {security: 2 of 3, operations: 1 of 2})`, `hsm(token, key)` or
    /// `all(…)` of several of these.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let mut parser = Parser { text, rest: text };
        let policy = parser.policy()?;
        parser.end()?;
        Ok(policy)
    }
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Something else was expected.
    Expected {
        /// What was expected.
        what: &'static str,
        /// At which character, counted from 1.
        column: usize,
        /// What stands there; nothing at the end.
        found: Option<char>,
    },
    /// The text reads well, but its numbers or names make no policy.
    Invalid {
        /// Why not.
        error: PolicyError,
        /// Behind which character, counted from 1, that was known.
        column: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { what, column, found: Some(found) } => {
                write!(f, "expected {what} at character {column}, found {found:?}")?;
            }
            Self::Expected { what, column, found: None } => {
                write!(f, "expected {what} at character {column}, where the text ends")?;
            }
            Self::Invalid { error, column } => write!(f, "up to character {column}: {error}")?,
        }
        f.write_str(
            "; a policy reads like \"3 of 5\", \"groups(2 of {security: 2 of 3, operations: 1 of 2})\", \"hsm(token, key)\" or \
             \"all(3 of 5, hsm(token, key))\"",
        )
    }
}

impl std::error::Error for ParseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid { error, .. } => Some(error),
            Self::Expected { .. } => None,
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn policy(&mut self) -> Result<Policy, ParseError> {
        if !self.skip("all") {
            return self.member();
        }
        self.expect("(", "\"(\"")?;
        let mut members = vec![self.member()?];
        while self.skip(",") {
            members.push(self.member()?);
        }
        self.expect(")", "\",\" or \")\"")?;
        Policy::all(members).map_err(|error| self.invalid(error))
    }

    /// A policy that may stand within `all(…)`.
    fn member(&mut self) -> Result<Policy, ParseError> {
        if self.skip("all") {
            return Err(self.invalid(PolicyError::Nested));
        }
        if self.skip("shamir") {
            self.expect("(", "\"(\"")?;
            let quorum = self.quorum()?;
            self.expect(")", "\")\"")?;
            return Ok(Policy::Shamir(quorum));
        }
        if self.skip("groups") {
            return self.groups();
        }
        if self.skip("hsm") {
            return self.hsm();
        }
        if self.rest.trim_start().starts_with(|c: char| c.is_ascii_digit()) {
            return self.quorum().map(Policy::Shamir);
        }
        Err(self.expected("a number, \"shamir(\", \"groups(\", \"hsm(\" or \"all(\""))
    }

    fn hsm(&mut self) -> Result<Policy, ParseError> {
        self.expect("(", "\"(\"")?;
        let token = self.name("the token's name in the configuration")?;
        self.expect(",", "\",\" behind the token's name")?;
        let key = self.name("the key's label")?;
        self.expect(")", "\")\" behind the key's label")?;
        HsmKey::new(token, key).map(Policy::Hsm).map_err(|error| self.invalid(error))
    }

    fn groups(&mut self) -> Result<Policy, ParseError> {
        self.expect("(", "\"(\"")?;
        let required = self.number()?;
        self.expect("of", "\"of\"")?;
        self.expect("{", "\"{\"")?;
        let mut groups = vec![self.group()?];
        while self.skip(",") {
            groups.push(self.group()?);
        }
        self.expect("}", "\",\" or \"}\"")?;
        self.expect(")", "\")\"")?;
        Policy::groups(required, groups).map_err(|error| self.invalid(error))
    }

    fn group(&mut self) -> Result<Group, ParseError> {
        let name = self.text(&[':', ',', '(', ')', '{', '}'], "the name of a group, then \":\"")?;
        self.expect(":", "\":\" behind the name of the group")?;
        let quorum = self.quorum()?;
        Group::new(name, quorum).map_err(|error| self.invalid(error))
    }

    fn name(&mut self, what: &'static str) -> Result<&'a str, ParseError> {
        self.text(&[',', '(', ')', '{', '}'], what)
    }

    /// Everything up to one of these, without space around it.
    fn text(&mut self, ends: &[char], what: &'static str) -> Result<&'a str, ParseError> {
        self.space();
        let (name, rest) = match self.rest.split_once(ends) {
            Some((name, _)) if !name.is_empty() => {
                self.rest.split_at_checked(name.len()).unwrap_or((name, ""))
            }
            _ => return Err(self.expected(what)),
        };
        self.rest = rest;
        Ok(name.trim_end())
    }

    fn quorum(&mut self) -> Result<Quorum, ParseError> {
        let threshold = self.number()?;
        if !self.skip("/") {
            self.expect("of", "\"of\" or \"/\"")?;
        }
        let shares = self.number()?;
        Quorum::new(threshold, shares).map_err(|error| self.invalid(error))
    }

    fn number(&mut self) -> Result<u8, ParseError> {
        self.space();
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(digits).unwrap_or((self.rest, ""));
        let Ok(number) = number.parse() else {
            return Err(self.expected("a number from 1 to 255"));
        };
        self.rest = rest;
        Ok(number)
    }

    fn end(&mut self) -> Result<(), ParseError> {
        self.space();
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected("the end of the policy")) }
    }

    fn expect(&mut self, token: &str, what: &'static str) -> Result<(), ParseError> {
        if self.skip(token) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn skip(&mut self, token: &str) -> bool {
        self.space();
        match self.rest.split_at_checked(token.len()) {
            Some((head, tail)) if head.eq_ignore_ascii_case(token) => {
                self.rest = tail;
                true
            }
            _ => false,
        }
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn expected(&mut self, what: &'static str) -> ParseError {
        self.space();
        ParseError::Expected { what, column: self.consumed() + 1, found: self.rest.chars().next() }
    }

    fn invalid(&self, error: PolicyError) -> ParseError {
        ParseError::Invalid { error, column: self.consumed() }
    }

    fn consumed(&self) -> usize {
        self.text.chars().count().saturating_sub(self.rest.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_to_write_three_of_five_is_read() {
        for text in ["3 of 5", "3/5", " 3 / 5 ", "3of5", "shamir(3 of 5)", "shamir ( 3/5 )", "SHAMIR(3 OF 5)"]
        {
            assert_eq!(text.parse(), Policy::shamir(3, 5).map_err(|_| unexpected()), "{text}");
        }
    }

    #[test]
    fn canonical_text_comes_back() {
        for text in [
            "shamir(1 of 1)",
            "shamir(255 of 255)",
            "groups(1 of {a: 1 of 1})",
            "groups(2 of {security: 2 of 3, operations: 1 of 2})",
            "groups(1 of {Ärzte im Dienst: 1 of 2})",
            "hsm(main, prod:root 2026)",
            "all(shamir(3 of 5), hsm(main, root))",
            "all(groups(1 of {a: 1 of 1}), hsm(main, root), hsm(second, root))",
            "all(hsm(main, root), hsm(second, root))",
        ] {
            assert_eq!(text.parse::<Policy>().unwrap().to_string(), text);
        }
        assert_eq!(
            "groups(1of{ a b :1/2 ,c:2/2})".parse::<Policy>().unwrap().to_string(),
            "groups(1 of {a b: 1 of 2, c: 2 of 2})"
        );
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        for (text, what, column) in [
            ("", "a number, ", 1),
            ("three of five", "a number, ", 1),
            ("3", "\"of\" or", 2),
            ("3 off 5", "a number from", 5),
            ("3 of 256", "a number from", 6),
            ("3 of 5 of 7", "the end", 8),
            ("shamir 3 of 5", "\"(\"", 8),
            ("shamir(3 of 5", "\")\"", 14),
            ("groups(2 {a: 1 of 1})", "\"of\"", 10),
            ("groups(2 of a: 1 of 1)", "\"{\"", 13),
            ("groups(2 of {})", "the name", 14),
            ("groups(2 of {a 1 of 1})", "\":\"", 22),
            ("groups(1 of {a: 1 of 1 b: 1 of 1})", "\",\" or", 24),
            ("groups(1 of {a: 1 of 1,})", "the name", 24),
            ("groups(1 of {ä: 1 of x})", "a number from", 22),
            ("3 of −5", "a number from", 6),
            ("hsm(main)", "\",\" behind", 9),
            ("hsm(, root)", "the token's name", 5),
            ("hsm(main, root", "the key's label", 11),
            ("all(3 of 5 hsm(a, b))", "\",\" or", 12),
            ("all(3 of 5,)", "a number, ", 12),
            ("99999999999999999999 of 3", "a number from", 1),
        ] {
            match text.parse::<Policy>() {
                Err(ParseError::Expected { what: said, column: at, .. }) => {
                    assert!(said.starts_with(what), "{text}: {said}");
                    assert_eq!(at, column, "{text}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn numbers_that_make_no_policy_say_why() {
        let message = |text: &str| text.parse::<Policy>().unwrap_err().to_string();
        assert!(message("6 of 5").contains("above the number of shares"));
        assert!(message("0 of 5").contains("at least 1"));
        assert!(
            message("groups(3 of {a: 1 of 1, b: 1 of 1})").contains("3 groups are required, but there are 2")
        );
        assert!(message("groups(1 of {a: 1 of 1, a: 1 of 1})").contains("called \"a\""));
        assert!(message("all(3 of 5)").contains("from 2 to 8"));
        assert!(message("all(3 of 5, 2 of 3)").contains("one policy with shares"));
        assert!(message("all(hsm(a, b), hsm(a, b))").contains("hsm(a, b) stands there twice"));
        assert!(message("all(3 of 5, all(hsm(a, b), hsm(a, c)))").contains("cannot stand within"));
        assert!(message(&"all(".repeat(10_000)).contains("cannot stand within"));
        assert!(message("groups(1 of {a\u{1b}: 1 of 1})").contains("invisible character '\\u{1b}'"));
    }

    fn unexpected() -> ParseError {
        ParseError::Expected { what: "", column: 0, found: None }
    }

    fn quorum() -> impl Strategy<Value = Quorum> {
        (1u8..=255).prop_flat_map(|shares| {
            (1..=shares).prop_map(move |threshold| Quorum::new(threshold, shares).unwrap())
        })
    }

    proptest! {
        #[test]
        fn text_and_bytes_round_trip(quorums in prop::collection::vec(quorum(), 1..8), required in 1u8..8) {
            let plain = Policy::Shamir(quorums[0]);
            prop_assert_eq!(plain.to_string().parse(), Ok(plain.clone()));
            prop_assert_eq!(Policy::decode(&plain.encode()), Ok(plain));
            let count = u8::try_from(quorums.len()).unwrap();
            let groups = quorums.iter().enumerate().map(|(n, quorum)| Group::new(&format!("group {n}"), *quorum).unwrap());
            let grouped = Policy::groups(required.min(count), groups.collect()).unwrap();
            prop_assert_eq!(grouped.to_string().parse(), Ok(grouped.clone()));
            prop_assert_eq!(Policy::decode(&grouped.encode()), Ok(grouped.clone()));
            let hsm = Policy::Hsm(HsmKey::new("main", &format!("key {required}")).unwrap());
            let all = Policy::all(vec![grouped, hsm]).unwrap();
            prop_assert_eq!(all.to_string().parse(), Ok(all.clone()));
            prop_assert_eq!(Policy::decode(&all.encode()), Ok(all));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}|[shamirgoupfl0-9/:,(){} ]{0,40}") {
            if let Ok(policy) = text.parse::<Policy>() {
                prop_assert_eq!(policy.to_string().parse(), Ok(policy));
            }
        }
    }
}
