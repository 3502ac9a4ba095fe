//! The commands, as a person types them.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::Value;

use crate::{Running, command, run};

#[test]
fn a_call_prints_its_result_and_says_how_it_ended() {
    let text = r#"{"file":{"text":"hello","filename":"a.txt"},"purpose":"user_data"}"#;
    let done = run(&["call", "file-upload", text, "--sandbox"], &[], "");
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let file: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((&file["object"], &file["bytes"]), (&"file".into(), &5.into()));

    let done = run(&["call", "file_upload", "-", "--sandbox", "--json"], &[], text);
    let result: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.status, &result["isError"]), (0, &false.into()));
    assert_eq!(result["structuredContent"]["filename"], "a.txt");

    let twice = run(&["call", "file-get", r#"{"file_id":"a","file_id":"b"}"#, "--sandbox"], &[], "");
    assert_eq!((twice.status, twice.err.as_str()), (1, "`file_id`: given twice\n"));

    let done = run(&["call", "file-list", "-", "--sandbox"], &[], "");
    assert_eq!((done.status, done.err.as_str()), (0, ""), "nothing is no argument");
    let done = run(&["call", "file-list", "-", "--sandbox"], &[], "limit");
    assert!(done.err.contains("not JSON") && !done.err.contains("hint"), "{}", done.err);

    let done = run(&["call", "file-get", r#"{"file_id":"file-none"}"#, "--sandbox"], &[], "");
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.contains("404"), "{}", done.err);
}

#[test]
fn a_newcomer_is_told_how_to_begin() {
    let bare = run(&[], &[], "");
    assert_eq!((bare.status, bare.out.as_str()), (2, ""));
    for told in [bare.err, run(&["--help"], &[], "").out] {
        assert!(told.contains("\n  openai-mcp serve --sandbox "), "{told}");
        assert!(told.contains("\n  openai-mcp config cursor --write "), "{told}");
    }
    // What is told to be done can be done.
    assert_eq!(run(&["call", "file-list", "--sandbox"], &[], "").status, 0);
}

#[test]
fn what_cannot_be_run_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let rows: [(&[&str], &str); 26] = [
        (
            &["serve", "--sandbox", "--addr", "127.0.0.1:0", "--exclude", "files-*"],
            "--exclude: no tool's name begins as",
        ),
        (&["stdio", "files", "--sandbox", "--exclude", "File-*"], "--exclude: no tool's name begins as"),
        (&["stdio", "files", "--sandbox", "--tools", ""], "--tools: expected names of tools"),
        (&["stdio", "files", "--sandbox", "--exclude", " "], "--exclude: expected names of tools"),
        (&["call", "file-lst"], "did you mean `file-list`?"),
        (&["call", "audio-voice-list"], "did you mean `audio-voice-consent-list`?"),
        (&["call", "file-list", "{\"", "--sandbox"], "not JSON: EOF while parsing a string at line 1 column 2\n"),
        // As they come from PowerShell 5.1, and from cmd.exe.
        (&["call", "file-list", "{limit: 3}", "--sandbox"], "hint: the shell may have taken the quotes"),
        (&["call", "file-list", "'{limit:", "3}'", "--sandbox"], "hint: the shell may have taken the quotes"),
        (&["call", "file-list", "[1]", "--sandbox"], "must be an object"),
        (&["call", "file-list"], "OPENAI_API_KEY"),
        (&["stdio", "file"], "did you mean `files`?"),
        (&["serve", "--servers", "files,nothing"], "assistants, audio, batches"),
        (&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--tools", "file-lst"], "did you mean `file-list`?"),
        (&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--root", "/no/such/folder"], "/no/such/folder"),
        (&["stdio", "--root", ".", "files"], "hint: what follows --root is a folder; other arguments stand before it"),
        (&["completions", "ksh"], "possible values: bash"),
        (
            &["serve", "--sandbox", "--addr", "127.0.0.1:0", "--tools", "nope"],
            "--tools: no tool is named `nope`\nhint: `openai-mcp tools` lists them",
        ),
        (&["serve", "--sandbox", "--addr", "nonsense"], "cannot listen on nonsense"),
        (&["serve", "--sandbox", "--addr", ":8787"], "hint: expected an address as 0.0.0.0:8787, or a port alone"),
        (&["serve", "--sandbox", "--addr", &taken], "hint: another program listens there"),
        (&["tools", "file-lst"], "did you mean `file-list`?"),
        (&["tools", "nothing"], "assistants, audio, batches"),
        (&["call", "file-list", "--sandbox=nowhere"], "--sandbox: expected a URL such as http://"),
        (&["config", "cursor", "--remote", "localhost"], "expected a URL"),
        (&["call", "file-list", "--url", "localhost"], "expected a URL"),
    ];
    for (arguments, problem) in rows {
        let done = run(arguments, &[], "");
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{arguments:?}: {}", done.err);
        assert!(done.err.contains(problem), "{arguments:?}: {}", done.err);
    }
}

#[test]
fn tools_are_listed_with_what_they_cost() {
    let tools: Vec<Value> = serde_json::from_str(&run(&["tools", "--json"], &[], "").out).unwrap();
    let table = run(&["tools"], &[], "").out;
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let row = table.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        let bytes: usize = row.split_whitespace().nth(1).unwrap().parse().unwrap();
        // What a host hands on to a model, in the shape of the API of one of them.
        let seen = serde_json::json!({
            "name": tool["name"], "description": tool["description"], "input_schema": tool["inputSchema"],
        });
        assert_eq!(bytes, seen.to_string().len(), "{name}");
    }
    assert!(table.lines().last().unwrap().starts_with(&format!("{} tools", tools.len())), "{table}");
    let files = run(&["tools", "files"], &[], "").out;
    assert!(files.contains("file-list") && !files.contains("vector-store"), "{files}");

    let rag = run(&["tools", "rag"], &[], "").out;
    assert!(
        rag.contains("file-list") && rag.contains("vector-store-search") && !rag.contains("moderation-check"),
        "{rag}"
    );

    let one = run(&["tools", "file_upload"], &[], "").out;
    assert!(one.starts_with("file-upload  (openai-mcp stdio files; "), "{one}");
    assert!(one.contains("\n  purpose  \"assistants\" or ") && one.contains(", required\n"), "{one}");
    let one: Value = serde_json::from_str(&run(&["tools", "file-upload", "--json"], &[], "").out).unwrap();
    assert_eq!(one["name"], "file-upload");
}

/// What a server says of its folders after `--root` and these.
fn roots(folders: &[&str]) -> String {
    let arguments =
        [&["serve", "--sandbox", "--addr", "127.0.0.1:0", "--servers", "files", "--root"], folders].concat();
    let server = Running::start(&mut command(&arguments, &[]), "next: ");
    server.said.lines().find_map(|line| line.strip_prefix("files: ")).unwrap().to_owned()
}

/// Clients in which a person chooses folders put as many as there are after one flag.
#[test]
fn one_flag_takes_several_folders_and_none() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = folder.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let (one, two, three) = (place("one"), place("two"), place("three"));
    assert_eq!(roots(&[]), "callers can name none of this machine (--root DIR)");
    assert_eq!(roots(&[&one, &two]), format!("callers may name those in {one}, {two}"));
    assert_eq!(roots(&[&one, "--root", &two, &three]), format!("callers may name those in {one}, {two}, {three}"));
    // A command that names a tool has it after the flag, too.
    let call = run(&["call", "--root", &one, "--sandbox", "file-list"], &[], "");
    assert_eq!(call.status, 0, "{}", call.err);
}

#[test]
fn a_container_can_ask_whether_its_servers_answer() {
    let server = Running::start(&mut command(&["serve", "--sandbox", "--addr", "127.0.0.1:0"], &[]), "next: ");
    // What it says to do next needs no key either.
    assert!(server.said.contains(&format!(" --remote {} --sandbox, ", server.url())), "{}", server.said);
    let asked = run(&["health", "--url", server.url()], &[], "");
    let said: Value = serde_json::from_str(&asked.out).unwrap();
    assert_eq!((asked.status, &said["status"]), (0, &"ok".into()), "{}", asked.err);
    let lost = run(&["health", "--url", &format!("{}/nowhere", server.url())], &[], "");
    assert_eq!(lost.status, 1, "{}", lost.out);
    let url = server.url().to_owned();
    drop(server);
    // Docker knows 0 and 1.
    let gone = run(&["health", "--url", &url], &[], "");
    assert!(gone.status == 1 && gone.err.contains("the server cannot be reached"), "{}", gone.err);
}

#[test]
fn lines_that_nobody_reads_hold_up_no_call() {
    let mut serve = command(&["serve", "--sandbox", "--verbose", "--servers", "files", "--addr", "127.0.0.1:0"], &[])
        .spawn()
        .unwrap();
    let mut errors = BufReader::new(serve.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("\nnext: ") {
        assert_ne!(errors.read_line(&mut said).unwrap(), 0, "it ended: {said}");
    }
    let at = said.lines().find_map(|line| line.strip_prefix("listening on http://")).unwrap();
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"file-list","arguments":{}}}"#;
    let batch = format!("[{}]", [call; 100].join(","));
    // More lines than a pipe holds.
    for _ in 0..20 {
        let mut stream = TcpStream::connect(at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = "POST /files/mcp HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
        write!(stream, "{head}content-length: {}\r\n\r\n{batch}", batch.len()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(answer.matches(r#""isError":false"#).count(), 100, "{answer}");
    }
    serve.kill().unwrap();
    serve.wait().unwrap();
}

#[test]
fn shells_and_man_are_told_of_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell], &[], "").out;
        assert!(["doctor", "read-only"].iter().all(|word| script.contains(word)), "{shell}: {script}");
    }
    let page = run(&["man"], &[], "").out;
    assert!(page.starts_with(".ie") && page.contains(".SH \"SERVE\"") && page.contains("allow\\-host"), "{page}");
    assert!(page.contains(".SH \"EVALS RUN\"") && page.contains("fail\\-under"), "{page}");
    assert!(!page.contains(".SH \"MAN\"") && !page.contains("HELP\""), "{page}");
}

