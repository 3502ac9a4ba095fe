//! Calls that are not written as they should be: what can only mean one thing is taken for it, and for the rest a refusal
//! says how it is written.

use std::sync::Arc;

use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};

tools![Make, Modify, List, Upload];

/// Make a thing.
#[tool("thing-make", POST "/things")]
struct Make {
    #[alias("amount")]
    count: Option<Int<1, 10>>,
    size: Option<f64>,
    loud: Option<bool>,
    order: Option<Order>,
    after: Option<String>,
    file_id: Option<String>,
    file_ids: Option<Vec<String>>,
    max_num_results: Option<Int<1, 50>>,
    parts: Option<Vec<Part>>,
    member: Option<Member>,
    expiry: Option<Expiry>,
    choice: Option<Nullable<Choice>>,
    tool: Option<Tool>,
    values: Option<Vec<Scalar>>,
    voice: Option<Voice>,
    options: Option<JsonObject>,
    metadata: Option<Metadata>,
    attributes: Option<Attributes>,
    attach: Option<Vec<Attachment>>,
    notes: Option<Vec<Note>>,
    label: Option<String>,
    renewed: Option<Nullable<Expiry>>,
    save_to: Option<String>,
    power: Option<Power>,
    quote: Option<Quote>,
    messages: Option<Vec<Message>>,
    words: Option<Vec<Words>>,
    items: Option<Vec<Brief<Item>>>,
}

#[shape]
struct Message {
    role: Role,
    content: Content,
}

#[shape]
enum Role {
    System,
    User,
}

#[shape]
enum Content {
    Text(String),
    Parts(Vec<Piece>),
}

/// What is said in pieces alone.
#[shape]
struct Words {
    role: Role,
    content: Vec<Piece>,
}

#[shape(tag = "type")]
enum Piece {
    InputText { text: String },
    Image { url: String },
    Sketch { url: String, strokes: Option<u32> },
    Refusal { refusal: String },
}

#[shape(open)]
struct Item {
    role: Option<Role>,
    content: Option<Json>,
}

#[shape]
struct Power {
    on: bool,
    level: Option<Int<0, 9>>,
}

#[shape]
struct Quote {
    #[unlisted]
    kind: Anchor,
    words: String,
}

#[shape]
enum Attachment {
    Kept(Kept),
    File(FileInput),
}

#[shape]
struct Kept {
    file_id: String,
}

#[shape]
struct Note {
    order: Order,
    text: Option<String>,
}

/// List things.
#[tool("thing-list", GET "/things")]
struct List {
    label: Option<String>,
    model: Option<Nullable<String>>,
    order: Option<Order>,
}

#[shape]
enum Order {
    Asc,
    Desc,
}

#[shape]
struct Part {
    weight: Option<Int<0, 9>>,
    thread_id: Option<String>,
    order: Option<Order>,
    marks: Option<Vec<Int<0, 9>>>,
}

#[shape]
struct Member {
    group_id: String,
    name: String,
}

#[shape]
struct Expiry {
    #[unlisted]
    anchor: Anchor,
    seconds: Int<1, 60>,
}

#[shape]
enum Anchor {
    CreatedAt,
}

#[shape]
enum Choice {
    Word(Word),
    Named(JsonObject),
}

#[shape(tag = "type")]
enum Tool {
    Function { function: Function },
    WebSearch { limits: Option<Limits>, city: Option<String> },
}

#[shape]
struct Function {
    name: String,
    parameters: Option<JsonObject>,
}

#[shape]
enum Voice {
    Named(String),
    Own(VoiceId),
}

#[shape]
struct VoiceId {
    id: String,
}

#[shape]
struct Limits {
    weight: Option<Int<0, 9>>,
    size: Option<f64>,
}

#[shape]
enum Word {
    Auto,
    None,
}

/// Replace the metadata of a thing.
#[tool("thing-modify", POST "/things/{thing_id}", destroys)]
struct Modify {
    thing_id: String,
    metadata: Nullable<Metadata>,
}

