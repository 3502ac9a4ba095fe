//! Packages, installed as people install them and served from; and the judges of what they and the repository hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{Finished, Launch, Process, binary, here, message, node, packages_venv, tool_call};

fn project() -> PathBuf {
    here().join("..").canonicalize().unwrap()
}

/// The packages of all servers behind one door and of one server, made once, from the program that the tests have.
fn packages() -> &'static Path {
    static MADE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, packages) = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let (programs, out) = (folder.path().join("programs"), folder.path().join("packages"));
        let place = |target: &str, file: &str| {
            fs::create_dir_all(programs.join(target)).unwrap();
            programs.join(target).join(file)
        };
        // What debuggers read is most of a program that is built for tests.
        let program = place("linux-x64", "openai-mcp");
        run("strip", &["-o", text(&program), text(&binary("openai-mcp"))]);
        fs::write(place("darwin-universal", "openai-mcp"), "a program").unwrap();
        fs::write(place("win32-x64", "openai-mcp.exe"), "a program").unwrap();
        let words = ["pack", text(&programs), "--out", text(&out), "--servers", "files", "--partial"];
        // It works for a while, and is no server that could hang.
        let packed = Command::new(binary("openai-mcp-dist")).args(words).output().unwrap();
        assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        (folder, out)
    });
    packages
}

/// A path as text.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> Finished {
    Launch::new(program).args(arguments).run().expect_success(program)
}

/// The only file of a folder that ends so.
fn file(folder: &str, end: &str) -> PathBuf {
    let files = fs::read_dir(packages().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    files.into_iter().find(|path| text(path).ends_with(end)).unwrap_or_else(|| panic!("{folder}/…{end}"))
}

/// It answers by this name.
#[track_caller]
fn greeted(launch: &Launch, name: &str) -> Process {
    let mut server = launch.start();
    let hello =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    server.write(format!("{}\n", message("initialize", &hello)).as_bytes());
    assert_eq!(server.receive()["result"]["serverInfo"]["name"], name);
    server
}

/// It answers as a server of files, and ends when its client goes.
#[track_caller]
fn serves_files(launch: &Launch) {
    let mut server = greeted(launch, "openai-files-mcp");
    server.write(format!("{}\n", message("tools/call", &tool_call("file-list", &json!({})))).as_bytes());
    assert_eq!(server.receive()["result"]["structuredContent"]["data"], json!([]));
    server.finish().expect_success("the end of its input");
}

/// A folder into which npm installed the packages, without a network.
fn npm() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (cache, packages) = (folder.path().join("cache"), packages().join("npm"));
    let mut words = vec!["install", "--offline", "--no-audit", "--no-fund", "--cache", text(&cache)];
    let archives = ["cli-linux-x64.tgz", "openai-mcp.tgz", "files.tgz"].map(|name| packages.join(name));
    words.extend(archives.iter().map(|path| text(path)));
    Launch::new("npm").args(&words).within(folder.path()).run().expect_success("npm install");
    folder
}