#[cfg(unix)]
#[test]
fn bash_completes_what_follows_the_first_word() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("completions");
    std::fs::write(&script, run(&["completions", "bash"], &[], "").out).unwrap();
    let complete = r#"source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _openai__mcp openai-mcp "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"; echo "${COMPREPLY[@]}""#;
    for (typed, expected) in [
        (&["ser"][..], "serve\n"),
        (&["serve", "--se"], "--servers\n"),
        (&["config", "claude-c"], "claude-code\n"),
        (&["evals", "run", "--fa"], "--fail-under\n"),
    ] {
        let mut bash = std::process::Command::new("bash");
        bash.args(["-c", complete, "bash"]).arg(&script).arg("openai-mcp").args(typed);
        let said = bash.output().unwrap();
        assert_eq!(String::from_utf8(said.stdout).unwrap(), expected, "{typed:?}");
    }
}

#[test]
fn a_setting_that_is_not_what_it_should_be_ends_the_server() {
    for (name, value, problem) in [
        ("OPENAI_MCP_VECTOR_STORE", "vs_1", "hint: maybe OPENAI_MCP_VECTOR_STORES"),
        ("OPENAI_MCP_VECTOR_STORES", "vs_1 vs_2", "ids of vector stores, as `vs_1,vs_2`"),
        ("OPENAI_MCP_STORE", ":memory", "OPENAI_MCP_STORE: expected a folder or `:memory:`, got `:memory`"),
        ("OPENAI_MCP_ALLOWED_HOSTS", "*", "OPENAI_MCP_ALLOWED_HOSTS: expected host names"),
    ] {
        let done = run(&["stdio", "vector-store", "--sandbox"], &[(name, value)], "");
        assert_eq!(done.status, 2, "{name}: {}", done.err);
        assert!(done.err.contains(problem), "{name}: {}", done.err);
    }
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let done = run(&["stdio", "vector-store", "--sandbox"], &[("OPENAI_MCP_VECTOR_STORES", "vs_1, vs_2")], list);
    assert!(done.out.contains(r#""name":"fetch""#), "{}{}", done.out, done.err);
}

/// Who names authorities trusts those alone: that they cannot be read must not widen it to all.
#[test]
fn certificates_that_are_named_and_cannot_be_read_are_told_of() {
    let variables = [
        ("OPENAI_API_KEY", "sk-secret"),
        ("OPENAI_BASE_URL", "https://127.0.0.1:9/v1"),
        ("SSL_CERT_FILE", "/no/such/file.pem"),
    ];
    let done = run(&["call", "file-list"], &variables, "");
    assert!(done.status == 1 && done.err.contains("SSL_CERT_FILE: "), "{}", done.err);
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_printed_is_no_success() {
    for arguments in [&["tools"][..], &["config", "cursor", "files"], &["completions", "bash"], &["man"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let done = command(arguments, &[]).stdout(full).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.code() == Some(2) && said.contains("error: standard output: "), "{arguments:?}: {said}");
    }
}

/// A terminal that closes says so, and nothing is to be lost by it; what nohup starts is not told.
#[cfg(target_os = "linux")]
#[test]
fn the_end_of_a_terminal_ends_a_server_as_it_should() {
    let ignored = |process: &str| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
        u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
    };
    let hang_up = |server: &Running| {
        let process = server.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &process]).status().unwrap().success());
        process
    };
    let arguments = ["serve", "--sandbox", "--servers", "files", "--addr", "127.0.0.1:0"];
    // The tests themselves may have been started so.
    if !ignored("self") {
        let mut server = Running::start(&mut command(&arguments, &[]), "next: ");
        hang_up(&server);
        assert_eq!(server.child.wait().unwrap().code(), Some(0));
    }
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"trap "" HUP; exec "$@""#, "sh", crate::PROGRAM]).args(arguments);
    shell.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let server = Running::start(&mut shell, "next: ");
    assert!(ignored(&hang_up(&server)));
    assert_eq!(run(&["health", "--url", server.url()], &[], "").status, 0);
}

