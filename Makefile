# Every target that CI and people use. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
DEMO_DIR ?= ./sluice-demo
FUZZ_SECONDS ?= 600
PREFIX ?= /usr/local

.PHONY: help setup demo test check fmt clippy tidy doc deny build release install package schemathesis openapi-lint test-long measure measure-console bench bench-request bench-load fuzz simulate

help: ## lists the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: ## installs what the build needs and the machine lacks, with its package manager: cmake (for zlib-ng, used by pingora), gcc, g++, protoc (for etcd-client)
	@scripts/setup

demo: setup ## runs the demo: a legacy API, the proxy before it, a company; PORT=18080 if the ports from 8080 are in use, FRESH=1 to begin anew
	$(CARGO) build --profile demo --locked
	@$(CARGO) run --quiet --profile demo --locked -- demo --dir $(DEMO_DIR)$(if $(PORT), --port $(PORT))$(if $(FRESH), --fresh)

test: setup ## runs every test; installs tools that tests use into target/ once: from PyPI, npm, crates.io and Debian
	@scripts/install-schemathesis || echo "schemathesis can't be installed here: its test is skipped"
	@scripts/install-prometheus || echo "prometheus can't be installed here: its test is skipped"
	@scripts/install-etcd || echo "etcd can't be installed here: the tests of the fleet's store are skipped"
	@scripts/install-chromium || echo "Chromium can't be installed here: its tests are skipped"
	@scripts/install-deploy-tools || echo "the tools for deploy/ can't be installed here: their tests are skipped"
	@scripts/install-cyclonedx || echo "cargo-cyclonedx can't be installed here: packages are tested without a list of components"
	@deploy/grafana/check-schema || echo "the schema of Grafana can't be installed here: its test is skipped"
	$(CARGO) test --workspace --locked

schemathesis: setup ## sends generated requests to the admin API, valid and invalid (20 s); installs schemathesis as `test` does
	@scripts/install-schemathesis
	$(CARGO) test --locked -p control --test control generated_requests -- --nocapture

openapi-lint: ## lints docs/openapi.json with redocly and spectral (needs npm)
	@scripts/openapi-lint/run

check: fmt clippy test doc deny ## what a change must pass

fmt: ## checks the formatting
	$(CARGO) fmt --all -- --check

clippy: setup ## lints, warnings denied
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

tidy: setup ## checks the dependencies between crates, the size of files, and names
	$(CARGO) test --locked --test tidy

doc: setup ## builds the documentation of the code, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --document-private-items

deny: ## checks licences and advisories, where cargo-deny is installed
	@if command -v cargo-deny >/dev/null; then cargo deny check; else echo "cargo-deny is not installed: skipped"; fi

build: setup ## builds the debug binary
	$(CARGO) build --locked

release: setup ## builds the release binary, target/dist/sluice, with its debug information beside it
	$(CARGO) build --release --locked
	@scripts/dist

install: release ## installs the release binary and shell completions under PREFIX (/usr/local); DESTDIR for packages
	@scripts/install $${CARGO_TARGET_DIR:-target}/dist/sluice "$(PREFIX)" "$(DESTDIR)"

package: release ## packs the release binary into a Debian package and a tarball, target/packages, with their list of components
	@scripts/install-cyclonedx
	@scripts/package $${CARGO_TARGET_DIR:-target}/dist/sluice $${CARGO_TARGET_DIR:-target}/packages

test-long: setup ## the long forms of suites: attacks that stall, 100 kills during rollouts, 100 upgrades under load, every page of the console in both schemes and on a phone, the times of their ends, fuzzing of the engine for FUZZ_SECONDS each, the console beside the data plane, full load under change (60 min)
	SLUICE_SOAK=1 $(CARGO) test --locked --test stall -- --nocapture
	SLUICE_SOAK=1 $(CARGO) test --locked --test binary kills_at_any_moment -- --nocapture
	SLUICE_SOAK=1 $(CARGO) test --locked --test binary harms_end_plans -- --nocapture
	SLUICE_SOAK=1 $(CARGO) test --locked --test binary upgrades_under_load -- --nocapture
	@scripts/install-chromium
	SLUICE_SOAK=1 $(CARGO) test --locked --test browser pages:: -- --nocapture
	scripts/fuzz $(FUZZ_SECONDS) wire response body engine
	SLUICE_SOAK=1 $(CARGO) test --locked --test binary pages_of_the_console -- --nocapture
	$(MAKE) bench-load LOAD_ARGS="under-change --page target/performance.md"

measure: release ## measures eval, loading, idle memory and reload on the release binary
	scripts/measure

measure-console: setup ## measures every page of the console over 10,000 flags and 100,000 tenants; fails above 100 ms or 200 KiB (2 min)
	$(CARGO) run --release --locked -p console --example measure_pages -- $(if $(PAGE),--page $(PAGE))

bench: setup ## compares deciding a flag with other evaluators (criterion)
	cd benches && $(CARGO) bench --locked

bench-request: ## counts the instructions, allocations and system calls of a request, beside bare pingora; fails if it costs 3 % more; BASELINE=record
	@scripts/setup valgrind strace
	$(CARGO) build --release --locked -p sluice -p bare-pingora -p request-cost
	$${CARGO_TARGET_DIR:-target}/release/request-cost $(if $(filter record,$(BASELINE)),--record) $(ROWS)

bench-load: setup ## measures Sluice under load beside other proxies, which it installs, under change and idle, into docs/performance.md (40 min; QUICK=1: 7)
	@scripts/peers/install
	$(CARGO) build --release --locked -p sluice -p bare-pingora
	$(CARGO) build --release --locked -p load
	$${CARGO_TARGET_DIR:-target}/release/load $(if $(QUICK),--quick --page target/performance.md) $(LOAD_ARGS)

fuzz: setup ## runs each fuzz target for FUZZ_SECONDS (600); FUZZ_TARGETS="wire token" runs these alone
	scripts/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

simulate: ## measures false alarms and detection times of rollouts into docs/rollouts/simulation.md; SIMULATE_ARGS="--plans 100 --page target/simulation.md"
	$(CARGO) run --release --locked -p simulation -- $(SIMULATE_ARGS)
