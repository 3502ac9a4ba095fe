//! State that outlives a call: a SQL database of the server's domain, SQLite on a machine and D1 on Workers.
//!
//! `sql("SELECT id, body FROM note WHERE owner = ?1", [cx.owner()?.into()])` is a statement, `cx.store().run(statement).await?`
//! its rows, and `row.text(1)?` the text in the second column of one.
//!
//! The SQL must mean the same to both. D1 has no transaction that lasts over an await, so conditions stand in the SQL
//! (`UPDATE … WHERE version = ?2 RETURNING id`), and what belongs together goes into one [`Store::batch`]. A value or row
//! has at most 2 MB there, a statement at most 100 parameters (`json_each(?1)` takes a list as one), the columns of a row
//! have different names, and whole numbers are below 2⁵³. Every row has an owner, and every statement asks for it,
//! but for one that forgets what is too old: the owner may have got another key. What one owner may keep is bounded:
//! [`Bound`](crate::allowance::Bound) says what counts.

use std::sync::atomic::Ordering;

use sha2::{Digest as _, Sha256};

use crate::allowance::{Amount, Bound};
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::sql::{Datum, Rows, Statement, sql};

/// Largest whole number that JavaScript keeps exact.
const EXACT: u64 = (1 << 53) - 1;

/// The store of a server, as a running tool sees it: [`Context::store`].
pub struct Store<'a> {
    cx: &'a Context,
}

