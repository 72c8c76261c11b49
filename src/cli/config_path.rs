//! The path of the configuration file: of the option `--config`, of the environment, or the default.

use std::path::PathBuf;

/// The variable with the path.
const VARIABLE: &str = "SLUICE_CONFIG";
/// The default.
const DEFAULT: &str = "sluice.yaml";

/// Returns the path of the configuration file. The option comes before the variable.
pub(super) fn config_path(option: Option<&PathBuf>) -> PathBuf {
    option
        .cloned()
        .or_else(of_variable)
        .unwrap_or_else(|| DEFAULT.into())
}

/// Returns true if the environment has the path.
pub(super) fn is_configured() -> bool {
    of_variable().is_some()
}

fn of_variable() -> Option<PathBuf> {
    let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    variable.map(PathBuf::from)
}
