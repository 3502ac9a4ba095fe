//! `call`: what is told meanwhile, what becomes of media, and servers that run already.

use std::fs;
use std::path::Path;

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::Value;

use crate::{Running, command, run, run_in};

const SPEAK: &str = r#"{"input": "hello", "model": "tts-1", "voice": "alloy"}"#;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn media_is_written_to_a_file_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let call = ["call", "audio-speech-create", SPEAK, "--sandbox"];
    for name in ["audio-speech-create.mp3", "audio-speech-create-2.mp3"] {
        let done = run_in(folder.path(), &call, &[]);
        assert_eq!((done.status, done.err.as_str()), (0, ""));
        let bytes = fs::read(folder.path().join(name)).unwrap();
        assert!(bytes.starts_with(&[0xFF]) || bytes.starts_with(b"ID3"), "{name} is not MP3");
        assert!(done.out.contains(&format!("saved {} bytes to {name}\n", bytes.len())), "{}", done.out);
    }

    // Where the caller says it, the tool writes it itself.
    let done = run_in(folder.path(), &[&call[..], &["-o", "said.mp3"]].concat(), &[]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    assert!(fs::metadata(folder.path().join("said.mp3")).unwrap().len() > 0);
    assert_eq!(names(folder.path()), ["audio-speech-create-2.mp3", "audio-speech-create.mp3", "said.mp3"]);

    // A folder that is no root of servers is one where a person may write.
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("said.mp3");
    let done = run_in(folder.path(), &[&call[..], &["--output", path.to_str().unwrap()]].concat(), &[]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    assert!(path.is_file());
}

#[test]
fn an_image_is_written_as_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let call = ["call", "image-generate", r#"{"prompt": "a fox"}"#, "--sandbox"];
    for more in [&[][..], &["-o", "fox.png"]] {
        let done = run_in(folder.path(), &[&call[..], more].concat(), &[]);
        assert_eq!((done.status, done.err.as_str()), (0, ""));
    }
    let [shown, saved] = ["image-generate.png", "fox.png"].map(|name| fs::read(folder.path().join(name)).unwrap());
    assert!(shown == saved, "what is shown is no smaller one");
    let call = ["call", "image-generate", r#"{"prompt": "a fox", "save_to": "said.png"}"#, "--sandbox"];
    run_in(folder.path(), &call, &[]);
    assert_eq!(names(folder.path()), ["fox.png", "image-generate.png", "said.png"]);
}

#[test]
fn a_result_without_media_is_written_as_it_would_be_printed() {
    let folder = tempfile::tempdir().unwrap();
    let done = run_in(folder.path(), &["call", "file-list", "--sandbox", "-o", "files.json"], &[]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
    let text = fs::read_to_string(folder.path().join("files.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["object"], "list");
    assert_eq!(done.out, format!("saved {} bytes to files.json\n", text.len()));
}

#[test]
fn a_part_of_a_result_is_printed_alone() {
    let upload = r#"{"file": {"text": "hello", "filename": "a.txt"}, "purpose": "user_data"}"#;
    let only = |path: &str| run(&["call", "file-upload", upload, "--sandbox", "--only", path], &[], "");
    assert_eq!(only("filename").out, "a.txt\n");
    assert_eq!(only("bytes").out, "5\n");
    let done = only("nothing");
    assert_eq!((done.status, done.out.as_str()), (2, ""));
    assert!(done.err.contains("the result has no `nothing`"), "{}", done.err);
    let done = run(&["call", "file-get", r#"{"file_id": "file-none"}"#, "--sandbox", "--only", "id"], &[], "");
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.contains("404"), "{}", done.err);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_anything_is_paid() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there.mp3"), "mine").unwrap();
    let upstream = Recorder::start(|_| Answer::json(200, "{}")).unwrap();
    let variables = [("OPENAI_API_KEY", "sk-any"), ("OPENAI_BASE_URL", &*upstream.base_url())];
    for (path, problem) in [("there.mp3", "is there already"), ("no/folder/x.mp3", "is not there")] {
        let done = run_in(folder.path(), &["call", "audio-speech-create", SPEAK, "-o", path], &variables);
        assert_eq!(done.status, 2, "{path}: {}", done.out);
        assert!(done.err.contains(problem), "{path}: {}", done.err);
    }
    // A tool that writes nothing itself has its file written here, and here no folder is one.
    let done = run_in(folder.path(), &["call", "model-list", "-o", "."], &variables);
    assert_eq!(done.status, 2, "{}", done.out);
    assert!(done.err.contains("is there already"), "{}", done.err);
    assert!(upstream.take().is_empty());
    assert_eq!(fs::read_to_string(folder.path().join("there.mp3")).unwrap(), "mine");
}

#[test]
fn what_cannot_be_written_in_the_end_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.json");
    let taken = path.clone();
    let upstream = Recorder::start(move |_| {
        fs::write(&taken, "mine").unwrap();
        Answer::json(200, r#"{"object": "list", "data": [{"id": "gpt-paid", "object": "model"}]}"#)
    })
    .unwrap();
    let variables = [("OPENAI_API_KEY", "sk-any"), ("OPENAI_BASE_URL", &*upstream.base_url())];
    let done = run_in(folder.path(), &["call", "model-list", "-o", "models.json"], &variables);
    assert!(done.status == 2 && done.err.contains("cannot be written"), "{}: {}", done.status, done.err);
    assert!(done.out.contains("gpt-paid"), "{}", done.out);
    assert_eq!(fs::read_to_string(path).unwrap(), "mine");
}

#[test]
fn a_running_server_is_called_by_its_url() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = command(&["serve", "--sandbox", "--addr", "127.0.0.1:0"], &[]);
    let server = Running::start(serve.current_dir(folder.path()), "next: ");
    let url = server.url();
    assert!(server.said.contains("sandbox: nothing leaves this machine"), "{}", server.said);
    let root = folder.path().canonicalize().unwrap();
    assert!(server.said.contains(&format!("files: callers may name those in {}\n", root.display())), "{}", server.said);
    assert!(server.said.contains(&format!("\n  {url}/files/mcp\n")), "{}", server.said);

    fs::write(folder.path().join("notes.txt"), "The moon is far away.").unwrap();
    let call = |tool: &str, arguments: &str| -> Value {
        let done = run(&["call", "--url", url, tool, arguments], &[], "");
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{tool}");
        serde_json::from_str(&done.out).unwrap()
    };
    let upload = r#"{"file": {"path": "notes.txt"}, "purpose": "assistants"}"#;
    let file = call("file-upload", upload)["id"].clone();
    let store = call("vector-store-create", r#"{"name": "docs"}"#)["id"].clone();
    call("vector-store-file-add", &format!(r#"{{"vector_store_id": {store}, "file_id": {file}}}"#));
    // This one tells of its progress, so its answer is an event stream.
    call("vector-store-wait", &format!(r#"{{"vector_store_id": {store}}}"#));
    let found = call("vector-store-search", &format!(r#"{{"vector_store_id": {store}, "query": "moon"}}"#));
    assert!(found.to_string().contains("The moon is far away."), "{found}");

    // By the URL of one server, too, and failures as those of a server in this process.
    let at = format!("{url}/files/mcp");
    let done = run(&["call", "--url", &at, "file-get", r#"{"file_id": "file-none"}"#], &[], "");
    assert_eq!((done.status, done.out.as_str()), (1, ""));
    assert!(done.err.contains("404"), "{}", done.err);
    let done = run(&["call", "--url", &at, "chat-completion-list"], &[], "");
    assert_eq!(done.status, 2);
    assert!(done.err.contains("unknown tool"), "{}", done.err);
    let done = run(&["call", "--url", &format!("{url}/nothing/mcp"), "file-list"], &[], "");
    assert!(done.status == 2 && done.err.contains("404"), "{}", done.err);

    let sound = run_in(folder.path(), &["call", "--url", url, "audio-speech-create", SPEAK, "-o", "said.mp3"], &[]);
    assert_eq!((sound.status, sound.err.as_str()), (0, ""));
    assert!(fs::metadata(folder.path().join("said.mp3")).unwrap().len() > 0);

    // An image comes whole, not as the preview that a model is shown, and what the server has saved comes no second time.
    let fox = r#"{"prompt": "a fox", "size": "256x256"}"#;
    let image = run_in(folder.path(), &["call", "--url", url, "image-generate", fox, "-o", "fox.png"], &[]);
    assert_eq!((image.status, image.err.as_str()), (0, ""));
    assert!(fs::read(folder.path().join("fox.png")).unwrap().starts_with(b"\x89PNG"), "{}", image.out);
    let fox = r#"{"prompt": "a fox", "size": "256x256", "save_to": "saved.png"}"#;
    let image = run_in(folder.path(), &["call", "--url", url, "image-generate", fox], &[]);
    assert_eq!((image.status, image.err.as_str()), (0, ""));
    let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["fox.png", "notes.txt", "said.mp3", "saved.png"]);

    drop(server);
    let done = run(&["call", "--url", "http://127.0.0.1:9", "file-list"], &[], "");
    assert!(done.status == 2 && done.err.contains("hint: does it run?"), "{}", done.err);
}

#[test]
fn a_server_elsewhere_is_shown_no_key_but_the_one_that_is_named() {
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}],"isError":false}}"#;
    let upstream = Recorder::start(move |_| Answer::json(200, answer)).unwrap();
    let url = upstream.base_url().replace("/v1", "");
    let call = |more: &[&str], variables: &[(&str, &str)]| {
        let done = run(&[&["call", "--url", &url, "file-list"], more].concat(), variables, "");
        assert_eq!((done.status, done.out.as_str()), (0, "done\n"), "{}", done.err);
        upstream.take().remove(0)
    };
    let key = ("OPENAI_API_KEY", "sk-secret");
    let token = ("OPENAI_MCP_ACCESS_TOKEN", "door");
    let request = call(&[], &[key]);
    assert_eq!((request.target.as_str(), request.header("authorization")), ("/files/mcp", None));
    assert_eq!(call(&[], &[key, token]).header("authorization"), Some("Bearer door"));
    let request = call(&["--bearer-env", "OPENAI_API_KEY"], &[key, token]);
    assert_eq!(request.header("authorization"), Some("Bearer sk-secret"));
    let done = run(&["call", "--url", &url, "file-list", "--bearer-env", "NOT_SET"], &[], "");
    assert!(done.status == 2 && done.err.contains("NOT_SET is not set"), "{}", done.err);
}

#[test]
fn a_sandbox_that_runs_remembers() {
    let home = tempfile::tempdir().unwrap();
    let variables = [("HOME", home.path().to_str().unwrap())];
    let sandbox = Running::start(&mut command(&["sandbox"], &[]), "next: ");
    let flag = format!("--sandbox={}", sandbox.url());
    let call = |tool: &str, arguments: &str| -> Value {
        let done = run(&["call", &flag, tool, arguments], &variables, "");
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{tool}");
        serde_json::from_str(&done.out).unwrap()
    };
    let upload = r#"{"file": {"text": "hello", "filename": "a.txt"}, "purpose": "user_data"}"#;
    let file = call("file-upload", upload)["id"].clone();
    assert_eq!(call("file-get", &format!(r#"{{"file_id": {file}}}"#))["bytes"], 5);
    // What a server keeps itself stays as long.
    call("moderation-check", r#"{"input": "hello", "keep": "excerpt"}"#);
    assert!(call("moderation-history", "{}").to_string().contains("hello"));
}
