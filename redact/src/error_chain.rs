//! The text of an error with its causes.

use std::error::Error;

/// Returns an error and its causes, separated by `: `.
#[must_use]
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Failure(&'static str, Option<Box<Failure>>);

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failure {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|cause| cause as &dyn Error)
        }
    }

    #[test]
    fn an_error_is_followed_by_its_causes() {
        let refused = Failure("connection refused", None);
        assert_eq!(error_chain(&refused), "connection refused");
        let connect = Failure("tcp connect", Some(Box::new(refused)));
        let request = Failure("no answer", Some(Box::new(connect)));
        assert_eq!(
            error_chain(&request),
            "no answer: tcp connect: connection refused"
        );
    }
}
