//! What a function gives out, and how an answer spoils it.

use cryptoki_sys::{CK_ATTRIBUTE, CK_BYTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};

use crate::plan::Answer;

/// What kind of output there is to spoil.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// None, or the call asks only how much room it needs.
    Nothing,
    /// As many bytes as the caller said.
    Fixed,
    /// As many bytes or handles as the function tells.
    Counted,
}

/// Where a call puts its output: pointers of the caller, of which nothing is known until the token has said `CKR_OK`.
pub(crate) struct Output {
    place: Place,
}

enum Place {
    Nothing,
    Fixed { start: *mut u8, length: usize },
    Counted { start: *mut u8, unit: usize, count: *mut CK_ULONG },
    Template { attributes: *mut CK_ATTRIBUTE, count: CK_ULONG },
}

impl Output {
    pub(crate) fn nothing() -> Self {
        Self { place: Place::Nothing }
    }

    /// A buffer whose length the function tells.
    pub(crate) fn bytes(start: *mut CK_BYTE, length: *mut CK_ULONG) -> Self {
        Self::list(start, length)
    }

    /// An array whose count of members the function tells.
    pub(crate) fn list<T>(start: *mut T, count: *mut CK_ULONG) -> Self {
        if start.is_null() || count.is_null() {
            return Self::nothing();
        }
        Self { place: Place::Counted { start: start.cast(), unit: size_of::<T>(), count } }
    }

    /// A buffer that is filled to its end.
    pub(crate) fn filled(start: *mut CK_BYTE, length: CK_ULONG) -> Self {
        match usize::try_from(length) {
            Ok(length) if !start.is_null() => Self { place: Place::Fixed { start, length } },
            _ => Self::nothing(),
        }
    }

    /// One value: a handle, a description.
    pub(crate) fn value<T>(start: *mut T) -> Self {
        if start.is_null() {
            return Self::nothing();
        }
        Self { place: Place::Fixed { start: start.cast(), length: size_of::<T>() } }
    }

    /// The values of a template's attributes.
    pub(crate) fn template(attributes: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Self {
        if attributes.is_null() {
            return Self::nothing();
        }
        Self { place: Place::Template { attributes, count } }
    }

    pub(crate) fn shape(&self) -> Shape {
        match self.place {
            Place::Nothing => Shape::Nothing,
            Place::Fixed { .. } => Shape::Fixed,
            Place::Counted { .. } => Shape::Counted,
            Place::Template { .. } => {
                if self.attributes().iter().any(|attribute| !attribute.pValue.is_null()) {
                    Shape::Counted
                } else {
                    Shape::Nothing
                }
            }
        }
    }

    /// Changes what the token gave out with `CKR_OK`.
    pub(crate) fn spoil(&self, answer: &Answer) {
        match self.place {
            Place::Nothing => {}
            Place::Fixed { start, length } => change(start, length, answer),
            Place::Counted { start, unit, count } => {
                // SAFETY: the token has just written through this pointer and said that all is well.
                let told = unsafe { count.read_unaligned() };
                change(start, usize::try_from(told).unwrap_or(0).saturating_mul(unit), answer);
                if *answer == Answer::Short {
                    // SAFETY: as above.
                    unsafe { count.write_unaligned(told.saturating_sub(1)) };
                }
            }
            Place::Template { .. } => {
                for attribute in self.attributes() {
                    if attribute.pValue.is_null() || attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION {
                        continue;
                    }
                    change(
                        attribute.pValue.cast(),
                        usize::try_from(attribute.ulValueLen).unwrap_or(0),
                        answer,
                    );
                    if *answer == Answer::Short {
                        attribute.ulValueLen = attribute.ulValueLen.saturating_sub(1);
                    }
                }
            }
        }
    }

    #[allow(
        clippy::mut_from_ref,
        reason = "the attributes are the caller's, and lent for the length of the call"
    )]
    fn attributes(&self) -> &mut [CK_ATTRIBUTE] {
        let Place::Template { attributes, count } = self.place else { return &mut [] };
        // SAFETY: PKCS #11 has the caller hand over as many attributes as it says, and leave them alone during the call.
        unsafe { std::slice::from_raw_parts_mut(attributes, usize::try_from(count).unwrap_or(0)) }
    }
}

