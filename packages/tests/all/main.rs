//! What packages hold, and what is generated into this repository.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use openai_mcp_dist::archive::{Entry, Program, tar_gz, zip};
use openai_mcp_dist::names::all;
use openai_mcp_dist::target::{TARGETS, universal};
use openai_mcp_dist::{files, licenses, mcpb, npm, wheel};
use openai_mcp_kernel::server::Definition;
use openai_mcp_testkit::golden;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn server(domain: &str) -> &'static Definition {
    all().find(|server| server.domain == domain).unwrap()
}

#[test]
fn what_is_generated_into_the_repository_is_what_the_servers_say() {
    let files = files::committed();
    for (path, text) in &files {
        golden::compare(&project().join(path), text);
    }
    // A server that is gone takes its plugin along.
    for plugin in fs::read_dir(project().join("plugins")).unwrap() {
        let name = plugin.unwrap().file_name().into_string().unwrap();
        assert!(files.iter().any(|(path, _)| path.starts_with(&format!("plugins/{name}/"))), "plugins/{name}");
    }
}

#[test]
fn every_readme_says_how_to_install_its_server() {
    for server in all().filter(|server| !server.domain.is_empty()) {
        let file = project().join(files::folder(server)).join("README.md");
        let text = fs::read_to_string(&file).unwrap();
        golden::compare(&file, &files::with_install(&text, server).unwrap());
    }
}

/// The texts of a package's files.
fn shown(entries: &[Entry]) -> String {
    let text = |entry: &Entry| match entry.as_text() {
        Some(text) if !entry.path.contains("LICENSE-") => text.to_owned(),
        _ => format!("{} bytes\n", entry.bytes().len()),
    };
    entries.iter().map(|entry| format!("=== {}\n{}", entry.path, text(entry))).collect()
}

#[test]
fn packages_hold_what_they_should() {
    let program = Program::new(b"program".to_vec(), true).unwrap();
    let linux = TARGETS.iter().find(|target| target.name == "linux-x64").unwrap();
    let programs: Vec<_> = TARGETS.iter().map(|target| (target, program.clone())).collect();
    let (door, plain, admin) = (server(""), server("files"), server("administration-usage"));
    let packages = [
        ("npm-program", shown(&npm::platform(linux, &program, "notices\n").unwrap())),
        ("npm-all", shown(&npm::package(door))),
        ("npm-files", shown(&npm::package(plain))),
        ("wheel", shown(&wheel::package(linux, &program, "notices\n"))),
        ("bundle-all", shown(&mcpb::package(door, &programs, "notices\n"))),
        ("bundle-files", shown(&mcpb::package(plain, &programs, "notices\n"))),
        ("registry-all", format!("{:#}\n", files::registry(door, Some("sum")))),
        ("registry-administration-usage", format!("{:#}\n", files::registry(admin, None))),
        ("catalog-all", files::catalog(door, "commit")),
        ("catalog-files", files::catalog(plain, "commit")),
    ];
    for (name, text) in packages {
        golden::compare(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name), &text);
    }
}

#[test]
fn archives_are_read_by_the_usual_programs() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::new([b"#!/bin/sh\necho works\n".as_slice(), &[b'#'; 5000]].concat(), false).unwrap();
    let entries = [Entry::text("a/text", "text"), Entry::program("a/b/program", &program)];
    fs::write(folder.path().join("a.tar.gz"), tar_gz(&entries).unwrap()).unwrap();
    fs::write(folder.path().join("a.zip"), zip(&entries).unwrap()).unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let done = Command::new(program).args(arguments).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{program}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    run("tar", &["-xzf", "a.tar.gz"]);
    assert_eq!(run("a/b/program", &[]), "works\n");
    let script = "import zipfile; z = zipfile.ZipFile('a.zip'); assert z.testzip() is None; \
                  print([(i.filename, oct(i.external_attr >> 16), z.read(i) == open(i.filename, 'rb').read()) for i in z.infolist()])";
    let said = run("python3", &["-c", script]);
    assert_eq!(said, "[('a/text', '0o100644', True), ('a/b/program', '0o100755', True)]\n");
}

