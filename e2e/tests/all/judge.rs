//! OpenAI's own API description judges every request that we make.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

use serde_json::Value;

use crate::differential::{Ours, cases};
use crate::harness::{Launch, exchange, here, request};

/// How paths of requests begin that part those of one case from those of the next.
const FENCE: &str = "/fence/";

/// The API description, when it is at hand.
fn document() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("OPENAI_MCP_OPENAPI") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "OPENAI_MCP_OPENAPI names {}, which is no file", path.display());
        return Some(path);
    }
    Some(here().join("../../shared/openai-api/openapi.json")).filter(|path| path.is_file())
}

/// The judge itself: the script that npm puts before it would leave it running.
fn steady() -> PathBuf {
    let packages = here().join("node_modules/@stdy").read_dir().expect("run `cargo xtask test` once");
    let mut found = packages.flatten().map(|package| package.path());
    let platform = found.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("cli-")));
    platform.expect("npm has no judge for this system").join("bin/steady")
}

#[test]
fn every_request_satisfies_the_openapi_document() {
    let Some(document) = document() else {
        // Written past the capture of a test that passes: whoever runs the tests is to know.
        let line = "\nSKIPPED: no OpenAPI document; set OPENAI_MCP_OPENAPI to the path of OpenAI's openapi.json\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    };
    // The judge announces the port it was given and not the one it got, so it is given a free one.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut judge = Launch::new(steady())
        .args(&["--port", &port, "--host", "127.0.0.1", "--log-format", "json"])
        .args(&["--validator-form-object-format=brackets", "--validator-query-object-format=brackets"])
        .args(&[document.to_str().unwrap()])
        .start();
    loop {
        let started = judge.receive_line();
        if serde_json::from_str::<Value>(&started).is_ok_and(|event| event["type"] == "startup") {
            break;
        }
    }

    let ours = Ours::new(&format!("http://127.0.0.1:{port}"));
    let judge_addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().unwrap()));
    let mut faults = Vec::new();
    for (number, case) in cases().iter().enumerate() {
        let reply = ours.call(case);
        // A tool may make more than one request: those up to this one, which is of no tool, are the case's.
        let fence = format!("{FENCE}{number}");
        exchange(judge_addr, &request("GET", &fence, judge_addr, &[], b""));
        let mut verdicts = Vec::new();
        loop {
            let event = serde_json::from_str::<Value>(&judge.receive_line()).unwrap_or_default();
            if event["type"] == "request" {
                if event["request"]["path"] == *fence {
                    break;
                }
                verdicts.push(event);
            }
        }
        assert!(!verdicts.is_empty(), "{}: the judge was not asked; our reply was {}", case.name, reply.body);
        let mut unseen = case.quirks.clone();
        for diagnostic in verdicts.iter().flat_map(|verdict| verdict["diagnostics"].as_array().unwrap()) {
            let code = diagnostic["code"].as_str().unwrap();
            unseen.remove(code);
            if !case.quirks.contains_key(code) {
                faults.push(format!(
                    "{}: {} {} at {}",
                    case.name, diagnostic["code"], diagnostic["message"], diagnostic["requestPath"]
                ));
            }
        }
        if unseen != BTreeMap::new() {
            faults.push(format!("{}: no longer found, so take them out: {unseen:?}", case.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
