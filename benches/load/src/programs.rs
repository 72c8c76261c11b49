//! The programs of a run: Sluice, the bare pingora proxy and the peers, with their versions. A peer that is not
//! installed is left out, with a line in the report.

use std::env;
use std::path::{Path, PathBuf};

use crate::process::version_line;

/// An installed program.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: String,
}

/// The installed programs.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) sluice: Option<Program>,
    pub(crate) bare_pingora: Option<Program>,
    pub(crate) nginx: Option<Program>,
    /// The module of nginx that runs JavaScript (njs).
    pub(crate) nginx_js: Option<PathBuf>,
    pub(crate) haproxy: Option<Program>,
    pub(crate) envoy: Option<Program>,
}

/// The path of the module in Debian's package `libnginx-mod-http-js`.
const NGINX_JS: &str = "/usr/lib/nginx/modules/ngx_http_js_module.so";
/// The path of Envoy below the folder of `scripts/peers/install`.
const ENVOY: &str = "target/peers/venv/bin/envoy";

impl Programs {
    /// Finds the programs. `root` is the root of the repository.
    pub(crate) fn find(root: &Path, sluice: &Path, bare_pingora: &Path) -> Self {
        let at = |path: PathBuf, argument: &str| {
            let version = version_line(&path, argument)?;
            Some(Program { path, version })
        };
        let js = PathBuf::from(NGINX_JS);
        Self {
            sluice: at(sluice.to_owned(), "--version"),
            bare_pingora: bare_pingora.exists().then(|| Program {
                path: bare_pingora.to_owned(),
                version: "bare-pingora: pingora-proxy 0.9.1 with empty filters".to_owned(),
            }),
            nginx: in_path("nginx").and_then(|path| at(path, "-v")),
            nginx_js: js.exists().then_some(js),
            haproxy: in_path("haproxy").and_then(|path| at(path, "-v")),
            envoy: at(root.join(ENVOY), "--version"),
        }
    }

    /// Returns a line for each program: its version, or that it is missing.
    pub(crate) fn lines(&self) -> Vec<String> {
        let programs = [
            ("Sluice", &self.sluice),
            ("bare pingora", &self.bare_pingora),
            ("nginx", &self.nginx),
            ("HAProxy", &self.haproxy),
            ("Envoy", &self.envoy),
        ];
        let version = |program: &Option<Program>| match program {
            Some(program) => format!("`{}`", program.version),
            None => "not installed: left out".to_owned(),
        };
        let mut lines: Vec<String> = programs
            .iter()
            .map(|(name, program)| format!("{name}: {}", version(program)))
            .collect();
        if self.nginx_js.is_none() {
            lines.push("nginx's njs module: not installed: nginx's gate is left out".to_owned());
        }
        lines
    }
}

/// Finds a program in `PATH`, or in `/usr/sbin`, which the paths of users often lack.
fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
