//! A tool with code of its own can send on what the caller wrote.

use std::sync::Arc;

use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Make, Copy, Watch, Hear, Paint];

/// Make a thing.
#[tool("thing-make", POST "/things", run)]
struct Make {
    size: Option<f64>,
    note: Option<Nullable<String>>,
    shade: Option<Shade>,
    #[alias("labels")]
    tags: Option<Vec<String>>,
    #[local]
    loud: Option<bool>,
}

#[shape(tag = "type")]
enum Shade {
    Grey { level: Int<0, 9> },
}

impl Make {
    async fn run(self, cx: Context) -> Result<Output> {
        let arguments = match self.loud {
            Some(true) => cx.arguments().clone().set("note", "LOUD"),
            _ => cx.arguments().clone(),
        };
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// Copy a thing.
#[tool("thing-copy", POST "/things/{id}/copies", run)]
struct Copy {
    id: String,
    shade: Option<Shade>,
}

impl Copy {
    async fn run(self, cx: Context) -> Result<Output> {
        cx.send(&Self::SPEC, cx.arguments()).bytes().await.map(Output::Json)
    }
}

/// Watch a thing.
#[tool("thing-watch", POST "/things/{id}/watch", streams)]
struct Watch {
    id: String,
    shade: Option<Shade>,
}

/// Hear a thing.
#[tool("thing-hear", POST "/things/hear", multipart, streams)]
struct Hear {
    file: FileInput,
}

/// Paint a thing.
#[tool("thing-paint", POST "/things/{id}/paint", twin = "betas")]
struct Paint {
    id: String,
    coat: Option<Coat>,
    frame: Option<Frame>,
    #[header("OpenAI-Beta")]
    betas: Option<Vec<String>>,
    #[query]
    shade: Option<String>,
}

#[shape(tag = "type", open)]
enum Coat {
    Oil { layers: Int<1, 3> },
    Wax {},
}

#[shape(open)]
struct Frame {
    wood: String,
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

fn sent(arguments: &str) -> String {
    sent_by("thing-make", arguments)
}

fn sent_by(tool: &str, arguments: &str) -> String {
    let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
    call_tool(&SERVER, tool, arguments, script.clone());
    script.sent().remove(0).body
}

#[test]
fn what_the_caller_wrote_is_what_is_sent() {
    assert_eq!(sent(r#"{"size": 1.50, "note": null}"#), r#"{"size": 1.50, "note": null}"#);
    assert_eq!(sent(r#"{"size": 1.50, "loud": false}"#), r#"{"size":1.50}"#);
}

#[test]
fn null_is_left_out_where_it_is_no_value() {
    assert_eq!(sent(r#"{"size": null, "note": null, "shade": null, "loud": null}"#), r#"{"note":null}"#);
    assert_eq!(sent_by("thing-watch", r#"{"id": "a", "shade": null}"#), r#"{"stream":true}"#);
    let script = Arc::new(Script::new(Vec::new()));
    assert_eq!(call_tool(&SERVER, "thing-watch", r#"{"id": null}"#, script)["isError"], true);
}

#[test]
fn what_is_only_sent_is_checked_as_anything_else() {
    let grey = r#"{"shade": {"level": 3, "type": "grey"}}"#;
    assert_eq!(sent(grey), grey);
    let script = Arc::new(Script::new(Vec::new()));
    let result = call_tool(&SERVER, "thing-make", r#"{"shade": {"type": "grey", "level": 10}}"#, script);
    assert_eq!(result["isError"], true, "{result}");
}

#[test]
fn a_tool_can_do_without_reading_its_arguments() {
    let shade = r#"{"id": "a", "shade": {"level": 3, "type": "grey"}}"#;
    assert_eq!(sent_by("thing-copy", shade), r#"{"shade":{"level": 3, "type": "grey"}}"#);
    let script = Arc::new(Script::new(Vec::new()));
    assert_eq!(call_tool(&SERVER, "thing-copy", shade.replace('3', "3.5"), script)["isError"], true);
}

#[test]
fn what_can_only_mean_one_thing_is_taken_for_it() {
    let grey = r#"{"shade":{"level":3,"type":"grey"}}"#;
    assert_eq!(sent(r#"{"shade": {"level": 3.0, "type": "grey"}}"#), grey);
    assert_eq!(sent(r#"{"shade": {"level": "3", "type": "grey"}}"#), grey);
    assert_eq!(sent(r#"{"shade": "{\"level\": 3, \"type\": \"grey\"}"}"#), grey);
    assert_eq!(sent(r#"{"size": "1.5", "note": "2"}"#), r#"{"size":1.5,"note":"2"}"#);
    assert_eq!(sent(r#"{"tags": "a"}"#), r#"{"tags":["a"]}"#);
    assert_eq!(sent(r#"{"tags": "[\"a\", \"b\"]"}"#), r#"{"tags":["a","b"]}"#);
    for wrong in
        [r#"{"size": "much"}"#, r#"{"tags": "[1"}"#, r#"{"tags": ""}"#, r#"{"shade": "grey"}"#, r#"{"size": [1]}"#]
    {
        let script = Arc::new(Script::new(Vec::new()));
        let result = call_tool(&SERVER, "thing-make", wrong, script);
        assert_eq!(result["isError"], true, "{wrong}: {result}");
    }
}

#[test]
fn an_old_name_is_taken_for_the_new_one() {
    assert_eq!(sent(r#"{"labels": ["a"]}"#), r#"{"tags":["a"]}"#);
    let script = Arc::new(Script::new(Vec::new()));
    let result = call_tool(&SERVER, "thing-make", r#"{"labels": ["a"], "tags": ["b"]}"#, script);
    assert_eq!(result["content"][0]["text"], "`tags`: given twice: as `labels`, too");
}

#[test]
fn a_stream_is_asked_for_in_every_body() {
    assert_eq!(sent_by("thing-watch", r#"{"id": "a"}"#), r#"{"stream":true}"#);
    let shade = r#"{"id": "a", "shade": {"level": 3, "type": "grey"}}"#;
    assert_eq!(sent_by("thing-watch", shade), r#"{"shade":{"level": 3, "type": "grey"},"stream":true}"#);
    let form = sent_by("thing-hear", r#"{"file": {"text": "x", "filename": "a"}}"#);
    assert!(form.contains("name=\"stream\"\r\n\r\ntrue\r\n"), "{form}");
}

#[test]
fn what_a_tool_sets_takes_the_place_of_what_was_there() {
    assert_eq!(sent(r#"{"size": 1.50, "note": null, "loud": true}"#), r#"{"size":1.50,"note":"LOUD"}"#);
    assert_eq!(sent(r#"{"loud": true, "size": 1e3}"#), r#"{"size":1e3,"note":"LOUD"}"#);
    let arguments = |text: &'static str| Arguments::new(Some(text.into()));
    let set = |text| arguments(text).set("a\"b", [1]);
    assert_eq!(set("{}").text().as_ref(), br#"{"a\"b":[1]}"#);
    assert_eq!(set(r#"{"a\"b": 1, "c": 2.0}"#).text().as_ref(), br#"{"a\"b":[1],"c":2.0}"#);
    assert!(set("[]").members().is_err());
    assert_eq!(set("{}").without("a\"b").text().as_ref(), b"{}");
    let merged = arguments(r#"{"a": 1.0, "b": 2}"#).merge(arguments(r#"{"b": 3, "c": null}"#));
    assert_eq!(merged.text().as_ref(), br#"{"a":1.0,"b":3,"c":null}"#);
}

fn painted(arguments: &str) -> (Value, Vec<openai_mcp_testkit::script::Sent>) {
    let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
    (call_tool(&SERVER, "thing-paint", arguments, script.clone()), script.sent())
}

#[test]
fn an_open_shape_lets_pass_what_it_does_not_name() {
    let (_, sent) = painted(
        r#"{"id": "a", "coat": {"type": "oil", "layers": 2, "gloss": 0.50}, "frame": {"wood": "oak", "x": null}}"#,
    );
    assert_eq!(
        sent[0].body,
        r#"{"coat":{"type": "oil", "layers": 2, "gloss": 0.50},"frame":{"wood": "oak", "x": null}}"#
    );
    let (refused, _) = painted(r#"{"id": "a", "coat": {"type": "wox"}, "frame": {"x": 1}}"#);
    let text =
        "`coat.type`: expected one of `oil`, `wax`, got \"wox\"; did you mean `wax`?\n`frame.wood`: required: a string";
    assert_eq!(refused["content"][0]["text"], text);
}

#[test]
fn an_argument_of_the_beta_request_leads_to_it() {
    let (_, sent) = painted(r#"{"id": "a", "shade": "red", "betas": ["one=v1", "two=v1"]}"#);
    assert_eq!(sent[0].target, "/things/a/paint?beta=true&shade=red");
    assert_eq!(sent[0].headers[0], ("openai-beta".to_owned(), "one=v1,two=v1".to_owned()));
    let (_, sent) = painted(r#"{"id": "a", "shade": "red", "betas": null}"#);
    assert_eq!(sent[0].target, "/things/a/paint?shade=red");
}