/// A proxy for one connection: takes a `CONNECT` and, if it lets it through, answers what comes after it with `{}`.
fn proxy(lets_through: bool) -> (String, thread::JoinHandle<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://user:pass@{}", listener.local_addr().unwrap());
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let connect = head(&mut stream);
        if !lets_through {
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").unwrap();
            return (connect, String::new());
        }
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let request = head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}").unwrap();
        (connect, request)
    });
    (url, serving)
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.extend_from_slice(&byte);
    }
    String::from_utf8(head).unwrap()
}

#[test]
fn proxies_of_the_environment_are_used() {
    let key = ("OPENAI_API_KEY", "sk-secret");
    let (url, serving) = proxy(true);
    let base = ("OPENAI_BASE_URL", "http://api.example.test:8080/v1");
    let done = run(&["call", "file-list"], &[key, base, ("HTTP_PROXY", &url)], "");
    assert_eq!((done.status, done.out.as_str()), (0, "{}\n"), "{}", done.err);
    let (connect, request) = serving.join().unwrap();
    assert!(connect.starts_with("CONNECT api.example.test:8080 HTTP/1.1\r\n"), "{connect}");
    assert!(connect.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"), "{connect}");
    assert!(!connect.contains("sk-secret"), "{connect}");
    assert!(
        request.starts_with("GET /v1/files?limit=20 HTTP/1.1\r\n") && request.contains("Bearer sk-secret"),
        "{request}"
    );

    let (url, serving) = proxy(false);
    let done = run(&["call", "file-list"], &[key, base, ("HTTP_PROXY", &url)], "");
    let told = "asked to CONNECT to api.example.test:8080: ";
    assert!(done.err.contains(told) && done.err.contains("; NO_PROXY=api.example.test goes"), "{}", done.err);
    serving.join().unwrap();

    let (url, serving) = proxy(false);
    let done = run(&["call", "file-list"], &[key, ("HTTPS_PROXY", &url)], "");
    assert_eq!(done.status, 1);
    assert!(done.err.contains("proxy 127.0.0.1") && !done.err.contains("pass"), "{}", done.err);
    assert!(serving.join().unwrap().0.starts_with("CONNECT api.openai.com:443 HTTP/1.1\r\n"));
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let upstream = Recorder::start(|_| Answer::json(200, "{}")).unwrap();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{nobody}");
    let variables = [
        ("OPENAI_API_KEY", "sk-secret"),
        ("OPENAI_BASE_URL", &*upstream.base_url()),
        ("HTTP_PROXY", &proxy),
        ("ALL_PROXY", &proxy),
    ];
    let done = run(&["call", "file-list"], &variables, "");
    assert_eq!((done.status, done.out.as_str()), (0, "{}\n"), "{}", done.err);
    assert_eq!(upstream.take().len(), 1);
}

#[test]
fn flags_stand_above_the_environment() {
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let names = |arguments: &[&str], variables: &[(&str, &str)]| -> Vec<String> {
        let done = run(&[&["stdio", "files", "--sandbox"], arguments].concat(), variables, list);
        let answer: Value = serde_json::from_str(&done.out).unwrap();
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[], &[("OPENAI_MCP_TOOLS", "file-get,file_list")]), ["file-list", "file-get"]);
    assert_eq!(names(&["--tools", "file-get"], &[("OPENAI_MCP_TOOLS", "file-list")]), ["file-get"]);
    let reads = names(&["--read-only", "--exclude", "file-list"], &[]);
    assert!(reads.contains(&"file-get".to_owned()), "{reads:?}");
    assert!(
        ["file-list", "file-delete", "file-upload"].iter().all(|name| !reads.contains(&(*name).to_owned())),
        "{reads:?}"
    );
}

