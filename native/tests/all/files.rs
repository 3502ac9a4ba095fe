//! Which files a caller may name, and what happens to those it may.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::future::FutureExt as _;
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::error::{Error, Kind};
use openai_mcp_native::files::{Roots, is_of_system, is_reserved, share_of};

/// A folder with something to read in it, and something beside it that must not be read.
struct Tree {
    _whole: tempfile::TempDir,
    outside: PathBuf,
    root: PathBuf,
}

fn tree() -> Tree {
    let whole = tempfile::tempdir().unwrap();
    let path = whole.path().canonicalize().unwrap();
    let (outside, root) = (path.join("outside"), path.join("root"));
    for folder in [&outside, &root, &root.join("sub"), &root.join(".hidden")] {
        fs::create_dir(folder).unwrap();
    }
    for file in ["root/plain.txt", "root/sub/deep.md", "root/.env", "root/.hidden/key.txt", "outside/secret.txt"] {
        fs::write(path.join(file), format!("this is {file}")).unwrap();
    }
    Tree { _whole: whole, outside, root }
}

fn roots(folder: &Path) -> Roots {
    Roots::named([folder.to_owned()]).unwrap()
}

async fn read(roots: &Roots, path: &str) -> Result<(String, String, String), String> {
    let told = |error: Error| {
        assert_eq!(error.kind(), Kind::File);
        error.into_text()
    };
    let kept = roots.on_disk(path.into(), None, None).await.map_err(told);
    let opened = match roots.open(path.into(), None, None).await.map_err(told) {
        Ok(opened) => opened,
        Err(text) => {
            assert_eq!(kept.err().as_ref(), Some(&text));
            return Err(text);
        }
    };
    let length = opened.body.length();
    let content = opened.body.collect(1 << 20).await.unwrap();
    assert_eq!(length, Some(content.len() as u64));
    // To be read in any order, too.
    let kept = kept.unwrap();
    assert_eq!((&kept.filename, &kept.mime_type, Some(kept.length)), (&opened.filename, &opened.mime_type, length));
    let mut last = [0; 9];
    let at = kept.length.saturating_sub(4);
    let count = kept.content.read_at(&mut last, at).unwrap();
    assert_eq!(last[..count], content[at as usize..]);
    assert_eq!(kept.content.read_at(&mut last, kept.length + 1).unwrap(), 0);
    Ok((opened.filename, opened.mime_type, String::from_utf8(content.into()).unwrap()))
}

