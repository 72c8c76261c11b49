//! Tests that problems of the socket contain no path and no error of the operating system.

use std::io;

use axum::body::to_bytes;
use serde_json::{Value, json};

use super::*;
use crate::break_glass::journal::{JournalError, JournalOperation};

fn io_error(operation: JournalOperation, code: i32) -> JournalError {
    JournalError::Io {
        path: "/var/lib/sluice/journal.jsonl".to_owned(),
        operation,
        reason: io::Error::from_raw_os_error(code),
    }
}

async fn body(problem: SocketProblem) -> Value {
    let answer = problem.answer("r-1".to_owned()).into_response();
    let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn the_problem_of_a_full_disk_is_exact() {
    let error = io_error(JournalOperation::Write, 28);
    let problem = SocketProblem::from(BreakGlassError::from(error));
    let cause = problem.cause.clone().unwrap();
    assert!(
        cause.contains("`/var/lib/sluice/journal.jsonl`") && cause.contains("os error 28"),
        "{cause}"
    );
    assert_eq!(
        body(problem).await,
        json!({
            "type": "about:blank",
            "title": "Service Unavailable",
            "status": 503,
            "code": "STORE_UNAVAILABLE",
            "detail": "the break-glass journal cannot be written: the disk is full",
            "help": "make sure that the user that sluice runs as can read and write it, and that the disk has space; \
                     sluice retries each second",
            "change": "not_applied",
            "request_id": "r-1",
        })
    );
}

#[tokio::test]
async fn details_have_no_path_and_no_system_error() {
    let path = "/var/lib/sluice/journal.jsonl".to_owned();
    for (error, expected) in [
        (
            io_error(JournalOperation::Open, 13),
            "the break-glass journal cannot be opened: sluice lacks the permission",
        ),
        (
            io_error(JournalOperation::Read, 5),
            "the break-glass journal cannot be read",
        ),
        (
            JournalError::Malformed { path, line: 3 },
            "line 3 of the break-glass journal is not an entry",
        ),
    ] {
        let unavailable = BreakGlassError::Unavailable {
            reason: error.to_string(),
            client_detail: error.client_detail(),
            help: error.help(),
        };
        for error in [unavailable, error.into()] {
            let problem = SocketProblem::from(error);
            assert!(
                problem
                    .cause
                    .as_ref()
                    .is_some_and(|cause| cause.contains("/var/lib"))
            );
            assert_eq!(body(problem).await["detail"], expected);
        }
    }
}