#[test]
fn programs_that_not_every_system_can_run_are_refused() {
    let check = |name: &str, program: &[u8]| {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        target.check(program).map_err(|error| error.to_string())
    };
    // A test is linked as any program of the machine it was built on.
    let here = fs::read(std::env::current_exe().unwrap()).unwrap();
    let refused = check("linux-x64", &here).unwrap_err();
    assert!(refused.contains("which not every linux has"), "{refused}");
    assert_eq!(check("win32-x64", &here).unwrap_err(), "the program of win32-x64 is for linux");
    assert_eq!(check("linux-x64", b"#!/bin/sh\n").unwrap_err(), "it is no program");
}

/// A program of macOS that is nothing but its head: `mach_header_64` and commands of four words, as mach-o/loader.h has them.
fn of_macos(processor: u32, kind: u32, commands: &[[u32; 4]]) -> Vec<u8> {
    let count = u32::try_from(commands.len()).unwrap();
    let head = [0xfeed_facf, processor, kind, 2, count, count * 16, 0, 0];
    head.iter().chain(commands.as_flattened()).flat_map(|word| word.to_le_bytes()).collect()
}

#[test]
fn programs_that_macos_would_not_start_are_refused() {
    let check = |name: &str, commands: &[[u32; 4]]| {
        let target = TARGETS.iter().find(|target| target.name == name).unwrap();
        target.check(&of_macos(0x0100_000c, 0, commands)).map_err(|error| error.to_string())
    };
    let least = |version: u32| [0x24, 16, version, version];
    let signature = [0x1d, 16, 0, 0];
    check("darwin-arm64", &[least(0x000b_0000), signature]).unwrap();
    check("darwin-x64", &[least(0x000a_0c00)]).unwrap();
    assert_eq!(
        check("darwin-arm64", &[least(0x000b_0000)]).unwrap_err(),
        "the program of darwin-arm64 has no signature, so macOS ends it"
    );
    assert_eq!(
        check("darwin-arm64", &[least(0x000c_0300), signature]).unwrap_err(),
        "the program of darwin-arm64 is for macOS 12.3, and its wheel says macosx_11_0_arm64"
    );
}

#[test]
fn one_program_is_made_for_both_processors_of_macos() {
    let (arm, intel) = (of_macos(0x0100_000c, 0, &[]), of_macos(0x0100_0007, 3, &[]));
    let both = universal([&arm, &intel]).unwrap();
    let target = TARGETS.iter().find(|target| target.name == "darwin-universal").unwrap();
    assert_eq!(target.check(&both).unwrap(), Vec::<String>::new());
    assert_eq!((both.get(0x4000..0x4020), both.get(0x8000..)), (Some(arm.as_slice()), Some(intel.as_slice())));
    assert!(universal([&arm, b"#!/bin/sh\n"]).is_err());
}

#[test]
fn what_we_may_not_ship_is_refused() {
    let parts = licenses::parts(&project(), &["x86_64-unknown-linux-musl"]).unwrap();
    licenses::check(&parts).unwrap();
    let text = licenses::text(&parts).unwrap();
    for told in ["\nsymphonia 0.", "MPL-2.0  https://", "Mozilla Public License Version 2.0", "\nring 0."] {
        assert!(text.contains(told), "{told}");
    }
    assert!(!text.contains("\nopenai-mcp"), "our own code is listed as another's");
    let deny = fs::read_to_string(project().join("deny.toml")).unwrap();
    let allowed: String = licenses::ALLOWED.iter().map(|name| format!("  \"{name}\",\n")).collect();
    assert!(deny.contains(&format!("allow = [\n{allowed}]")), "deny.toml allows others than {:?}", licenses::ALLOWED);
}

fn dist(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_openai-mcp-dist")).args(arguments).current_dir(project()).output().unwrap()
}

#[track_caller]
fn well(done: &Output) -> String {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).unwrap()
}

