//! Stores on disk: what outlives a process, what several of them may do at once, and what a broken file gets.

use std::fs;
use std::path::Path;
use std::sync::Barrier;

use futures_util::future::join_all;
use openai_mcp_kernel::error::Kind;
use openai_mcp_kernel::platform::Platform as _;
use openai_mcp_kernel::sql::{Datum, Rows, Statement, sql};
use openai_mcp_native::files::Roots;
use openai_mcp_native::platform::Machine;
use openai_mcp_native::store::{Database, Location};

fn machine(folder: &Path) -> Machine {
    Machine::new(Roots::default(), &[], Location::Folder(folder.to_owned()), false)
}

async fn run(machine: &Machine, statements: Vec<Statement>) -> Result<Vec<Rows>, String> {
    machine.query("thing", statements).await.map_err(|error| {
        assert_eq!(error.kind(), Kind::Store);
        error.into_text()
    })
}

fn table() -> Statement {
    sql("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, body TEXT NOT NULL)", [])
}

fn add(id: i64, body: impl Into<Datum>) -> Statement {
    sql("INSERT INTO note (id, body) VALUES (?1, ?2)", [id.into(), body.into()])
}

fn count() -> Statement {
    sql("SELECT count(*) FROM note", [])
}

#[tokio::test]
async fn rows_are_there_after_a_restart_for_the_user_alone() {
    let whole = tempfile::tempdir().unwrap();
    let folder = whole.path().join("new/folder");
    let first = machine(&folder);
    assert!(!folder.exists(), "nothing is made before it is needed");
    run(&first, vec![table(), add(1, "kept")]).await.unwrap();
    drop(first);
    let rows = run(&machine(&folder), vec![sql("SELECT id, body FROM note", [])]).await.unwrap();
    assert_eq!(rows[0].rows[0].0, [Datum::Integer(1), Datum::Text("kept".into())]);
    #[cfg(unix)]
    for (path, expected) in [(folder.clone(), 0o700), (folder.join("thing.db"), 0o600)] {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, expected, "{}", path.display());
    }
}

#[tokio::test]
async fn each_domain_has_a_file_and_memory_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let disk = machine(folder.path());
    disk.query("one", vec![table(), add(1, "a")]).await.unwrap();
    disk.query("two", vec![table()]).await.unwrap();
    assert_eq!(disk.query("two", vec![count()]).await.unwrap()[0].rows[0].integer(0).unwrap(), 0);
    let memory = Machine::new(Roots::default(), &[], Location::named(Some(":memory:")).unwrap(), false);
    run(&memory, vec![table(), add(1, "a")]).await.unwrap();
    assert_eq!(run(&memory, vec![count()]).await.unwrap()[0].rows[0].integer(0).unwrap(), 1);
}

#[test]
fn values_come_back_as_they_went() {
    let mut database = Database::memory().unwrap();
    let values = [
        Datum::Null,
        Datum::Integer(i64::MIN),
        Datum::Real(0.1),
        Datum::Text("ä\0'\u{1F600}".into()),
        Datum::Blob(vec![0, 255, 1].into()),
    ];
    let rows = database.run(&[sql("SELECT ?1, ?2, ?3, ?4, ?5", values.clone())]).unwrap();
    assert_eq!(rows[0].rows[0].0, values);
    let row = &rows[0].rows[0];
    assert_eq!((row.text(3).unwrap(), row.real(2).unwrap()), ("ä\0'\u{1F600}", 0.1));
    assert_eq!(row.text(0).unwrap_err().into_text(), "column 0 of the store: expected text, found NULL");
    assert_eq!(row.blob(5).unwrap_err().into_text(), "column 5 of the store: expected bytes, found no such column");
}

