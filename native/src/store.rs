//! The stores of servers on a machine: one SQLite file per domain, each with a thread of its own, opened on first use.
//!
//! The thread runs one batch after the other; a process that dies within one leaves nothing of it behind. Other
//! processes on the same file wait for each other, up to [`PATIENCE`], which counts from when a call asks. What is
//! deleted is overwritten, in the log beside the file at the latest when the process ends.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf, absolute, is_separator};
use std::sync::mpsc::SendError;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use etcetera::BaseStrategy as _;
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::sql::{Datum, Row, Rows, Statement};
use rusqlite::limits::Limit;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::oneshot;

use crate::say;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements that are kept prepared.
const PREPARED: usize = 64;
/// What D1 allows, so that what works here works there: bytes of a value or row, of a statement, of a `LIKE` pattern,
/// and the number of parameters. <https://developers.cloudflare.com/d1/platform/limits/>
const LIMITS: [(Limit, i32); 4] = [
    (Limit::SQLITE_LIMIT_LENGTH, 2_000_000),
    (Limit::SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50),
    (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, 100),
];

/// Most GB of a file, as D1 has it, and as many pages of 4 KiB.
const MOST: i64 = 10;
const PAGES: i64 = MOST * 1_000_000_000 / 4096;
/// How long the end of the process waits for what a store is doing.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where stores are kept.
#[derive(Clone, Debug)]
pub enum Location {
    /// Nowhere: they end with the process.
    Memory,
    /// In this folder, one file per domain.
    Folder(PathBuf),
    /// In the user's folder for data.
    Usual,
}

impl Location {
    /// `:memory:`, a folder, or the usual place if nothing is said. `~` is the home, as few that set variables know it.
    ///
    /// # Errors
    /// It begins as `:memory:` does and is something else, or there is no home or current folder that it could be in.
    pub fn named(text: Option<&str>) -> std::result::Result<Self, String> {
        let folder = match text {
            None => return Ok(Location::Usual),
            Some(":memory:") => return Ok(Location::Memory),
            Some(text) if text.starts_with(':') => {
                return Err(format!("expected a folder or `:memory:`, got `{text}`"));
            }
            Some(text) => match text.strip_prefix('~') {
                Some(rest) if rest.is_empty() || rest.starts_with(is_separator) => {
                    let home = std::env::home_dir().ok_or("`~`: no home folder is known")?;
                    home.join(rest.trim_start_matches(is_separator))
                }
                _ => text.into(),
            },
        };
        absolute(&folder).map(Location::Folder).map_err(|error| format!("`{}`: {error}", folder.display()))
    }

    /// What goes with a sandbox at this URL, which is forgotten as that is: the user's folder for what may be lost.
    pub fn beside(url: &str) -> Self {
        let name: String =
            url.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        match etcetera::base_strategy::choose_native_strategy() {
            Ok(usual) => Location::Folder(usual.cache_dir().join("openai-mcp").join(name)),
            Err(_) => Location::Memory,
        }
    }

    /// The folder that holds the files, if there are any.
    ///
    /// # Errors
    /// There is no home.
    pub fn folder(&self) -> Result<Option<PathBuf>> {
        match self {
            Location::Memory => Ok(None),
            Location::Folder(folder) => Ok(Some(folder.clone())),
            Location::Usual => match etcetera::base_strategy::choose_native_strategy() {
                Ok(usual) => Ok(Some(usual.data_dir().join("openai-mcp"))),
                Err(_) => Err(Error::new(
                    Kind::Store,
                    "there is no home folder to keep the store in\nhint: set OPENAI_MCP_STORE to a folder",
                )),
            },
        }
    }