/// Everything of a release, with scripts for programs; made once.
fn packed() -> &'static (tempfile::TempDir, PathBuf) {
    static PACKED: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    PACKED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        for target in &TARGETS {
            let place = folder.path().join("programs").join(target.name);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join(target.file()), "#!/bin/sh\necho \"$@\"\n").unwrap();
            fs::set_permissions(place.join(target.file()), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let out = pack(folder.path(), "packages");
        (folder, out)
    })
}

fn pack(folder: &Path, name: &str) -> PathBuf {
    let out = folder.join(name);
    well(&dist(&["pack", folder.join("programs").to_str().unwrap(), "--out", out.to_str().unwrap()]));
    out
}

#[test]
fn the_same_programs_make_the_same_packages() {
    let (folder, out) = packed();
    let sums = |out: &Path| fs::read_to_string(out.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(out), sums(&pack(folder.path(), "again")));
}

/// A script of the packages, with programs in the place of those that publish. They note what they do in a file `done`, tell
/// what is noted there as published, and fail where they are told to.
struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        const PROGRAM: &str = r#"#!/bin/sh
called="${0##*/} $*"
case $called in
  "npm view "*) file=${2#@*/}; grep "^npm publish ./npm/${file%@*}.tgz" "$DONE" ;;
  "gh release view "*isDraft*) if grep -q "^public" "$DONE"; then echo false; else echo true; fi ;;
  "gh release view "*) grep "^gh release create $3 " "$DONE" ;;
  "gh api "*/git/ref/*) grep "refs/${2##*/ref/} " "$DONE" || { echo '{"status":"404"}'; exit 1; } ;;
  "jq "*containerimage*) echo sha256:of-the-image ;;
  "jq "*) echo "$3" ;;
  "curl "*) grep -q "^mcp-publisher publish ${5##*/servers/}" "$DONE" ;;
  *$FAULT*) echo "no: $called" >&2; exit 1 ;;
  *) echo "$called" >> "$DONE" ;;
esac
"#;
        let folder = tempfile::tempdir().unwrap();
        let (bin, from) = (folder.path().join("bin"), packed().1.to_str().unwrap());
        fs::create_dir(&bin).unwrap();
        for name in ["npm", "uv", "docker", "cosign", "gh", "jq", "curl", "mcp-publisher"] {
            fs::write(bin.join(name), PROGRAM).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        fs::write(folder.path().join("done"), "").unwrap();
        well(&Command::new("cp").args(["-r", from, folder.path().to_str().unwrap()]).output().unwrap());
        Stage { folder }
    }

    fn run(&self, script: &str, arguments: &[&str], fault: &str) -> Output {
        let bin = format!("{}:{}", self.folder.path().join("bin").display(), std::env::var("PATH").unwrap());
        Command::new("sh")
            .arg(self.folder.path().join("packages").join(script))
            .args(arguments)
            .envs([("PATH", bin.as_str()), ("FAULT", fault)])
            .env("DONE", self.folder.path().join("done"))
            .output()
            .unwrap()
    }

    /// What was done so far, a line each.
    fn done(&self) -> Vec<String> {
        fs::read_to_string(self.folder.path().join("done")).unwrap().lines().map(str::to_owned).collect()
    }
}

/// Each stands at the place of a later line than the one before.
#[track_caller]
fn in_order(lines: &[String], order: &[&str]) {
    let at = |text: &&str| {
        lines.iter().position(|line| line.contains(*text)).unwrap_or_else(|| panic!("{text}: {lines:#?}"))
    };
    assert!(order.iter().map(at).is_sorted(), "{lines:#?}");
}

const ORDER: [&str; 9] = [
    "npm publish ./npm/cli-linux-x64.tgz",
    "npm publish ./npm/openai-mcp.tgz",
    "npm publish ./npm/files.tgz",
    "uv publish",
    "docker buildx",
    "cosign sign --yes ghcr.io/openai-mcp/openai-mcp@sha256:",
    "gh release create v0",
    "gh release upload v0",
    "ref=refs/tags/openai-files-mcp-v0",
];

