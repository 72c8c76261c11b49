//! The groups of contestants that are measured with the same requests. Each is a table of the report.

use crate::contestant::Contestant;
use crate::driver::Protocol;
use crate::origin::{LARGE, SMALL};
use crate::tenants::GateResult;

/// The size of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// 80 bytes.
    Small,
    /// 64 KiB.
    Large,
}

/// The tokens of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tokens {
    /// 1,000 distinct tokens, which every cache of tokens holds.
    Cached,
    /// Distinct tokens that are used once each, so that each of them is verified.
    Uncached,
}

/// The job of the contestants of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// Forward every request.
    Pass,
    /// Verify the token, and decide by its tenant with this result.
    Gate(GateResult, Tokens),
}

/// Contestants that are measured with the same requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    pub(super) protocol: Protocol,
    pub(super) body: Body,
    pub(super) job: Job,
    pub(super) contestants: &'static [Contestant],
}

/// The baselines of the ratios, in the group with the same protocol and body whose job is to forward.
pub(super) const BASELINES: [Contestant; 2] = [Contestant::HaProxy, Contestant::BarePingora];

const PASSTHROUGHS: &[Contestant] = &[
    Contestant::BarePingora,
    Contestant::Sluice,
    Contestant::Nginx,
    Contestant::HaProxy,
    Contestant::Envoy,
];
const GATES: &[Contestant] = &[
    Contestant::SluiceGate(20),
    Contestant::NginxGate,
    Contestant::HaProxyGate,
    Contestant::EnvoyGate,
];
const GATES_AND_FLAGS: &[Contestant] = &[
    Contestant::SluiceGate(1),
    Contestant::SluiceGate(20),
    Contestant::SluiceGate(200),
    Contestant::NginxGate,
    Contestant::HaProxyGate,
    Contestant::EnvoyGate,
];
const GATES_AND_DENY: &[Contestant] = &[
    Contestant::SluiceGate(20),
    Contestant::HaProxyDeny,
    Contestant::NginxGate,
    Contestant::HaProxyGate,
    Contestant::EnvoyGate,
];

/// Returns every group.
pub(super) fn groups() -> Vec<Group> {
    let cached = |result| Job::Gate(result, Tokens::Cached);
    let allowed = cached(GateResult::Allowed);
    let http1_small = [
        (Job::Pass, PASSTHROUGHS),
        (allowed, GATES_AND_FLAGS),
        (Job::Gate(GateResult::Allowed, Tokens::Uncached), GATES),
        (cached(GateResult::Hidden), GATES_AND_DENY),
        (cached(GateResult::Forbidden), GATES),
        (cached(GateResult::Fallback), GATES),
    ];
    let others = [(Job::Pass, PASSTHROUGHS), (allowed, GATES)];
    let scene = |protocol, body, jobs: &[(Job, &'static [Contestant])]| {
        let group = |&(job, contestants)| Group {
            protocol,
            body,
            job,
            contestants,
        };
        jobs.iter().map(group).collect::<Vec<_>>()
    };
    [
        scene(Protocol::Http1, Body::Small, &http1_small),
        scene(Protocol::Http1, Body::Large, &others),
        scene(Protocol::Http2, Body::Small, &others),
        scene(Protocol::Http2, Body::Large, &others),
    ]
    .concat()
}

impl Group {
    /// Returns its title.
    pub(super) fn title(&self) -> String {
        let job = match self.job {
            Job::Pass => "forwarding",
            Job::Gate(GateResult::Allowed, Tokens::Cached) => "allowed, 1,000 tokens",
            Job::Gate(GateResult::Allowed, Tokens::Uncached) => "allowed, every token new",
            Job::Gate(GateResult::Hidden, _) => "404 at the gate",
            Job::Gate(GateResult::Forbidden, _) => "403 at the gate",
            Job::Gate(GateResult::Fallback, _) => "fallback to the other upstream",
        };
        let protocol = match self.protocol {
            Protocol::Http1 => "HTTP/1.1",
            Protocol::Http2 => "HTTP/2",
        };
        let body = match self.body {
            Body::Small => "small answers",
            Body::Large => "answers of 64 KiB",
        };
        format!("{protocol}, {body}: {job}")
    }

    /// Returns its name in names of files.
    pub(super) fn slug(&self) -> String {
        let is_word = |c: char| c.is_ascii_alphanumeric();
        let title = self.title().to_lowercase().replace(['/', '.', ','], "");
        title
            .split(|c| !is_word(c))
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    }

    /// Returns the target of its requests.
    pub(super) fn target(&self) -> &'static str {
        match self.body {
            Body::Small => SMALL,
            Body::Large => LARGE,
        }
    }

    /// Returns the status of a correct answer.
    pub(super) fn status(&self) -> u16 {
        match self.job {
            Job::Pass => 200,
            Job::Gate(result, _) => result.status(),
        }
    }

    /// Returns true if its figures are compared with those of `other`.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.body == other.body
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{BASELINES, Job, groups};

    #[test]
    fn every_group_has_a_name_and_baselines_of_its_own() {
        let groups = groups();
        let slugs: HashSet<String> = groups.iter().map(super::Group::slug).collect();
        assert_eq!(slugs.len(), groups.len());
        assert!(slugs.contains("http11-small-answers-allowed-1000-tokens"));
        for group in &groups {
            let mut passes = groups
                .iter()
                .filter(|other| other.job == Job::Pass && other.is_beside(group));
            let pass = passes.next().unwrap();
            assert!(
                BASELINES
                    .iter()
                    .all(|baseline| pass.contestants.contains(baseline))
            );
            assert!(passes.next().is_none());
        }
    }
}