#[test]
fn a_set_is_its_servers_everywhere() {
    let readme = include_str!("../../../README.md");
    let (_, table) = readme.split_once("| set | servers |\n|---|---|\n").unwrap();
    let sets = table.lines().map_while(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let mut told = String::new();
    for (set, domains) in sets {
        told += &format!("{}{set} ({domains})", if told.is_empty() { "" } else { ", " });
        let mut domains: Vec<&str> = domains.split(", ").collect();
        let listed = |domains: &str| run(&["stdio", domains, "--sandbox"], &[], list).out;
        assert!(listed(set).contains(r#""tools":[{"#) && listed(set) == listed(&domains.join(",")), "{set}");

        let config: Value = serde_json::from_str(&run(&["config", "cursor", set], &[], "").out).unwrap();
        let mut serve = command(&["serve", "--servers", set, "--sandbox", "--addr", "127.0.0.1:0"], &[]);
        let server = Running::start(&mut serve, "next: ");
        let served = server.said.lines().filter_map(|line| line.strip_suffix("/mcp")?.rsplit_once('/'));
        let served: Vec<&str> = served.map(|(_, domain)| domain).collect();
        assert_eq!(served, domains, "{set}");
        domains.sort_unstable();
        let names = domains.iter().map(|domain| format!("openai-{}", domain.replace("administration-", "admin-")));
        assert!(config["mcpServers"].as_object().unwrap().keys().cloned().eq(names), "{set}: {config}");
    }
    // There are no others.
    let refused = run(&["stdio", "ragg"], &[], "").err;
    assert!(refused.contains("did you mean `rag`?"), "{refused}");
    assert!(refused.trim_end().ends_with(&format!("and sets of them: {told}")), "{refused}");
}

#[test]
fn an_export_is_looked_at_and_taken_in_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().to_str().unwrap();
    let variables = [("OPENAI_MCP_STORE", store), ("OPENAI_API_KEY", "sk-any")];
    let export = r#"{"id": "thread_1", "object": "thread", "created_at": 1, "messages": [
        {"id": "msg_1", "object": "thread.message", "created_at": 2, "role": "user",
         "content": [{"type": "text", "text": {"value": "Hello", "annotations": []}}]}]}
        {"id": "run_1", "object": "thread.run", "created_at": 3}"#;
    let file = folder.path().join("export.jsonl");
    std::fs::write(&file, export).unwrap();
    let import = ["assistants", "import", file.to_str().unwrap()];

    let done = run(&import, &variables, "");
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    assert!(done.out.contains("refused run_1: ") && done.out.contains("1 thread\n1 thread.message\n"), "{}", done.out);
    let list = ["call", "message-list", r#"{"thread_id": "thread_1"}"#];
    assert!(run(&list, &variables, "").err.contains("No thread found"), "it was to be looked at alone");

    let apply = ["assistants", "import", "-", "--apply"];
    for expected in ["2 taken in, 0 there before", "0 taken in, 2 there before"] {
        let done = run(&apply, &variables, export);
        assert_eq!((done.status, done.err.as_str()), (0, ""));
        assert!(done.out.contains(expected), "{}", done.out);
    }
    assert!(run(&list, &variables, "").out.contains("msg_1"));

    let broken = run(&["assistants", "import", "-"], &variables, "{");
    assert_eq!(broken.status, 2, "{}", broken.out);
    assert!(broken.err.contains("not JSON"), "{}", broken.err);
}

#[test]
fn help_shows_flags_where_they_do_something() {
    let help = |arguments: &[&str]| run(&[arguments, &["--help"]].concat(), &[], "").out;
    assert!(help(&["serve"]).contains("--allow-host"));
    for command in ["stdio", "call", "doctor"] {
        let text = help(&[command]);
        assert!(text.contains("--sandbox") && !text.contains("--allow-host"), "{command}: {text}");
        assert!(!text.contains("timeout"), "{command}: {text}");
    }
}

#[test]
fn a_placeholder_is_told_and_is_no_key() {
    let rows = [
        ("sk-…", "OPENAI_API_KEY is a placeholder"),
        ("sk-your-key", "OPENAI_API_KEY is a placeholder"),
        ("<your key>", "OPENAI_API_KEY is a placeholder"),
        ("${OPENAI_API_KEY}", "OPENAI_API_KEY is a name where a key should be"),
        ("{env:OPENAI_API_KEY}", "OPENAI_API_KEY is a name where a key should be"),
    ];
    for (key, problem) in rows {
        // It starts all the same: clients show what calls answer, and seldom why a server did not start.
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"file-list","arguments":{}}}"#;
        let done = run(&["stdio", "files"], &[("OPENAI_API_KEY", key)], call);
        assert_eq!(done.status, 0, "{key}: {}", done.err);
        assert!(done.err.contains(problem), "{key}: {}", done.err);
        let answer: Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(answer["result"]["isError"], true, "{key}: {answer}");

        let done = run(&["call", "file-list"], &[("OPENAI_API_KEY", key)], "");
        assert_eq!(done.status, 2, "{key}: {}", done.err);
        assert!(done.err.contains(problem) && done.err.contains("no OpenAI key"), "{key}: {}", done.err);
    }
}

