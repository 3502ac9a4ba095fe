//! The store as tools see it: whose rows are whose, and how tables come to be.

use std::sync::Arc;

use bytes::Bytes;
use futures_executor::block_on;
use openai_mcp_kernel::allowance::Bound;
use openai_mcp_kernel::config::Config;
use openai_mcp_kernel::context::Caller;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::secret::Secret;
use openai_mcp_kernel::server::{Definition, Reply, Service};
use openai_mcp_kernel::sql::sql;
use openai_mcp_kernel::tool::Tool;
use openai_mcp_testkit::script::{Reply as Answer, Script};

/// Keep a note.
#[tool("note-put")]
struct Put {
    body: String,
}

impl Put {
    async fn run(self, cx: Context) -> Result<Output> {
        let note = sql("INSERT INTO note (owner, body) VALUES (?1, ?2)", [cx.owner()?.into(), self.body.into()]);
        let changed = cx.store().run(note).await?.changed;
        Ok(Output::json(&json!({"kept": changed})))
    }
}

/// Write every note anew.
#[tool("note-set")]
struct Set {
    body: String,
}

impl Set {
    async fn run(self, cx: Context) -> Result<Output> {
        let notes = sql("UPDATE note SET body = ?2 WHERE owner = ?1", [cx.owner()?.into(), self.body.into()]);
        let changed = cx.store().run(notes).await?.changed;
        Ok(Output::json(&json!({"changed": changed})))
    }
}

/// List the notes.
#[tool("note-list", reads)]
struct List {}

impl List {
    async fn run(self, cx: Context) -> Result<Output> {
        let notes = sql("SELECT body FROM note WHERE owner = ?1 ORDER BY id", [cx.owner()?.into()]);
        let rows = cx.store().run(notes).await?.rows;
        let notes: Vec<_> = rows.iter().map(|row| row.text(0)).collect::<Result<_>>()?;
        Ok(Output::json(&json!(notes)))
    }
}

const NOTE: &str = "CREATE TABLE note (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX note_owner ON note (owner, id);
";
const MARK: &str = "UPDATE note SET body = body || '!'";
const BROKEN: &str = "DELETE FROM note;
UPDATE nowhere SET x = 1;
";

const fn server(migrations: &'static [&'static str]) -> Definition {
    const ALL: &[&[&Tool]] = &[&[&Put::TOOL, &Set::TOOL, &List::TOOL]];
    let bound = Bound { tables: &[("note", "octet_length(body)")], room: "note-delete" };
    Definition { domain: "note", version: "0.0.0", about: "", tools: ALL, migrations, bound, ..Definition::PLAIN }
}

static FIRST: Definition = server(&[NOTE]);
static SECOND: Definition = server(&[NOTE, MARK, MARK]);
static FAULTY: Definition = server(&[NOTE, BROKEN]);

/// An API that knows every key.
fn knowing() -> Arc<Script> {
    Arc::new(Script::new((0..8).map(|_| Answer::json(&json!({"object": "list", "data": []}))).collect()))
}

fn service(server: &'static Definition, script: &Arc<Script>, settings: &[(&str, &str)]) -> Arc<Service> {
    let value = |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let all = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let config = Config::read(value).unwrap().with_settings(all);
    Service::new(server, Arc::new(config), script.clone()).unwrap()
}

/// The text that a tool gives to a caller with this key, or to one on the operator's machine.
fn call(service: &Arc<Service>, key: Option<&str>, tool: &str, arguments: Value) -> String {
    let message =
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}});
    let caller = Caller { key: key.map(|key| Secret::new(key).unwrap()), trusted: key.is_none(), ..Caller::default() };
    let begun = service.begin(&Bytes::from(message.to_string()), caller, None);
    let Reply::One(_, answer) = block_on(begun.reply) else { panic!("expected one message") };
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["result"]["content"][0]["text"].as_str().unwrap().to_owned()
}