/// Upload a thing.
#[tool("thing-upload", POST "/things/files", multipart)]
struct Upload {
    file: FileInput,
    purpose: Option<String>,
}

static SERVER: Definition =
    Definition { domain: "thing", version: "0.0.0", about: "", tools: &[TOOLS], ..Definition::PLAIN };

fn call(tool: &str, arguments: &str) -> Result<String, String> {
    let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
    let result = call_tool(&SERVER, tool, arguments, script.clone());
    match result["isError"] == true {
        true => Err(result["content"][0]["text"].as_str().unwrap_or_default().to_owned()),
        false => Ok(script.sent().remove(0).body),
    }
}

#[test]
fn what_can_only_mean_one_thing_is_taken_for_it() {
    let rows = [
        (r#"{"count": "3"}"#, r#"{"count":3}"#),
        (r#"{"count": 3.0}"#, r#"{"count":3}"#),
        (r#"{"count": " 3.0 "}"#, r#"{"count":3}"#),
        (r#"{"size": "0.5"}"#, r#"{"size":0.5}"#),
        (r#"{"loud": "true"}"#, r#"{"loud":true}"#),
        (r#"{"loud": "False"}"#, r#"{"loud":false}"#),
        (r#"{"order": "DESC"}"#, r#"{"order":"desc"}"#),
        (
            r#"{"expiry": "{\"anchor\": \"created-at\", \"seconds\": \"5\"}"}"#,
            r#"{"expiry":{"anchor":"created_at","seconds":5}}"#,
        ),
        (r#"{"expiry": {"seconds": 5}}"#, r#"{"expiry":{"seconds":5,"anchor":"created_at"}}"#),
        (r#"{"file_ids": "file-1"}"#, r#"{"file_ids":["file-1"]}"#),
        (r#"{"file_ids": "[\"file-1\", \"file-2\"]"}"#, r#"{"file_ids":["file-1","file-2"]}"#),
        (r#"{"parts": {"weight": "1"}}"#, r#"{"parts":[{"weight":1}]}"#),
        (r#"{"parts": "{\"weight\": 1}"}"#, r#"{"parts":[{"weight":1}]}"#),
        (
            r#"{"parts": [{"weight": "1", "marks": "2"}, "{\"weight\": 2.0}"]}"#,
            r#"{"parts":[{"weight":1,"marks":[2]},{"weight":2}]}"#,
        ),
        (r#"{"choice": "{\"name\": \"x\"}"}"#, r#"{"choice":{"name":"x"}}"#),
        (r#"{"choice": "AUTO"}"#, r#"{"choice":"auto"}"#),
        (r#"{"options": "{\"a\": 1.50}"}"#, r#"{"options":{"a":1.5}}"#),
        (r#"{"metadata": "{\"k\": \"v\"}"}"#, r#"{"metadata":{"k":"v"}}"#),
        (
            r#"{"metadata": {"n": 3, "f": 0.5, "b": true, "t": "3", "none": null}}"#,
            r#"{"metadata":{"n":"3","f":"0.5","b":"true","t":"3"}}"#,
        ),
        (r#"{"attributes": {"n": 3, "b": true, "none": null}}"#, r#"{"attributes":{"n":3,"b":true}}"#),
        // A text that an item can be is the item, and none of its parts.
        (r#"{"attach": "/home/a.txt"}"#, r#"{"attach":["/home/a.txt"]}"#),
        (r#"{"attach": "https://example.com/a.png"}"#, r#"{"attach":["https://example.com/a.png"]}"#),
        (r#"{"notes": "ASC"}"#, r#"{"notes":[{"order":"asc"}]}"#),
        (r#"{"file_id": " file-1\n"}"#, r#"{"file_id":"file-1"}"#),
        (r#"{"file_ids": ["`file-1`", "file-2"]}"#, r#"{"file_ids":["file-1","file-2"]}"#),
        (r#"{"file_id": "https://api.openai.com/v1/files/file-1/content?a=b"}"#, r#"{"file_id":"file-1"}"#),
        (
            r#"{"parts": [{"thread_id": "https://platform.openai.com/threads/thread_1"}]}"#,
            r#"{"parts":[{"thread_id":"thread_1"}]}"#,
        ),
        (r#"{"label": " `a` "}"#, r#"{"label": " `a` "}"#),
        (r#"{"file_id": " a b"}"#, r#"{"file_id": " a b"}"#),
        (r#"{"file_id": "a`"}"#, r#"{"file_id": "a`"}"#),
        (r#"{"metadata": {"none": null}}"#, r#"{"metadata":{}}"#),
        (r#"{"voice": "voice_1"}"#, r#"{"voice":{"id":"voice_1"}}"#),
        (r#"{"voice": "voices"}"#, r#"{"voice": "voices"}"#),
        (r#"{"values": 2024}"#, r#"{"values":[2024]}"#),
        (r#"{"values": "2024"}"#, r#"{"values":["2024"]}"#),
        (r#"{"values": "[2024]"}"#, r#"{"values":[2024]}"#),
        (r#"{"tool": {"type": "Web-Search"}}"#, r#"{"tool":{"type":"web_search"}}"#),
        (
            r#"{"tool": {"type": "function", "name": "f", "parameters": {}}}"#,
            r#"{"tool":{"type":"function","function":{"name":"f","parameters":{}}}}"#,
        ),
        // One of a list where one is wanted.
        (r#"{"count": [3]}"#, r#"{"count":3}"#),
        (r#"{"expiry": [{"seconds": 5}]}"#, r#"{"expiry":{"seconds":5,"anchor":"created_at"}}"#),
        // What only one kind of an object has, tells of which kind it is.
        (r#"{"tool": {"city": "Rome"}}"#, r#"{"tool":{"city":"Rome","type":"web_search"}}"#),
        (r#"{"tool": {"type": null, "city": "Rome"}}"#, r#"{"tool":{"city":"Rome","type":"web_search"}}"#),
        (
            r#"{"tool": {"function": {"name": "f"}, "city": null}}"#,
            r#"{"tool":{"function":{"name":"f"},"type":"function"}}"#,
        ),
        (
            r#"{"words": [{"role": "user", "content": [{"url": "a", "strokes": 1}, {"text": "b"}]}]}"#,
            r#"{"words":[{"role":"user","content":[{"url":"a","strokes":1,"type":"sketch"},{"text":"b","type":"input_text"}]}]}"#,
        ),
        // Text is what a user says.
        (r#"{"messages": "hi"}"#, r#"{"messages":[{"role":"user","content":"hi"}]}"#),
        (
            r#"{"messages": ["hi", {"role": "system", "content": "a"}, "user"]}"#,
            r#"{"messages":[{"role":"user","content":"hi"},{"role":"system","content":"a"},{"role":"user","content":"user"}]}"#,
        ),
        (r#"{"items": "hi"}"#, r#"{"items":[{"role":"user","content":"hi"}]}"#),
        (
            r#"{"words": ["refusal"]}"#,
            r#"{"words":[{"role":"user","content":[{"type":"input_text","text":"refusal"}]}]}"#,
        ),
        (r#"{"messages": {"role": "user", "content": ["hi"]}}"#, r#"{"messages":[{"role":"user","content":"hi"}]}"#),
        (
            r#"{"messages": {"role": "user", "content": ["a", {"url": "b", "strokes": 1}]}}"#,
            r#"{"messages":[{"role":"user","content":[{"type":"input_text","text":"a"},{"url":"b","strokes":1,"type":"sketch"}]}]}"#,
        ),
        (
            r#"{"tool": {"type": "web_search", "web_search": {"city": "Rome"}}}"#,
            r#"{"tool":{"type":"web_search","city":"Rome"}}"#,
        ),
        (r#"{"power": true}"#, r#"{"power":{"on":true}}"#),
        (r#"{"power": "False"}"#, r#"{"power":{"on":false}}"#),
        (r#"{"quote": "to be"}"#, r#"{"quote":{"words":"to be","kind":"created_at"}}"#),
    ];
    for (arguments, sent) in rows {
        assert_eq!(call("thing-make", arguments), Ok(sent.to_owned()), "{arguments}");
    }
}

#[test]
fn what_says_nothing_is_not_given() {
    let rows = [
        (r#"{"count": null, "parts": null, "options": null}"#, "{}"),
        (r#"{"after": "", "file_id": " ", "order": ""}"#, "{}"),
        (r#"{"parts": [{"weight": null, "thread_id": "", "order": ""}]}"#, r#"{"parts":[{}]}"#),
        (r#"{"parts": [{"weight": 1, "unheard_of": null}]}"#, r#"{"parts":[{"weight":1}]}"#),
        // It is a value of its own here, and a word's place is empty there.
        (r#"{"choice": null}"#, r#"{"choice": null}"#),
        (r#"{"choice": ""}"#, "{}"),
        (r#"{"save_to": "", "expiry": {}}"#, "{}"),
        (r#"{"label": "", "options": {}}"#, r#"{"label": "", "options": {}}"#),
    ];
    for (arguments, sent) in rows {
        assert_eq!(call("thing-make", arguments), Ok(sent.to_owned()), "{arguments}");
    }
    // What takes something away may be meant so, and is told.
    let refusal = call("thing-make", r#"{"renewed": {}}"#).unwrap_err();
    assert!(refusal.contains("`renewed.seconds`: required"), "{refusal}");
}

/// What only reads has no use for an empty text.
#[test]
fn an_empty_filter_is_none() {
    let script = Arc::new(Script::new(vec![Reply::new(200, "{}")]));
    let all = r#"{"label": "", "model": "", "order": ""}"#;
    assert_eq!(call_tool(&SERVER, "thing-list", all, script.clone())["isError"], false);
    assert_eq!(script.sent().remove(0).target, "/things");
}

#[test]
fn what_there_is_is_not_replaced_by_nothing_unless_that_is_said() {
    let rows = [
        (r#"{"thing_id": "1", "metadata": {"a": null, "b": "c"}}"#, r#"{"metadata":{"b":"c"}}"#),
        (r#"{"thing_id": "1", "metadata": {}}"#, r#"{"metadata":{}}"#),
        (r#"{"thing_id": "1", "metadata": null}"#, r#"{"metadata":null}"#),
    ];
    for (arguments, sent) in rows {
        assert_eq!(call("thing-modify", arguments), Ok(sent.to_owned()), "{arguments}");
    }
    let refusal = call("thing-modify", r#"{"thing_id": "1", "metadata": {"a": null}}"#).expect_err("refused");
    let told = "`metadata`: expected values, got null alone: nothing would be left; `{}` says so";
    assert_eq!(refusal, told);
}

#[test]
fn what_hosts_add_for_themselves_is_not_sent() {
    for theirs in ["task_progress", "_meta", "wait_for_previous", "security_risk", "toolCallId"] {
        let arguments = format!(r#"{{"count": 1, "{theirs}": {{"any": ["thing"]}}}}"#);
        assert_eq!(call("thing-make", &arguments), Ok(r#"{"count":1}"#.to_owned()), "{theirs}");
    }
}

#[test]
fn half_of_a_character_is_a_sign_that_one_is_missing() {
    let rows = [
        (r#"{"after": "cut \ud83d"}"#, r#"{"after": "cut \ufffd"}"#),
        (r#"{"after": "\ude00 and \ud83d\u0041"}"#, r#"{"after": "\ufffd and \ufffd\u0041"}"#),
        (r#"{"metadata": {"\ud83d": "\ud83d\ud83d\ude00"}}"#, r#"{"metadata": {"\ufffd": "\ufffd\ud83d\ude00"}}"#),
        (r#"{"after": "\\ud83d \ud83d\ude00"}"#, r#"{"after": "\\ud83d \ud83d\ude00"}"#),
    ];
    for (arguments, sent) in rows {
        assert_eq!(call("thing-make", arguments), Ok(sent.to_owned()), "{arguments}");
    }
}

#[test]
fn a_refusal_says_how_it_is_written() {
    let long = format!(r#"{{"file_ids": ["file-1", "file-{}"]}}"#, "a".repeat(2_000_000));
    let rows = [
        (r#"{"count": 1.5}"#, "`count`: expected an integer from 1 to 10, got 1.5"),
        (r#"{"count": "many"}"#, "`count`: expected an integer from 1 to 10, got \"many\""),
        (r#"{"file_ids": "[1"}"#, "`file_ids`: expected an array, got \"[1\""),
        (r#"{"file_id": ["file-1", "file-2"]}"#, "`file_id`: expected a string, got an array of 2"),
        (r#"{"file_ids": ["file-1", ""]}"#, "`file_ids`: expected an id, got an empty string"),
        (r#"{"member": {"group_id": " ", "name": ""}}"#, "`member.group_id`: expected an id, got an empty string"),
        (&long, "`file_ids`: expected an id of at most 2048 bytes, got 2000005"),
        (r#"{"expiry": 7}"#, "`expiry`: expected an object {anchor: \"created_at\", seconds: integer}, got 7"),
        (
            r#"{"notes": "later"}"#,
            "`notes`: expected an array of objects {order: \"asc\" | \"desc\", text?: string}, got \"later\"",
        ),
        (
            r#"{"messages": "[{\"role\": \"user\", "}"#,
            "`messages`: expected an array of objects {role: \"system\" | \"user\", content: string | [{…}]}, got",
        ),
        (r#"{"messages": " "}"#, "`messages`: expected an array of objects"),
        (r#"{"messages": [{"content": "a"}]}"#, "`messages[0].role`: required: one of `system`, `user`"),
        (r#"{"file_id": "https://example.com/file-1"}"#, "`file_id`: expected the id of a file"),
        (r#"{"choice": "aut"}"#, "expected one of `auto`, `none`, got \"aut\"; did you mean `auto`?"),
        (r#"{"cuont": 1}"#, "`cuont`: unknown field; did you mean `count`?"),
        (r#"{"max_results": 1}"#, "`max_results`: unknown field; did you mean `max_num_results`?"),
        (r#"{"top_k": 1}"#, "`top_k`: unknown field; did you mean `max_num_results`?"),
        (r#"{"seconds": 1}"#, "`seconds`: unknown field; it belongs in `expiry`"),
        (r#"{"weight": 1}"#, "`weight`: unknown field; it belongs in `parts[]`"),
        (
            r#"{"tool": {"type": "web_search", "weight": 1}}"#,
            "`tool.weight`: unknown field; it belongs in `tool.limits`",
        ),
        (r#"{"tool": {"type": "web_search", "size": 1}}"#, "`tool.size`: unknown field; it belongs in `tool.limits`"),
        (
            r#"{"tool": {"type": "function", "name": "f", "city": "Rome"}}"#,
            "`tool.name`: unknown field; it belongs in `tool.function`\n`tool.city`: unknown field; only with `type` `web_search`",
        ),
        (
            r#"{"tool": {"year": 2020}}"#,
            "`tool.type`: required; one of `function`, `web_search`, as {type: \"function\", function: {…}}",
        ),
        (r#"{"tool": {"city": "Rome", "function": {}}}"#, "`tool.type`: required; one of `function`, `web_search`"),
        (
            r#"{"words": [{"role": "user", "content": [{"url": "a"}]}]}"#,
            "`words[0].content[0].type`: required; one of `image`, `sketch`",
        ),
        (
            r#"{"words": [{"role": "user", "content": [{"strokes": 1}]}]}"#,
            "`words[0].content[0].type`: required; one of `input_text`, `image`, `sketch`, `refusal`, as {type: \"sketch\", url: string, strokes?: integer}",
        ),
        (r#"{"parts": [{"loud": true}]}"#, "`parts[0].loud`: unknown field; it is an argument of its own"),
        (r#"{"colour": 1}"#, "`colour`: unknown field; there are `count`, `size`, `loud`, `order`"),
        (
            r#"{"file_id": "vs_1"}"#,
            "`file_id`: expected the id of a file (`file-…`) or container's file (`cfile_…`), got `vs_1`, that of a vector store",
        ),
        (
            r#"{"file_ids": ["file-1", "thread_1"]}"#,
            "`file_ids`: expected the id of a file (`file-…`), got `thread_1`, that of a thread",
        ),
        (r#"{"parts": [{"thread_id": "run_1"}]}"#, "`parts[0].thread_id`: expected the id of a thread"),
        (r#"{"amount": 1, "count": 2}"#, "`count`: given twice: as `amount`, too"),
    ];
    for (arguments, told) in rows {
        let refusal = call("thing-make", arguments).expect_err(arguments);
        assert!(refusal.contains(told), "{arguments}: {refusal}");
    }
    // Other servers that speak the API have ids of their own.
    assert!(call("thing-make", r#"{"file_id": "assistant-1"}"#).is_ok());
}

/// The head of the part that has the file, and what it holds.
fn part(arguments: &str) -> Result<(String, String), String> {
    let form = call("thing-upload", arguments)?;
    let (head, content) = form.split_once("\r\n\r\n").unwrap_or_default();
    let head = head.split_once("filename=").unwrap_or_default().1.replace("\r\nContent-Type: ", " ");
    let content = content.split_once("\r\n--").unwrap_or_default().0;
    Ok((head, content.to_owned()))
}

#[test]
fn a_file_is_known_in_every_form() {
    let path = (r#""a.txt" text/plain"#, "content of /home/a.txt");
    let hi = (r#""file.txt" text/plain"#, "hi");
    let hello = (r#""a.txt" text/plain"#, "hello");
    let rows = [
        (r#"{"file": {"path": "/home/a.txt"}}"#, path),
        (r#"{"file": "/home/a.txt"}"#, path),
        (r#"{"file": " '/home/a.txt'\n"}"#, path),
        (r#"{"file": {"path": "\"/home/a.txt\"\r\n"}}"#, path),
        (r#"{"file": "file:///home/a.txt"}"#, path),
        (r#"{"file": "file://localhost/home/a%2Etxt"}"#, path),
        (r#"{"file": {"path": "file:///home/a.txt", "url": null}}"#, path),
        (r#"{"file": {"path": "/home/a.txt", "url": "", "text": "", "data": "", "filename": ""}}"#, path),
        (r#"{"file": {"data": "aGVsbG8=", "filename": "docs/a.txt", "text": ""}}"#, hello),
        (r#"{"file": {"text": "", "filename": "a.txt"}}"#, (r#""a.txt" text/plain"#, "")),
        (r#"{"file": {"url": "file:///home/a.txt"}}"#, path),
        (r#"{"path": "/home/a.txt"}"#, path),
        (r#"{"file": "{\"path\": \"/home/a.txt\"}"}"#, path),
        (
            r#"{"url": "https://example.com/b.txt", "filename": "c.txt"}"#,
            (r#""c.txt" text/plain"#, "content of https://example.com/b.txt"),
        ),
        (r#"{"file": "https://example.com/b.txt"}"#, (r#""b.txt" text/plain"#, "content of https://example.com/b.txt")),
        (
            r#"{"file": {"path": "https://example.com/b.txt"}}"#,
            (r#""b.txt" text/plain"#, "content of https://example.com/b.txt"),
        ),
        (r#"{"file": "data:text/plain;base64,aGk="}"#, hi),
        (r#"{"file": "data:text/plain;charset=utf-8;base64,aGk"}"#, hi),
        (r#"{"file": "data:,h%69"}"#, hi),
        (r#"{"file": {"url": "data:text/plain;base64,aGk%3D"}}"#, hi),
        (r#"{"file": {"data": "data:text/plain;base64,aGVsbG8=", "filename": "a.txt"}}"#, hello),
        (r#"{"file": {"data": "aGVs\nbG8=\n", "filename": "a.txt"}}"#, hello),
        (r#"{"file": {"data": "aGVsbG8", "filename": "a.txt", "mime_type": null}}"#, hello),
        (r#"{"data": "aGVsbG8=", "filename": "a.txt"}"#, hello),
        (r#"{"file": {"data": "Pz8_Pj4-", "filename": "a.txt"}}"#, (r#""a.txt" text/plain"#, "???>>>")),
    ];
    for (arguments, (head, content)) in rows {
        assert_eq!(part(arguments), Ok((head.to_owned(), content.to_owned())), "{arguments}");
    }
    let refused = [
        (r#"{"file": ""}"#, "`file`: expected a path"),
        (
            r#"{"file": 5}"#,
            "`file`: expected a path, a URL, or an object with one of `path`, `url`, `text`, `data`, got 5",
        ),
        (r#"{"file": "one\ntwo"}"#, "given as `text`, with `filename`"),
        (r#"{"file": {"data": "a", "filename": "a.txt"}}"#, "`file`: `data`: not base64"),
        (
            r#"{"file": {"text": "a", "filename": "../a.txt"}}"#,
            "`file`: `filename`: expected 1 to 255 bytes, with no `..` or empty folder in it",
        ),
        (r#"{"file": {"data": "aGk="}}"#, "`file`: `filename`: required with `text` and `data`"),
        (r#"{"file": "data:text/plain"}"#, "without a comma"),
        (
            r#"{"file": "file-missing"}"#,
            "expected a file, got `file-missing`, the id of one at OpenAI\nhint: give its path",
        ),
        (r#"{"filename": "a.txt"}"#, "`filename`: unknown field; it belongs in `file`"),
    ];
    for (arguments, told) in refused {
        let refusal = part(arguments).expect_err(arguments);
        assert!(refusal.contains(told), "{arguments}: {refusal}");
    }
}

#[test]
fn the_bytes_of_a_file_tell_what_it_is() {
    // Each as base64: a PNG, a JPEG, a WAV, an Ogg, an MP3 without a tag, an MP4.
    let png = "iVBORw0KGgoAAAANSUhEUgAA";
    let jpeg = "/9j/4AAQSkZJRgABAQAAAQAB";
    let wav = "UklGRiQAAABXQVZFZm10IBAA";
    let ogg = "T2dnUwACAAAAAAAAAABOcHVz";
    let mp3 = "//uQxAAAAAAAAAAAAAAAAAAA";
    let mp4 = "AAAAGGZ0eXBpc29tAAACAGlz";
    let rows = [
        (png, "shot", r#""shot.png" image/png"#),
        (png, "shot.png", r#""shot.png" image/png"#),
        (jpeg, "shot.png", r#""shot.png" image/jpeg"#),
        (jpeg, "shot.jfif", r#""shot.jpg" image/jpeg"#),
        (jpeg, "shot.jpeg", r#""shot.jpeg" image/jpeg"#),
        (wav, "talk", r#""talk.wav" audio/x-wav"#),
        (ogg, "talk.opus", r#""talk.ogg" audio/ogg"#),
        (mp3, "talk.v2", r#""talk.mp3" audio/mpeg"#),
        (mp4, "talk.m4a", r#""talk.m4a" audio/mp4"#),
        (mp4, "talk", r#""talk.mp4" video/mp4"#),
    ];
    for (data, name, head) in rows {
        let arguments = format!(r#"{{"file": {{"data": "{data}", "filename": "{name}"}}}}"#);
        assert_eq!(part(&arguments).map(|(head, _)| head), Ok(head.to_owned()), "{name}");
    }
    let told = format!(r#"{{"file": {{"data": "{png}", "filename": "a.bin", "mime_type": "image/x-own"}}}}"#);
    assert_eq!(part(&told).unwrap().0, r#""a.png" image/x-own"#);
    let unnamed = format!(r#"{{"file": "data:application/octet-stream;base64,{png}"}}"#);
    assert_eq!(part(&unnamed).unwrap().0, r#""file.png" image/png"#);
}
