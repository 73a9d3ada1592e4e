//! Paths, parsed once.

use std::fmt;
use std::str::FromStr;

/// The name of a value: one or more segments, joined by `/`.
///
/// A path is parsed once and carried as its segments, so that what was authorised is what is stored. Its `Debug` form
/// does not show it, since names are as confidential as values.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path {
    directory: Directory,
    name: Box<str>,
}

impl Path {
    /// The directory that the value is in.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The last segment.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let (directory, name) = match text.rsplit_once('/') {
            Some((directory, name)) => (Directory::parse_segments(directory, text.len())?, name),
            None => (Directory::root(), text),
        };
        check_len(text.len())?;
        Ok(Self { directory, name: parse_segment(name)? })
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.directory, self.name)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Path(…)")
    }
}

/// A directory: no segment (the root) or some.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Directory {
    segments: Vec<Box<str>>,
}

impl Directory {
    /// Where the tree begins.
    pub fn root() -> Self {
        Self::default()
    }

    /// The segments on the way from the root.
    pub fn segments(&self) -> &[Box<str>] {
        &self.segments
    }

    /// The value of that name in this directory.
    ///
    /// # Errors
    ///
    /// When the name is no segment, or the path would be too long.
    pub fn value(&self, name: &str) -> Result<Path, PathError> {
        check_len(self.text_len() + name.len())?;
        Ok(Path { directory: self.clone(), name: parse_segment(name)? })
    }

    /// The directory of that name in this one.
    ///
    /// # Errors
    ///
    /// When the name is no segment, or the path would be too long or too deep.
    pub fn child(&self, name: &str) -> Result<Self, PathError> {
        check_len(self.text_len() + name.len() + 1)?;
        let mut segments = self.segments.clone();
        segments.push(parse_segment(name)?);
        check_depth(segments.len())?;
        Ok(Self { segments })
    }

    /// This directory's own name and its parent; `None` for the root.
    pub fn split_last(&self) -> Option<(Self, &str)> {
        let (name, parents) = self.segments.split_last()?;
        Some((Self { segments: parents.to_vec() }, name))
    }

    fn parse_segments(text: &str, whole: usize) -> Result<Self, PathError> {
        check_len(whole)?;
        let segments = text.split('/').map(parse_segment).collect::<Result<Vec<_>, _>>()?;
        check_depth(segments.len())?;
        Ok(Self { segments })
    }

    fn text_len(&self) -> usize {
        self.segments.iter().map(|segment| segment.len() + 1).sum()
    }
}

/// The empty text is the root; a slash at the end is allowed.
impl FromStr for Directory {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        match text.strip_suffix('/').unwrap_or(text) {
            "" if text.len() <= 1 => Ok(Self::root()),
            inner => Self::parse_segments(inner, text.len()),
        }
    }
}

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.segments.iter().try_for_each(|segment| write!(f, "{segment}/"))
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory(…)")
    }
}

fn parse_segment(text: &str) -> Result<Box<str>, PathError> {
    match text {
        "" => Err(PathError::EmptySegment),
        "." | ".." => Err(PathError::DotSegment),
        _ if text.len() > MAX_SEGMENT => Err(PathError::LongSegment),
        _ if text.contains('/') => Err(PathError::EmptySegment),
        _ if text.chars().any(char::is_control) => Err(PathError::ControlCharacter),
        _ => Ok(text.into()),
    }
}

fn check_len(len: usize) -> Result<(), PathError> {
    if len > MAX_PATH { Err(PathError::TooLong) } else { Ok(()) }
}

fn check_depth(depth: usize) -> Result<(), PathError> {
    if depth > MAX_DEPTH { Err(PathError::TooDeep) } else { Ok(()) }
}

/// Why a text is no path. Does not repeat the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// Two slashes in a row, one at the beginning or end, or nothing at all.
    EmptySegment,
    /// A segment `.` or `..`.
    DotSegment,
    /// A segment of more than 254 bytes.
    LongSegment,
    /// More than 4,096 bytes.
    TooLong,
    /// More than 64 directories.
    TooDeep,
    /// A control character.
    ControlCharacter,
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptySegment => {
                "a path has segments joined by single slashes, like `team/database/password`: remove empty ones"
            }
            Self::DotSegment => "a path has no `.` or `..`: write it out",
            Self::LongSegment => "a segment of a path has at most 254 bytes: shorten it",
            Self::TooLong => "a path has at most 4,096 bytes: shorten it",
            Self::TooDeep => "a path has at most 64 directories: make it shallower",
            Self::ControlCharacter => "a path has no control characters (line feeds, tabs, NUL …): remove them",
        })
    }
}

impl std::error::Error for PathError {}

/// Longest segment, so that a directory's (with its slash and the padding's first byte) fits 256 bytes.
pub(crate) const MAX_SEGMENT: usize = 254;
const MAX_PATH: usize = 4096;
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_segments() {
        let path: Path = "a/b c/ü".parse().unwrap();
        assert_eq!(path.directory().segments(), ["a".into(), "b c".into()]);
        assert_eq!((path.name(), path.to_string().as_str()), ("ü", "a/b c/ü"));
        let path: Path = "alone".parse().unwrap();
        assert_eq!(path.directory(), &Directory::root());
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (text, error) in [
            ("", PathError::EmptySegment),
            ("/", PathError::EmptySegment),
            ("/a", PathError::EmptySegment),
            ("a/", PathError::EmptySegment),
            ("a//b", PathError::EmptySegment),
            ("a/../b", PathError::DotSegment),
            ("./a", PathError::DotSegment),
            ("a\0b", PathError::ControlCharacter),
            ("a\nb", PathError::ControlCharacter),
        ] {
            assert_eq!(text.parse::<Path>().unwrap_err(), error, "{text:?}");
        }
        assert_eq!("x".repeat(255).parse::<Path>().unwrap_err(), PathError::LongSegment);
        assert!("x".repeat(254).parse::<Path>().is_ok());
        assert_eq!("x/".repeat(65).parse::<Directory>().unwrap_err(), PathError::TooDeep);
        assert_eq!(format!("{}x", "abc/".repeat(1024)).parse::<Path>().unwrap_err(), PathError::TooLong);
    }

    #[test]
    fn a_directory_may_end_in_a_slash() {
        for text in ["a/b", "a/b/"] {
            assert_eq!(text.parse::<Directory>().unwrap().to_string(), "a/b/");
        }
        for text in ["", "/"] {
            assert_eq!(text.parse::<Directory>().unwrap(), Directory::root());
        }
        assert!("//".parse::<Directory>().is_err());
        assert!("a//".parse::<Directory>().is_err());
    }

    #[test]
    fn no_debug_output_shows_a_name() {
        let path: Path = "canary/canary".parse().unwrap();
        assert!(!format!("{path:?} {:?}", path.directory()).contains("canary"));
    }
}
