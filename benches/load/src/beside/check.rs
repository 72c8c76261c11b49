//! Checks that a contestant does its job before it is measured: statuses, headers to the upstream, and rejected tokens.

use anyhow::ensure;

use super::group::{Group, Job};
use crate::contestant::{Contestant, Running};
use crate::driver::{Request, exchange_once};
use crate::origin::ECHO;
use crate::tenants::{GateResult, tenant_id};

/// Sends single requests to a contestant. `token` is a token of the group's result, for the first of its tenants.
pub(super) fn check(
    group: &Group,
    contestant: Contestant,
    running: &Running,
    token: &str,
) -> anyhow::Result<()> {
    let address = running.address(group.protocol);
    let ask = |target, token| exchange_once(group.protocol, address, &Request { target, token });
    let job = match group.job {
        Job::Gate(result, _) if contestant.is_gate() => result,
        // A passthrough, or a proxy that denies everything.
        Job::Pass | Job::Gate(..) => {
            let (status, _) = ask(group.target(), None)?;
            ensure!(status == group.status(), "{contestant} answers {status}");
            return Ok(());
        }
    };
    let (status, _) = ask(group.target(), Some(token))?;
    ensure!(
        status == group.status(),
        "{contestant} answers {status} instead of {}",
        group.status()
    );
    let forged = forged(token);
    for bad_token in [None, Some(forged.as_str())] {
        let (status, _) = ask(ECHO, bad_token)?;
        ensure!(
            status == 401,
            "{contestant} answers {status} without a valid token"
        );
    }
    let (_, echo) = ask(ECHO, Some(token))?;
    let tenant = tenant_id(job.tenants().start);
    let expected = match job {
        GateResult::Allowed => format!("board tenant={tenant} flags="),
        GateResult::Fallback => format!("legacy tenant={tenant} flags="),
        GateResult::Hidden | GateResult::Forbidden => return Ok(()),
    };
    let is_on = echo.contains("board.v2");
    ensure!(
        echo.starts_with(&expected) && is_on == (job == GateResult::Allowed),
        "{contestant} sends other headers to the upstream: {echo}"
    );
    Ok(())
}

/// Returns the token with another signature.
fn forged(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let signature: String = signature.chars().rev().collect();
    format!("{signed}.{signature}")
}
