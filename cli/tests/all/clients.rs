//! `config` and `doctor`: what clients read.

use std::fs;
use std::path::{Path, PathBuf};

use openai_mcp_testkit::recorder::{Answer, Recorder};
use serde_json::{Value, json};

use crate::{Finished, PROGRAM, run, run_in};

/// Those whose file is JSON, and where in it the servers are.
const IN_JSON: [(&str, &str); 13] = [
    ("claude-desktop", "/mcpServers"),
    ("cursor", "/mcpServers"),
    ("vscode", "/servers"),
    ("copilot-cli", "/mcpServers"),
    ("gemini-cli", "/mcpServers"),
    ("cline", "/mcpServers"),
    ("kilo", "/mcp"),
    ("zoo", "/mcpServers"),
    ("roo", "/mcpServers"),
    ("opencode", "/mcp"),
    ("windsurf", "/mcpServers"),
    ("zed", "/context_servers"),
    ("lm-studio", "/mcpServers"),
];

/// A home of its own, which is the current folder.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Home(tempfile::tempdir().unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        run_in(self.0.path(), arguments, &[("HOME", self.0.path().to_str().unwrap())])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

#[test]
fn every_client_gets_a_configuration_it_can_read() {
    // Every folder of a server is one that a client can have.
    let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../servers")).unwrap();
    let mut names: Vec<String> = folders
        .filter_map(|folder| Some(folder.unwrap().file_name().to_str()?.strip_suffix("-mcp")?.to_owned()))
        .collect();
    names.sort();
    let domains = names.clone();
    let domains: Vec<&str> = domains.iter().map(|name| name.trim_start_matches("openai-")).collect();
    // Administration has a shorter name there, lest Cursor leaves out the longest of its tools.
    names = names.into_iter().map(|name| name.replace("openai-administration-", "openai-admin-")).collect();
    for (client, place) in IN_JSON {
        let servers = |arguments: &[&str]| {
            let file: Value =
                serde_json::from_str(&run(&[&["config", client], arguments].concat(), &[], "").out).unwrap();
            file.pointer(place).unwrap().as_object().unwrap().clone()
        };
        // Who hands every listed tool to a model gets the one door, unless servers are named.
        let all = servers(&[]);
        match ["claude-code", "codex", "cursor", "vscode", "copilot-cli"].contains(&client) {
            true => assert!(all.keys().eq(&names), "{client}: {all:?}"),
            false => {
                assert!(all.keys().eq(["openai"]), "{client}: {all:?}");
                let remote = servers(&["--remote", "https://mcp.example.com"]);
                assert!(remote["openai"].to_string().contains("https://mcp.example.com/mcp\""), "{client}: {remote:?}");
            }
        }
        assert!(servers(&["rag"]).keys().eq(["openai-files", "openai-responses", "openai-vector-store"]), "{client}");
        let servers = servers(&domains);
        assert!(servers.keys().eq(&names), "{client}: {servers:?}");
        let files = &servers["openai-files"];
        let started = match files["command"].clone() {
            Value::Array(words) => words,
            program => [&[program], files["args"].as_array().unwrap().as_slice()].concat(),
        };
        assert_eq!(json!(started), json!([PROGRAM, "stdio", "files"]), "{client}");

        let arguments = ["config", client, "files", "--remote", "https://mcp.example.com/"];
        let file: Value = serde_json::from_str(&run(&arguments, &[], "").out).unwrap();
        let servers = file.pointer(place).unwrap().as_object().unwrap();
        assert_eq!(servers.len(), 1, "{client}");
        let server = servers["openai-files"].to_string();
        assert!(
            server.contains("https://mcp.example.com/files/mcp") && server.contains("Bearer "),
            "{client}: {server}"
        );

        let arguments = ["config", client, "files", "chat", "--sandbox", "--remote", "http://127.0.0.1:8787"];
        let file = run(&arguments, &[], "").out;
        assert!(!["Authorization", "Bearer", "API_KEY"].iter().any(|word| file.contains(word)), "{client}: {file}");
        assert!(
            ["files", "chat"].iter().all(|domain| file.contains(&format!("8787/{domain}/mcp\""))),
            "{client}: {file}"
        );

        let sandbox = run(&["config", client, "files", "--sandbox"], &[], "").out;
        assert!(sandbox.contains("\"--sandbox\"") && !sandbox.contains("OPENAI_API_KEY"), "{client}: {sandbox}");
    }
    let remote = |client: &str| -> Value {
        let text = run(&["config", client, "files", "--remote", "https://a.example"], &[], "").out;
        let file: Value = serde_json::from_str(&text).unwrap();
        file.pointer("/mcpServers/openai-files").or(file.pointer("/mcp/openai-files")).unwrap().clone()
    };
    assert_eq!(remote("gemini-cli")["httpUrl"], "https://a.example/files/mcp");
    assert_eq!(remote("windsurf")["serverUrl"], "https://a.example/files/mcp");
    assert_eq!(remote("cline")["type"], "streamableHttp");
    assert_eq!(remote("zoo")["type"], "streamable-http");
    assert_eq!(remote("kilo")["type"], "remote");

    // What is uploaded through one server is to be found by the next, so they share a stand-in.
    let commands = run(&["config", "claude-code", "files", "vector-store", "--sandbox"], &[], "").out;
    let expected =
        format!("claude mcp add --scope user openai-sandbox -- {PROGRAM} stdio files,vector-store --sandbox");
    assert_eq!(commands.lines().collect::<Vec<_>>(), [expected]);
    let commands = run(&["config", "claude-code"], &[], "").out;
    let expected = format!("claude mcp add --scope user openai-files -- {PROGRAM} stdio files");
    assert!(commands.lines().any(|line| line == expected), "{commands}");
    let codex = run(&["config", "codex", "files"], &[], "").out;
    assert!(codex.starts_with("[mcp_servers.openai-files]\n"), "{codex}");
    let goose = run(&["config", "goose", "files"], &[], "").out;
    assert!(goose.starts_with("extensions:\n  openai-files:\n    "), "{goose}");
}

