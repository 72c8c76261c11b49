//! The handler of changes of the files of a running proxy.

use std::collections::BTreeMap;
use std::sync::Arc;

use config::{Reload, ReloadResponse, WatchOptions, Watcher};
use control::api::EventStreams;
use control::operators::{Known, Operators};
use control::{Control, ReloadReport, ReloadResult};
use proxy::{KeyStore, Publisher, Readiness};
use tracing::{error, info, warn};

use super::super::output::{self, RenderedReport};
use crate::active_config::{ActiveConfig, DocumentRejected};
use crate::clock;
use crate::config_audit::{ConfigAudit, operator_digests};
use crate::control_plane::request_attributes;
use crate::last_reload::{LastReload, report_of};
use crate::{operators, service_manager};

/// Start of the message of a rejected reload, before the reason or the report.
pub(super) const NOT_RELOADED: &str = "not reloaded, the last accepted config stays active:";
/// Message if a reloaded document has no `admin.operators` any more.
const OPERATORS_KEPT: &str = "`admin.operators` is no longer in the document; the former operators stay until the next start; after it every user \
     of this machine is platform-admin. Restore `admin.operators`, or restart to continue without operators";

/// Handler of changes of the files.
pub(super) struct Reloader {
    pub(super) active_config: Arc<ActiveConfig>,
    pub(super) publisher: Publisher,
    pub(super) control: Arc<Control>,
    pub(super) config_audit: Arc<ConfigAudit>,
    pub(super) operators: Arc<Operators>,
    /// Their readers sign in again when operators change.
    pub(super) streams: EventStreams,
    pub(super) keys: Arc<KeyStore>,
    pub(super) readiness: Arc<Readiness>,
}

impl Reloader {
    /// Watches the files of the active config, and handles their changes.
    pub(super) fn watch(self) -> std::io::Result<Watcher> {
        let active_config = Arc::clone(&self.active_config);
        let reading = Arc::clone(&active_config);
        let watcher = active_config.with_loaded(|loaded| {
            config::watch_by(
                WatchOptions::default(),
                loaded,
                move || reading.read_document(),
                move |reload| self.reload(reload),
            )
        })?;
        active_config.set_reread_handle(watcher.reread_handle());
        Ok(watcher)
    }

    /// Applies a change of the files, or logs why it is rejected.
    fn reload(&self, reload: Reload) -> ReloadResponse {
        let response = self.apply(reload);
        service_manager::reloaded();
        response
    }

    fn apply(&self, reload: Reload) -> ReloadResponse {
        match reload {
            Reload::Applied(loaded) => {
                let load = report_of(
                    clock::now(),
                    ReloadResult::Accepted,
                    &loaded.inputs,
                    Some(&loaded.warnings),
                );
                let warnings = &loaded.warnings;
                let warnings = (!warnings.is_empty()).then(|| RenderedReport::of(warnings));
                // Before the document is applied, so that invalid operators reject all of it.
                let known = operators::load(&loaded, &self.keys);
                // At once: the document may have to wait for a change that is being committed.
                if let Ok(Some(known)) = &known {
                    self.operators.revoke_missing(known);
                }
                let apply = || self.active_config.apply_document(*loaded);
                // `without_changes` excludes changes of the control plane meanwhile: each change checks the flags against
                // the document that is active, and publishes what fitted it.
                let applied = known.and_then(|known| Ok((known, self.control.without_changes(apply)?)));
                match applied {
                    Ok((known, published)) => {
                        self.last_reload().accept(load, &published.needs_restart);
                        let operators = self.replace_operators(known);
                        let document = self
                            .active_config
                            .with_loaded(|loaded| self.config_audit.of_document(loaded));
                        self.config_audit.record(&self.control, document, operators);
                        let attributes = self.active_config.with_loaded(request_attributes);
                        self.control.set_request_attributes(attributes);
                        self.control.files_changed();
                        self.control.set_eligibility(self.active_config.eligibility());
                        let revision = self.active_config.revision();
                        info!(%revision, "reloaded");
                        if let Some(warnings) = warnings {
                            warnings.print();
                        }
                        for field in published.needs_restart {
                            warn!(field, "a change of this field takes effect at the next start");
                        }
                    }
                    Err(refused) => {
                        let reason = refused.to_string();
                        self.publisher.record_refused(&reason);
                        self.last_reload().reject(rejected(load, &refused));
                        self.reload_tokens();
                        if reason.contains('\n') {
                            output::log_report(NOT_RELOADED, &reason);
                        } else {
                            error!("{NOT_RELOADED} {reason}");
                        }
                        // The watcher remembers that the files differ from the active config, and reports `Restored`
                        // when they equal it again.
                        return ReloadResponse::NotServed;
                    }
                }
            }
            Reload::Refused(report) => {
                self.publisher.record_refused(&report.headline());
                let load = report_of(
                    clock::now(),
                    ReloadResult::Rejected,
                    report.inputs(),
                    Some(&report),
                );
                self.last_reload().reject(load);
                self.reload_tokens();
                output::log_report(NOT_RELOADED, report.render(output::colour()).trim_end());
            }
            Reload::Restored => {
                self.publisher.record_unchanged();
                self.last_reload().keep(clock::now());
                info!("the files equal the active config again");
            }
            Reload::Unchanged => {
                self.publisher.record_unchanged();
                self.last_reload().keep(clock::now());
                info!("nothing to reload: the files equal the active config");
            }
        }
        ReloadResponse::Served
    }

    fn last_reload(&self) -> &LastReload {
        self.active_config.last_reload()
    }

    /// Replaces the operators by those of the active document, with the current file of tokens: a token that was removed from
    /// it is invalid at once, even if another document is rejected.
    fn reload_tokens(&self) {
        let known = self
            .active_config
            .with_loaded(|loaded| operators::reload_tokens(loaded, &self.keys));
        if let Some(known) = known {
            let operators = operator_digests(Some(&known));
            self.operators.replace(Some(known));
            self.streams.end_open();
            self.config_audit.record_operators(&self.control, operators);
        }
    }

    /// Replaces the operators by those of the new document. If it has no `admin.operators`, the former ones stay until
    /// the next start: a lost line must not make every user of the machine a platform-admin.
    ///
    /// Returns the digests of the new operators; `None` if the former ones stay.
    fn replace_operators(&self, known: Option<Known>) -> Option<BTreeMap<String, String>> {
        let note = |words| self.readiness.set_note("operators", words);
        if known.is_none() && self.operators.asks() {
            note(Some(OPERATORS_KEPT.to_owned()));
            warn!("{OPERATORS_KEPT}");
            return None;
        }
        let operators = operator_digests(known.as_ref());
        self.operators.replace(known);
        self.streams.end_open();
        note(None);
        Some(operators)
    }
}

/// Returns the report of a load that was read, and then rejected.
fn rejected(load: ReloadReport, error: &anyhow::Error) -> ReloadReport {
    let at = clock::now();
    if let Some(DocumentRejected::Document(report)) = error.downcast_ref() {
        return report_of(at, ReloadResult::Rejected, report.inputs(), Some(report));
    }
    ReloadReport {
        result: ReloadResult::Rejected,
        reason: Some(redact::masked(&format!("{error:#}")).into_owned()),
        ..load
    }
}

#[cfg(test)]
mod tests;
