//! What `wrangler.jsonc` says. <https://developers.cloudflare.com/workers/wrangler/configuration/>

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use jsonc_parser::ParseOptions;
use serde::Deserialize;
use serde_json::Value;

/// The file of a Worker, in its folder.
pub(crate) const FILE: &str = "wrangler.jsonc";
/// The last that runs on Node 20.
pub(crate) const WRANGLER: &str = "wrangler@4.86.0";

/// A Worker, as it is in production.
#[derive(Deserialize)]
pub(crate) struct Config {
    name: String,
    pub(crate) compatibility_date: String,
    pub(crate) compatibility_flags: Vec<String>,
    #[serde(default)]
    routes: Vec<Value>,
    #[serde(default)]
    d1_databases: Vec<Database>,
    #[serde(default)]
    env: Environments,
}

#[derive(Default, Deserialize)]
struct Environments {
    staging: Option<Staging>,
}

/// What makes it another Worker in staging.
#[derive(Deserialize)]
struct Staging {
    name: String,
    /// Wrangler lets an environment inherit the routes of production, so it must have its own.
    routes: Vec<Value>,
    #[serde(default)]
    d1_databases: Vec<Database>,
}

#[derive(Deserialize)]
struct Database {
    database_name: String,
    database_id: Option<String>,
}

impl Config {
    /// Reads the file in this folder.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| file.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(jsonc_parser::parse_to_serde_value(text, &ParseOptions::default())?)
    }

    /// Whether it binds a database.
    pub(crate) fn keeps(&self) -> bool {
        !self.d1_databases.is_empty()
    }

    /// Refuses a deployment that would take what belongs to the other environment, or that wrangler would refuse.
    pub(crate) fn check(&self, staging: bool, upload: bool) -> Result<()> {
        let Some(other) = &self.env.staging else { bail!("there is no `env.staging`") };
        ensure!(other.name != self.name, "`env.staging.name` is the name in production");
        if let Some(route) = other.routes.iter().find(|route| self.routes.contains(route)) {
            bail!("`env.staging.routes` has the route {route}, which is production's");
        }
        for database in &other.d1_databases {
            let shared = |own: &&Database| {
                let same_id = own.database_id.is_some() && own.database_id == database.database_id;
                same_id || own.database_name == database.database_name
            };
            if let Some(own) = self.d1_databases.iter().find(shared) {
                let (one, two) = (&database.database_name, &own.database_name);
                bail!("`env.staging.d1_databases` has `{one}`, which is production's `{two}`: staging has its own");
            }
        }
        let (place, databases) = if staging { ("env.staging.", &other.d1_databases) } else { ("", &self.d1_databases) };
        let nameless = databases.iter().enumerate().find(|(_, database)| database.database_id.is_none());
        if let Some((index, Database { database_name, .. })) = nameless.filter(|_| upload) {
            bail!(
                "`{place}d1_databases[{index}]` has no `database_id`\n\
                 hint: if the database is not made yet, in the folder of the file:\n  \
                 npx --yes {WRANGLER} d1 create {database_name} --update-config=false\n\
                 then add the id that it prints beside `\"database_name\": \"{database_name}\"`, as `\"database_id\": \"…\"`"
            );
        }
        Ok(())
    }
}

/// The lines of a server's file that are the same in those of all servers, with `{domain}` in place of the domain. Whoever
/// deploys it names hosts and databases; and a server may choose how long a call may compute.
pub(crate) fn common(text: &str, domain: &str) -> Vec<String> {
    const OWN: [&str; 4] = [r#""d1_databases": "#, r#""limits": "#, r#""routes": "#, r#"// "routes": "#];
    let named = text.replace(&format!("{domain}-mcp"), "{domain}-mcp");
    let lines = named.lines().map(|line| line.trim().trim_end_matches(','));
    lines.filter(|line| !OWN.iter().any(|own| line.starts_with(own))).map(str::to_owned).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{Config, common};

    /// A file after someone has made it theirs, and their editor has laid it out anew.
    const FILE: &str = r#"{
        "name": "a",
        "compatibility_date": "2026-11-01",
        "compatibility_flags": [
            "one", // and
            "two",
        ],
        "routes": [{ "pattern": "a.example.com", "custom_domain": true }],
        "d1_databases": [{ "binding": "STORE", "database_name": "a", "database_id": "1" }],
        "env": { "staging": {
            "name": "b",
            "routes": [],
            "d1_databases": [{ "binding": "STORE", "database_name": "b", "database_id": "2" }],
        } },
    }"#;

    fn problem(from: &str, to: &str, staging: bool) -> String {
        assert!(FILE.contains(from), "{from}");
        let checked = Config::parse(&FILE.replace(from, to)).and_then(|config| config.check(staging, true));
        checked.map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn a_file_is_read_however_it_is_laid_out() {
        let config = Config::parse(FILE).unwrap();
        assert_eq!(config.compatibility_flags, ["one", "two"]);
        assert!(config.keeps());
        assert!(!Config::parse(&FILE.replace("d1_databases", "// d1_databases")).is_ok_and(|config| config.keeps()));
        assert_eq!((problem("", "", true), problem("", "", false)), (String::new(), String::new()));
    }

    #[test]
    fn environments_share_nothing() {
        for staging in [true, false] {
            assert!(problem(r#""routes": [],"#, "", staging).contains("missing field `routes`"));
            for (from, to, told) in [
                (r#""b","#, r#""a","#, "`env.staging.name` is the name in production"),
                ("[],", r#"[{ "custom_domain": true, "pattern": "a.example.com" }],"#, "is production's"),
                (r#""2""#, r#""1""#, "which is production's `a`"),
                (r#""database_name": "b""#, r#""database_name": "a""#, "which is production's `a`"),
            ] {
                let problem = problem(from, to, staging);
                assert!(problem.contains(told), "{problem}");
            }
        }
    }

    #[test]
    fn a_database_without_id_is_told_before_wrangler_would_make_one() {
        let staging = problem(r#", "database_id": "2""#, "", true);
        assert!(staging.starts_with("`env.staging.d1_databases[0]` has no `database_id`\n"), "{staging}");
        assert!(staging.contains("d1 create b --update-config=false\n"), "{staging}");
        assert_eq!(problem(r#", "database_id": "2""#, "", false), "");
        assert!(problem(r#", "database_id": "1""#, "", false).contains("d1 create a "));
        let config = Config::parse(&FILE.replace(r#", "database_id": "2""#, "")).unwrap();
        assert!(config.check(true, false).is_ok());
    }

    #[test]
    fn what_servers_have_in_common_leaves_out_what_they_bind() {
        let file = "{\n  \"name\": \"openai-x-mcp\",\n  \"limits\": { \"cpu_ms\": 1 },\n  \"d1_databases\": [{ \"database_id\": \"1\" }]\n}";
        assert_eq!(common(file, "x"), ["{", r#""name": "openai-{domain}-mcp""#, "}"]);
        assert_eq!(common(file, "y"), ["{", r#""name": "openai-x-mcp""#, "}"]);
    }
}
