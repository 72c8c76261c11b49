//! The table of the page about metrics: each family with its labels, its help, and the alerts that use it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{read, sources};

/// The lines around the table.
const BEGIN: &str = "<!-- begin of the table that a test writes -->\n";
const END: &str = "<!-- end of the table that a test writes -->\n";

/// A family of metrics.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) help: String,
    pub(super) labels: Vec<String>,
}

pub(super) struct MetricsPage {
    /// In the order of their names.
    pub(super) families: Vec<Family>,
}

impl MetricsPage {
    /// Returns the families of a scrape, and those of the source that nothing has counted in it.
    pub(super) fn of(scrape: &str) -> Self {
        let mut families = BTreeMap::<String, Family>::new();
        for line in scrape.lines() {
            if let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
                let family = Family {
                    name: name.to_owned(),
                    kind: String::new(),
                    help: help.to_owned(),
                    labels: Vec::new(),
                };
                families.insert(name.to_owned(), family);
            } else if let Some((name, kind)) =
                line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
            {
                families.get_mut(name).unwrap().kind = kind.to_owned();
            } else {
                add_labels(&mut families, line);
            }
        }
        for family in sources::labelled_counters() {
            families.entry(family.name.clone()).or_insert(family);
        }
        let families = families.into_values().collect();
        Self { families }
    }

    /// Returns the page with the current table.
    pub(super) fn replaced_in(&self, page: &str) -> String {
        let (before, rest) = page.split_once(BEGIN).unwrap();
        let (_, after) = rest.split_once(END).unwrap();
        format!("{before}{BEGIN}\n{}\n{END}{after}", self.table())
    }

    fn table(&self) -> String {
        let alerts = alerts();
        let mut table = "| name | kind | labels | meaning | alerts |\n|---|---|---|---|---|\n".to_owned();
        for family in &self.families {
            let labels: Vec<String> = family.labels.iter().map(|label| format!("`{label}`")).collect();
            let (labels, help) = (labels.join(", "), family.help.trim_end_matches('.'));
            let used = alerts
                .get(&family.name)
                .map_or(String::new(), |alerts| alerts.join(", "));
            writeln!(
                table,
                "| `{}` | {} | {labels} | {help} | {used} |",
                family.name, family.kind
            )
            .unwrap();
        }
        table.replace("|  |", "| |").replace("|  |", "| |")
    }
}

fn add_labels(families: &mut BTreeMap<String, Family>, line: &str) {
    let Some((name, rest)) = line.split_once('{') else {
        return;
    };
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let name = of_histogram
        .filter(|name| families.contains_key(*name))
        .unwrap_or(name);
    let family = families.get_mut(name).unwrap();
    // Values of these labels contain no quote.
    let names = rest
        .split('"')
        .step_by(2)
        .map(|part| part.trim_matches([',', '='].as_slice()));
    for label in names.filter(|label| !label.is_empty() && !label.starts_with('}') && *label != "le") {
        if !family.labels.iter().any(|known| known == label) {
            family.labels.push(label.to_owned());
        }
    }
}

/// Returns the identifiers with this prefix in a text.
pub(super) fn identifiers(text: &str, prefix: &str) -> BTreeSet<String> {
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
    let words = text.split(is_end).filter(|word| word.starts_with(prefix));
    words.map(str::to_owned).collect()
}

/// Returns the alerts that use each metric, by itself or through a recording rule.
fn alerts() -> BTreeMap<String, Vec<String>> {
    let rules = read("deploy/prometheus/rules.yaml").unwrap();
    let mut recorded = BTreeMap::<String, BTreeSet<String>>::new();
    let mut alerts = BTreeMap::<String, Vec<String>>::new();
    for rule in rules.split("\n      - ").skip(1) {
        let (kind, rest) = rule.split_once(": ").unwrap();
        let (name, rest) = rest.split_once('\n').unwrap();
        // Comments and annotations are no expressions.
        let expression = rest.split("\n        annotations:").next().unwrap();
        let code = expression
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let code = code.collect::<Vec<_>>().join("\n");
        let mut used = identifiers(&code, "sluice_");
        for rule in identifiers(&code, "sluice:") {
            used.extend(recorded.get(&rule).into_iter().flatten().cloned());
        }
        if kind == "record" {
            recorded.insert(name.to_owned(), used);
            continue;
        }
        let runbook = rest
            .split_once("runbook: ")
            .map(|(_, rest)| rest.lines().next().unwrap());
        let shown = match runbook.filter(|runbook| read(runbook).is_some()) {
            Some(runbook) => format!("[`{name}`]({})", runbook.strip_prefix("docs/").unwrap()),
            None => format!("`{name}`"),
        };
        for metric in used {
            let family = metric.strip_suffix("_bucket").unwrap_or(&metric);
            alerts.entry(family.to_owned()).or_default().push(shown.clone());
        }
    }
    alerts
}