#[test]
fn the_key_is_named_where_a_client_can_look_it_up() {
    let rows = [
        ("claude-code", "", "--header 'Authorization: Bearer ${OPENAI_API_KEY}'"),
        ("codex", "env_vars = [\"OPENAI_API_KEY\"]", "bearer_token_env_var = \"OPENAI_API_KEY\""),
        ("cursor", "${env:OPENAI_API_KEY}", "Bearer ${env:OPENAI_API_KEY}"),
        ("vscode", "${input:openai-key}", "Bearer ${input:openai-key}"),
        ("copilot-cli", "${OPENAI_API_KEY}", ""),
        ("gemini-cli", "${OPENAI_API_KEY}", "Bearer ${OPENAI_API_KEY}"),
        ("cline", "${env:OPENAI_API_KEY}", "Bearer ${env:OPENAI_API_KEY}"),
        ("kilo", "{env:OPENAI_API_KEY}", "Bearer {env:OPENAI_API_KEY}"),
        ("zoo", "${env:OPENAI_API_KEY}", "Bearer ${env:OPENAI_API_KEY}"),
        ("roo", "${env:OPENAI_API_KEY}", "Bearer ${env:OPENAI_API_KEY}"),
        ("opencode", "{env:OPENAI_API_KEY}", "Bearer {env:OPENAI_API_KEY}"),
        ("windsurf", "${env:OPENAI_API_KEY}", "Bearer ${env:OPENAI_API_KEY}"),
        ("zed", "", ""),
        ("goose", "env_keys: [\"OPENAI_API_KEY\"]", "Bearer ${OPENAI_API_KEY}"),
    ];
    let variables = [("OPENAI_API_KEY", "sk-secret-of-mine")];
    for (client, started, running) in rows {
        let local = run(&["config", client, "files"], &variables, "").out;
        assert!(local.contains(started) && !local.contains("sk-"), "{client}: {local}");
        let remote = run(&["config", client, "files", "--remote", "https://a.example"], &variables, "").out;
        assert!(remote.contains(running) && !remote.contains("secret"), "{client}: {remote}");
    }
    // The others are given one, and a name to be replaced stands for it.
    for client in ["claude-desktop", "lm-studio"] {
        let text = run(&["config", client, "files"], &variables, "").out;
        assert!(text.contains("sk-your-key") && !text.contains("secret"), "{client}: {text}");
    }
}

#[test]
fn servers_of_administration_are_told_of_the_admin_key() {
    let rows = [
        ("claude-code", "", "--header 'Authorization: Bearer ${OPENAI_ADMIN_KEY}'"),
        ("codex", "env_vars = [\"OPENAI_ADMIN_KEY\"]", "bearer_token_env_var = \"OPENAI_ADMIN_KEY\""),
        ("cursor", "${env:OPENAI_ADMIN_KEY}", "Bearer ${env:OPENAI_ADMIN_KEY}"),
        ("vscode", "${input:openai-admin-key}", "Bearer ${input:openai-admin-key}"),
        ("kilo", "{env:OPENAI_ADMIN_KEY}", "Bearer {env:OPENAI_ADMIN_KEY}"),
        ("goose", "env_keys: [\"OPENAI_ADMIN_KEY\"]", "Bearer ${OPENAI_ADMIN_KEY}"),
        ("lm-studio", "sk-admin-your-key", "sk-admin-your-key"),
    ];
    for (client, started, running) in rows {
        let config = ["config", client, "administration-projects"];
        let local = run(&config, &[], "").out;
        let remote = run(&[&config[..], &["--remote", "https://a.example"]].concat(), &[], "").out;
        assert!(local.contains(started) && remote.contains(running), "{client}: {local}{remote}");
        assert!(!local.contains("OPENAI_API_KEY") && !remote.contains("OPENAI_API_KEY"), "{client}: {local}{remote}");
    }
    // Each of several is told of its own, and VS Code asks for both.
    let both: Value =
        serde_json::from_str(&run(&["config", "vscode", "files", "administration-access"], &[], "").out).unwrap();
    let servers = &both["servers"];
    assert_eq!(servers["openai-files"]["env"], json!({"OPENAI_API_KEY": "${input:openai-key}"}));
    assert_eq!(servers["openai-admin-access"]["env"], json!({"OPENAI_ADMIN_KEY": "${input:openai-admin-key}"}));
    let asked: Vec<_> = both["inputs"].as_array().unwrap().iter().map(|input| input["id"].clone()).collect();
    assert_eq!(asked, ["openai-key", "openai-admin-key"]);
}