#[test]
fn npm_installs_programs_that_serve() {
    let folder = npm();
    let bin = folder.path().join("node_modules/.bin");
    serves_files(&Launch::new(bin.join("openai-files-mcp")).args(&["--sandbox"]));
    serves_files(&Launch::new(bin.join("openai-mcp")).args(&["stdio", "files", "--sandbox"]));

    // What its page on npm has people put into a client starts a server.
    let page = fs::read_to_string(folder.path().join("node_modules/openai-mcp/README.md")).unwrap();
    let entry = page.split_once("```json\n").and_then(|(_, rest)| rest.split_once("```")).unwrap().0;
    let entry: Value = serde_json::from_str(entry).unwrap();
    let words: Vec<&str> =
        entry["mcpServers"]["openai"]["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words[..2], ["-y", "openai-mcp"]);
    let door = Launch::new(bin.join("openai-mcp")).args(&[&words[2..], &["--sandbox"]].concat());
    assert_eq!(greeted(&door, "openai-mcp").finish().status.code(), Some(0));

    // Signals and statuses go through.
    let server = Launch::new(bin.join("openai-mcp")).args(&["serve", "--sandbox", "--addr", "127.0.0.1:0"]).serve();
    let health = Launch::new(bin.join("openai-mcp")).args(&["health", "--url", &format!("http://{}", server.addr)]);
    health.run().expect_success("health");
    kill(Pid::from_raw(server.process.child.id().cast_signed()), Signal::SIGTERM).unwrap();
    server.process.finish().expect_success("SIGTERM");
    assert_eq!(health.run().status.code(), Some(1));

    // A system without a program is told so.
    fs::remove_dir_all(folder.path().join("node_modules/@openai-mcp/cli-linux-x64")).unwrap();
    let lost = Launch::new(node()).args(&[text(&bin.join("openai-files-mcp"))]).run();
    assert_eq!(lost.status.code(), Some(1));
    assert!(lost.stderr.contains("@openai-mcp/cli-linux-x64 is not installed"), "{}", lost.stderr);
}

#[test]
fn wheels_hold_programs_that_serve() {
    let wheel = file("pypi", "_x86_64.musllinux_1_2_x86_64.whl");
    let folder = tempfile::tempdir().unwrap();
    let prefix = text(folder.path());
    let pip = ["-m", "pip", "install", "--quiet", "--no-index", "--no-compile", "--prefix", prefix, text(&wheel)];
    run(text(&packages_venv().join("python")), &pip);
    serves_files(&Launch::new(folder.path().join("bin/openai-mcp")).args(&["stdio", "files", "--sandbox"]));

    let cache = folder.path().join("cache");
    let words =
        ["--offline", "--cache-dir", text(&cache), "--from", text(&wheel), "openai-mcp", "stdio", "files", "--sandbox"];
    serves_files(&Launch::new(packages_venv().join("uvx")).args(&words));
}

/// Unpacks a bundle as hosts do: without the right to execute.
fn unpacked(bundle: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let script = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])";
    run(text(&packages_venv().join("python")), &["-c", script, text(bundle), text(folder.path())]);
    folder
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn bundles_hold_programs_that_serve() {
    let folder = unpacked(&file("mcpb", "openai-files.mcpb"));
    let config = &read(&folder.path().join("manifest.json"))["server"]["mcp_config"];
    let here = &config["platform_overrides"]["linux"];
    let chosen = [folder.path().join("one"), folder.path().join("two")];
    for path in &chosen {
        fs::create_dir(path).unwrap();
    }
    for folders in [&chosen[..], &[]] {
        // A list that a person chose becomes as many words.
        let words = here["args"].as_array().unwrap().iter().flat_map(|word| match word.as_str().unwrap() {
            "${user_config.folders}" => folders.iter().map(|path| text(path).to_owned()).collect(),
            word => vec![word.replace("${__dirname}", text(folder.path()))],
        });
        let words: Vec<String> = words.chain(["--sandbox".to_owned()]).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        serves_files(&Launch::new(here["command"].as_str().unwrap()).args(&words));
    }
}

#[test]
fn archives_hold_what_a_person_needs() {
    let folder = tempfile::tempdir().unwrap();
    run("tar", &["-xzf", text(&file("archives", "x86_64-unknown-linux-musl.tar.gz")), "-C", text(folder.path())]);
    let version = env!("CARGO_PKG_VERSION");
    let within = folder.path().join(format!("openai-mcp-{version}-x86_64-unknown-linux-musl"));
    assert!(run(text(&within.join("openai-mcp")), &["--version"]).stdout.starts_with("openai-mcp "));
    for name in ["LICENSE-MIT", "THIRD-PARTY.txt", "completions/_openai-mcp", "man/openai-mcp.1"] {
        assert!(fs::metadata(within.join(name)).unwrap().len() > 500, "{name}");
    }
    run("sh", &["-c", &format!("cd {} && sha256sum --quiet -c SHA256SUMS", text(packages()))]);
}

#[test]
fn a_program_that_needs_the_libraries_of_this_machine_is_no_release() {
    let programs = packages().parent().unwrap().join("programs");
    let checked = Launch::new(binary("openai-mcp-dist")).args(&["check", text(&programs)]).run();
    assert_eq!(checked.status.code(), Some(1), "{}", checked.stdout);
}