#[test]
fn a_key_is_not_judged_by_the_letters_that_it_has_by_chance() {
    let upstream = Recorder::start(|_| Answer::json(200, "{}")).unwrap();
    // What servers that speak the API take for a key is their own.
    let base = ("OPENAI_BASE_URL", &*upstream.base_url());
    for key in ["sk-proj-q7VxXxXxN9pLr4TwK8sYd3FhJ6bGc1Qv", "sk-xxxx", "your-key", "\"sk-quoted\""] {
        let done = run(&["call", "file-list"], &[("OPENAI_API_KEY", key), base], "");
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{key}");
        let sent = upstream.take();
        assert_eq!(sent[0].header("authorization"), Some(&*format!("Bearer {}", key.trim_matches('"'))), "{key}");
        // Who says nothing of codings may be sent any.
        assert_eq!(sent[0].header("accept-encoding"), Some("identity"));
    }
    let done = run(&["call", "file-list"], &[("OPENAI_API_KEY", "${OPENAI_API_KEY}"), base], "");
    assert!(done.err.contains("is a name where a key should be"), "{}", done.err);
}

#[test]
fn the_key_that_is_missing_is_the_one_that_most_have() {
    let told = |domains: &[&str]| run(&[&["stdio"], domains].concat(), &[], "").err;
    assert!(told(&[]).contains("no OpenAI key: set OPENAI_API_KEY "), "{}", told(&[]));
    let administration = told(&["administration-access"]);
    assert!(administration.contains("no OpenAI key: set OPENAI_ADMIN_KEY "), "{administration}");
}