/// What some tools alone need is named where that makes nobody give it.
#[test]
fn the_door_is_told_of_both_keys_and_needs_one() {
    let rows = [
        ("cline", json!({"OPENAI_API_KEY": "${env:OPENAI_API_KEY}", "OPENAI_ADMIN_KEY": "${env:OPENAI_ADMIN_KEY}"})),
        ("gemini-cli", json!({"OPENAI_API_KEY": "${OPENAI_API_KEY}", "OPENAI_ADMIN_KEY": "${OPENAI_ADMIN_KEY}"})),
        ("claude-desktop", json!({"OPENAI_API_KEY": "sk-your-key", "OPENAI_ADMIN_KEY": "sk-admin-your-key"})),
        ("zed", json!(null)),
    ];
    let entry = |arguments: &[&str]| {
        let file: Value = serde_json::from_str(&run(arguments, &[], "").out).unwrap();
        file.pointer("/mcpServers/openai").or(file.pointer("/context_servers/openai")).unwrap()["env"].clone()
    };
    for (client, env) in rows {
        assert_eq!(entry(&["config", client]), env, "{client}");
    }
    let one = json!({"OPENAI_API_KEY": "${env:OPENAI_API_KEY}"});
    assert_eq!(entry(&["config", "cline", "--tools", "file-*"]), one);
    assert_eq!(
        entry(&["config", "cline", "--tools", "project-*"]),
        json!({"OPENAI_ADMIN_KEY": "${env:OPENAI_ADMIN_KEY}"})
    );
    // It starts no server where one that it was told of is missing.
    let goose = run(&["config", "goose"], &[], "").out;
    assert!(goose.contains("env_keys: [\"OPENAI_API_KEY\"]"), "{goose}");
    let home = Home::new();
    let told = home.run(&["config", "cline", "--write"]).out;
    assert!(told.contains("with OPENAI_API_KEY set where it is started from"), "{told}");
    assert!(told.ends_with("; tools of administration want OPENAI_ADMIN_KEY, others do without\n"), "{told}");
}