#[test]
fn a_batch_is_done_whole_or_not_at_all() {
    let mut database = Database::memory().unwrap();
    let rows = database.run(&[table(), add(1, "a"), add(2, "b"), count()]).unwrap();
    assert_eq!(rows.iter().map(|rows| rows.changed).collect::<Vec<_>>(), [0, 1, 1, 0]);
    let error = database.run(&[add(3, "c"), add(1, "again")]).unwrap_err().into_text();
    assert_eq!(error, "the store refused a statement: UNIQUE constraint failed: note.id");
    let rows =
        database.run(&[sql("UPDATE note SET body = 'x' WHERE id > ?1 RETURNING id", [1.into()]), count()]).unwrap();
    assert_eq!((rows[0].changed, rows[0].rows[0].integer(0).unwrap()), (1, 2));
    assert_eq!(rows[1].rows[0].integer(0).unwrap(), 2, "the third row went with the batch");
}

#[test]
fn what_d1_would_refuse_is_refused() {
    let mut database = Database::memory().unwrap();
    database.run(&[table()]).unwrap();
    let values = vec![Datum::Integer(1); 101];
    let many = format!("SELECT {}", (1..=101).map(|n| format!("?{n}")).collect::<Vec<_>>().join(","));
    for statement in [
        add(1, "x".repeat(2_000_001)),
        sql(many, values),
        sql("SELECT 1; SELECT 2", []),
        sql("SELECT 1 AS a, 2 AS a", []),
        sql("SELECT 2 AS a, 1", []),
    ] {
        database.run(&[statement]).unwrap_err();
    }
}

/// Eight connections, each with its own thread as in a process of its own, make the file and count in it together.
#[test]
fn many_may_write_to_one_file_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.db");
    let (start, path) = (&Barrier::new(8), &path);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            scope.spawn(move || {
                start.wait();
                let mut database = Database::open(path).unwrap();
                database.run(&[table()]).unwrap();
                for id in 0..25 {
                    database.run(&[count(), add(writer * 100 + id, "a"), count()]).unwrap();
                }
            });
        }
    });
    assert_eq!(Database::open(path).unwrap().run(&[count()]).unwrap()[0].rows[0].integer(0).unwrap(), 200);
}

#[tokio::test]
async fn many_calls_of_one_process_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(folder.path());
    run(&machine, vec![table()]).await.unwrap();
    let outcomes = join_all((0..50).map(|id| run(&machine, vec![add(id, "a"), count()]))).await;
    for (done, outcome) in (1..).zip(outcomes) {
        assert_eq!(outcome.unwrap()[1].rows[0].integer(0).unwrap(), done);
    }
}

/// Containers and hardened services often have no folder for temporary files. Here none can be opened, in a process of its own.
#[cfg(unix)]
#[test]
fn a_large_batch_needs_no_temporary_file() {
    use std::process::Command;

    const STORE: &str = "STORE_OF_THE_TEST";
    if let Some(path) = std::env::var_os(STORE) {
        let mut database = Database::open(Path::new(&path)).unwrap();
        database.run(&[table()]).unwrap();
        database.run(&(0..200).map(|id| add(id, "x".repeat(4000))).collect::<Vec<_>>()).unwrap();
        let mut held = Vec::new();
        while let Ok(file) = fs::File::open("/dev/null") {
            held.push(file);
        }
        let all = sql("UPDATE note SET body = body || 'y'", []);
        database.run(&[all, add(200, "last")]).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 64 && exec \"$0\" --exact store::a_large_batch_needs_no_temporary_file --nocapture"]);
    let child =
        shell.arg(std::env::current_exe().unwrap()).env(STORE, folder.path().join("thing.db")).output().unwrap();
    let said = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.db");
    fs::write(&path, "this is no database, and long enough to tell. ".repeat(100)).unwrap();
    let machine = machine(folder.path());
    let error = run(&machine, vec![table()]).await.unwrap_err();
    let expected = format!(
        "the store `{}` cannot be used: file is not a database\n\
         hint: put the file right or move it away, or set OPENAI_MCP_STORE to another folder",
        path.display()
    );
    assert_eq!(error, expected);
    fs::remove_file(&path).unwrap();
    run(&machine, vec![table()]).await.expect("it works as soon as the file is gone");

    let below = path.join("below");
    let machine = Machine::new(Roots::default(), &[], Location::Folder(below.clone()), false);
    let error = run(&machine, vec![table()]).await.unwrap_err();
    assert!(
        error.starts_with(&format!("the store `{}` cannot be used: ", below.join("thing.db").display())),
        "{error}"
    );
}

