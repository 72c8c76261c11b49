use super::*;

fn check(directives: &str, expected: &[(&str, LevelFilter)]) -> Vec<String> {
    let (levels, invalid) = Levels::parse(directives);
    for (module, level) in expected {
        assert_eq!(levels.of(module), *level, "{module} by {directives}");
    }
    invalid.iter().map(ToString::to_string).collect()
}

#[test]
fn dependencies_log_only_errors_for_operators() {
    let invalid = check(
        "",
        &[
            ("proxy::admin", LevelFilter::INFO),
            ("sluice", LevelFilter::INFO),
            ("h2::proto::ping_pong", LevelFilter::OFF),
            ("pingora_proxy", LevelFilter::OFF),
            ("pingora_core::apps::http_app", LevelFilter::OFF),
            ("pingora_core::services::listening", LevelFilter::ERROR),
            ("notify::inotify", LevelFilter::ERROR),
            // The name of a crate is not the beginning of another's.
            ("configparser", LevelFilter::OFF),
            ("proxy_protocol", LevelFilter::OFF),
        ],
    );
    assert!(invalid.is_empty());
}

#[test]
fn bare_level_applies_to_the_crates_of_sluice() {
    for level in ["debug", "DEBUG", "4"] {
        let invalid = check(
            level,
            &[
                ("proxy::admin", LevelFilter::DEBUG),
                ("hyper::proto", LevelFilter::OFF),
                ("h2", LevelFilter::OFF),
            ],
        );
        assert!(invalid.is_empty(), "{invalid:?}");
    }
}

#[test]
fn dependencies_can_not_log_client_input() {
    let invalid = check(
        "trace,h2=trace,hyper=error,pingora_proxy=debug,pingora_core::apps=error,reqwest",
        &[
            ("proxy", LevelFilter::TRACE),
            ("h2::codec", LevelFilter::ERROR),
            ("hyper", LevelFilter::ERROR),
            ("pingora_proxy", LevelFilter::OFF),
            ("pingora_core::apps::http_app", LevelFilter::OFF),
            ("reqwest", LevelFilter::ERROR),
        ],
    );
    assert_eq!(invalid.len(), 4, "{invalid:?}");
    assert_eq!(
        invalid[0],
        "`h2=trace` counts as `error`: beyond that, dependencies may print what clients send"
    );
}

#[test]
fn longest_matching_module_directive_applies() {
    check(
        "warn,proxy=debug,proxy::edge=off,control",
        &[
            ("proxy::admin", LevelFilter::DEBUG),
            ("proxy::edge::streams", LevelFilter::OFF),
            ("control::api", LevelFilter::TRACE),
            ("config", LevelFilter::WARN),
        ],
    );
    check("notify=off", &[("notify", LevelFilter::OFF)]);
}

#[test]
fn invalid_directives_are_ignored_and_reported() {
    let invalid = check(
        "loud,proxy=quiet,[span{field=1}]=debug,=,proxy=warn",
        &[("proxy", LevelFilter::WARN), ("control", LevelFilter::INFO)],
    );
    assert_eq!(invalid.len(), 4, "{invalid:?}");
}