impl Context {
    /// The server's store.
    pub fn store(&self) -> Store<'_> {
        Store { cx: self }
    }

    /// Whether a tool may keep a record of its calls in the store, besides what it was asked to keep.
    pub fn keeps_history(&self) -> bool {
        !(self.config().no_history || self.read_only())
    }

    /// Whose rows in the store are the caller's: a hash of their key, or of `OPENAI_MCP_OWNER` where the operator's own
    /// key is spent, so that rows outlive that key.
    ///
    /// # Errors
    /// The caller has no key.
    pub fn owner(&self) -> Result<String> {
        let config = self.config();
        let (kind, text) = match (&self.caller().key, &config.owner) {
            (None, Some(name)) if self.caller().trusted => ("name", name.clone()),
            _ => {
                let admin = config.key.is_none() && config.admin_key.is_some();
                ("key", self.key(admin)?.expose().to_owned())
            }
        };
        let hash = Sha256::digest(format!("openai-mcp owner {kind} {text}"));
        Ok(hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl Store<'_> {
    /// Runs one statement.
    ///
    /// # Errors
    /// There is no store here, it cannot be used, or it refuses the statement.
    pub async fn run(&self, statement: Statement) -> Result<Rows> {
        let mut rows = self.batch(vec![statement]).await?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Runs statements in one transaction, all or none, and gives what each gave.
    ///
    /// Where the operator or the caller wants nothing changed, only statements that read are run.
    ///
    /// # Errors
    /// As [`Store::run`].
    pub async fn batch(&self, statements: Vec<Statement>) -> Result<Vec<Rows>> {
        if self.cx.read_only() && !statements.iter().all(Statement::reads) {
            return Err(Error::new(Kind::Store, "the server is read-only: it keeps nothing and changes nothing kept"));
        }
        let exact = |value: &Datum| !matches!(value, Datum::Integer(number) if number.unsigned_abs() > EXACT);
        if !statements.iter().flat_map(|statement| &statement.values).all(exact) {
            return Err(Error::new(Kind::Store, "a whole number for the store is above 2^53 - 1"));
        }
        let known = self.cx.known();
        if !known.migrated.load(Ordering::Relaxed) {
            self.migrate().await?;
            known.migrated.store(true, Ordering::Relaxed);
        }
        if self.cx.home().bound.tables.is_empty() || statements.iter().all(Statement::reads) {
            return self.query(statements).await;
        }
        let adding: Vec<bool> = statements.iter().map(Statement::adds).collect();
        let owner = self.cx.owner()?;
        let bytes = statements.iter().filter(|statement| !statement.reads()).map(Statement::bytes).sum();
        // What was worked for is kept in the row that waits for it; it counts for the next one.
        if adding.contains(&true) {
            self.afford(&owner, bytes).await?;
        }
        let done = self.query(statements).await?;
        let rows = done.iter().zip(adding).filter(|(_, adds)| *adds).map(|(done, _)| done.changed).sum();
        known.added(&owner, Amount { rows, bytes });
        Ok(done)
    }

    /// Refuses to write so many bytes more for an owner whose allowance is used up, and to begin for one whose key nobody
    /// knows. What was written is counted along, and measured where that does not tell enough.
    async fn afford(&self, owner: &str, bytes: u64) -> Result<()> {
        let most = Amount::allowed(self.cx.setting("MAX_STORE"));
        let most = most.map_err(|problem| Error::new(Kind::Unsupported, problem))?;
        let known = self.cx.known();
        if known.has_room(owner, bytes, most) {
            return Ok(());
        }
        let Bound { tables, room } = self.cx.home().bound;
        let measure = |(table, weight): &(&str, &str)| {
            let text = format!("SELECT count(*), coalesce(sum({weight}), 0) FROM {table} WHERE owner = ?1");
            sql(text, [owner.into()])
        };
        let mut used = Amount::default();
        for found in self.query(tables.iter().map(measure).collect()).await? {
            for row in found.rows {
                used.rows += row.integer(0)?.unsigned_abs();
                used.bytes += row.integer(1)?.unsigned_abs();
            }
        }
        // Who makes up a key has another one at once, and with it another allowance.
        if used == Amount::default() && !self.cx.caller().trusted && !self.cx.was_answered() {
            self.cx.try_key().await?;
        }
        known.measured(owner, used);
        if known.has_room(owner, bytes, most) {
            return Ok(());
        }
        let text = format!(
            "there is no room for {} MB more of yours: {} rows with {} MB are kept, and {} rows with {} MB may be\n\
             hint: {room} makes room",
            Amount { rows: 1, bytes }.megabytes(),
            used.rows,
            used.megabytes(),
            most.rows,
            most.megabytes()
        );
        Err(Error::new(Kind::Store, text))
    }

    async fn query(&self, statements: Vec<Statement>) -> Result<Vec<Rows>> {
        self.cx.count_requests(statements.len());
        self.cx.platform().query(self.cx.home().domain, statements).await
    }

    /// Brings the tables up to date. Others may do the same at the same time: the version row that goes with each
    /// migration lets one of them win, and the rest find it done.
    async fn migrate(&self) -> Result<()> {
        let migrations = self.cx.home().migrations;
        let mut version = self.version().await?;
        while let Some(migration) = migrations.get(version) {
            let row = sql("INSERT INTO migration (version) VALUES (?1)", [Datum::Integer(version as i64 + 1)]);
            let steps = split(migration).map(|text| sql(text, []));
            let applied = self.query(std::iter::once(row).chain(steps).collect()).await;
            let reached = self.version().await?;
            if reached <= version {
                return Err(applied.err().unwrap_or_else(|| Error::new(Kind::Store, "the store keeps no migration")));
            }
            version = reached;
        }
        if version > migrations.len() {
            return Err(Error::new(
                Kind::Store,
                format!(
                    "the store is of a newer release of openai-{}-mcp: it has version {version}, this release knows {}\n\
                     hint: update the server",
                    self.cx.home().domain,
                    migrations.len()
                ),
            ));
        }
        Ok(())
    }

    async fn version(&self) -> Result<usize> {
        let statements = vec![
            sql("CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY)", []),
            sql("SELECT coalesce(max(version), 0) FROM migration", []),
        ];
        let rows = self.query(statements).await?;
        let version = rows.last().and_then(|rows| rows.rows.first()).map_or(Ok(0), |row| row.integer(0))?;
        Ok(usize::try_from(version).unwrap_or(usize::MAX))
    }
}

/// The statements of a migration: each ends with a `;` at the end of a line.
fn split(migration: &'static str) -> impl Iterator<Item = &'static str> {
    migration.split(";\n").map(|text| text.trim().trim_end_matches(';')).filter(|text| !text.is_empty())
}
