//! Measures the time to load a flags document of 1,000 flags and 100,000 tenants, which it writes into the temporary
//! directory: `cargo run --release -p config --example load_large`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;
use std::time::Instant;

fn main() {
    let text = document(1_000, 100_000);
    let folder = std::env::temp_dir().join(format!("sluice-load-large-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("flags.yaml");
    std::fs::write(&path, &text).unwrap();
    println!("{:.1} MB", text.len() as f64 / 1e6);
    for _ in 0..3 {
        let start = Instant::now();
        let loaded = config::load_flags(&path, rules::Eligibility::Enforced);
        let loaded = loaded.unwrap_or_else(|report| {
            println!("{report}");
            std::process::exit(1)
        });
        println!(
            "{} flags, {} tenants in {:?}",
            loaded.flags.len(),
            loaded.tenants.len(),
            start.elapsed()
        );
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

fn document(flags: usize, tenants: usize) -> String {
    let mut text =
        String::from("version: 1\ntiers: [tier1, tier2, tier3]\nunknown_tenant: { tier: tier1 }\n");
    text.push_str("segments:\n  dach: { attribute: country, in: [DE, AT, CH] }\nflags:\n");
    for flag in 0..flags {
        writeln!(text, "  area{}.feature{flag}:", flag % 20).unwrap();
        writeln!(
            text,
            "    description: Feature number {flag}\n    owner: team-{}",
            flag % 20
        )
        .unwrap();
        writeln!(
            text,
            "    lifecycle: beta\n    tiers: {{ tier3: on }}\n    rules:"
        )
        .unwrap();
        writeln!(text, "      - name: large in dach\n        when: {{ all: [ {{ segment: dach }}, {{ attribute: seats, gte: 50 }} ] }}\n        serve: on").unwrap();
        writeln!(text, "    rollout: {{ percentage: {}, by: tenant }}", flag % 100).unwrap();
    }
    text.push_str("tenants:\n");
    for tenant in 0..tenants {
        let flag = tenant % flags;
        writeln!(
            text,
            "  tenant-{tenant:06}:\n    tier: tier{}\n    channel: latest",
            tenant % 3 + 1
        )
        .unwrap();
        writeln!(text, "    beta: [area{}.feature{flag}]", flag % 20).unwrap();
        writeln!(text, "    overrides: {{ area{}.feature{flag}: off }}", flag % 20).unwrap();
        writeln!(text, "    attributes: {{ country: DE, seats: {} }}", tenant % 500).unwrap();
    }
    text
}
