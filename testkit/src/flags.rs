//! Flags and tenants that most tests can do with.

/// `board` is on for acme, off for globex and everyone else; `theme` is blue for acme, green for globex, else off;
/// `old` is killed and `core` is on for all; `seats` reads the attributes plan, country and groups.
pub const FLAGS: &str = "
tiers: [tier1, tier2]
flags:
  board: { lifecycle: ga }
  theme: { kind: experiment, lifecycle: ga, variants: { off: null, blue: 1, green: 2 } }
  old: { lifecycle: ga, enabled: false, default: on }
  core: { kind: ops, default: on }
  plan: { kind: permission, rules: [ { when: { attribute: plan, eq: gold }, serve: on } ] }
  german: { kind: ops, rules: [ { when: { attribute: country, eq: DE }, serve: on } ] }
  staff: { kind: ops, rules: [ { when: { attribute: groups, any_of: [staff] }, serve: on } ] }
tenants:
  acme: { tier: tier2, overrides: { board: on, theme: blue } }
  globex: { tier: tier1, overrides: { theme: green } }
  initech: {}
";