#[test]
fn a_writer_that_stays_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.db");
    let mut database = Database::open(&path).unwrap();
    database.run(&[table()]).unwrap();
    let mut other = Database::open(&path).unwrap();
    other.run(&[sql("BEGIN IMMEDIATE", [])]).unwrap();
    let error = database.run(&[add(1, "a")]).unwrap_err().into_text();
    assert!(error.contains(&format!("`{}` is locked", path.display())), "{error}");
}

#[tokio::test]
async fn waiting_counts_from_when_a_call_asks() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(folder.path());
    run(&machine, vec![table()]).await.unwrap();
    let mut other = Database::open(&folder.path().join("thing.db")).unwrap();
    other.run(&[sql("BEGIN IMMEDIATE", [])]).unwrap();
    // One after the other they would take 100 s.
    let calls = join_all((0..20).map(|id| run(&machine, vec![add(id, "a")])));
    let outcomes = tokio::time::timeout(std::time::Duration::from_secs(50), calls).await.unwrap();
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|error| error.contains("is locked"))));
}

#[tokio::test]
async fn what_is_deleted_is_nowhere_after_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let first = machine(folder.path());
    run(&first, vec![table(), add(1, "a secret of the caller"), add(2, "kept")]).await.unwrap();
    run(&first, vec![sql("DELETE FROM note WHERE id = 1", [])]).await.unwrap();
    drop(first);
    let left = fs::read_dir(folder.path()).unwrap().flat_map(|file| fs::read(file.unwrap().path()).unwrap());
    let left = left.collect::<Vec<u8>>();
    assert!(left.windows(4).any(|piece| piece == b"kept"));
    assert!(!left.windows(8).any(|piece| piece == b"a secret"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_others_may_read_is_so_no_more() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.db");
    Database::open(&path).unwrap().run(&[table()]).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let machine = machine(folder.path());
    run(&machine, vec![add(1, "a")]).await.unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{}", file.path().display());
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_store_that_is_gone_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(folder.path());
    run(&machine, vec![table()]).await.unwrap();
    fs::remove_dir_all(folder.path()).unwrap();
    for _ in 0..2 {
        let error = run(&machine, vec![add(1, "a")]).await.unwrap_err();
        assert!(error.contains("was removed or replaced") && error.contains("hint: restart"), "{error}");
    }
}

#[tokio::test]
async fn a_store_that_is_full_is_not_blamed() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine(folder.path());
    run(&machine, vec![table()]).await.unwrap();
    run(&machine, vec![sql("PRAGMA max_page_count = 4", [])]).await.unwrap();
    let error = run(&machine, vec![add(1, "long ".repeat(10_000))]).await.unwrap_err();
    assert!(error.contains("thing.db` is full: ") && error.contains("\nhint: make room"), "{error}");
    assert!(!error.contains("move it away"), "{error}");
    run(&machine, vec![add(1, "short")]).await.expect("it goes on with what there is room for");
}

#[test]
fn a_store_is_named_as_people_name_folders() {
    let folder = |text| Location::named(Some(text)).unwrap().folder().unwrap().unwrap();
    let home = std::env::home_dir().unwrap();
    assert_eq!((folder("~"), folder("~/kept")), (home.clone(), home.join("kept")));
    // It stays where it is, wherever the process goes.
    assert_eq!(folder("kept"), std::env::current_dir().unwrap().join("kept"));
    assert_eq!(folder("~kept"), std::env::current_dir().unwrap().join("~kept"));
    assert!(Location::named(Some(":memory")).is_err());
}
