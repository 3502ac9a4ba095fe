//! Calls as models and hosts really make them, of each kind several: `wrong-calls.jsonl` has one a line.
//!
//! What its meaning is certain of is `sent` as if it had been written right: the body of the first request is the object
//! of `sends`, or it holds the text of `sends`, or its target does. Else the error `says` each of some texts. Neither has
//! any of `unlike`. What the API answers is `reply`, or an empty object.

use std::sync::Arc;

use openai_mcp::SERVERS;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: String,
    tool: String,
    /// As text: half of a character stays what it is.
    arguments: Box<RawValue>,
    reply: Option<Value>,
    sends: Option<Value>,
    #[serde(default)]
    says: Vec<String>,
    #[serde(default)]
    unlike: Vec<String>,
}

#[test]
fn what_is_certain_is_taken_and_what_is_not_is_told() {
    let rows = include_str!("../wrong-calls.jsonl").lines().map(|line| serde_json::from_str(line).expect(line));
    let rows: Vec<Row> = rows.collect();
    let faults: Vec<String> = rows.iter().filter_map(|row| fault(row).err()).collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), rows.len(), faults.join("\n"));
}

fn fault(row: &Row) -> Result<(), String> {
    let owner = |definition: &&&'static Definition| definition.specs().any(|spec| spec.name == row.tool);
    let server = SERVERS.iter().find(owner).ok_or_else(|| format!("there is no {}", row.tool))?;
    let reply = row.reply.clone().unwrap_or_else(|| json!({}));
    let script = Arc::new(Script::new(vec![Reply::json(&reply)]));
    let result = call_tool(server, &row.tool, &row.arguments, script.clone());
    let told = result["content"][0]["text"].as_str().unwrap_or_default();
    let sent = script.sent().into_iter().next();
    let what = |problem: &str| Err(format!("{} ({}): {problem}: {sent:?}: {told}", row.kind, row.tool));
    if (result["isError"] == true) == row.says.is_empty() {
        return what(if row.says.is_empty() { "refused" } else { "not refused" });
    }
    if row.says.iter().any(|says| !told.contains(says)) {
        return what("does not say what it should");
    }
    let (target, body) = sent.as_ref().map(|sent| (sent.target.as_str(), sent.body.as_str())).unwrap_or_default();
    let holds = |text: &str| body.contains(text) || target.contains(text);
    let as_meant = match &row.sends {
        None => true,
        Some(Value::String(text)) => holds(text),
        Some(whole) => serde_json::from_str::<Value>(body).is_ok_and(|body| body == *whole),
    };
    match as_meant && !row.unlike.iter().any(|text| holds(text)) {
        true => Ok(()),
        false => what("something else is sent"),
    }
}