#[test]
fn flags_are_handed_on_to_the_servers_that_know_them() {
    let home = Home::new();
    fs::create_dir(home.path("docs")).unwrap();
    let done = home.run(&["config", "cursor", "--read-only", "--tools", "file-list,vector-store-*", "--root", "docs"]);
    let file: Value = serde_json::from_str(&done.out).unwrap();
    let root = home.path("docs");
    let args = |server: &str| file["mcpServers"][server]["args"].clone();
    let expected =
        |domain: &str, tools: &str| json!(["stdio", domain, "--read-only", "--tools", tools, "--root", root]);
    assert_eq!(args("openai-files"), expected("files", "file-list"));
    assert_eq!(args("openai-vector-store"), expected("vector-store", "vector-store-*"));
    assert_eq!(file["mcpServers"].as_object().unwrap().len(), 2, "servers of which no tool is wanted are left out");
    for server in ["openai-files", "openai-vector-store"] {
        let args = args(server);
        let args: Vec<&str> = args.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let done = home.run(&args);
        assert_eq!(done.status, 0, "{server}: {}", done.err);
    }

    let arguments = ["config", "cursor", "files", "--tools", "file-list", "--read-only", "--remote", "http://h:1"];
    let file: Value = serde_json::from_str(&home.run(&arguments).out).unwrap();
    assert_eq!(file["mcpServers"]["openai-files"]["url"], "http://h:1/files/mcp?tools=file-list&read_only=true");

    // It may be the URL of the door, of one of the servers, or of a server that is alone there.
    for (remote, domains, url) in [
        ("http://h/mcp", &["files"][..], "http://h/mcp"),
        ("http://h/mcp", &["files", "chat"], "http://h/files/mcp"),
        ("http://h/mcp/", &["files", "chat"], "http://h/files/mcp"),
        ("http://h/files/mcp", &["files"], "http://h/files/mcp"),
        ("http://h/chat/mcp/", &["files"], "http://h/files/mcp"),
        ("http://files/mcp", &["files", "chat"], "http://files/files/mcp"),
        ("http://h/at/mcp", &["files", "chat"], "http://h/at/files/mcp"),
        // What names one server is for that one.
        ("http://h/files/mcp", &[], "http://h/files/mcp"),
        ("https://openai-files-mcp.me.workers.dev/mcp", &[], "https://openai-files-mcp.me.workers.dev/mcp"),
        ("https://openai-files-mcp.me.workers.dev", &["files"], "https://openai-files-mcp.me.workers.dev/mcp"),
    ] {
        let done = home.run(&[&["config", "cursor", "--remote", remote][..], domains].concat());
        let file: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{remote}: {}", done.err));
        let servers = &file["mcpServers"];
        assert_eq!(servers["openai-files"]["url"], url, "{remote} {domains:?}");
        assert_eq!(servers.as_object().unwrap().len(), domains.len().max(1), "{remote} {domains:?}");
    }
    let file: Value = serde_json::from_str(&home.run(&["config", "cursor", "--remote", "http://h/mcp"]).out).unwrap();
    assert_eq!(
        file["mcpServers"],
        json!({"openai": {"url": "http://h/mcp", "headers": {"Authorization": "Bearer ${env:OPENAI_API_KEY}"}}})
    );
    let done = home.run(&["config", "cursor", "chat", "--remote", "https://openai-files-mcp.me.workers.dev"]);
    assert!(done.status == 2 && done.err.contains(" is openai-files-mcp alone"), "{}{}", done.out, done.err);
    for remote in ["http://h/?x=1", "http://h/#x", "http://h/files/mcp/sk-1"] {
        let done = home.run(&["config", "cursor", "--remote", remote]);
        assert!(done.status == 2 && done.err.contains("--remote: the URL "), "{remote}: {}{}", done.out, done.err);
    }

    for (arguments, problem) in [
        (
            ["config", "cursor", "--tools", "file-lst"],
            "--tools: no tool is named `file-lst`; did you mean `file-list`?",
        ),
        (["config", "cursor", "--root", "nowhere"], "`nowhere`"),
        (["config", "goose", "--scope", "project"], ""),
    ] {
        let done = home.run(&arguments);
        assert!(done.err.contains(problem), "{}", done.err);
    }
    let done = home.run(&["config", "goose", "--scope", "project", "--write"]);
    assert!(done.status == 2 && done.err.contains("no file for a project"), "{}", done.err);
}

/// What `call` does in this shell, the client's servers do.
#[test]
fn settings_of_this_shell_are_handed_on() {
    let set = [
        ("OPENAI_BASE_URL", "http://127.0.0.1:1234/v1"),
        ("OPENAI_PROJECT_ID", "proj_1"),
        ("OPENAI_MCP_READ_ONLY", "true"),
        ("OPENAI_MCP_EXCLUDE", "file-list,model-list"),
        ("OPENAI_MCP_OWNER", "me"),
        ("OPENAI_MCP_SECRET_GITHUB", "of-mine"),
        ("HTTPS_PROXY", "http://me:of-mine@proxy.corp:3128"),
        ("NO_PROXY", "localhost"),
        ("SSL_CERT_FILE", "/etc/corp.pem"),
    ];
    let upstream = json!({
        "OPENAI_BASE_URL": "http://127.0.0.1:1234/v1", "OPENAI_PROJECT_ID": "proj_1", "NO_PROXY": "localhost",
        "SSL_CERT_FILE": "/etc/corp.pem",
    });
    // A password is for no file.
    let lost = "warning: set here, and not handed on to the servers: HTTPS_PROXY, OPENAI_MCP_OWNER, OPENAI_MCP_SECRET_GITHUB\n";
    for (client, path, key) in [
        ("claude-desktop", "/mcpServers/openai-files/env", "sk-your-key"),
        ("cursor", "/mcpServers/openai-files/env", "${env:OPENAI_API_KEY}"),
        ("opencode", "/mcp/openai-files/environment", "{env:OPENAI_API_KEY}"),
    ] {
        let done = run(&["config", client, "files"], &set, "");
        let file: Value = serde_json::from_str(&done.out).unwrap();
        let mut expected = upstream.clone();
        expected["OPENAI_API_KEY"] = key.into();
        assert_eq!(file.pointer(path), Some(&expected), "{client}");
        assert!(done.out.contains("\"--read-only\"") && done.out.contains("\"file-list\""), "{client}: {}", done.out);
        assert!(!done.out.contains("model-list") && !done.out.contains("of-mine"), "{client}: {}", done.out);
        assert_eq!(done.err, lost, "{client}");
    }
    let goose = run(&["config", "goose", "files"], &set, "").out;
    assert!(goose.contains(&format!("envs: {upstream}\n")), "{goose}");
    // Codex hands on what it is told the names of, and the servers of these have all that they have.
    let codex = run(&["config", "codex", "files"], &set, "");
    let names = r#"env_vars = ["OPENAI_API_KEY", "NO_PROXY", "OPENAI_BASE_URL", "OPENAI_PROJECT_ID", "SSL_CERT_FILE", "HTTPS_PROXY", "OPENAI_MCP_OWNER", "OPENAI_MCP_SECRET_GITHUB"]"#;
    assert!(codex.out.contains(names) && codex.err.is_empty(), "{}{}", codex.out, codex.err);
    let zed = run(&["config", "zed", "files"], &set, "");
    assert!(!zed.out.contains("OPENAI_") && zed.err.is_empty(), "{}{}", zed.out, zed.err);
    // The stand-in is where it is, and servers that run elsewhere have settings of their own.
    for flags in [&["--sandbox"][..], &["--remote", "http://h"]] {
        let file = run(&[&["config", "cursor", "files"][..], flags].concat(), &set, "").out;
        assert!(!file.contains("1234") && file.contains("only"), "{file}");
    }
    let home = Home::new();
    let variables = [&set[..2], &[("HOME", home.0.path().to_str().unwrap())]].concat();
    let told = run_in(home.0.path(), &["config", "codex", "files", "--write"], &variables).out;
    assert!(told.contains("with OPENAI_API_KEY and OPENAI_BASE_URL and OPENAI_PROJECT_ID set where"), "{told}");
    let done = run(&["config", "cursor", "files"], &[("OPENAI_BASE_URL", "nowhere")], "");
    assert!(done.status == 2 && done.err.contains("OPENAI_BASE_URL: "), "{}", done.err);
}

