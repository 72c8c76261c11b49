//! Envoy with one worker thread. Its gate is the filter for JWT, with its cache of tokens, and a table in Lua.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::running::Running;
use crate::placement::Cores;
use crate::process::{Process, free_address};
use crate::site::Site;
use crate::tenants::table;
use crate::tokens::{AUDIENCE, ISSUER};

/// The set-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    Pass,
    Gate,
}

/// The program of the gate.
const GATE: &str = r#"
local results = { TABLE }

function envoy_on_request(request)
  local headers = request:headers()
  local result = results[headers:get("x-tenant-id")]
  if result == "allow" then
    headers:replace("x-feature-flags", "board.v2")
  elseif result == "fallback" then
    headers:remove("x-feature-flags")
    headers:replace("x-gate-result", "fallback")
    request:clearRouteCache()
  elseif result == "forbid" then
    request:respond({ [":status"] = "403" }, "forbidden")
  else
    request:respond({ [":status"] = "404" }, "not found")
  end
end
"#;

/// Starts Envoy.
pub(super) fn start(site: &Site, folder: &Path, job: Job) -> anyhow::Result<Option<Running>> {
    let Some(program) = &site.programs.envoy else {
        return Ok(None);
    };
    let address = free_address()?;
    let mut filters = match job {
        Job::Pass => Vec::new(),
        Job::Gate => vec![jwt_filter(site), lua_filter()],
    };
    filters.push(filter("router", "router.v3.Router", json!({})));
    let cluster = |name: &str, port: u16| {
        json!({
            "name": name, "type": "STATIC", "circuit_breakers": { "thresholds": [{ "max_connections": 4096 }] },
            "load_assignment": { "cluster_name": name, "endpoints": [{ "lb_endpoints": [
                { "endpoint": { "address": socket_address(port) } },
            ] }] },
        })
    };
    let config = json!({ "static_resources": {
        "listeners": [{ "name": "front", "address": socket_address(address.port()), "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "front", "codec_type": "AUTO", "http_filters": filters,
                "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
                    {
                        "match": { "prefix": "/", "headers": [
                            { "name": "x-gate-result", "string_match": { "exact": "fallback" } },
                        ] },
                        "route": { "cluster": "legacy" },
                    },
                    { "match": { "prefix": "/" }, "route": { "cluster": "board" } },
                ] }] },
            },
        }] }] }],
        "clusters": [cluster("board", site.board.port()), cluster("legacy", site.legacy.port())],
    } });
    fs::write(folder.join("envoy.json"), config.to_string())?;
    let mut command = Command::new(&program.path);
    command.args([
        "--concurrency",
        "1",
        "--use-dynamic-base-id",
        "--log-level",
        "error",
        "-c",
    ]);
    command.arg(folder.join("envoy.json"));
    let mut process = Process::start(command, Cores::Measured, folder.join("log"))?;
    process.wait_until_listening(&[address])?;
    Ok(Some(Running {
        process,
        http1: address,
        http2: address,
    }))
}

fn socket_address(port: u16) -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } })
}

fn filter(name: &str, type_name: &str, mut config: Value) -> Value {
    let type_url = format!("type.googleapis.com/envoy.extensions.filters.http.{type_name}");
    if let Some(fields) = config.as_object_mut() {
        fields.insert("@type".to_owned(), json!(type_url));
    }
    json!({ "name": format!("envoy.filters.http.{name}"), "typed_config": config })
}

fn jwt_filter(site: &Site) -> Value {
    let provider = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "forward": true,
        "local_jwks": { "inline_string": site.key.public_jwks() },
        "jwt_cache_config": { "jwt_cache_size": 8192 },
        "claim_to_headers": [{ "header_name": "x-tenant-id", "claim_name": "tenant" }],
    });
    let rule = json!({ "match": { "prefix": "/" }, "requires": { "provider_name": "load" } });
    filter(
        "jwt_authn",
        "jwt_authn.v3.JwtAuthentication",
        json!({ "providers": { "load": provider }, "rules": [rule] }),
    )
}

fn lua_filter() -> Value {
    let rows = table(|id, result| format!("[\"{id}\"]=\"{}\",", result.word()));
    let program = GATE.replace("TABLE", &rows);
    filter(
        "lua",
        "lua.v3.Lua",
        json!({ "default_source_code": { "inline_string": program } }),
    )
}
