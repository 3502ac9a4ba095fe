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
    let text =
        |entry: &Entry| entry.as_text().map_or_else(|| format!("{} bytes\n", entry.bytes().len()), str::to_owned);
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

#[test]
fn one_program_is_made_for_both_processors_of_macos() {
    // A header without commands: `mach_header_64` of mach-o/loader.h.
    let program = |processor: u32, kind: u32| -> Vec<u8> {
        let words = [0xfeed_facf, processor, kind, 2, 0, 0, 0, 0];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    };
    let (arm, intel) = (program(0x0100_000c, 0), program(0x0100_0007, 3));
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

#[test]
fn a_release_is_rehearsed_whole_and_refused_where_a_package_is_another() {
    let (_, out) = packed();
    let steps = well(&dist(&["publish", out.to_str().unwrap()]));
    let at =
        |text: &str| steps.lines().position(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {steps}"));
    let order = [
        "npm/cli-linux-x64.tgz",
        "npm/openai-mcp.tgz",
        "npm/files.tgz",
        "uv publish",
        "buildx",
        "cosign",
        "gh release create v",
    ];
    assert!(order.map(at).is_sorted(), "{steps}");
    assert!(
        well(&dist(&["publish", out.to_str().unwrap(), "--registry"])).contains("registry/openai-files/server.json")
    );

    let copy = tempfile::tempdir().unwrap();
    well(&Command::new("cp").args(["-r", out.to_str().unwrap(), copy.path().to_str().unwrap()]).output().unwrap());
    let copy = copy.path().join("packages");
    fs::write(copy.join("npm/files.tgz"), "another").unwrap();
    let refused = dist(&["publish", copy.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&refused.stderr), "dist: npm/files.tgz is not what was packed\n");

    let programs = tempfile::tempdir().unwrap();
    let missing = dist(&["pack", programs.path().to_str().unwrap(), "--out", copy.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("there is no "), "{missing:?}");
}

#[test]
fn a_release_tells_of_what_is_new() {
    let notes = well(&dist(&["notes"]));
    assert!(notes.starts_with("## openai-mcp 0.") && notes.contains("\n## openai-files-mcp 0."), "{notes}");
    let tags = well(&dist(&["tags"]));
    assert!(tags.starts_with("v0.") && tags.contains("\nopenai-files-mcp-v0."), "{tags}");
    // Nothing has another version than in the commit itself.
    assert_eq!(well(&dist(&["tags", "--since", "HEAD"])).lines().count(), 1);
}
