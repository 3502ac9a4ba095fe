//! One script on both kinds of store: SQLite under the native server and D1 under its Worker.

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{KEY, Launch, Process, bearer, message, read_reply, request, tool_call};
use crate::worker;

/// The tests' server, reached in two ways, with one database: two processes, or two Workers.
struct Pair {
    processes: Vec<Process>,
    addrs: [SocketAddr; 2],
}

type Start = fn(&Path) -> Pair;

fn native(folder: &Path) -> Pair {
    let launch = Launch::new(env!("CARGO_BIN_EXE_everything")).args(&["--http", "127.0.0.1:0"]);
    let launch = launch.env("OPENAI_MCP_STORE", folder.to_str().unwrap());
    let (one, two) = (launch.serve(), launch.serve());
    Pair { addrs: [one.addr, two.addr], processes: vec![one.process, two.process] }
}

fn workers(folder: &Path) -> Pair {
    let (process, addrs) = worker::fixtures(folder);
    Pair { addrs, processes: vec![process] }
}

/// Runs statements and gives the result, or nothing if the server has gone.
fn ask(addr: SocketAddr, key: &str, statements: &Value) -> Option<Value> {
    let body = message("tools/call", &tool_call("store-batch", &json!({ "statements": statements })));
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.write_all(&request("POST", "/mcp", addr, &bearer(key), body.as_bytes())).ok()?;
    let reply = read_reply(stream)?;
    (reply.status == 200).then(|| reply.json()["result"].clone())
}

#[track_caller]
fn expect(addr: SocketAddr, statements: Value, expected: Value) {
    assert_eq!(rows(&ask(addr, KEY, &statements).unwrap()), expected, "{statements}");
}