#[test]
fn administration_is_not_served_with_the_key_of_a_project_alone() {
    let project = [("OPENAI_API_KEY", "sk-proj-1"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")];
    let missing =
        "administration takes an admin key, and OPENAI_API_KEY holds that of a project\nhint: set OPENAI_ADMIN_KEY";
    for arguments in [
        &["stdio", "administration-projects"][..],
        &["stdio", "administration-access,administration-security"],
        &["serve", "--addr", "127.0.0.1:0", "--servers", "administration-organization"],
    ] {
        let done = run(arguments, &project, "");
        assert_eq!(done.status, 2, "{arguments:?}: {}", done.err);
        assert!(done.err.contains(missing), "{arguments:?}: {}", done.err);
    }
    // Beside others it is, and what is missing is said.
    let done = run(&["stdio", "files,administration-projects"], &project, "");
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.err.contains("OPENAI_ADMIN_KEY is not set: no key here for administration-projects"), "{}", done.err);
    let done = run(&["stdio", "files,administration-projects"], &[("OPENAI_ADMIN_KEY", "sk-admin-1")], "");
    assert!(done.err.contains("OPENAI_API_KEY is not set: no key here for files"), "{}", done.err);

    // A call is refused before it is sent, either way, and says which key is meant.
    let swapped = [("OPENAI_ADMIN_KEY", "sk-proj-1"), ("OPENAI_API_KEY", "sk-admin-1"), project[1]];
    let done = run(&["call", "project-list"], &swapped, "");
    assert!(done.err.contains("takes an admin key") && done.err.contains("OPENAI_ADMIN_KEY"), "{}", done.err);
    let done = run(&["call", "file-list"], &swapped, "");
    assert!(done.err.contains("takes a project key") && done.err.contains("OPENAI_API_KEY"), "{}", done.err);
    let done = run(&["doctor"], &project, "");
    assert!(done.out.contains("OPENAI_ADMIN_KEY is not set: no key here for administration-access"), "{}", done.out);
}

#[test]
fn several_servers_share_a_pipe() {
    let request = |id: u32, method: &str, params: Value| {
        serde_json::json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
    };
    let call = |id, name: &str, arguments: Value| {
        request(id, "tools/call", serde_json::json!({"name": name, "arguments": arguments}))
    };
    let lines = [
        request(
            1,
            "initialize",
            serde_json::json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}),
        ),
        request(2, "tools/list", serde_json::json!({})),
        call(3, "file-list", serde_json::json!({})),
        call(4, "moderation-check", serde_json::json!({"input": "hello", "keep": "excerpt"})),
        call(5, "conversation-get", serde_json::json!({"conversation_id": "conv_1"})),
    ];
    let arguments = ["stdio", "files,moderation,files", "--sandbox"];
    let done = run(&arguments, &[], &lines.join("\n"));
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let answers: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = |id: u32| answers.iter().find(|answer| answer["id"] == id).unwrap();
    assert_eq!(answer(1)["result"]["serverInfo"]["name"], "openai-mcp");
    let about = answer(1)["result"]["instructions"].as_str().unwrap();
    assert!(about.contains("file-upload") && about.contains("moderation-"), "{about}");

    let alone =
        |domain: &str| -> Vec<Value> { serde_json::from_str(&run(&["tools", domain, "--json"], &[], "").out).unwrap() };
    let both: Vec<Value> = [alone("files"), alone("moderation")].concat();
    assert_eq!(answer(2)["result"]["tools"], Value::from(both));
    assert_eq!(answer(3)["result"]["structuredContent"]["object"], "list");
    assert_eq!(answer(4)["result"]["isError"], false);
    assert!(answer(5)["error"]["message"].as_str().unwrap().starts_with("unknown tool"), "{}", answer(5));

    // A filter names tools of any of them; one of which none is left is left out.
    let list = request(1, "tools/list", serde_json::json!({}));
    let names = |filter: &str| -> Vec<String> {
        let done = run(&["stdio", "files", "vector-store", "--sandbox", "--tools", filter], &[], &list);
        let answer: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{}", done.err));
        let tools = answer["result"]["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("vector-store-get,file-get"), ["file-get", "vector-store-get"]);
    assert_eq!(names("vector-store-get"), ["vector-store-get"]);
    let done = run(&["stdio", "files,nope", "--sandbox"], &[], "");
    assert!(done.status == 2 && done.err.contains("no server `nope`"), "{}", done.err);
}

#[test]
fn a_store_that_cannot_be_kept_is_told_of_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let store = file.join("store").into_os_string().into_string().unwrap();
    let problem = format!("warning: no store: {store} cannot be written: ");
    let variables = [("OPENAI_MCP_STORE", store.as_str())];
    let serve = |servers| {
        let arguments = ["serve", "--sandbox", "--addr", "127.0.0.1:0", "--servers", servers];
        Running::start(&mut command(&arguments, &variables), "next: ").said.clone()
    };
    assert!(serve("files,moderation").contains(&problem), "{}", serve("files,moderation"));
    assert!(run(&["stdio", "moderation", "--sandbox"], &variables, "").err.contains(&problem));
    // What keeps nothing needs none, and looking leaves nothing behind.
    assert!(!serve("files").contains("warning"), "{}", serve("files"));
    let well = [("OPENAI_MCP_STORE", folder.path().to_str().unwrap())];
    assert_eq!(run(&["stdio", "moderation", "--sandbox"], &well, "").err, "");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn several_servers_keep_to_their_stores() {
    let folder = tempfile::tempdir().unwrap();
    let variables = [("OPENAI_MCP_STORE", folder.path().to_str().unwrap())];
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"moderation-check","arguments":{"input":"hello","keep":"excerpt"}}}"#;
    let done = run(&["stdio", "files,moderation,assistants", "--sandbox"], &variables, call);
    assert!(done.out.contains(r#""isError":false"#), "{}{}", done.out, done.err);
    // What was kept on the shared pipe is what the server finds that runs alone.
    let history = run(&["call", "moderation-history", "--sandbox"], &variables, "");
    assert!(history.out.contains("hello"), "{}{}", history.out, history.err);
    assert!(!folder.path().join("files.db").exists() && folder.path().join("moderation.db").exists());
}

#[test]
fn a_store_that_fails_is_told_to_the_operator_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("moderation.db"), "this is no database, and long enough. ".repeat(100)).unwrap();
    let variables = [("OPENAI_MCP_STORE", folder.path().to_str().unwrap())];
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"moderation-check","arguments":{"input":"hello"}}}"#;
    let done = run(&["stdio", "moderation", "--sandbox"], &variables, &[call; 3].join("\n"));
    // The verdicts are given all the same, so that nobody else would learn of it.
    assert_eq!(done.out.matches(r#""isError":false"#).count(), 3, "{}", done.out);
    assert_eq!(done.err.matches("warning: the store `").count(), 1, "{}", done.err);
    assert!(done.err.contains("moderation.db` cannot be used: file is not a database"), "{}", done.err);
}