/// A copy of files of the project, of which one has a word replaced.
fn broken(paths: &[&str], file: &str, from: &str, to: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for path in paths {
        let target = folder.path().join(path);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        run("cp", &["-r", text(&project().join(path)), text(&target)]);
    }
    replace(&folder.path().join(file), from, to);
    folder
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{} has no {from}", file.display());
    fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// A judge is content with what is ours, and finds the fault in a broken copy.
#[track_caller]
fn judged(program: &Path, words: &[&str], ours: &Path, copy: &Path, fault: &str) {
    let judge = |path: &Path| {
        let words: Vec<String> = words.iter().map(|word| word.replace("PATH", text(path))).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        Launch::new(program).args(&words).run()
    };
    judge(ours).expect_success(&format!("{} of ours", program.display()));
    let refused = judge(copy);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(!refused.status.success() && said.contains(fault), "{}: {said}", program.display());
}

#[test]
fn the_image_and_the_workflows_pass_their_linters() {
    let bin = packages_venv();
    let image = "packages/Dockerfile";
    let copy = broken(&[image], image, "ENTRYPOINT [\"/openai-mcp\"]", "ENTRYPOINT openai-mcp");
    judged(&bin.join("hadolint"), &["PATH/packages/Dockerfile"], &project(), copy.path(), "DL3025");
    let workflow = ".github/workflows/release.yml";
    let copy = broken(&[workflow], workflow, "needs: [test, build]", "needs: [tests, build]");
    judged(&bin.join("actionlint"), &["PATH/.github/workflows/release.yml"], &project(), copy.path(), "\"tests\"");
    let copy = broken(
        &[workflow],
        workflow,
        "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd",
        "actions/checkout@main",
    );
    let words = ["--offline", "--no-progress", "PATH/.github/workflows"];
    judged(&bin.join("zizmor"), &words, &project(), copy.path(), "unpinned-uses");
}

#[test]
fn what_registries_and_stores_read_passes_their_rules() {
    let bin = packages_venv();
    let mcpb = here().join("node_modules/.bin/mcpb");
    let bundle = unpacked(&file("mcpb", "openai-files.mcpb"));
    let copy = tempfile::tempdir().unwrap();
    run("cp", &[text(&bundle.path().join("manifest.json")), text(copy.path())]);
    replace(&copy.path().join("manifest.json"), "\"0.3\"", "\"0.0\"");
    judged(&mcpb, &["validate", "PATH/manifest.json"], bundle.path(), copy.path(), "manifest version");

    let registry = packages().join("registry");
    let copy = tempfile::tempdir().unwrap();
    run("cp", &["-r", text(&registry), text(copy.path())]);
    replace(&copy.path().join("registry/openai-files/server.json"), "\"stdio\"", "\"pipes\"");
    let lint = ["lint", "--strict", "--no-plugins", "--type", "mcp-registry", "PATH"];
    judged(&bin.join("skillsaw"), &lint, &registry, &copy.path().join("registry"), "transport.type must be");

    let paths = [".claude-plugin", ".agents", "plugins", "gemini-extension.json"];
    let (ours, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, folder) in paths.iter().flat_map(|path| [(path, &ours), (path, &copy)]) {
        run("cp", &["-r", text(&project().join(path)), text(folder.path())]);
    }
    replace(
        &copy.path().join("plugins/openai-files/.claude-plugin/plugin.json"),
        "\"name\": \"openai-files\"",
        "\"nom\": \"openai-files\"",
    );
    judged(&bin.join("skillsaw"), &["lint", "--no-plugins", "PATH"], ours.path(), copy.path(), "field 'name'");
}

/// Every server that has a binary of its own has packages under the names that stores have it by.
#[test]
fn names_of_packages_are_those_of_servers() {
    let entry = read(&packages().join("registry/openai-files/server.json"));
    let names: BTreeMap<&str, &str> = entry["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| (package["registryType"].as_str().unwrap(), package["identifier"].as_str().unwrap()))
        .collect();
    let manifest =
        Command::new("tar").args(["-xzOf", text(&packages().join("npm/files.tgz")), "package/package.json"]).output();
    let manifest: Value = serde_json::from_slice(&manifest.unwrap().stdout).unwrap();
    assert_eq!((manifest["name"].as_str(), &manifest["mcpName"]), (names.get("npm").copied(), &entry["name"]));
    let sum = run("sha256sum", &[text(&file("mcpb", "openai-files.mcpb"))]).stdout;
    let bundle =
        entry["packages"].as_array().unwrap().iter().find(|package| package["registryType"] == "mcpb").unwrap();
    assert!(sum.starts_with(bundle["fileSha256"].as_str().unwrap()), "{sum} {bundle}");
}
