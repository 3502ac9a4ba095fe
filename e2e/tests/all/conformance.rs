//! The official conformance suite, on a fixture with everything it asks for and on a server as users get it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::harness::{Launch, Server, here, node24};

/// What a run of the suite found.
struct Run {
    /// Each scenario, and whether it passed.
    scenarios: BTreeMap<String, bool>,
    /// Scenarios that do not count for the revision.
    unscored: BTreeSet<String>,
    /// The checks that failed, by scenario.
    failed_checks: BTreeMap<String, BTreeSet<String>>,
    text: String,
}

impl Run {
    fn new(url: &str, what: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let suite = here().join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
        let finished = Launch::new(node24())
            .args(&[suite.to_str().unwrap(), "server", "--url", url, "-o", folder.path().to_str().unwrap()])
            .args(what)
            .run();
        let text = finished.stdout + &finished.stderr;

        let verdict = |line: &str| {
            let (mark, rest) = line.trim().split_once(' ')?;
            let name = rest.split([':', ' ']).next()?.to_owned();
            ["✓", "✗"].contains(&mark).then_some((name, mark == "✓"))
        };
        let summary = text.split_once("=== SUMMARY ===").map_or("", |(_, summary)| summary);
        let (scored, unscored) = summary.split_once("\nNot scored").unwrap_or((summary, ""));
        let mut failed_checks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // `server-SCENARIO-2026-11-22T16-04-39-082Z`
            let scenario = name.strip_prefix("server-").unwrap()[..].rsplitn(7, '-').last().unwrap().to_owned();
            let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(path.join("checks.json")).unwrap()).unwrap();
            let failed = checks.iter().filter(|check| check["status"] == "FAILURE");
            let failed = failed.map(|check| check["id"].as_str().unwrap().to_owned());
            failed_checks.entry(scenario).or_default().extend(failed);
        }
        Self {
            scenarios: scored.lines().filter_map(verdict).collect(),
            unscored: unscored.lines().filter_map(verdict).map(|(name, _)| name).collect(),
            failed_checks,
            // What comes before the summary only names the scenarios as they start.
            text: if summary.is_empty() { text.clone() } else { summary.to_owned() },
        }
    }

    /// Fails unless exactly `expected` of the `count` scenarios that count are failed, and none of `besides`.
    #[track_caller]
    fn expect(&self, count: usize, expected: &[&str], besides: &[&str]) {
        let scored = |name: &&String| !self.unscored.contains(*name);
        assert_eq!(self.scenarios.keys().filter(scored).count(), count, "{}", self.text);
        let failed = self.scenarios.iter().filter(|(_, passed)| !**passed).map(|(name, _)| name);
        let failed: BTreeSet<&str> =
            failed.filter(|name| scored(name) || besides.contains(&name.as_str())).map(String::as_str).collect();
        assert_eq!(failed, expected.iter().copied().collect(), "{:#?}\n{}", self.failed_checks, self.text);
        for name in besides {
            assert!(self.scenarios.contains_key(*name), "{name} was not run\n{}", self.text);
        }
    }
}

fn everything() -> Server {
    Launch::new(env!("CARGO_BIN_EXE_everything")).args(&["--http", "127.0.0.1:0"]).serve()
}

/// These need a request from the server to its client over a session, which a sessionless server has none of.
const NEEDS_A_SESSION: &[&str] =
    &["elicitation-sep1034-defaults", "elicitation-sep1330-enums", "tools-call-elicitation", "tools-call-sampling"];

#[test]
fn kernel_2025_11_25() {
    let server = everything();
    let run = Run::new(&format!("http://localhost:{}/mcp", server.addr.port()), &["--requirements", "2025-11-25"]);
    run.expect(30, NEEDS_A_SESSION, &[]);
}

#[test]
fn kernel_2026_07_28() {
    let server = everything();
    let run = Run::new(&format!("http://localhost:{}/mcp", server.addr.port()), &["--requirements", "2026-07-28"]);
    run.expect(37, &[], &["http-header-validation"]);
}

/// What the suite asks of any server, and the checks that it cannot make on one without its fixtures.
const PRODUCT: &[(&str, &str, &[&str])] = &[
    ("2025-11-25", "server-initialize", &[]),
    ("2025-11-25", "ping", &[]),
    ("2025-11-25", "tools-list", &[]),
    ("2025-11-25", "dns-rebinding-protection", &[]),
    ("2025-11-25", "server-sse-multiple-streams", &[]),
    ("2025-11-25", "server-session-lifecycle", &[]),
    (
        "2026-07-28",
        "server-stateless",
        &[
            "sep-2575-http-server-no-independent-requests-on-stream",
            "sep-2575-missing-capability-http-400",
            "sep-2575-server-no-log-without-loglevel",
            "sep-2575-server-rejects-undeclared-capability",
        ],
    ),
    ("2026-07-28", "http-header-validation", &[]),
    ("2026-07-28", "tools-list", &[]),
    ("2026-07-28", "dns-rebinding-protection", &[]),
    ("2026-07-28", "server-sse-multiple-streams", &[]),
    ("2026-07-28", "sep-2164-resource-not-found", &[]),
    ("2026-07-28", "input-required-result-unsupported-methods", &[]),
    ("2026-07-28", "input-required-result-validate-input", &[]),
];

#[test]
fn vector_store_server() {
    let server = Server::umbrella(&["--sandbox", "--servers", "vector-store"]);
    product(&format!("http://localhost:{}/vector-store/mcp", server.addr.port()));
}

/// Fails unless a server passes everything that it can without the suite's fixtures.
pub(crate) fn product(url: &str) {
    let mut faults = Vec::new();
    // One start of the suite for all scenarios of a revision: starting takes longer than they do.
    for revision in ["2025-11-25", "2026-07-28"] {
        let run = Run::new(url, &["--requirements", revision]);
        for (_, scenario, expected) in PRODUCT.iter().filter(|(of, ..)| *of == revision) {
            let Some(failed) = run.failed_checks.get(*scenario) else {
                faults.push(format!("{revision} {scenario} did not run: {}", run.text));
                continue;
            };
            if failed.iter().map(String::as_str).collect::<BTreeSet<_>>() != expected.iter().copied().collect() {
                faults.push(format!("{revision} {scenario}: failed {failed:?}, expected {expected:?}\n{}", run.text));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
