//! The reasons of a rejection as text: each with its code, and what to do.

use std::fmt::{Result, Write};

use crate::printable::printable;

/// One reason of a rejection.
pub(crate) struct RejectionReason<'r> {
    pub(crate) code: &'r str,
    pub(crate) detail: &'r str,
    /// The recommended action.
    pub(crate) hint: Option<&'r str>,
}

/// Writes each reason on a line of its own.
pub(crate) fn write_reasons(f: &mut impl Write, reasons: &[RejectionReason<'_>]) -> Result {
    let width = reasons.iter().map(|reason| reason.code.len()).max().unwrap_or(0);
    for RejectionReason { code, detail, .. } in reasons {
        writeln!(f, "  {:width$}   {}", printable(code), printable(detail))?;
    }
    Ok(())
}

/// Writes each hint once, with its code if there are several reasons.
pub(crate) fn write_hints(f: &mut impl Write, reasons: &[RejectionReason<'_>]) -> Result {
    let mut rendered: Vec<&str> = Vec::new();
    for RejectionReason { code, hint, .. } in reasons {
        let Some(hint) = hint.filter(|hint| !rendered.contains(hint)) else {
            continue;
        };
        rendered.push(hint);
        match reasons.len() {
            1 => writeln!(f, "help: {}", printable(hint))?,
            _ => writeln!(f, "help for {}: {}", printable(code), printable(hint))?,
        }
    }
    Ok(())
}