#[tokio::test]
async fn files_under_a_root_are_read() {
    let tree = tree();
    let (roots, root) = (roots(&tree.root), tree.root.to_str().unwrap());
    let rows = [
        ("plain.txt".to_owned(), "plain.txt", "text/plain", "this is root/plain.txt"),
        (format!("{root}/plain.txt"), "plain.txt", "text/plain", "this is root/plain.txt"),
        ("sub/../sub/./deep.md".to_owned(), "deep.md", "text/markdown", "this is root/sub/deep.md"),
    ];
    for (path, name, mime, content) in rows {
        assert_eq!(read(&roots, &path).await, Ok((name.into(), mime.into(), content.into())), "{path}");
    }
    let named = roots.open("plain.txt".into(), Some("other.csv".into()), None).await.unwrap();
    assert_eq!((named.filename.as_str(), named.mime_type.as_str()), ("other.csv", "text/csv"));
    // A hidden root that the operator names is not hidden any more.
    let hidden = Roots::named([tree.root.clone(), tree.root.join(".hidden")]).unwrap();
    assert!(read(&hidden, ".hidden/key.txt").await.is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_else_is_read() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let tree = tree();
    let root = &tree.root;
    symlink(tree.outside.join("secret.txt"), root.join("link.txt")).unwrap();
    symlink(&tree.outside, root.join("folder")).unwrap();
    symlink(root.join(".env"), root.join("visible.txt")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.join("fifo"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    let outside = tree.outside.join("secret.txt");
    let rows = [
        (outside.to_str().unwrap(), "outside the folders"),
        ("../outside/secret.txt", "outside the folders"),
        ("../outside/nothing.txt", "outside the folders"),
        ("/etc/passwd", "outside the folders"),
        ("/dev/zero", "outside the folders"),
        ("link.txt", "outside the folders"),
        ("folder/secret.txt", "outside the folders"),
        (".env", "hidden"),
        (".hidden/key.txt", "hidden"),
        (".hidden/../.env", "hidden"),
        ("visible.txt", "hidden"),
        ("~/.ssh/id_rsa", "outside the folders"),
        ("fifo", "not a regular file"),
        ("socket", "not a regular file"),
        ("sub", "is a folder, expected a file\nhint: name a file in it"),
        (".", "is a folder"),
        ("nothing.txt", "no such file"),
        ("plain.txt/deeper", "not a folder"),
        ("loop", "symbolic links"),
    ];
    let roots = roots(root);
    for (path, problem) in rows {
        let error = read(&roots, path).await.unwrap_err();
        assert!(error.contains(problem), "{path}: {error}");
    }
    let error = read(&Roots::default(), "plain.txt").await.unwrap_err();
    assert!(error.contains("--root DIR"), "{error}");
}

/// Screenshots of macOS have a blank in their names that no keyboard has, and letters with marks are written in two ways.
#[tokio::test]
async fn names_that_look_the_same_are_found_where_there_is_one() {
    let tree = tree();
    let folder = tree.root.join("Cafe\u{301}");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("Screenshot 2026-11-27 at 9.41.00\u{202f}AM.png"), "shot").unwrap();
    fs::write(folder.join("a\u{a0}b.txt"), "one").unwrap();
    fs::write(folder.join("a\u{202f}b.txt"), "two").unwrap();
    let roots = roots(&tree.root);
    for name in
        ["Caf\u{e9}/Screenshot 2026-11-27 at 9.41.00 AM.png", "Cafe\u{301}/Screenshot 2026-11-27 at 9.41.00 AM.png"]
    {
        let (_, _, content) = read(&roots, name).await.unwrap();
        assert_eq!(content, "shot", "{name}");
    }
    let several = read(&roots, "Caf\u{e9}/a b.txt").await.unwrap_err();
    assert!(several.contains("no such file"), "of two that look the same none is meant: {several}");
}

/// Whoever gives a path that starts nowhere is told where it was looked for.
#[tokio::test]
async fn what_is_not_there_names_the_root() {
    let tree = tree();
    let roots = roots(&tree.root);
    let missing = read(&roots, "reports/nothing.txt").await.unwrap_err();
    let at = tree.root.canonicalize().unwrap();
    let told = format!("`reports/nothing.txt`: no such file or folder in `{}`", at.display());
    assert!(missing.contains(&told) && missing.contains("hint: give the whole path"), "{missing}");
    let whole = at.join("nothing.txt");
    let missing = read(&roots, whole.to_str().unwrap()).await.unwrap_err();
    assert!(missing.contains("no such file") && !missing.contains(" in `"), "{missing}");
}

#[test]
fn roots_are_folders() {
    let tree = tree();
    assert!(Roots::named([tree.root.join("plain.txt")]).unwrap_err().contains("not a folder"));
    assert!(Roots::named([tree.root.join("nowhere")]).unwrap_err().contains("nowhere"));
}

#[tokio::test]
async fn a_file_that_changes_breaks_off() {
    let size = 1 << 20;
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("grows", |path| fs::write(path, vec![b'b'; (1 << 20) + 1]).unwrap()),
        ("shrinks", |path| fs::write(path, vec![b'b'; 1 << 19]).unwrap()),
        ("is rewritten", |path| {
            fs::write(path, vec![b'b'; 1 << 20]).unwrap();
            let later = std::time::SystemTime::now() + std::time::Duration::from_secs(10);
            fs::File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
        }),
    ];
    for (name, change) in changes {
        let tree = tree();
        let path = tree.root.join("big.bin");
        fs::write(&path, vec![b'a'; size]).unwrap();
        let opened = roots(&tree.root).open("big.bin".into(), None, None).await.unwrap();
        let mut chunks = opened.body.into_chunks();
        let first = chunks.next().await.unwrap().unwrap();
        assert!(first.len() < size, "{name}");
        change(&path);
        let rest: Vec<_> = chunks.collect().await;
        let sent = first.len() + rest.iter().flatten().map(Bytes::len).sum::<usize>();
        assert!(sent < size, "{name}: the whole length was sent");
        assert!(rest.last().unwrap().as_ref().unwrap_err().text.contains("changed"), "{name}");
    }
}

fn body(chunks: impl IntoIterator<Item = Result<Bytes, Failure>, IntoIter: Send + 'static>) -> Body {
    Body::Stream { chunks: stream::iter(chunks).boxed(), length: None }
}

#[tokio::test]
async fn new_files_are_written() {
    let tree = tree();
    let roots = roots(&tree.root);
    let chunks = (0..100).map(|number| Ok(Bytes::from(vec![number; 10_000])));
    let saved = roots.save("sub/new.bin".into(), body(chunks)).await.unwrap();
    assert_eq!(saved.bytes, 1_000_000);
    assert_eq!(Path::new(&saved.path), tree.root.join("sub/new.bin"));
    let expected: Vec<u8> = (0..100).flat_map(|number| vec![number; 10_000]).collect();
    assert!(fs::read(&saved.path).unwrap() == expected);
    let saved = roots.save("empty.txt".into(), Body::EMPTY).await.unwrap();
    assert_eq!((saved.bytes, fs::read(saved.path).unwrap().len()), (0, 0));
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_else_is_written() {
    let tree = tree();
    let root = &tree.root;
    std::os::unix::fs::symlink(tree.outside.join("new.txt"), root.join("dangling.txt")).unwrap();
    std::os::unix::fs::symlink(&tree.outside, root.join("folder")).unwrap();
    let rows = [
        ("plain.txt", "not overwritten"),
        ("sub", "not overwritten"),
        ("dangling.txt", "not overwritten"),
        ("folder/new.txt", "outside the folders"),
        ("../new.txt", "outside the folders"),
        ("/etc/new.txt", "outside the folders"),
        (".bashrc", "hidden"),
        (".hidden/new.txt", "hidden"),
        ("nowhere/.hidden/new.txt", "hidden"),
        ("nowhere/../../new.txt", "outside the folders"),
        ("plain.txt/new.txt", "not a folder"),
        ("sub/", "is a folder"),
        ("..", "does not end in a file name"),
        ("a\0b.txt", "os error"),
        (&"x".repeat(256), "os error"),
    ];
    let roots = roots(root);
    for (path, problem) in rows {
        let error = roots.save(path.into(), Body::Full("new".into())).await.unwrap_err().into_text();
        assert!(error.contains(problem), "{path}: {error}");
        assert_eq!(roots.reserve(path.into()).await.unwrap_err().into_text(), error);
    }
    assert!(!root.join("nowhere").exists());
    assert_eq!(fs::read_to_string(root.join("plain.txt")).unwrap(), "this is root/plain.txt");
    assert!(!tree.outside.join("new.txt").exists());
}

#[tokio::test]
async fn folders_are_made_for_a_file_and_not_for_a_look() {
    let tree = tree();
    let roots = roots(&tree.root);
    roots.reserve("a/b/new.txt".into()).await.unwrap();
    assert!(!tree.root.join("a").exists());
    roots.save("a/b/new.txt".into(), Body::Full("new".into())).await.unwrap();
    let folder = tree.root.join("a/b");
    assert_eq!(fs::read_to_string(folder.join("new.txt")).unwrap(), "new");
    roots.reserve("a/b/c/d/new.txt".into()).await.unwrap();
    roots.reserve("a/b/more.txt".into()).await.unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    roots.save("c/new.txt".into(), Body::EMPTY).await.unwrap();
    assert!(tree.root.join("c/new.txt").exists());
}

#[tokio::test]
async fn a_content_that_breaks_off_leaves_no_file() {
    let tree = tree();
    let roots = roots(&tree.root);
    let path = tree.root.join("new.bin");
    let broken =
        [Ok(Bytes::from(vec![1; 1 << 20])), Err(Failure { text: "the other side left".into(), unsent: false })];
    let error = roots.save("new.bin".into(), body(broken)).await.unwrap_err().into_text();
    assert!(error.contains("the other side left"), "{error}");
    assert!(!path.exists());

    // A cancelled call is dropped in the middle.
    let endless = stream::iter([Ok(Bytes::from(vec![1; 1 << 20]))]).chain(stream::pending());
    let mut saving = Box::pin(roots.save("new.bin".into(), Body::Stream { chunks: endless.boxed(), length: None }));
    let names = || fs::read_dir(&tree.root).unwrap().count();
    let before = names();
    while names() == before {
        assert!((&mut saving).now_or_never().is_none());
        tokio::task::yield_now().await;
    }
    // It gets its name when it is whole.
    assert!(!path.exists());
    drop(saving);
    // The file may have been made on another thread a moment ago: then it goes when that thread is done.
    while names() > before {
        tokio::task::yield_now().await;
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_put_aside_is_read_in_any_order_and_then_gone() {
    let tree = tree();
    let names = || fs::read_dir(&tree.root).unwrap().count();
    let before = names();
    let mut scratch = roots(&tree.root).scratch("new.bin".into()).await.unwrap();
    for byte in 0..3 {
        scratch.put(Bytes::from(vec![byte; 200_000])).await.unwrap();
    }
    let content = scratch.content().await.unwrap();
    for byte in [2, 0, 1] {
        let mut read = [9; 3];
        assert_eq!(content.read_at(&mut read, 200_000 * u64::from(byte) + 7).unwrap(), 3);
        assert_eq!(read, [byte; 3]);
    }
    assert_eq!(names(), before + 1);
    assert!(!tree.root.join("new.bin").exists());
    drop(content);
    assert_eq!(names(), before);
}

#[tokio::test]
async fn what_came_meanwhile_is_not_overwritten() {
    let tree = tree();
    let path = tree.root.join("new.txt");
    let other = path.clone();
    let late = stream::once(async move {
        fs::write(&other, "of somebody else").unwrap();
        Ok(Bytes::from_static(b"ours"))
    });
    let body = Body::Stream { chunks: late.boxed(), length: None };
    let error = roots(&tree.root).save("new.txt".into(), body).await.unwrap_err().into_text();
    assert!(error.contains("not overwritten"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "of somebody else");
    // Nothing is left beside it.
    assert_eq!(fs::read_dir(&tree.root).unwrap().count(), 5);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_out_tells_nothing_of_what_is_there() {
    let tree = tree();
    let root = &tree.root;
    let link = |target: &Path, name: &str| std::os::unix::fs::symlink(target, root.join(name)).unwrap();
    link(&tree.outside, "folder");
    link(&tree.outside.join("nothing.txt"), "dangling.txt");
    link(Path::new("dangling.txt"), "chain.txt");
    let roots = roots(root);
    for path in
        ["folder/secret.txt", "folder/nothing.txt", "folder/a/../b/c", "dangling.txt", "chain.txt", "chain.txt/a"]
    {
        let error = read(&roots, path).await.unwrap_err();
        assert!(error.contains("outside the folders"), "{path}: {error}");
        let error = roots.list(path.into()).await.unwrap_err().into_text();
        assert!(error.contains("outside the folders"), "{path}: {error}");
    }
    for path in ["folder/nothing/new.txt", "chain.txt/new.txt"] {
        let error = roots.save(path.into(), Body::EMPTY).await.unwrap_err().into_text();
        assert!(error.contains("outside the folders"), "{path}: {error}");
    }
    let long = "a/".repeat(1 << 20);
    assert!(read(&roots, &long).await.is_err());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_of_the_kernel_is_no_file() {
    let roots = roots(Path::new("/"));
    for path in ["/proc/self/environ", "proc/self/../self/cmdline", "/sys/kernel/mm/transparent_hugepage/enabled"] {
        let error = read(&roots, path).await.unwrap_err();
        assert!(error.contains("of the system's") || error.contains("no such file"), "{path}: {error}");
    }
    let error = read(&self::roots(Path::new("/proc/self")), "environ").await.unwrap_err();
    assert!(error.contains("of the kernel"), "{error}");
}

#[test]
fn each_system_has_places_and_names_of_its_own() {
    let home = Path::new("/Users/me");
    let rows = [
        ("macos", "/Users/me/Library", true),
        ("macos", "/Library", true),
        ("macos", "/Users/me/code/Library", false),
        ("windows", "/Users/me/AppData", true),
        ("windows", "/Users/me/appdata", true),
        ("windows", "/ProgramData/Microsoft/Windows/Start Menu", true),
        ("windows", "/Users/me/Documents", false),
        ("linux", "/proc/1/environ", true),
        ("linux", "/sys", true),
        ("linux", "/system", false),
    ];
    for (os, path, expected) in rows {
        assert_eq!(is_of_system(os, Some(home), Path::new(path)), expected, "{os} {path}");
    }
    let rows = [
        ("windows", "CON", true),
        ("windows", "nul.txt", true),
        ("windows", "com1", true),
        ("windows", "LPT².log", true),
        ("windows", "a.txt:stream", true),
        ("windows", "dots.", true),
        ("windows", "console.txt", false),
        ("windows", "com10", false),
        ("windows", "common", false),
        ("macos", "a:b", true),
        ("linux", "a:b", false),
        ("linux", "nul", false),
    ];
    for (os, name, expected) in rows {
        assert_eq!(is_reserved(os, OsStr::new(name)), expected, "{os} {name}");
    }
}

#[tokio::test]
async fn a_folder_is_listed_without_what_is_hidden_or_a_link() {
    let tree = tree();
    let (roots, root) = (roots(&tree.root), tree.root.to_str().unwrap());
    fs::write(tree.root.join("another.txt"), "12345").unwrap();
    #[cfg(unix)]
    for (target, link) in [("secret.txt", "link.txt"), ("", "linked")] {
        std::os::unix::fs::symlink(tree.outside.join(target), tree.root.join(link)).unwrap();
    }
    let rows = [
        (".", vec![("another.txt", 5, false), ("plain.txt", 22, false), ("sub", 0, true)]),
        (root, vec![("another.txt", 5, false), ("plain.txt", 22, false), ("sub", 0, true)]),
        ("sub/../sub", vec![("deep.md", 24, false)]),
    ];
    for (path, expected) in rows {
        let listed = roots.list(path.into()).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|file| (file.name.as_str(), file.bytes, file.folder)).collect();
        assert_eq!(listed, expected, "{path}");
    }
}

#[tokio::test]
async fn no_other_folder_is_listed() {
    let tree = tree();
    let roots = roots(&tree.root);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&tree.outside, tree.root.join("elsewhere")).unwrap();
    let outside = tree.outside.to_str().unwrap();
    let mut rows = vec![
        (outside, "is outside the folders"),
        ("../outside", "is outside the folders"),
        ("../outside/not-there", "is outside the folders"),
        (".hidden", "is hidden"),
        ("not-there", "no such file or folder"),
        ("plain.txt", "part of the path is not a folder"),
    ];
    if cfg!(unix) {
        rows.push(("elsewhere", "is outside the folders"));
    }
    for (path, problem) in rows {
        let error = roots.list(path.into()).await.unwrap_err();
        assert!(error.to_string().contains(problem), "{path}: {error}");
    }
    let none = Roots::default().list(".".into()).await.unwrap_err();
    assert!(none.to_string().contains("uses no files of its machine"), "{none}");
}

#[tokio::test]
async fn a_folder_with_too_many_names_is_refused() {
    let tree = tree();
    for number in 0..10_001 {
        fs::File::create(tree.root.join("sub").join(number.to_string())).unwrap();
    }
    let error = roots(&tree.root).list("sub".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "`sub` has more than 10000 names");
}

#[test]
fn a_share_is_told_by_its_path_alone() {
    for (path, expected) in [
        (r"\\host\share\a.png", Some(r"host\share")),
        ("//Host/Share/a.png", Some(r"host\share")),
        (r"\\?\UNC\host\share\a.png", Some(r"host\share")),
        (r"\\host@SSL@443\DavWWWRoot\a.png", Some(r"host@ssl@443\davwwwroot")),
        (r"\\.\pipe\name", Some(r".\pipe")),
        (r"\\?\pipe\name", Some(r"pipe\name")),
        (r"\\?\C:\Users\a.png", None),
        (r"C:\Users\a.png", None),
        (r"Users\a.png", None),
        (r"\Users\a.png", None),
        ("~/a.png", None),
    ] {
        assert_eq!(share_of("windows", path).as_deref(), expected, "{path}");
        assert_eq!(share_of("linux", path), None, "{path}");
    }
}
