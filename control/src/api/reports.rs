//! Endpoints for reports from people: opens, lists and closes reports about a flag.

use changes::{Change, Code, Event, OpenReports, Refusal, Report, ReportedCause, timestamp};
use rules::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::body::{OptionalReason, ReasonText};
use super::change::{ChangeReply, change};
use super::handler::{JsonBody, NoBody, Reply};
use super::org_flags::check_visible;
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// A report of a problem of an org with a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReport)]
pub(crate) struct NewReport {
    /// The org that has the problem.
    org: String,
    /// The cause in a few words, at most 100 characters. Reports of the same cause count together; case does not matter.
    cause: String,
    /// The ticket, at most 100 characters.
    ticket: Option<String>,
    /// A description, at most 1,000 characters.
    text: Option<String>,
    reason: Option<ReasonText>,
}

/// A report of an org about a problem with a flag.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReportOfOrg)]
pub(crate) struct NewReportOfOrg {
    /// The cause in a few words, at most 100 characters. Reports of the same cause count together; case does not matter.
    cause: String,
    /// The ticket, at most 100 characters.
    ticket: Option<String>,
    /// A description, at most 1,000 characters.
    text: Option<String>,
    reason: Option<ReasonText>,
}

impl JsonBody for NewReport {}
impl JsonBody for NewReportOfOrg {}

/// The open reports about a flag.
#[derive(Serialize, ToSchema)]
#[schema(as = Reports)]
pub(crate) struct ReportsBody {
    revision: u64,
    flag: String,
    /// The causes, the one that most orgs reported first.
    causes: Vec<ReportedCauseBody>,
    /// The open reports, the oldest first; at most 100.
    reports: Vec<ReportBody>,
}

/// A cause, and the orgs that reported it.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportedCause)]
pub(crate) struct ReportedCauseBody {
    cause: String,
    /// The orgs. Each counts once.
    orgs: Vec<String>,
    /// True if promotions are blocked until the reports are closed: several orgs reported the cause.
    blocks: bool,
}

/// An open report.
#[derive(Serialize, ToSchema)]
#[schema(as = Report)]
struct ReportBody {
    /// Its id: the revision at which it was stored.
    #[schema(minimum = 0)]
    id: u64,
    org: String,
    cause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    ticket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
    /// The actor who reported it.
    by: String,
    #[schema(format = DateTime)]
    at: String,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<ReportsBody>, ApiProblem> {
    let key = request.flag();
    let (revision, flag) = api.control().read(|state, _| (state.revision, state.flag(key)));
    let flag = flag.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let reports = &flag.state.reports;
    let body = ReportsBody {
        revision: revision.0,
        flag: key.to_owned(),
        causes: reported_causes(reports),
        reports: reports.iter().map(ReportBody::from).collect(),
    };
    Ok(Reply::at(revision, body))
}

pub(crate) fn report(api: &Api, request: &ApiRequest, body: NewReport) -> ChangeReply {
    let org = TenantId::parse(&body.org).map_err(|reason| {
        let refusal = Refusal::new(Code::InvalidReport, format!("`org`: {reason}"));
        ApiProblem::rejected(vec![refusal.help("write the id of a tenant")])
    })?;
    let NewReport {
        org: _,
        cause,
        ticket,
        text,
        reason,
    } = body;
    let report = NewReportOfOrg {
        cause,
        ticket,
        text,
        reason,
    };
    open(api, request, org.as_str(), report)
}

pub(crate) fn report_of_org(api: &Api, request: &ApiRequest, body: NewReportOfOrg) -> ChangeReply {
    check_visible(api, request, Event::Reported)?;
    open(api, request, request.org(), body)
}

/// Opens a report of an org.
fn open(api: &Api, request: &ApiRequest, org: &str, report: NewReportOfOrg) -> ChangeReply {
    let NewReportOfOrg {
        cause,
        ticket,
        text,
        reason,
    } = report;
    let report = Change::Report {
        flag: request.flag().to_owned(),
        org: org.to_owned(),
        cause,
        ticket,
        text,
    };
    change(api, request, report, reason.map(Into::into))
}

pub(crate) fn close(api: &Api, request: &ApiRequest, body: OptionalReason) -> ChangeReply {
    let close = Change::CloseReport {
        flag: request.flag().to_owned(),
        report: request.report(),
    };
    change(api, request, close, body.reason.map(Into::into))
}

/// Returns the causes of the open reports.
pub(crate) fn reported_causes(reports: &OpenReports) -> Vec<ReportedCauseBody> {
    let causes = reports.causes();
    causes.iter().map(ReportedCauseBody::from).collect()
}

impl From<&ReportedCause<'_>> for ReportedCauseBody {
    fn from(cause: &ReportedCause<'_>) -> Self {
        Self {
            cause: cause.cause.to_owned(),
            orgs: cause.orgs.iter().map(|org| (*org).to_owned()).collect(),
            blocks: cause.is_blocker(),
        }
    }
}

impl From<(u64, &Report)> for ReportBody {
    fn from((id, report): (u64, &Report)) -> Self {
        Self {
            id,
            org: report.org.clone(),
            cause: report.cause.clone(),
            ticket: report.ticket.clone(),
            text: report.text.clone(),
            by: report.by.clone(),
            at: timestamp::text(report.at),
        }
    }
}