#[test]
fn a_release_is_rehearsed_whole_and_refused_where_a_package_is_another() {
    let stage = Stage::new();
    let lines: Vec<String> = well(&stage.run("publish.sh", &[], "nothing")).lines().map(str::to_owned).collect();
    in_order(&lines, &ORDER);
    assert!(well(&stage.run("registry.sh", &[], "nothing")).contains("publish registry/openai-files/server.json"));
    assert_eq!(stage.done(), Vec::<String>::new());

    fs::write(stage.folder.path().join("packages/npm/files.tgz"), "another").unwrap();
    for script in ["publish.sh", "registry.sh"] {
        let refused = stage.run(script, &["--upload"], "nothing");
        assert!(
            !refused.status.success() && String::from_utf8_lossy(&refused.stdout).contains("npm/files.tgz: FAILED")
        );
    }
    assert_eq!(stage.done(), Vec::<String>::new());

    let programs = tempfile::tempdir().unwrap();
    let missing = dist(&["pack", programs.path().to_str().unwrap(), "--out", programs.path().to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no "), "{missing:?}");
}

#[test]
fn a_release_that_was_broken_off_goes_on() {
    let stage = Stage::new();
    for fault in ["npm/files.tgz", "docker", "gh release upload", "gh api"] {
        let broken = stage.run("publish.sh", &["--upload"], fault);
        assert!(!broken.status.success() && String::from_utf8_lossy(&broken.stderr).contains(fault), "{broken:?}");
    }
    well(&stage.run("publish.sh", &["--upload"], "nothing"));
    let done = stage.done();
    in_order(&done, &ORDER);
    assert!(done.iter().any(|line| line.ends_with("@sha256:of-the-image")), "{done:#?}");
    let once = |start: &str| {
        let mut found: Vec<&String> = done.iter().filter(|line| line.starts_with(start)).collect();
        let all = found.len();
        found.sort();
        found.dedup();
        assert!(all > 0 && all == found.len(), "{start}: {done:#?}");
        all
    };
    assert_eq!(once("npm publish"), TARGETS.iter().filter(|target| target.wheel.is_some()).count() + all().count());
    assert_eq!((once("gh release create"), once("gh api")), (1, all().count() - 1));
    // What a person has made public stays as it is.
    fs::write(stage.folder.path().join("done"), format!("{}\npublic\n", done.join("\n"))).unwrap();
    well(&stage.run("publish.sh", &["--upload"], "nothing"));
    let uploads = |lines: &[String]| lines.iter().filter(|line| line.starts_with("gh release upload")).count();
    assert_eq!(uploads(&stage.done()), uploads(&done));

    let refused = stage.run("registry.sh", &["--upload"], "registry/openai-files/");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).ends_with("not published: registry/openai-files/server.json\n"));
    well(&stage.run("registry.sh", &["--upload"], "nothing"));
    let told = stage.done().into_iter().filter(|line| line.starts_with("mcp-publisher publish")).count();
    assert_eq!(told, all().count(), "{:#?}", stage.done());
}

/// Whoever downloads files of a release has them side by side.
#[test]
fn downloads_are_checked_where_they_lie() {
    let (_, out) = packed();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let script = "cp archives/* mcpb/* openai-mcp.cdx.json release/SHA256SUMS \"$0\" && cd \"$0\" && sha256sum --check SHA256SUMS";
    let said = well(&Command::new("sh").args(["-c", script, place]).current_dir(out).output().unwrap());
    assert_eq!(said.lines().count() + 1, fs::read_dir(place).unwrap().count(), "{said}");
}

#[test]
fn a_release_tells_of_what_is_new() {
    let notes = well(&dist(&["notes"]));
    assert!(notes.starts_with("## openai-mcp 0.") && notes.contains("\n## openai-files-mcp 0."), "{notes}");
    let tags = well(&dist(&["tags"]));
    assert!(tags.starts_with("v0.") && tags.contains("\nopenai-files-mcp-v0."), "{tags}");
    // Nothing has another version than in the commit itself, but for what is about to be committed.
    let changed = Command::new("git").args(["status", "--porcelain", "--", ":(top)servers"]).output().unwrap();
    let since = well(&dist(&["tags", "--since", "HEAD"]));
    assert!(since.lines().count() == 1 || !changed.stdout.is_empty(), "{since}");
}
