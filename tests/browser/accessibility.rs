//! Accessibility of a page by axe-core: the rules of WCAG 2.2, levels A and AA.

use std::fs;

use crate::browser::Browser;
use crate::webdriver::installed;

/// `target-size` is part of WCAG 2.2, and off by default.
const RUN: &str = r"
axe.run(document, {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'] },
  rules: { 'target-size': { enabled: true } },
  resultTypes: ['violations'],
}).then(results => results.violations.flatMap(violation => violation.nodes.map(
  node => `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\s+/g, ' ')}`)))
";

impl Browser {
    /// Returns a line for each element that breaks a rule: the rule, the element, what to do. The page's JavaScript must
    /// be on, because the checks wait for timers.
    #[track_caller]
    pub(crate) fn accessibility_findings(&self) -> Vec<String> {
        let source = installed().unwrap().join("axe-core/axe.min.js");
        self.evaluate(&format!("{};0", fs::read_to_string(source).unwrap()));
        let findings = self.evaluate(RUN);
        let findings = findings.as_array().unwrap().iter();
        findings.map(|line| line.as_str().unwrap().to_owned()).collect()
    }
}
