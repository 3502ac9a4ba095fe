//! How calls and servers end.

use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::json;

use crate::harness::{KEY, Launch, Server, bearer, connect, exchange, message, request, tool_call};

fn list() -> String {
    message("tools/call", &tool_call("vector-store-list", &json!({})))
}

fn serve(base_url: &str) -> Server {
    Launch::umbrella(&["serve", "--addr", "127.0.0.1:0"]).env("OPENAI_BASE_URL", base_url).serve()
}

/// A client that hangs up takes its upstream call with it, which would otherwise run and cost.
#[test]
fn hanging_up_ends_the_upstream_call() {
    let upstream = Recorder::start(|_| Answer::Hang).unwrap();
    let server = serve(&upstream.base_url());
    let with_progress = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"vector-store-list","arguments":{},"_meta":{"progressToken":1}}}"#;
    for (number, body) in [list().as_str(), with_progress].into_iter().enumerate() {
        let mut stream = connect(server.addr);
        let bytes = request("POST", "/vector-store/mcp", server.addr, &bearer(KEY), body.as_bytes());
        std::io::Write::write_all(&mut stream, &bytes).unwrap();
        assert!(upstream.wait_for_requests(number + 1), "the call never reached the upstream");
        drop(stream);
        assert!(upstream.wait_for_hang_ups(number + 1), "the upstream call outlived its caller");
    }
}

/// On a pipe a caller says so instead, and hears no more of that call.
#[test]
fn a_cancelled_call_is_dropped_and_not_answered() {
    let upstream = Recorder::start(|request| {
        if request.path().ends_with("vs_1") { Answer::json(200, r#"{"id":"vs_1"}"#) } else { Answer::Hang }
    })
    .unwrap();
    let mut process = Launch::umbrella(&["stdio", "vector-store"])
        .env("OPENAI_BASE_URL", &upstream.base_url())
        .env("OPENAI_API_KEY", KEY)
        .start();
    process.write((list() + "\n").as_bytes());
    assert!(upstream.wait_for_requests(1), "the call never reached the upstream");
    process.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }));
    assert!(upstream.wait_for_hang_ups(1), "the upstream call was not cancelled");
    process.send(&json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": tool_call("vector-store-get", &json!({ "vector_store_id": "vs_1" })) }));
    let (before, answer) = process.receive_answer(&json!(2));
    assert_eq!(answer["result"]["isError"], false, "{answer}");
    let finished = process.finish();
    assert!(finished.status.success(), "{finished:?}");
    assert!(before.is_empty(), "a cancelled call was answered: {before:?}");
    assert_eq!(finished.stdout.lines().count(), 1, "{}", finished.stdout);
}

/// A host that closes the pipe is waited for as long as the operator says, and what that cost is told.
#[test]
fn end_of_input_ends_the_process_while_a_call_hangs() {
    let upstream = Recorder::start(|_| Answer::Hang).unwrap();
    let mut process = Launch::umbrella(&["stdio", "vector-store", "--verbose"])
        .env("OPENAI_BASE_URL", &upstream.base_url())
        .env("OPENAI_API_KEY", KEY)
        .env("OPENAI_MCP_GRACE", "0")
        .start();
    process.write((list() + "\n").as_bytes());
    assert!(upstream.wait_for_requests(1));
    let finished = process.finish();
    assert!(finished.status.success());
    assert!(upstream.wait_for_hang_ups(1));
    assert!(finished.stderr.contains("1 call was cut off\n"), "{}", finished.stderr);
    assert!(finished.stderr.contains(" tool=vector-store-list outcome=dropped ms="), "{}", finished.stderr);
}

/// Who hears of a call that failed finds it by its line, here and at OpenAI.
#[test]
fn the_line_of_a_call_names_its_request() {
    let mut process = Launch::umbrella(&["stdio", "files", "--sandbox", "--verbose"]).start();
    let call = message("tools/call", &tool_call("file-get", &json!({"file_id": "file-1"})));
    process.write((call + "\n").as_bytes());
    let answer = process.receive();
    let id = answer["result"]["_meta"]["openai-mcp/request-id"].as_str().unwrap();
    let finished = process.finish();
    let line = finished.stderr.lines().find(|line| line.contains(" tool=file-get outcome=status_404 ")).unwrap();
    assert!(line.ends_with(&format!(" request_id={id}")), "{line}");
}

