//! The result of a command that ran to its end.

/// The result of a command, as its exit code shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The command did what it was asked to do: exit code 0.
    Success,
    /// The answer is no, or the input is invalid; the command has printed the reason: exit code 1.
    Failure,
    /// A signal, such as that of Ctrl-C, ended the command: exit code 130.
    Interrupted,
}

impl Exit {
    /// Returns `Success` if the condition holds, else `Failure`.
    pub(super) fn success_if(condition: bool) -> Self {
        if condition { Self::Success } else { Self::Failure }
    }
}