#[test]
fn an_entry_of_a_former_name_is_replaced() {
    let home = Home::new();
    let rows = [
        (
            "cursor",
            ".cursor/mcp.json",
            r#"{"mcpServers": {"mine": {}, "openai-administration-usage": {"command": "/old"}, "openai-files": {"command": "/files"}}}"#,
        ),
        (
            "codex",
            ".codex/config.toml",
            "[mcp_servers.mine]\ncommand = \"x\"\n\n# what it costs\n[mcp_servers.openai-administration-usage]\ncommand = \"/old\"\n\n[mcp_servers.openai-files]\ncommand = \"/files\"\n",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "extensions:\n  mine:\n    cmd: x\n  openai-administration-usage:\n    cmd: /old\n\n  # my files\n  openai-files:\n    cmd: /files\n",
        ),
    ];
    for (client, file, text) in rows {
        home.put(file, text);
        let told = home.run(&["doctor", "--sandbox"]).out;
        assert!(told.contains("`openai-administration-usage` starts /old"), "{client}: {told}");
        let done = home.run(&["config", client, "administration-usage", "--write"]);
        assert_eq!(done.status, 0, "{client}: {}", done.err);
        let new = home.text(file);
        assert!(!new.contains("openai-administration") && new.contains("openai-admin-usage"), "{client}: {new}");
        assert!(new.contains("mine") && new.contains("/files"), "{client}: {new}");
        assert_eq!(client == "codex", new.contains("# what it costs\n[mcp_servers.openai-admin-usage]"), "{new}");
        assert_eq!(client == "goose", new.contains("\n  # my files\n  openai-files:"), "{new}");
        fs::remove_file(home.path(file)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_may_be_gone_one_day_is_told_of() {
    let home = Home::new();
    let write = |folder: &str| {
        fs::create_dir_all(home.path(folder)).unwrap();
        let link = home.path(folder).join("openai-mcp");
        std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
        let mut command = std::process::Command::new(&link);
        command.args(["config", "cursor", "files", "--write"]).env_clear().env("HOME", home.path("."));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    for cache in [".npm/_npx/1/node_modules/@openai-mcp/cli-linux-x64/bin", ".cache/uv/archive-v0/1/bin"] {
        assert!(write(cache).contains("\nwarning: this program lies in a cache"), "{cache}");
    }
    for place in ["bin", ".local/share/uv/tools/openai-mcp/bin"] {
        let told = write(place);
        assert!(told.contains("wrote ") && !told.contains("warning"), "{told}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_the_program_is_written_as_a_link() {
    let home = Home::new();
    fs::create_dir(home.path("bin")).unwrap();
    let link = home.path("bin/openai-mcp");
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    let program = |mut command: std::process::Command| {
        let output = command.args(["config", "cursor", "files"]).env_clear().envs([("PATH", home.path("bin"))]);
        let file: Value = serde_json::from_slice(&output.output().unwrap().stdout).unwrap();
        file["mcpServers"]["openai-files"]["command"].clone()
    };
    assert_eq!(program(std::process::Command::new(&link)), link.to_str().unwrap());
    // As a shell does it: found by its name.
    use std::os::unix::process::CommandExt as _;
    let mut by_name = std::process::Command::new(PROGRAM);
    by_name.arg0("openai-mcp");
    assert_eq!(program(by_name), link.to_str().unwrap());
}

#[test]
fn what_else_is_in_a_file_stays_in_it() {
    let home = Home::new();
    let rows = [
        (
            "cursor",
            ".cursor/mcp.json",
            "{\n\t\"mcpServers\": {\n\t\t\"mine\": {\"command\": \"x\"},\n\t\t\"openai-files\": {\"command\": \"/old\"}\n\t}\n}\n",
        ),
        (
            "zed",
            ".config/zed/settings.json",
            "// Zed settings\n{\n  \"theme\": \"One Dark\", // the best\n  \"context_servers\": {\n    \"mine\": {}\n  }\n}\n",
        ),
        ("gemini-cli", ".gemini/settings.json", "{\n  \"ui\": {\"theme\": \"x\"}\n}\n"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            "{\n  \"inputs\": [\n    {\"id\": \"mine\"}\n  ],\n  \"servers\": {\n    \"mine\": {}\n  }\n}\n",
        ),
        (
            "codex",
            ".codex/config.toml",
            "# my settings\nmodel = \"gpt-5\"\n\n[mcp_servers.mine]\ncommand = \"x\" # keep\n\n[profiles.fast]\nmodel = \"y\"\n",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            "# my settings\nGOOSE_MODEL: gpt-5\nextensions:\n  # those I need\n\n  mine:\n    cmd: x\n    args:\n    - a\n  openai-files:\n    cmd: /old\n\n# do not change\nGOOSE_MODE: auto\n",
        ),
    ];
    for (client, file, text) in rows {
        home.put(file, text);
        let write = ["config", client, "files", "--write"];
        let done = home.run(&write);
        assert_eq!((done.status, done.err.as_str()), (0, ""), "{client}");
        let new = home.text(file);
        for line in text.lines().filter(|line| !line.contains("/old") && !line.contains("openai-files")) {
            let kept = line.trim_end_matches(['}', ']', ',', ' ']).trim();
            assert!(new.contains(kept), "{client}: `{kept}` is gone: {new}");
        }
        assert!(new.contains("openai-files") && new.contains(PROGRAM) && !new.contains("/old"), "{client}: {new}");
        assert_eq!(new.matches(PROGRAM).count(), 1, "{client}: {new}");
        assert_eq!(home.text(&format!("{file}.bak")), text, "{client}");
        assert!(done.out.contains(&home.path(&format!("{file}.bak")).display().to_string()), "{client}: {}", done.out);

        // Done twice it is done once.
        let done = home.run(&write);
        assert!(done.out.contains("says so already"), "{client}: {}", done.out);
        assert_eq!(home.text(file), new, "{client}");
        assert!(!home.path(&format!("{file}.bak2")).exists(), "{client}");

        let done = home.run(&["config", client, "chat", "--write"]);
        assert_eq!(done.status, 0, "{client}: {}", done.err);
        assert_eq!(home.text(&format!("{file}.bak2")), new, "{client}");
        let both = home.text(file);
        assert!(both.contains("openai-files") && both.contains("openai-chat"), "{client}: {both}");
    }
    let inputs: Value = serde_json::from_str(&home.text(".config/Code/User/mcp.json")).unwrap();
    assert_eq!(inputs["inputs"].as_array().unwrap().len(), 2, "{inputs}");
}

#[test]
fn a_file_that_cannot_be_read_is_left_alone() {
    let home = Home::new();
    let rows = [
        ("cursor", ".cursor/mcp.json", "{\"mcpServers\": {"),
        ("windsurf", ".codeium/windsurf/mcp_config.json", "{\"mcpServers\": []}"),
        ("codex", ".codex/config.toml", "model = "),
        ("codex", ".codex/config.toml", "mcp_servers = { mine = { command = \"x\" } }\n"),
        ("goose", ".config/goose/config.yaml", "extensions: {mine: {cmd: x}}\n"),
    ];
    for (client, file, text) in rows {
        home.put(file, text);
        let done = home.run(&["config", client, "files", "--write"]);
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{client}");
        assert!(done.err.contains("hint: nothing was changed"), "{client}: {}", done.err);
        assert_eq!(home.text(file), text, "{client}");
        let folder = home.path(file).parent().unwrap().to_owned();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "{client}");
    }
}

/// As Notepad and PowerShell 5 write it; Claude Desktop and Claude Code fail on it.
#[test]
fn a_mark_before_json_is_left_out() {
    let home = Home::new();
    home.put(".cursor/mcp.json", "\u{feff}{\"mcpServers\": {\"mine\": {\"command\": \"x\"}}}\n");
    assert_eq!(home.run(&["config", "cursor", "files", "--write"]).status, 0);
    let file: Value = serde_json::from_str(&home.text(".cursor/mcp.json")).unwrap();
    assert!(file["mcpServers"]["mine"].is_object() && file["mcpServers"]["openai-files"].is_object(), "{file}");
}

#[cfg(unix)]
#[test]
fn a_linked_file_stays_linked_and_keeps_its_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    home.put("dotfiles/mcp.json", "{}");
    fs::set_permissions(home.path("dotfiles/mcp.json"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir(home.path(".cursor")).unwrap();
    std::os::unix::fs::symlink(home.path("dotfiles/mcp.json"), home.path(".cursor/mcp.json")).unwrap();
    assert_eq!(home.run(&["config", "cursor", "files", "--write"]).status, 0);
    assert!(home.path(".cursor/mcp.json").is_symlink());
    assert!(home.text("dotfiles/mcp.json").contains("openai-files"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path("dotfiles/mcp.json")), 0o640);
}

#[test]
fn each_client_is_written_where_it_looks() {
    let home = Home::new();
    let rows = [
        ("claude-code", "user", ".claude.json"),
        ("claude-code", "project", ".mcp.json"),
        ("codex", "project", ".codex/config.toml"),
        ("cursor", "project", ".cursor/mcp.json"),
        ("vscode", "project", ".vscode/mcp.json"),
        ("copilot-cli", "user", ".copilot/mcp-config.json"),
        ("gemini-cli", "project", ".gemini/settings.json"),
        ("kilo", "project", "kilo.jsonc"),
        ("roo", "project", ".roo/mcp.json"),
        ("opencode", "project", "opencode.json"),
        ("zed", "project", ".zed/settings.json"),
        ("lm-studio", "user", ".lmstudio/mcp.json"),
    ];
    for (client, scope, file) in rows {
        let done = home.run(&["config", client, "files", "--scope", scope, "--write"]);
        assert_eq!(done.status, 0, "{client}: {}", done.err);
        assert!(home.text(file).contains("openai-files"), "{client}");
    }
    // Version 2 of opencode has a place of its own, which is taken where it is in use.
    home.put("opencode.json", r#"{"mcp": {"servers": {"mine": {"type": "local", "command": ["x"]}}}}"#);
    assert_eq!(home.run(&["config", "opencode", "files", "--scope", "project", "--write"]).status, 0);
    let file: Value = serde_json::from_str(&home.text("opencode.json")).unwrap();
    assert_eq!(file["mcp"]["servers"]["openai-files"]["type"], "local", "{file}");
}

#[test]
fn those_in_the_browser_are_told_what_to_paste() {
    for (client, words) in [("chatgpt", "Add custom MCP server"), ("claude-ai", "Add custom connector")] {
        let done = run(&["config", client, "files", "--remote", "https://mcp.example.com", "--read-only"], &[], "");
        assert!(done.out.contains(words), "{client}: {}", done.out);
        assert!(
            done.out.contains("\nhttps://mcp.example.com/files/mcp/sk-your-key?read_only=true\n"),
            "{client}: {}",
            done.out
        );
        assert!(done.out.contains("can spend the key"), "{client}: {}", done.out);
        let done = run(&["config", client, "files"], &[], "");
        assert!(done.status == 2 && done.err.contains("--remote https://"), "{client}: {}", done.err);
    }
}

#[test]
fn the_doctor_says_what_is_there_and_what_to_do() {
    let home = Home::new();
    let folder = home.0.path().to_str().unwrap();
    let models = r#"{"object": "list", "data": []}"#;
    let doctor = |base: &str, more: &[(&str, &str)]| {
        let variables = [("HOME", folder), ("OPENAI_API_KEY", "sk-secret"), ("OPENAI_BASE_URL", base)];
        run_in(home.0.path(), &["doctor"], &[&variables[..], more].concat())
    };
    assert_eq!(home.run(&["config", "codex", "files", "--write"]).status, 0);
    let well = Recorder::start(move |_| Answer::json(200, models)).unwrap();
    let done = doctor(&well.base_url(), &[]);
    assert_eq!((done.status, done.err.as_str()), (0, ""), "{}", done.out);
    assert!(done.out.lines().all(|line| line.starts_with("ok ")), "{}", done.out);
    for words in ["key: OPENAI_API_KEY is accepted", "files: ", "store: ", "codex: ", "openai-files"] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    let request = well.take().remove(0);
    assert_eq!((request.target.as_str(), request.header("authorization")), ("/v1/models", Some("Bearer sk-secret")));

    let refused = r#"{"error": {"message": "Incorrect API key provided: sk-secret.", "code": "invalid_api_key"}}"#;
    let refuses = Recorder::start(move |_| Answer::json(401, refused)).unwrap();
    let other = Recorder::start(|_| Answer::json(200, "{}")).unwrap();
    let rows = [
        (refuses.base_url(), "hint: make a new one"),
        (other.base_url(), "hint: OPENAI_BASE_URL names where the API is"),
        ("http://127.0.0.1:9/v1".to_owned(), "hint: OPENAI_BASE_URL names where the API is"),
    ];
    for (base, hint) in rows {
        let done = doctor(&base, &[]);
        assert_eq!(done.status, 1, "{}", done.out);
        assert!(done.out.contains("wrong  key: ") && done.out.contains(hint), "{base}: {}", done.out);
        assert!(!done.out.contains("sk-secret"), "{base}: {}", done.out);
    }

    // A store where no folder can be, a client that starts what is gone, and one whose file is broken.
    home.put("file", "");
    home.put(".cursor/mcp.json", r#"{"mcpServers": {"openai-files": {"command": "/gone/openai-mcp"}}}"#);
    home.put(".gemini/settings.json", "{");
    let done = doctor(&well.base_url(), &[("OPENAI_MCP_STORE", &format!("{folder}/file/store"))]);
    assert_eq!(done.status, 1);
    for hint in
        ["hint: set OPENAI_MCP_STORE", "hint: `openai-mcp config cursor --write`", "hint: the client cannot read"]
    {
        assert!(done.out.contains(hint), "{hint}: {}", done.out);
    }
    let done = home.run(&["doctor"]);
    assert!(
        done.out.contains("wrong  key: there is none") && done.out.contains("hint: set OPENAI_API_KEY"),
        "{}",
        done.out
    );
}

#[test]
fn the_doctor_blames_what_is_wrong() {
    let home = Home::new();
    // Nothing listens there, and OpenAI's own address is as it should be.
    let variables = [
        ("HOME", home.0.path().to_str().unwrap()),
        ("OPENAI_API_KEY", "sk-secret"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    let done = run_in(home.0.path(), &["doctor"], &variables);
    assert!(done.out.contains("wrong  key: ") && done.out.contains("HTTPS_PROXY names a proxy"), "{}", done.out);
    assert!(!done.out.contains("OPENAI_BASE_URL"), "{}", done.out);

    // Several servers on one stand-in are an entry of ours.
    assert_eq!(home.run(&["config", "cursor", "rag", "--sandbox", "--write"]).status, 0);
    let done = home.run(&["doctor", "--sandbox"]);
    assert!(done.status == 0 && done.out.contains("mcp.json: openai-sandbox"), "{}", done.out);

    // A key that was never put in, which the file of the usual one alone does without.
    assert_eq!(home.run(&["config", "lm-studio", "fine-tuning", "--write"]).status, 0);
    let done = home.run(&["doctor", "--sandbox"]);
    let wrong = "`openai-fine-tuning` still has sk-your-key where a key is to be\n       hint: put yours in its place";
    assert!(done.status == 1 && done.out.contains(wrong), "{}", done.out);
    let file = home.text(".lmstudio/mcp.json");
    assert!(file.contains("sk-admin-your-key"), "{file}");
    home.put(".lmstudio/mcp.json", &file.replace("sk-your-key", "sk-mine"));
    let done = home.run(&["doctor", "--sandbox"]);
    assert!(done.status == 0 && done.out.contains("mcp.json: openai-fine-tuning"), "{}", done.out);
}

/// Who runs the servers may know callers by a token of their own, which then goes where a key would, for all of them.
#[test]
fn servers_elsewhere_are_shown_the_token_that_is_named() {
    let config = |client: &str, variable: &str| {
        let arguments = ["config", client, "files", "administration-usage", "--remote", "https://a.example"];
        run(&[&arguments[..], &["--bearer-env", variable]].concat(), &[], "")
    };
    for (client, shown) in [
        ("cursor", "Bearer ${env:TEAM_TOKEN}\""),
        ("codex", "bearer_token_env_var = \"TEAM_TOKEN\""),
        ("claude-code", "--header 'Authorization: Bearer ${TEAM_TOKEN}'"),
        ("vscode", "Bearer ${input:team-token}\""),
        ("zed", "Bearer your-access-token\""),
        ("chatgpt", "/files/mcp/your-access-token\n"),
    ] {
        let text = config(client, "TEAM_TOKEN").out;
        let count = if client == "chatgpt" { 1 } else { 2 };
        assert_eq!(text.matches(shown).count(), count, "{client}: {text}");
        assert!(!text.contains("API_KEY") && !text.contains("ADMIN_KEY") && !text.contains("sk-"), "{client}: {text}");
    }
    assert_eq!(config("vscode", "TEAM_TOKEN").out.matches("\"id\": \"team-token\"").count(), 1);
    let refused = config("cursor", "tok-secret");
    assert!(refused.status == 2 && refused.err.contains("--bearer-env: expected the name"), "{}", refused.err);
    assert!(!refused.err.contains("tok-secret"), "{}", refused.err);
}

/// What VS Code asks its user for is not there for the agent that Copilot brings.
#[test]
fn a_server_that_asks_for_its_key_is_told_where_it_does_not() {
    let home = Home::new();
    for (flags, told) in [(&["--write"][..], true), (&["--write", "--sandbox"], false)] {
        let done = home.run(&[&["config", "vscode", "files"], flags].concat());
        assert_eq!(done.out.contains("`openai-mcp config copilot-cli`"), told, "{}{}", done.out, done.err);
    }
}