    /// Makes sure that stores can be kept, and gives the folder that holds them, if there is one. It is not made yet.
    ///
    /// # Errors
    /// There is no home, or nothing can be written there.
    pub fn check(&self) -> Result<Option<PathBuf>> {
        let Some(folder) = self.folder()? else { return Ok(None) };
        let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok()).unwrap_or(&folder);
        let trial = there.join(format!(".openai-mcp-{}", std::process::id()));
        let tried = OpenOptions::new().create(true).append(true).open(&trial).and_then(|_| fs::remove_file(&trial));
        match tried {
            Ok(()) => Ok(Some(folder)),
            Err(error) => Err(Error::new(
                Kind::Store,
                format!(
                    "{} cannot be written: {error}\nhint: set OPENAI_MCP_STORE to a folder that can",
                    folder.display()
                ),
            )),
        }
    }

    fn open(&self, domain: &str) -> Result<Database> {
        let Some(folder) = self.folder()? else { return Database::memory() };
        Database::open(&folder.join(format!("{domain}.db")))
    }
}

/// The stores of all servers of a process.
#[derive(Debug)]
pub(crate) struct Stores {
    place: Location,
    open: Mutex<HashMap<&'static str, Running>>,
}

/// The thread of a domain.
#[derive(Debug)]
struct Running {
    jobs: mpsc::Sender<Job>,
    /// Closed when the thread has ended.
    ended: mpsc::Receiver<()>,
}

struct Job {
    statements: Vec<Statement>,
    /// When it was asked for.
    since: Instant,
    done: oneshot::Sender<Result<Vec<Rows>>>,
}

impl Stores {
    pub(crate) fn new(place: Location) -> Self {
        Stores { place, open: Mutex::default() }
    }

    /// Hands a batch to the thread of the domain. It waits its turn before anything is awaited.
    pub(crate) fn query(
        &self,
        domain: &'static str,
        statements: Vec<Statement>,
    ) -> impl Future<Output = Result<Vec<Rows>>> + use<> {
        let (done, outcome) = oneshot::channel();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let running = open.entry(domain).or_insert_with(|| self.start(domain));
        // One that could not be had, or broke down, is asked for anew; where there is still none, that is told below.
        if let Err(SendError(job)) = running.jobs.send(Job { statements, since: Instant::now(), done }) {
            *running = self.start(domain);
            let _ = running.jobs.send(job);
        }
        async { outcome.await.unwrap_or_else(|_| Err(Error::new(Kind::Store, "the store has no thread to run on"))) }
    }

    fn start(&self, domain: &'static str) -> Running {
        let (sender, jobs) = mpsc::channel::<Job>();
        let (end, ended) = mpsc::channel();
        let place = self.place.clone();
        let work = move || {
            // The database is closed before the end is told.
            let (_end, mut database) = (end, None);
            let mut told = None;
            for Job { statements, since, done } in jobs {
                // Nobody waits for it any more.
                if done.is_closed() {
                    continue;
                }
                let outcome = match &mut database {
                    Some(database) => Ok(database),
                    none => place.open(domain).map(|database| none.insert(database)),
                };
                let left = PATIENCE.saturating_sub(since.elapsed());
                let outcome = outcome.and_then(|database| database.run_within(&statements, left));
                // The operator can put it right, whoever called.
                let problem = outcome.as_ref().err().map(|error| error.to_string());
                if let Some(problem) = problem.as_deref().filter(|problem| told.as_deref() != Some(*problem)) {
                    say(&format!("warning: {problem}"));
                }
                told = problem;
                // The caller may have gone meanwhile.
                let _ = done.send(outcome);
            }
        };
        let _ = thread::Builder::new().name(format!("store {domain}")).spawn(work);
        Running { jobs: sender, ended }
    }
}

/// Who closes a database last brings it in order: what was deleted is gone from the log as well.
impl Drop for Stores {
    fn drop(&mut self) {
        let open = std::mem::take(self.open.get_mut().unwrap_or_else(PoisonError::into_inner));
        let ends: Vec<_> = open.into_values().map(|Running { jobs: _, ended }| ended).collect();
        let until = Instant::now() + FAREWELL;
        for ended in ends {
            // One that is stuck is left to the end of the process.
            let _ = ended.recv_timeout(until.saturating_duration_since(Instant::now()));
        }
    }
}