#[track_caller]
fn rows(result: &Value) -> Value {
    let text = result["content"][0]["text"].as_str().unwrap();
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

fn shelf(id: i64) -> Value {
    json!(["INSERT INTO shelf (id, owner) VALUES (?1, ?2)", id, { "owner": true }])
}

fn count(table: &str) -> Value {
    json!([format!("SELECT count(*) FROM {table}")])
}

/// Values of every kind, big ones too, come back as they went; batches are whole; keys are foreign and owners strangers.
fn scenario(start: Start) {
    let folder = TempDir::new().unwrap();
    let pair = start(folder.path());
    let [at, other] = pair.addrs;
    expect(
        at,
        json!([shelf(1), count("shelf")]),
        json!([
            { "rows": [], "changed": 1 },
            { "rows": [[1]], "changed": 0 },
        ]),
    );
    let book = "INSERT INTO book (shelf, title, pages, weight, cover) VALUES (1, ?1, ?2, ?3, ?4) RETURNING id, title";
    let title = "é \u{1F600} ' \" \\ \n";
    expect(
        at,
        json!([[book, title, (1i64 << 53) - 1, 0.25, { "blob": 1_900_000 }], [book, null, null, 2.5, { "blob": 0 }]]),
        json!([
            { "rows": [[1, title]], "changed": 1 },
            { "rows": [[2, null]], "changed": 1 },
        ]),
    );
    expect(
        at,
        json!([["SELECT pages, weight, title, cover, length(cover) AS size FROM book ORDER BY id"]]),
        json!([{
            "rows": [
                [(1i64 << 53) - 1, 0.25, title, { "blob": 1_900_000, "whole": true }, 1_900_000],
                [null, 2.5, null, { "blob": 0, "whole": true }, 0],
            ],
            "changed": 0,
        }]),
    );

    // What one statement is refused, none of its batch has done.
    for refused in [
        json!([book, title, 1, 1, null]),
        json!(["INSERT INTO book (shelf) VALUES (99)"]),
        json!(["SELECT nothing FROM nowhere"]),
        json!(["SELECT ?1", 1i64 << 53]),
    ] {
        let result = ask(at, KEY, &json!([shelf(2), refused])).unwrap();
        assert_eq!(result["isError"], true, "{refused}: {result}");
        expect(at, json!([count("shelf")]), json!([{ "rows": [[1]], "changed": 0 }]));
    }

    let mine = json!([["SELECT id FROM shelf WHERE owner = ?1", { "owner": true }]]);
    expect(other, mine.clone(), json!([{ "rows": [[1]], "changed": 0 }]));
    assert_eq!(rows(&ask(at, "sk-stranger", &mine).unwrap()), json!([{ "rows": [], "changed": 0 }]));

    let list: Vec<i64> = (1..=500).collect();
    let many = json!([
        "INSERT INTO shelf (id, owner) SELECT 1000 + value, ?2 FROM json_each(?1)",
        json!(list).to_string(),
        "x"
    ]);
    expect(at, json!([many]), json!([{ "rows": [], "changed": 500 }]));
    // The two books go with their shelf.
    expect(
        at,
        json!([["DELETE FROM shelf WHERE id = 1"], count("book")]),
        json!([
            { "rows": [], "changed": 3 },
            { "rows": [[0]], "changed": 0 },
        ]),
    );
}

/// Everyone makes the tables at once, and nobody loses a row.
fn together(start: Start) {
    let folder = TempDir::new().unwrap();
    let pair = start(folder.path());
    let ready = Barrier::new(8);
    thread::scope(|scope| {
        for writer in 0..8 {
            let (addr, ready) = (pair.addrs[writer % 2], &ready);
            scope.spawn(move || {
                ready.wait();
                for step in 0..5 {
                    let result = ask(addr, KEY, &json!([shelf((writer * 5 + step) as i64)])).unwrap();
                    assert_eq!(result["isError"], false, "{result}");
                }
            });
        }
    });
    expect(pair.addrs[0], json!([count("shelf")]), json!([{ "rows": [[40]], "changed": 0 }]));
}

/// What was answered is kept by a process that is killed, and of what it was at there is all or nothing.
fn killed(start: Start) {
    const WRITERS: usize = 4;
    let folder = TempDir::new().unwrap();
    for round in 0..3 {
        let mut pair = start(folder.path());
        let (done, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (addr, done, over) = (pair.addrs[writer % 2], &done, &over);
                scope.spawn(move || {
                    for step in 0.. {
                        let id = (round * WRITERS + writer) * 1_000_000 + step;
                        let book = |title: &str| json!(["INSERT INTO book (shelf, title) VALUES (?1, ?2)", id, title]);
                        match ask(addr, KEY, &json!([shelf(id as i64), book("a"), book("b")])) {
                            Some(result) => assert_eq!(result["isError"], false, "{result}"),
                            None => break,
                        }
                        done.fetch_add(1, Ordering::SeqCst);
                    }
                    over.store(true, Ordering::SeqCst);
                });
            }
            while done.load(Ordering::SeqCst) < 20 && !over.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            for process in &mut pair.processes {
                process.child.kill().unwrap();
            }
        });
        drop(pair);
        let pair = start(folder.path());
        let torn = "(SELECT count(*) FROM shelf WHERE (SELECT count(*) FROM book WHERE shelf = shelf.id) != 2) AS torn";
        let kept = format!("SELECT count(*) AS kept, {torn} FROM shelf WHERE id / 4000000 = ?1");
        let found = rows(&ask(pair.addrs[0], KEY, &json!([[kept, round]])).unwrap());
        let [kept, torn] = [0, 1].map(|column| found[0]["rows"][0][column].as_u64().unwrap());
        assert_eq!(torn, 0, "a batch was done by half");
        assert!(kept >= done.load(Ordering::SeqCst) as u64, "{kept} of {done:?} are there");
    }
}

#[test]
fn sqlite_keeps_what_it_is_given() {
    scenario(native);
}

#[test]
fn d1_keeps_what_it_is_given() {
    scenario(workers);
}

#[test]
fn processes_share_a_file() {
    together(native);
}

#[test]
fn workers_share_a_database() {
    together(workers);
}

#[test]
fn a_killed_process_leaves_no_half() {
    killed(native);
}

#[test]
fn a_killed_worker_leaves_no_half() {
    killed(workers);
}