/// A server that is told to end waits no longer than it is told to, and says what it cut off.
#[cfg(unix)]
#[test]
fn a_stopping_server_tells_of_the_calls_that_it_cuts_off() {
    let upstream = Recorder::start(|_| Answer::Hang).unwrap();
    let server = Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--grace", "0", "--verbose"])
        .env("OPENAI_BASE_URL", &upstream.base_url())
        .serve();
    let mut stream = connect(server.addr);
    let bytes = request("POST", "/vector-store/mcp", server.addr, &bearer(KEY), list().as_bytes());
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    assert!(upstream.wait_for_requests(1), "the call never reached the upstream");
    let id = nix::unistd::Pid::from_raw(server.process.child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    let finished = server.process.finish();
    assert!(finished.status.success(), "{finished:?}");
    assert!(finished.stderr.contains("1 call was cut off\n"), "{}", finished.stderr);
    assert!(finished.stderr.contains(" tool=vector-store-list outcome=dropped ms="), "{}", finished.stderr);
}

/// Calls in flight are finished before a server that is told to stop does.
#[cfg(unix)]
#[test]
fn a_stopping_server_finishes_its_calls() {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let upstream = Recorder::start(move |_| {
        let _ = released.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Answer::json(200, r#"{"object":"list","data":[]}"#)
    })
    .unwrap();
    let server = serve(&upstream.base_url());
    let addr = server.addr;
    let caller = std::thread::spawn(move || {
        exchange(addr, &request("POST", "/vector-store/mcp", addr, &bearer(KEY), list().as_bytes()))
    });
    assert!(upstream.wait_for_requests(1));
    let id = nix::unistd::Pid::from_raw(server.process.child.id().try_into().unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
    // It takes no new connection once it has heard the signal, and the call goes on.
    while std::net::TcpStream::connect(addr).is_ok() {
        std::thread::yield_now();
    }
    release.send(()).unwrap();
    let reply = caller.join().unwrap().expect("the call in flight was dropped");
    assert_eq!(reply.json()["result"]["isError"], false, "{reply:?}");
    let finished = server.process.finish();
    assert!(finished.status.success(), "{finished:?}");
}

/// An upstream that draws when it is told to.
fn painter() -> (mpsc::Sender<()>, Recorder) {
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let upstream = Recorder::start(move |_| {
        let _ = released.lock().unwrap_or_else(PoisonError::into_inner).recv();
        Answer::json(200, r#"{"data":[{"b64_json":"YW4gaW1hZ2U="}]}"#)
    });
    (release, upstream.unwrap())
}

fn draw(arguments: &serde_json::Value) -> String {
    message("tools/call", &tool_call("image-generate", arguments))
}

/// Clients cancel what takes longer than their patience, and an image is paid for by then.
#[test]
fn an_image_whose_call_was_cancelled_is_kept() {
    let (release, upstream) = painter();
    let mut process = Launch::umbrella(&["stdio", "images"])
        .env("OPENAI_BASE_URL", &upstream.base_url())
        .env("OPENAI_API_KEY", KEY)
        .env("OPENAI_MCP_STORE", ":memory:")
        .start();
    process.write((draw(&json!({"prompt": "a fox"})) + "\n").as_bytes());
    assert!(upstream.wait_for_requests(1), "the call never reached the upstream");
    process.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 1 } }));
    release.send(()).unwrap();
    for id in 2.. {
        let list = tool_call("image-list", &json!({}));
        process.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": list }));
        let (before, answer) = process.receive_answer(&json!(id));
        assert!(before.is_empty(), "a cancelled call was answered: {before:?}");
        if answer["result"]["structuredContent"]["kept"]["images"] == 1 {
            break;
        }
    }
    assert!(process.finish().status.success());
}

/// The same for a connection that was closed, and a server that is told to end meanwhile: it waits as for a call.
#[cfg(unix)]
#[test]
fn a_stopping_server_finishes_what_is_paid_for() {
    for (grace, kept) in [("600", true), ("0", false)] {
        let (release, upstream) = painter();
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        let server =
            Launch::umbrella(&["serve", "--addr", "127.0.0.1:0", "--grace", grace, "--verbose", "--root", root])
                .env("OPENAI_BASE_URL", &upstream.base_url())
                .env("OPENAI_API_KEY", KEY)
                .env("OPENAI_MCP_STORE", ":memory:")
                .serve();
        let mut stream = connect(server.addr);
        let call = draw(&json!({"prompt": "a fox", "save_to": "fox.png"}));
        let bytes = request("POST", "/images/mcp", server.addr, &[], call.as_bytes());
        std::io::Write::write_all(&mut stream, &bytes).unwrap();
        assert!(upstream.wait_for_requests(1), "the call never reached the upstream");
        drop(stream);
        let id = nix::unistd::Pid::from_raw(server.process.child.id().try_into().unwrap());
        nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
        while std::net::TcpStream::connect(server.addr).is_ok() {
            std::thread::yield_now();
        }
        if kept {
            release.send(()).unwrap();
        }
        let finished = server.process.finish();
        drop(release);
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(std::fs::read(folder.path().join("fox.png")).is_ok(), kept, "{finished:?}");
        assert_eq!(finished.stderr.contains("1 call was cut off\n"), !kept, "{}", finished.stderr);
    }
}