/// An open database.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    path: Option<PathBuf>,
    /// Which file of the disk it is.
    file: Option<FileId>,
}

impl Database {
    /// An empty one that is on no disk.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn memory() -> Result<Self> {
        Connection::open_in_memory()
            .and_then(prepared)
            .map(|connection| Database { connection, path: None, file: None })
            .map_err(|error| failed(None, &error))
    }

    /// The one in a file, which is made, with its folder, if it is not there; the user alone can read it.
    ///
    /// # Errors
    /// The file cannot be used.
    pub fn open(path: &Path) -> Result<Self> {
        create(path).map_err(|error| unusable(path, &error))?;
        let connection = Connection::open(path).and_then(|connection| {
            connection.busy_timeout(PATIENCE)?;
            write_ahead(&connection)?;
            prepared(connection)
        });
        match connection {
            Ok(connection) => Ok(Database { connection, path: Some(path.to_owned()), file: file_id(path) }),
            Err(error) => Err(failed(Some(path), &error)),
        }
    }

    /// Runs statements in one transaction, all or none.
    ///
    /// # Errors
    /// The file cannot be used, or a statement is refused.
    pub fn run(&mut self, statements: &[Statement]) -> Result<Vec<Rows>> {
        self.run_within(statements, PATIENCE)
    }

    /// As [`Database::run`], waiting so long for other processes.
    fn run_within(&mut self, statements: &[Statement], patience: Duration) -> Result<Vec<Rows>> {
        if let Some(path) = &self.path {
            // SQLite would go on writing to what nobody finds any more.
            if file_id(path) != self.file {
                let text = format!(
                    "the store `{}` was removed or replaced while the server ran\nhint: restart the server",
                    path.display()
                );
                return Err(Error::new(Kind::Store, text));
            }
            self.connection.busy_timeout(patience).map_err(|error| failed(Some(path), &error))?;
        }
        self.transact(statements).map_err(|error| failed(self.path.as_deref(), &error))
    }

    fn transact(&mut self, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
        if let [statement] = statements {
            return Ok(vec![run(&self.connection, statement)?]);
        }
        // A transaction that reads first and writes then would fail, not wait, should another process write between.
        let reads = statements.iter().all(|statement| statement.text.trim_start().starts_with("SELECT"));
        let behavior = if reads { TransactionBehavior::Deferred } else { TransactionBehavior::Immediate };
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        let rows = statements.iter().map(|statement| run(&transaction, statement)).collect::<Result<_, _>>()?;
        transaction.commit()?;
        Ok(rows)
    }
}

/// What tells one file from another of the same name.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(path: &Path) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|about| (about.dev(), about.ino()))
}

/// Where an open file cannot be removed, there is nothing to tell.
#[cfg(not(unix))]
fn file_id(_: &Path) -> Option<FileId> {
    None
}

/// Has writers and readers not wait for each other. SQLite does not wait for another process that does just this.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < until => {
                thread::sleep(Duration::from_millis(5));
            }
            outcome => return outcome,
        }
    }
}

fn prepared(connection: Connection) -> rusqlite::Result<Connection> {
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "max_page_count", PAGES, |_| Ok(()))?;
    // Containers and hardened services may have no folder for temporary files, which a large batch needs otherwise.
    // <https://www.sqlite.org/tempfiles.html>
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    for (limit, value) in LIMITS {
        connection.set_limit(limit, value)?;
    }
    Ok(connection)
}

