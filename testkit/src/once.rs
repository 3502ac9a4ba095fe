//! Secrets that OpenAI shows once: the result that shows one has it, and nothing else that a program says or writes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::canary::{ADMIN_KEY, KEY};
use crate::recorder::{Answer, Recorder};

/// The secret that `answer` of [`shown_once`] is to hold.
pub const SECRET: &str = "shown-once-Vt5Rk9Xw2Lm7Qz4Np8Hb3Yc6Jd1Gs0Fa";

/// Starts a server's program as a client does, as talkative as it can be made, where an API answers each POST with `answer`.
/// Calls `tool`, then `tool` wrongly and what `lists`, and looks for the secret in all that comes out, and in all files.
///
/// # Panics
/// It is not in the one result, or somewhere else.
pub fn shown_once(program: &str, tool: &str, arguments: &Value, answer: &Value, lists: &str) {
    assert!(answer.to_string().contains(SECRET), "{answer}");
    let whole = answer.to_string();
    let api = Recorder::start(move |request| match request.method.as_str() {
        "POST" => Answer::json(200, whole.clone()),
        _ => Answer::json(200, r#"{"object":"list","data":[],"has_more":false}"#),
    });
    let api = api.unwrap_or_else(|error| panic!("{error}"));
    let home = std::env::temp_dir().join(format!("openai-mcp-once-{}-{tool}", std::process::id()));
    fs::create_dir_all(&home).unwrap_or_else(|error| panic!("{}: {error}", home.display()));

    let mut command = Command::new(program);
    command.env("OPENAI_BASE_URL", api.base_url()).env("OPENAI_API_KEY", KEY).env("OPENAI_ADMIN_KEY", ADMIN_KEY);
    command.env("OPENAI_MCP_VERBOSE", "true").env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full");
    command.env("HOME", &home).env("XDG_DATA_HOME", &home).current_dir(&home);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut wrong = arguments.clone();
    wrong["nonsense"] = json!(SECRET.len());
    let empty = json!({});
    let calls = [(tool, arguments), (tool, &wrong), (lists, &empty)];
    let lines: String = (1..).zip(calls).map(|(id, (name, arguments))| call(id, name, arguments) + "\n").collect();
    let mut input = child.stdin.take().unwrap_or_else(|| panic!("no input"));
    input.write_all(lines.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    drop(input);
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));

    let (said, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(answers.len(), calls.len(), "{said}\n{log}");
    for answer in answers {
        let shown = answer.to_string().contains(SECRET);
        assert_eq!(shown, answer["id"] == 1, "{answer}");
    }
    assert!(log.contains(&format!("tool={tool} outcome=ok")) && !log.contains(SECRET), "{log}");
    search(&home);
    fs::remove_dir_all(&home).unwrap_or_else(|error| panic!("{}: {error}", home.display()));
}

fn call(id: u32, name: &str, arguments: &Value) -> String {
    let params = json!({"name": name, "arguments": arguments, "_meta": {"progressToken": id}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
}

/// Looks for the secret in the files of a folder.
fn search(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap_or_else(|error| panic!("{error}")).path();
        if path.is_dir() {
            search(&path);
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(!String::from_utf8_lossy(&bytes).contains(SECRET), "{}", path.display());
    }
}
