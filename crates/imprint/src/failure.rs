//! How a command ends that could not do what it was asked: one line on standard error that says what to do next, and a
//! documented exit code.

use std::fmt;

/// Exit codes; part of the contract with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Something failed that no other code tells apart.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// What was asked for does not exist, or may not be seen.
    NotFound = 3,
    /// Not logged in, or not permitted.
    Denied = 4,
    /// The service does not answer; try again.
    Unavailable = 5,
    /// Data did not verify.
    Corrupt = 6,
}

/// A failure with its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: ExitCode,
    /// What went wrong and what to do next.
    pub(crate) message: String,
}

impl Failure {
    /// A failure of the given code.
    pub(crate) fn new(code: ExitCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// A wrong command line or configuration.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Any other failure: what was being done, and the whole chain of causes.
    pub(crate) fn doing(what: &str, error: impl std::error::Error) -> Self {
        let mut message = format!("{what}: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            message += &format!(": {error}");
            cause = error.source();
        }
        Self::new(ExitCode::Failed, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