fn run(connection: &Connection, statement: &Statement) -> rusqlite::Result<Rows> {
    let before = connection.total_changes();
    let mut prepared = connection.prepare_cached(&statement.text)?;
    let columns = prepared.column_count();
    named_apart(&prepared.column_names().collect::<Vec<_>>())?;
    let values = statement.values.iter().map(|value| ToSqlOutput::Borrowed(bound(value)));
    let mut found = prepared.query(rusqlite::params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(Row((0..columns).map(|column| row.get_ref(column).map(datum)).collect::<Result<_, _>>()?));
    }
    Ok(Rows { rows, changed: connection.total_changes() - before })
}

/// D1 gives a row as an object of JavaScript, in which names that are equal fall together and numbers come first.
fn named_apart(columns: &[&str]) -> rusqlite::Result<()> {
    let number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    for (index, name) in columns.iter().enumerate().skip(1) {
        if columns.iter().take(index).any(|other| other == name || number(other)) || number(name) {
            return Err(rusqlite::Error::InvalidColumnName(format!("{name}: give each column a name of its own")));
        }
    }
    Ok(())
}

fn bound(value: &Datum) -> ValueRef<'_> {
    match value {
        Datum::Null => ValueRef::Null,
        Datum::Integer(number) => ValueRef::Integer(*number),
        Datum::Real(number) => ValueRef::Real(*number),
        Datum::Text(text) => ValueRef::Text(text.as_bytes()),
        Datum::Blob(bytes) => ValueRef::Blob(bytes),
    }
}

fn datum(value: ValueRef<'_>) -> Datum {
    match value {
        ValueRef::Null => Datum::Null,
        ValueRef::Integer(number) => Datum::Integer(number),
        ValueRef::Real(number) => Datum::Real(number),
        ValueRef::Text(text) => Datum::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Datum::Blob(bytes.to_vec().into()),
    }
}

/// Makes the file, with its folder, if it is not there, and has the user alone read it. SQLite gives the files beside it
/// the same mode.
fn create(path: &Path) -> io::Result<()> {
    let mut folders = fs::DirBuilder::new();
    let mut file = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        folders.mode(0o700);
        file.mode(0o600);
    }
    if let Some(folder) = path.parent() {
        folders.recursive(true).create(folder)?;
    }
    let file = file.create(true).append(true).open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            for end in ["", "-wal", "-shm"] {
                let mut beside = path.as_os_str().to_owned();
                beside.push(end);
                // Another user's file keeps the mode that they gave it.
                let _ = fs::set_permissions(beside, fs::Permissions::from_mode(0o600));
            }
        }
    }
    drop(file);
    Ok(())
}

fn failed(path: Option<&Path>, error: &rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    match (path, code) {
        (Some(path), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) => Error::new(
            Kind::Store,
            format!(
                "the store `{}` is locked: another program has been writing to it for {} s\nhint: try again",
                path.display(),
                PATIENCE.as_secs()
            ),
        ),
        (
            Some(path),
            Some(
                ErrorCode::NotADatabase
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::PermissionDenied,
            ),
        ) => unusable(path, error),
        // Who moved one of these away would lose what is kept.
        (Some(path), Some(ErrorCode::SystemIoFailure)) => Error::new(
            Kind::Store,
            format!(
                "the store `{}` cannot be used: {error}\n\
                 hint: look at its disk, or set OPENAI_MCP_STORE to a folder on another; the file may be whole",
                path.display()
            ),
        ),
        (Some(path), Some(ErrorCode::DiskFull)) => Error::new(
            Kind::Store,
            format!(
                "the store `{}` is full: its disk has no room left, or it has its {MOST} GB\n\
                 hint: make room on the disk, or delete what is kept and not needed; nothing is wrong with the file",
                path.display()
            ),
        ),
        _ => Error::new(Kind::Store, format!("the store refused a statement: {error}")),
    }
}

fn unusable(path: &Path, error: &dyn std::error::Error) -> Error {
    Error::new(
        Kind::Store,
        format!(
            "the store `{}` cannot be used: {error}\n\
             hint: put the file right or move it away, or set OPENAI_MCP_STORE to another folder",
            path.display()
        ),
    )
}
