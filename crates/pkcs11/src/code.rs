//! The one table of return values: what each `CKR_…` means for a client, and so what to do about it.

use std::fmt;

use cryptoki::error::RvError;

/// A return value other than `CKR_OK` (PKCS #11 v3.1, section 5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(RvError);

/// What to do about a return value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The session is of no more use; another may be.
    NewSession,
    /// The login or the handles are of no more use: log in and find the keys again.
    Login,
    /// Nothing less than `C_Finalize` and `C_Initialize` will do.
    Reinitialise,
    /// It may be an outage, and it may be the token's way to refuse what it was given: only a second look tells.
    Ambiguous,
    /// What was given is not what a key of this token made.
    Rejected,
    /// The PIN is wrong, locked or expired: asking again could lock the token.
    Pin,
    /// A setting, a key's attribute or the token's own limits stand in the way.
    Configuration,
    /// Neither the caller nor an operator can mend it.
    Fatal,
}

impl Code {
    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        self.meaning().0
    }

    /// What to do about it.
    pub fn remedy(self) -> Remedy {
        self.meaning().1
    }

    pub(crate) fn error(self) -> RvError {
        self.0
    }

    /// Exhaustive, so that a value that the binding learns must be thought about here.
    fn meaning(self) -> (&'static str, Remedy) {
        use Remedy::{Ambiguous, Configuration, Fatal, Login, NewSession, Pin, Reinitialise, Rejected};
        match self.0 {
            // Something happened to the session.
            RvError::SessionClosed => ("CKR_SESSION_CLOSED", NewSession),
            RvError::SessionHandleInvalid => ("CKR_SESSION_HANDLE_INVALID", Login),
            RvError::SessionCount => ("CKR_SESSION_COUNT", NewSession),
            RvError::OperationActive => ("CKR_OPERATION_ACTIVE", NewSession),
            RvError::OperationNotInitialized => ("CKR_OPERATION_NOT_INITIALIZED", NewSession),
            RvError::Cancel => ("CKR_CANCEL", NewSession),
            RvError::FunctionCanceled => ("CKR_FUNCTION_CANCELED", NewSession),
            RvError::FunctionNotParallel => ("CKR_FUNCTION_NOT_PARALLEL", NewSession),
            RvError::HostMemory => ("CKR_HOST_MEMORY", NewSession),
            RvError::DeviceMemory => ("CKR_DEVICE_MEMORY", NewSession),
            // Something happened to the login or to handles.
            RvError::UserNotLoggedIn => ("CKR_USER_NOT_LOGGED_IN", Login),
            RvError::UserAlreadyLoggedIn => ("CKR_USER_ALREADY_LOGGED_IN", Login),
            RvError::ObjectHandleInvalid => ("CKR_OBJECT_HANDLE_INVALID", Login),
            RvError::KeyHandleInvalid => ("CKR_KEY_HANDLE_INVALID", Login),
            RvError::WrappingKeyHandleInvalid => ("CKR_WRAPPING_KEY_HANDLE_INVALID", Login),
            RvError::UnwrappingKeyHandleInvalid => ("CKR_UNWRAPPING_KEY_HANDLE_INVALID", Login),
            RvError::KeyChanged => ("CKR_KEY_CHANGED", Login),
            RvError::SessionExists => ("CKR_SESSION_EXISTS", Login),
            RvError::SessionReadOnlyExists => ("CKR_SESSION_READ_ONLY_EXISTS", Login),
            RvError::SessionReadWriteSoExists => ("CKR_SESSION_READ_WRITE_SO_EXISTS", Configuration),
            // Something happened to the module or to the token behind it.
            RvError::CryptokiNotInitialized => ("CKR_CRYPTOKI_NOT_INITIALIZED", Reinitialise),
            RvError::DeviceRemoved => ("CKR_DEVICE_REMOVED", Reinitialise),
            RvError::TokenNotPresent => ("CKR_TOKEN_NOT_PRESENT", Reinitialise),
            RvError::TokenNotRecognized => ("CKR_TOKEN_NOT_RECOGNIZED", Reinitialise),
            RvError::SlotIdInvalid => ("CKR_SLOT_ID_INVALID", Reinitialise),
            RvError::MutexBad => ("CKR_MUTEX_BAD", Reinitialise),
            RvError::MutexNotLocked => ("CKR_MUTEX_NOT_LOCKED", Reinitialise),
            // Tokens answer these to a bad ciphertext as well as in an outage.
            RvError::GeneralError => ("CKR_GENERAL_ERROR", Ambiguous),
            RvError::DeviceError => ("CKR_DEVICE_ERROR", Ambiguous),
            RvError::FunctionFailed => ("CKR_FUNCTION_FAILED", Ambiguous),
            RvError::FunctionRejected => ("CKR_FUNCTION_REJECTED", Ambiguous),
            RvError::VendorDefined(_) => ("CKR_VENDOR_DEFINED", Ambiguous),
            RvError::UnknownErrorCode(_) => ("an unknown code", Ambiguous),
            // The token looked at what it was given.
            RvError::EncryptedDataInvalid => ("CKR_ENCRYPTED_DATA_INVALID", Rejected),
            RvError::EncryptedDataLenRange => ("CKR_ENCRYPTED_DATA_LEN_RANGE", Rejected),
            RvError::SignatureInvalid => ("CKR_SIGNATURE_INVALID", Rejected),
            RvError::SignatureLenRange => ("CKR_SIGNATURE_LEN_RANGE", Rejected),
            RvError::WrappedKeyInvalid => ("CKR_WRAPPED_KEY_INVALID", Rejected),
            RvError::WrappedKeyLenRange => ("CKR_WRAPPED_KEY_LEN_RANGE", Rejected),
            RvError::DataInvalid => ("CKR_DATA_INVALID", Rejected),
            RvError::DataLenRange => ("CKR_DATA_LEN_RANGE", Rejected),
            // The login was refused.
            RvError::PinIncorrect => ("CKR_PIN_INCORRECT", Pin),
            RvError::PinInvalid => ("CKR_PIN_INVALID", Pin),
            RvError::PinLenRange => ("CKR_PIN_LEN_RANGE", Pin),
            RvError::PinExpired => ("CKR_PIN_EXPIRED", Pin),
            RvError::PinLocked => ("CKR_PIN_LOCKED", Pin),
            RvError::PinTooWeak => ("CKR_PIN_TOO_WEAK", Pin),
            RvError::NewPinMode => ("CKR_NEW_PIN_MODE", Pin),
            RvError::NextOtp => ("CKR_NEXT_OTP", Pin),
            RvError::UserPinNotInitialized => ("CKR_USER_PIN_NOT_INITIALIZED", Configuration),
            RvError::UserTypeInvalid => ("CKR_USER_TYPE_INVALID", Configuration),
            RvError::UserAnotherAlreadyLoggedIn => ("CKR_USER_ANOTHER_ALREADY_LOGGED_IN", Configuration),
            RvError::UserTooManyTypes => ("CKR_USER_TOO_MANY_TYPES", Configuration),
            // A setting, an attribute or a limit.
            RvError::ArgumentsBad => ("CKR_ARGUMENTS_BAD", Configuration),
            RvError::AttributeReadOnly => ("CKR_ATTRIBUTE_READ_ONLY", Configuration),
            RvError::AttributeSensitive => ("CKR_ATTRIBUTE_SENSITIVE", Configuration),
            RvError::AttributeTypeInvalid => ("CKR_ATTRIBUTE_TYPE_INVALID", Configuration),
            RvError::AttributeValueInvalid => ("CKR_ATTRIBUTE_VALUE_INVALID", Configuration),
            RvError::ActionProhibited => ("CKR_ACTION_PROHIBITED", Configuration),
            RvError::FunctionNotSupported => ("CKR_FUNCTION_NOT_SUPPORTED", Configuration),
            RvError::CurveNotSupported => ("CKR_CURVE_NOT_SUPPORTED", Configuration),
            RvError::KeySizeRange => ("CKR_KEY_SIZE_RANGE", Configuration),
            RvError::KeyTypeInconsistent => ("CKR_KEY_TYPE_INCONSISTENT", Configuration),
            RvError::KeyNotNeeded => ("CKR_KEY_NOT_NEEDED", Configuration),
            RvError::KeyNeeded => ("CKR_KEY_NEEDED", Configuration),
            RvError::KeyIndigestible => ("CKR_KEY_INDIGESTIBLE", Configuration),
            RvError::KeyFunctionNotPermitted => ("CKR_KEY_FUNCTION_NOT_PERMITTED", Configuration),
            RvError::KeyNotWrappable => ("CKR_KEY_NOT_WRAPPABLE", Configuration),
            RvError::KeyUnextractable => ("CKR_KEY_UNEXTRACTABLE", Configuration),
            RvError::MechanismInvalid => ("CKR_MECHANISM_INVALID", Configuration),
            RvError::MechanismParamInvalid => ("CKR_MECHANISM_PARAM_INVALID", Configuration),
            RvError::SessionParallelNotSupported => ("CKR_SESSION_PARALLEL_NOT_SUPPORTED", Configuration),
            RvError::SessionReadOnly => ("CKR_SESSION_READ_ONLY", Configuration),
            RvError::TemplateIncomplete => ("CKR_TEMPLATE_INCOMPLETE", Configuration),
            RvError::TemplateInconsistent => ("CKR_TEMPLATE_INCONSISTENT", Configuration),
            RvError::TokenWriteProtected => ("CKR_TOKEN_WRITE_PROTECTED", Configuration),
            RvError::UnwrappingKeySizeRange => ("CKR_UNWRAPPING_KEY_SIZE_RANGE", Configuration),
            RvError::UnwrappingKeyTypeInconsistent => ("CKR_UNWRAPPING_KEY_TYPE_INCONSISTENT", Configuration),
            RvError::WrappingKeySizeRange => ("CKR_WRAPPING_KEY_SIZE_RANGE", Configuration),
            RvError::WrappingKeyTypeInconsistent => ("CKR_WRAPPING_KEY_TYPE_INCONSISTENT", Configuration),
            RvError::RandomSeedNotSupported => ("CKR_RANDOM_SEED_NOT_SUPPORTED", Configuration),
            RvError::RandomNoRng => ("CKR_RANDOM_NO_RNG", Configuration),
            RvError::DomainParamsInvalid => ("CKR_DOMAIN_PARAMS_INVALID", Configuration),
            RvError::PublicKeyInvalid => ("CKR_PUBLIC_KEY_INVALID", Configuration),
            RvError::NeedToCreateThreads => ("CKR_NEED_TO_CREATE_THREADS", Configuration),
            RvError::CantLock => ("CKR_CANT_LOCK", Configuration),
            RvError::CryptokiAlreadyInitialized => ("CKR_CRYPTOKI_ALREADY_INITIALIZED", Configuration),
            RvError::LibraryLoadFailed => ("CKR_LIBRARY_LOAD_FAILED", Configuration),
            // Nothing of this is asked for in a way that would make sense of the answer.
            RvError::BufferTooSmall => ("CKR_BUFFER_TOO_SMALL", Fatal),
            RvError::NoEvent => ("CKR_NO_EVENT", Fatal),
            RvError::SavedStateInvalid => ("CKR_SAVED_STATE_INVALID", Fatal),
            RvError::InformationSensitive => ("CKR_INFORMATION_SENSITIVE", Fatal),
            RvError::StateUnsaveable => ("CKR_STATE_UNSAVEABLE", Fatal),
            RvError::ExceededMaxIterations => ("CKR_EXCEEDED_MAX_ITERATIONS", Fatal),
            RvError::FipsSelfTestFailed => ("CKR_FIPS_SELF_TEST_FAILED", Fatal),
        }
    }
}

impl From<RvError> for Code {
    fn from(error: RvError) -> Self {
        Self(error)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RvError::VendorDefined(code) | RvError::UnknownErrorCode(code) => {
                write!(f, "{} (0x{code:08X})", self.name())
            }
            _ => f.write_str(self.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_a_vendor_is_told_by_its_number() {
        assert_eq!(Code::from(RvError::PinLocked).to_string(), "CKR_PIN_LOCKED");
        assert_eq!(
            Code::from(RvError::VendorDefined(0x8000_0001)).to_string(),
            "CKR_VENDOR_DEFINED (0x80000001)"
        );
    }

    #[test]
    fn what_could_lock_a_token_is_never_tried_again() {
        for error in [
            RvError::PinIncorrect,
            RvError::PinLocked,
            RvError::PinExpired,
            RvError::PinLenRange,
            RvError::PinInvalid,
        ] {
            assert_eq!(Code::from(error).remedy(), Remedy::Pin);
        }
    }

    #[test]
    fn what_is_answered_to_bad_ciphertexts_too_is_ambiguous() {
        for error in [RvError::GeneralError, RvError::DeviceError, RvError::FunctionFailed] {
            assert_eq!(Code::from(error).remedy(), Remedy::Ambiguous);
        }
    }
}