fn change(start: *mut u8, length: usize, answer: &Answer) {
    // SAFETY: the token has just filled so many bytes, as it told with `CKR_OK`, in a buffer lent for the call.
    let bytes = unsafe { std::slice::from_raw_parts_mut(start, length) };
    match answer {
        Answer::Garbage => bytes.iter_mut().for_each(|byte| *byte ^= FLIP),
        Answer::Zero => bytes.fill(0),
        Answer::Code(_) | Answer::Short | Answer::Hang(_) => {}
    }
}

/// Leaves no byte as it was.
const FLIP: u8 = 0xa5;

#[cfg(test)]
mod tests {
    use super::{Output, Shape};
    use crate::plan::Answer;
    use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
    use std::ptr;

    #[test]
    fn counted_bytes_are_changed_as_far_as_they_go() {
        let mut buffer = [1_u8, 2, 3, 4];
        let mut length: CK_ULONG = 3;
        Output::bytes(buffer.as_mut_ptr(), &raw mut length).spoil(&Answer::Garbage);
        assert_eq!((buffer, length), ([1 ^ 0xa5, 2 ^ 0xa5, 3 ^ 0xa5, 4], 3));
        Output::bytes(buffer.as_mut_ptr(), &raw mut length).spoil(&Answer::Zero);
        assert_eq!((buffer, length), ([0, 0, 0, 4], 3));
        Output::bytes(buffer.as_mut_ptr(), &raw mut length).spoil(&Answer::Short);
        assert_eq!((buffer, length), ([0, 0, 0, 4], 2));
    }

    #[test]
    fn list_shrinks_by_a_handle_and_changes_by_bytes() {
        let mut handles: [CK_ULONG; 2] = [7, 8];
        let mut count: CK_ULONG = 1;
        Output::list(handles.as_mut_ptr(), &raw mut count).spoil(&Answer::Zero);
        assert_eq!((handles, count), ([0, 8], 1));
        Output::list(handles.as_mut_ptr(), &raw mut count).spoil(&Answer::Short);
        assert_eq!(count, 0);
        Output::list(handles.as_mut_ptr(), &raw mut count).spoil(&Answer::Short);
        assert_eq!(count, 0);
    }

    #[test]
    fn attributes_without_a_buffer_or_a_value_are_left_alone() {
        let mut value = [9_u8; 4];
        let attribute =
            |value: *mut u8, length| CK_ATTRIBUTE { type_: 0, pValue: value.cast(), ulValueLen: length };
        let mut template =
            [attribute(ptr::null_mut(), 4), attribute(value.as_mut_ptr(), CK_UNAVAILABLE_INFORMATION)];
        let output = Output::template(template.as_mut_ptr(), 2);
        output.spoil(&Answer::Zero);
        assert_eq!(value, [9; 4]);
        let mut template = [attribute(value.as_mut_ptr(), 4)];
        let output = Output::template(template.as_mut_ptr(), 1);
        output.spoil(&Answer::Zero);
        output.spoil(&Answer::Short);
        assert_eq!((value, template[0].ulValueLen), ([0; 4], 3));
    }

    #[test]
    fn question_for_the_room_needed_has_no_output() {
        let mut length: CK_ULONG = 3;
        assert_eq!(Output::bytes(ptr::null_mut(), &raw mut length).shape(), Shape::Nothing);
        let mut template = [CK_ATTRIBUTE { type_: 0, pValue: ptr::null_mut(), ulValueLen: 4 }];
        assert_eq!(Output::template(template.as_mut_ptr(), 1).shape(), Shape::Nothing);
    }
}
