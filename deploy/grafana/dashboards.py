#!/usr/bin/env python3
"""Writes the dashboards of this folder, so that all have the same form: python3 deploy/grafana/dashboards.py

A dashboard is a list of rows of panels; a panel is a title, a unit and queries. The JSON files are committed, and a test
compares them with the output of this script (`--check`).
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
# Colours by meaning, the same in every panel. Names are of Grafana's palette.
COLOURS = {"treatment": "blue", "control": "orange", "opted_in": "purple", "excluded": "text", "error": "red", "5xx": "red"}


def query(expr, legend):
    return expr, legend


def graph(title, unit, *queries, stack=False, help="", width=8, maximum=None):
    return {"kind": "timeseries", "title": title, "unit": unit, "queries": queries, "stack": stack, "help": help,
            "width": width, "maximum": maximum}


def number(title, unit, *queries, help="", width=4, thresholds=()):
    return {"kind": "stat", "title": title, "unit": unit, "queries": queries, "help": help, "width": width,
            "thresholds": thresholds}


def table(title, *queries, help="", width=24):
    return {"kind": "table", "title": title, "unit": "none", "queries": queries, "help": help, "width": width}


def panel_json(panel, identifier, x, y, height):
    kind = panel["kind"]
    targets = []
    for index, (expr, legend) in enumerate(panel["queries"]):
        target = {"datasource": SOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend,
                  "refId": chr(ord("A") + index), "range": kind == "timeseries", "instant": kind != "timeseries"}
        if kind == "table":
            target["format"] = "table"
        targets.append(target)
    steps = [{"color": "green", "value": None}] + [{"color": colour, "value": value} for value, colour in panel.get("thresholds", ())]
    defaults = {"unit": panel["unit"], "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    if panel.get("maximum") is not None:
        defaults["max"] = panel["maximum"]
    overrides = [{"matcher": {"id": "byRegexp", "options": f"/\\b{name}\\b/"},
                  "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": colour}}]}
                 for name, colour in COLOURS.items()]
    made = {"id": identifier, "type": kind, "title": panel["title"], "datasource": SOURCE, "targets": targets,
            "gridPos": {"x": x, "y": y, "w": panel["width"], "h": height},
            "fieldConfig": {"defaults": defaults, "overrides": []}}
    if panel["help"]:
        made["description"] = panel["help"]
    if kind == "timeseries":
        defaults["custom"] = {"fillOpacity": 20 if panel["stack"] else 5, "lineWidth": 1, "showPoints": "never",
                              "stacking": {"mode": "normal" if panel["stack"] else "none", "group": "A"}}
        made["fieldConfig"]["overrides"] = overrides
        made["options"] = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                           "tooltip": {"mode": "multi", "sort": "desc"}}
    elif kind == "stat":
        made["options"] = {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "textMode": "auto",
                           "orientation": "auto", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
    else:
        defaults.pop("min")
        made["options"] = {"showHeader": True, "cellHeight": "sm"}
        made["transformations"] = [{"id": "merge", "options": {}}]
    return made


def variable(name, label, expr, multi):
    made = {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": {"query": expr, "refId": name},
            "refresh": 2, "sort": 1, "multi": multi, "includeAll": multi}
    if multi:
        made["allValue"] = ".*"
    return made


def dashboard(uid, title, description, variables, rows, annotations=()):
    panels, y, identifier = [], 0, 1
    for name, height, row in rows:
        panels.append({"id": identifier, "type": "row", "title": name, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        identifier, y, x = identifier + 1, y + 1, 0
        for panel in row:
            if x + panel["width"] > WIDTH:
                x, y = 0, y + height
            panels.append(panel_json(panel, identifier, x, y, height))
            identifier, x = identifier + 1, x + panel["width"]
        y += height
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1}
    return {"uid": uid, "title": title, "description": description, "tags": ["sluice"], "schemaVersion": 39, "version": 1,
            "editable": True, "graphTooltip": 1, "refresh": "15s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
            "templating": {"list": [source, *variables]},
            "annotations": {"list": [{"name": name, "datasource": SOURCE, "enable": True, "iconColor": colour, "expr": expr,
                                      "titleFormat": text} for name, colour, expr, text in annotations]},
            "links": [{"title": "Sluice", "type": "dashboards", "tags": ["sluice"], "asDropdown": True, "includeVars": False,
                       "keepTime": True, "targetBlank": False, "icon": "external link", "tooltip": "", "url": ""}],
            "panels": panels}


JOB = variable("job", "Job", "label_values(sluice_build_info, job)", True)
FLAG = variable("flag", "Flag", 'label_values(sluice_flag_decisions_total{job=~"$job"}, flag)', False)
PLAN = variable("flag", "Flag", 'label_values(sluice_rollout_state{job=~"$job"}, flag)', False)
RELOADS = ("Reloads", "blue", 'changes(sluice_snapshot_loaded_timestamp_seconds{job=~"$job"}[$__interval]) > 0', "new snapshot on {{instance}}")
J = 'job=~"$job"'
F = 'job=~"$job",flag="$flag"'

OVERVIEW = dashboard(
    "sluice-overview", "Sluice: overview", "Traffic, errors, decisions and limits of all nodes.", [JOB],
    [
        ("Now", 4, [
            number("Nodes", "none", query(f"count(sluice_build_info{{{J}}})", "")),
            number("Requests", "reqps", query(f"sum(rate(sluice_requests_total{{{J}}}[5m]))", "")),
            number("5xx", "percentunit", query(f'(sum(rate(sluice_requests_total{{{J},status="5xx"}}[5m])) or vector(0)) / sum(rate(sluice_requests_total{{{J}}}[5m]))', ""),
                   thresholds=[(0.01, "red")]),
            number("p95", "s", query(f"histogram_quantile(0.95, sum by (le) (rate(sluice_request_duration_seconds_bucket{{{J}}}[5m])))", "")),
            number("Rejected", "reqps", query(f"sum(rate(sluice_rejections_total{{{J}}}[5m])) or vector(0)", ""), help="Answers of Sluice itself, such as a closed gate."),
            number("Rejected reloads", "none", query(f"sum(sluice_reload_last_failure_timestamp_seconds{{{J}}} > bool sluice_reload_last_success_timestamp_seconds{{{J}}})", ""),
                   help="Nodes whose last change of the documents was rejected.", thresholds=[(1, "red")]),
        ]),
        ("Requests", 8, [
            graph("Requests by outcome", "reqps", query(f"sum by (outcome) (rate(sluice_requests_total{{{J}}}[$__rate_interval]))", "{{outcome}}"), stack=True),
            graph("Requests by status", "reqps", query(f"sum by (status) (rate(sluice_requests_total{{{J}}}[$__rate_interval]))", "{{status}}"), stack=True),
            graph("Requests by route", "reqps", query(f"topk(10, sum by (route) (rate(sluice_requests_total{{{J}}}[$__rate_interval])))", "{{route}}")),
            graph("Duration", "s", *[query(f"histogram_quantile({q}, sum by (le) (rate(sluice_request_duration_seconds_bucket{{{J}}}[$__rate_interval])))", f"p{int(q * 100)}") for q in (0.5, 0.95, 0.99)]),
            graph("p95 by route", "s", query(f"topk(10, histogram_quantile(0.95, sum by (le, route) (rate(sluice_request_duration_seconds_bucket{{{J}}}[$__rate_interval]))))", "{{route}}")),
            graph("Rejections by reason", "reqps", query(f"sum by (reason) (rate(sluice_rejections_total{{{J}}}[$__rate_interval]))", "{{reason}}"), stack=True, help="sluice why REQUEST_ID explains one."),
        ]),
        ("Decisions and identity", 8, [
            graph("Decisions by flag and variant", "reqps", query(f"topk(15, sum by (flag, variant) (rate(sluice_flag_decisions_total{{{J}}}[$__rate_interval])))", "{{flag}} = {{variant}}")),
            graph("Decisions by cause", "reqps", query(f"sum by (cause) (rate(sluice_flag_decisions_total{{{J}}}[$__rate_interval]))", "{{cause}}"), stack=True),
            graph("Token verifications", "ops", query(f"sum by (result) (rate(sluice_token_verifications_total{{{J}}}[$__rate_interval]))", "{{result}}"), query(f'sum(rate(sluice_token_cache_total{{{J},result="hit"}}[$__rate_interval]))', "cache hit")),
        ]),
        ("Upstreams", 8, [
            graph("Attempts by result", "reqps", query(f"sum by (upstream, result) (rate(sluice_upstream_attempts_total{{{J}}}[$__rate_interval]))", "{{upstream}} {{result}}")),
            graph("Endpoints", "none", query(f"sum by (upstream, state) (sluice_upstream_endpoints{{{J}}})", "{{upstream}} {{state}}")),
            graph("In flight", "none", query(f"sum by (upstream) (sluice_upstream_in_flight{{{J}}})", "{{upstream}}")),
        ]),
        ("Process", 8, [
            graph("Connections", "none", query(f"sum by (listener) (sluice_connections{{{J}}})", "{{listener}}")),
            graph("Use of limits", "percentunit", query(f"max by (resource) (sluice_resource_used{{{J}}} / sluice_resource_limit{{{J}}})", "{{resource}}"), maximum=1, help="At 100 % requests of the largest users are ended."),
            graph("CPU", "percentunit", query(f"rate(process_cpu_seconds_total{{{J}}}[$__rate_interval])", "{{instance}}"), help="1 is one core."),
            graph("Memory", "bytes", query(f"process_resident_memory_bytes{{{J}}}", "{{instance}}")),
            graph("Open files", "none", query(f"process_open_fds{{{J}}}", "{{instance}}")),
            graph("Threads", "none", query(f"process_threads{{{J}}}", "{{instance}}")),
        ]),
    ], [RELOADS])

ONE_FLAG = dashboard(
    "sluice-flag", "Sluice: one flag", "Who gets a flag, and how its requests end.", [JOB, FLAG],
    [
        ("Now", 4, [
            number("Decisions", "reqps", query(f"sum(rate(sluice_flag_decisions_total{{{F}}}[5m]))", "")),
            number("On", "percentunit", query(f'1 - (sum(rate(sluice_flag_decisions_total{{{F},variant=~"off|false"}}[5m])) or vector(0)) / sum(rate(sluice_flag_decisions_total{{{F}}}[5m]))', ""), help="The share of decisions with another variant than off."),
            number("Errors in treatment", "percentunit", query(f'(sum(rate(sluice_flag_requests_total{{{F},arm="treatment",outcome="error"}}[5m])) or vector(0)) / sum(rate(sluice_flag_requests_total{{{F},arm="treatment",outcome=~"ok|error"}}[5m]))', ""), thresholds=[(0.01, "red")]),
            number("p95 in treatment", "s", query(f'histogram_quantile(0.95, sum by (le) (rate(sluice_flag_request_duration_seconds_bucket{{{F},arm="treatment"}}[5m])))', ""), thresholds=[(2, "red")]),
            number("Open breakers", "none", query(f"sum(sluice_breakers_open{{{F}}}) or vector(0)", ""), thresholds=[(1, "orange")]),
        ]),
        ("Decisions", 8, [
            graph("By variant", "reqps", query(f"sum by (variant) (rate(sluice_flag_decisions_total{{{F}}}[$__rate_interval]))", "{{variant}}"), stack=True, width=12),
            graph("By cause", "reqps", query(f"sum by (cause) (rate(sluice_flag_decisions_total{{{F}}}[$__rate_interval]))", "{{cause}}"), stack=True, width=12),
        ]),
        ("Requests by arm (flags with a rollout plan, or in `observe` of a route)", 8, [
            graph("Requests", "reqps", query(f"sum by (arm) (rate(sluice_flag_requests_total{{{F}}}[$__rate_interval]))", "{{arm}}")),
            graph("Errors", "percentunit", query(f'sum by (arm) (rate(sluice_flag_requests_total{{{F},outcome="error"}}[$__rate_interval])) / sum by (arm) (rate(sluice_flag_requests_total{{{F},outcome=~"ok|error"}}[$__rate_interval]))', "{{arm}}")),
            graph("p95", "s", query(f"histogram_quantile(0.95, sum by (le, arm) (rate(sluice_flag_request_duration_seconds_bucket{{{F}}}[$__rate_interval])))", "{{arm}}")),
        ]),
    ], [RELOADS])

ROLLOUT = dashboard(
    "sluice-rollout", "Sluice: rollout", "The course of one rollout plan beside its evidence.", [JOB, PLAN],
    [
        ("Plan", 4, [
            number("State", "none", query(f"sluice_rollout_state{{{F}}} == 1", "{{state}}"), width=6),
            number("Stage", "none", query(f"max(sluice_rollout_stage{{{F}}})", "")),
            number("Share of the audience", "percent", query(f"max(sluice_rollout_percent{{{F}}})", "")),
            number("Waits", "s", query(f"time() - sluice_rollout_waiting_since_timestamp_seconds{{{F}}}", "for {{reason}}"), width=6),
        ]),
        ("Course", 8, [
            graph("Share", "percent", query(f"max by (flag) (sluice_rollout_percent{{{F}}})", "{{flag}}"), width=12, maximum=100),
            graph("Verdicts of checks", "none", query(f"sum by (check, verdict) (sluice_rollout_check{{{F}}})", "{{check}}: {{verdict}}"), width=12, help="1 while the check has this verdict."),
        ]),
        ("Evidence", 8, [
            graph("Requests by arm", "reqps", query(f"sum by (arm) (rate(sluice_flag_requests_total{{{F}}}[$__rate_interval]))", "{{arm}}")),
            graph("Errors by arm", "percentunit", query(f'sum by (arm) (rate(sluice_flag_requests_total{{{F},outcome="error"}}[$__rate_interval])) / sum by (arm) (rate(sluice_flag_requests_total{{{F},outcome=~"ok|error"}}[$__rate_interval]))', "{{arm}}")),
            graph("p95 by arm", "s", query(f"histogram_quantile(0.95, sum by (le, arm) (rate(sluice_flag_request_duration_seconds_bucket{{{F}}}[$__rate_interval])))", "{{arm}}")),
            graph("Tenants off by their breaker", "none", query(f"sum by (flag) (sluice_breakers_open{{{F}}})", "{{flag}}"), width=12),
            graph("Notifications", "none", query(f"sum by (receiver) (sluice_notifications_queued{{{J}}})", "{{receiver}} queued"), width=12),
        ]),
    ], [RELOADS])

FLEET = dashboard(
    "sluice-fleet", "Sluice: fleet", "Every node: version, revision, age, limits.", [JOB],
    [
        ("Nodes", 8, [
            table("Versions and revisions", query(f"sum by (instance, version) (sluice_build_info{{{J}}})", ""), query(f"sum by (instance, revision) (sluice_snapshot_info{{{J}}})", "")),
        ]),
        ("Snapshots", 8, [
            graph("Revisions in use", "none", query(f"count by (revision) (sluice_snapshot_info{{{J}}})", "{{revision}}"), stack=True, help="More than one for minutes: a node lags."),
            graph("Age of the snapshot", "s", query(f"sluice_snapshot_age_seconds{{{J}}}", "{{instance}}")),
            graph("Not verified for", "s", query(f"time() - sluice_snapshot_verified_timestamp_seconds{{{J}}}", "{{instance}}"), help="The time since the source was read and equal to what is served."),
            graph("Reloads", "none", query(f"sum by (instance, result) (increase(sluice_reloads_total{{{J}}}[$__rate_interval]))", "{{instance}} {{result}}")),
            graph("Requests", "reqps", query(f"sum by (instance) (rate(sluice_requests_total{{{J}}}[$__rate_interval]))", "{{instance}}")),
            graph("5xx", "reqps", query(f'sum by (instance) (rate(sluice_requests_total{{{J},status="5xx"}}[$__rate_interval]))', "{{instance}}")),
        ]),
        ("Machines", 8, [
            graph("CPU", "percentunit", query(f"rate(process_cpu_seconds_total{{{J}}}[$__rate_interval])", "{{instance}}")),
            graph("Memory", "bytes", query(f"process_resident_memory_bytes{{{J}}}", "{{instance}}")),
            graph("Connections", "none", query(f"sum by (instance) (sluice_connections{{{J}}})", "{{instance}}")),
        ]),
    ], [RELOADS])

DASHBOARDS = {"overview.json": OVERVIEW, "flag.json": ONE_FLAG, "rollout.json": ROLLOUT, "fleet.json": FLEET}


def main():
    outdated = []
    for name, content in DASHBOARDS.items():
        text = json.dumps(content, indent=2) + "\n"
        path = FOLDER / name
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                outdated.append(name)
        else:
            path.write_text(text)
    if outdated:
        sys.exit(f"outdated: {', '.join(outdated)}; run deploy/grafana/dashboards.py")


if __name__ == "__main__":
    main()