fn put(service: &Arc<Service>, key: Option<&str>, body: &str) {
    assert_eq!(call(service, key, "note-put", json!({"body": body})), r#"{"kept":1}"#);
}

#[test]
fn a_caller_sees_the_rows_of_their_own_key() {
    let script = knowing();
    let service = service(&FIRST, &script, &[("OPENAI_API_KEY", "sk-env")]);
    put(&service, Some("sk-a"), "of a");
    put(&service, Some("sk-b"), "of b");
    put(&service, None, "of the operator");
    assert_eq!(call(&service, Some("sk-a"), "note-list", json!({})), r#"["of a"]"#);
    assert_eq!(call(&service, Some("sk-b"), "note-list", json!({})), r#"["of b"]"#);
    assert_eq!(call(&service, Some("sk-env"), "note-list", json!({})), r#"["of the operator"]"#);
    let owners = block_on(script.query("note", vec![sql("SELECT owner FROM note", [])])).unwrap();
    for owner in owners[0].rows.iter().map(|row| row.text(0).unwrap()) {
        assert!(owner.len() == 32 && owner.bytes().all(|byte| byte.is_ascii_hexdigit()), "{owner}");
    }
}

#[test]
fn a_named_owner_keeps_the_rows_when_the_operator_changes_the_key() {
    let script = knowing();
    let named = |key| service(&FIRST, &script, &[("OPENAI_API_KEY", key), ("OPENAI_MCP_OWNER", "team")]);
    put(&named("sk-old"), None, "of the team");
    put(&named("sk-old"), Some("sk-a"), "of a");
    assert_eq!(call(&named("sk-new"), None, "note-list", json!({})), r#"["of the team"]"#);
    assert_eq!(call(&named("sk-new"), Some("sk-a"), "note-list", json!({})), r#"["of a"]"#);
    assert_eq!(call(&named("sk-new"), Some("team"), "note-list", json!({})), "[]", "a key is not a name");
}

#[test]
fn an_administrator_alone_has_rows_too_and_nobody_has_none() {
    let script = knowing();
    let admin = service(&FIRST, &script, &[("OPENAI_ADMIN_KEY", "sk-admin-1")]);
    put(&admin, None, "of the administrator");
    let nobody = service(&FIRST, &script, &[]);
    assert!(call(&nobody, None, "note-list", json!({})).starts_with("no OpenAI key\nhint: "));
}

#[test]
fn an_older_store_is_brought_up_to_date_once() {
    let script = knowing();
    put(&service(&FIRST, &script, &[]), Some("sk-a"), "old");
    for _ in 0..2 {
        let second = service(&SECOND, &script, &[]);
        assert_eq!(call(&second, Some("sk-a"), "note-list", json!({})), r#"["old!!"]"#);
    }
    let error = call(&service(&FIRST, &script, &[]), Some("sk-a"), "note-list", json!({}));
    assert_eq!(
        error,
        "the store is of a newer release of openai-note-mcp: it has version 3, this release knows 1\n\
         hint: update the server"
    );
}

#[test]
fn a_migration_that_fails_leaves_everything_as_it_was() {
    let script = knowing();
    put(&service(&FIRST, &script, &[]), Some("sk-a"), "kept");
    let error = call(&service(&FAULTY, &script, &[]), Some("sk-a"), "note-list", json!({}));
    assert_eq!(error, "the store refused a statement: no such table: nowhere");
    assert_eq!(call(&service(&FIRST, &script, &[]), Some("sk-a"), "note-list", json!({})), r#"["kept"]"#);
}

#[test]
fn an_owner_keeps_so_much_and_no_more() {
    let script = knowing();
    let service = service(&FIRST, &script, &[("OPENAI_MCP_MAX_STORE", "1")]);
    let big = "x".repeat(600_000);
    put(&service, Some("sk-one"), &big);
    let refused = call(&service, Some("sk-one"), "note-put", json!({"body": big}));
    assert!(refused.starts_with("there is no room for 1 MB more of yours: 1 rows with 1 MB are kept"), "{refused}");
    assert!(refused.ends_with("hint: note-delete makes room"), "{refused}");
    put(&service, Some("sk-two"), &big);
    // What is freed, here or by another process, can be used at once.
    block_on(script.query("note", vec![sql("DELETE FROM note", [])])).unwrap();
    put(&service, Some("sk-one"), &big);
    // Many small ones fill it as well.
    for _ in 1..256 {
        put(&service, Some("sk-one"), "");
    }
    let refused = call(&service, Some("sk-one"), "note-put", json!({"body": ""}));
    assert!(refused.contains("256 rows with 1 MB are kept, and 256 rows with 1 MB may be"), "{refused}");
    assert_eq!(call(&service, Some("sk-three"), "note-list", json!({})), "[]");
}

#[test]
fn what_grows_counts_too() {
    let script = knowing();
    let service = service(&FIRST, &script, &[("OPENAI_MCP_MAX_STORE", "1")]);
    put(&service, Some("sk-one"), "");
    let changed = call(&service, Some("sk-one"), "note-set", json!({"body": "x".repeat(1_100_000)}));
    assert_eq!(changed, r#"{"changed":1}"#);
    let refused = call(&service, Some("sk-one"), "note-put", json!({"body": ""}));
    assert!(refused.contains("1 rows with 2 MB are kept, and 256 rows with 1 MB may be"), "{refused}");
}

#[test]
fn an_allowance_that_is_no_number_is_told() {
    let script = Arc::new(Script::new(Vec::new()));
    let service = service(&FIRST, &script, &[("OPENAI_MCP_MAX_STORE", "much")]);
    let told = call(&service, Some("sk-one"), "note-put", json!({"body": "a"}));
    assert_eq!(told, "the operator's OPENAI_MCP_MAX_STORE: expected a number of megabytes, got `much`");
}

#[test]
fn nothing_is_kept_for_a_key_that_openai_does_not_know() {
    let refusal = |status, message| Answer::new(status, json!({"error": {"message": message}}).to_string());
    let replies = vec![
        refusal(401, "Incorrect API key provided"),
        refusal(401, "You have insufficient permissions for this operation. Missing scopes: api.model.read"),
    ];
    let script = Arc::new(Script::new(replies));
    let service = service(&FIRST, &script, &[]);
    let refused = call(&service, Some("sk-made-up"), "note-put", json!({"body": "a"}));
    assert!(refused.starts_with("openai answered 401: Incorrect API key provided"), "{refused}");
    assert_eq!(call(&service, Some("sk-made-up"), "note-list", json!({})), "[]");
    // A key of few rights is one, and is asked for once.
    put(&service, Some("sk-few"), "a");
    put(&service, Some("sk-few"), "b");
    let asked: Vec<_> = script.sent().iter().map(|sent| format!("{} {}", sent.method, sent.target)).collect();
    assert_eq!(asked, ["GET /models"; 2]);
}
