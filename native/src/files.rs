//! Files of this machine. A caller is a model that may have been talked into naming `~/.ssh/id_rsa`, so only what lies
//! under the folders that the operator allows is read or written, and nothing hidden.
//!
//! A path is resolved first, links and all. Then it is walked again from its root, name by name and without following
//! links, so that what was checked is what is opened.
//!
//! What is written comes under its name when it is whole, so that a process that dies leaves no half of it there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::mem;
use std::path::{Component, Path, PathBuf, is_separator};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, StreamExt as _};
use openai_mcp_kernel::body::{Body, Failure};
use openai_mcp_kernel::error::{Error, Kind, Result};
use openai_mcp_kernel::file::media_type;
use openai_mcp_kernel::platform::{Listed, OnDisk, Opened, ReadAt, Saved, Scratch};
use tokio::task::spawn_blocking;
use unicode_normalization::UnicodeNormalization as _;

/// Most names that a folder is read for.
const NAMES: usize = 10_000;
/// How often a file is begun again whose folder went away meanwhile.
const AGAIN: usize = 3;

/// Longest path that is looked at, in bytes, and most links that are followed in it: what Linux takes.
const LONGEST: usize = 4096;
const LINKS: u8 = 40;

/// Bytes read or written at a time.
const CHUNK: usize = 256 * 1024;

/// The folders in which callers may name files.
#[derive(Clone, Debug, Default)]
pub struct Roots(Vec<PathBuf>);

/// A name in an allowed folder.
struct Rooted {
    root: PathBuf,
    /// Folders below the root.
    folders: Vec<OsString>,
    name: OsString,
}

impl Rooted {
    fn folder(&self) -> io::Result<Folder> {
        Folder::walk(&self.root, &self.folders)
    }
}

impl Roots {
    /// Folders that the operator named.
    ///
    /// # Errors
    /// One of them is not a folder.
    pub fn named(folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, String> {
        let resolve = |folder: PathBuf| match folder.canonicalize() {
            Ok(path) if path.is_dir() => Ok(path),
            Ok(_) => Err(format!("root `{}` is not a folder", folder.display())),
            Err(error) => Err(format!("root `{}`: {error}", folder.display())),
        };
        folders.into_iter().map(resolve).collect::<Result<_, _>>().map(Roots)
    }

    /// Folders to start from where the operator named none; the root of the file system and what is not there is
    /// left out.
    pub fn usual(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        let found = folders.into_iter().filter_map(|folder| folder.canonicalize().ok());
        let mut roots = Vec::new();
        for folder in found.filter(|folder| folder.is_dir() && folder.parent().is_some()) {
            if !roots.contains(&folder) {
                roots.push(folder);
            }
        }
        Roots(roots)
    }

    /// The folders, as people write their paths.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.0.iter().map(|folder| dunce::simplified(folder).to_owned()).collect()
    }

    /// Opens a file.
    ///
    /// # Errors
    /// It is not there, not a regular file, or not allowed.
    pub async fn open(&self, path: String, filename: Option<String>, mime_type: Option<String>) -> Result<Opened> {
        let roots = self.clone();
        blocking(move || roots.open_now(&path, filename, mime_type)).await
    }

    /// Opens a file to be read in any order.
    ///
    /// # Errors
    /// As [`Roots::open`].
    pub async fn on_disk(&self, path: String, filename: Option<String>, mime_type: Option<String>) -> Result<OnDisk> {
        let roots = self.clone();
        blocking(move || {
            let Found { file, about, filename, mime_type } = roots.find_file(&path, filename, mime_type)?;
            Ok(OnDisk { filename, mime_type, length: about.len(), content: Arc::new(Placed(file)) })
        })
        .await
    }

    fn open_now(&self, path: &str, filename: Option<String>, mime_type: Option<String>) -> Result<Opened> {
        let Found { file, about, filename, mime_type } = self.find_file(path, filename, mime_type)?;
        let reading = Reading { file, left: about.len(), length: about.len(), modified: about.modified().ok() };
        let chunks = stream::try_unfold(reading, |reading| async move {
            if reading.left == 0 {
                return Ok(None);
            }
            let failed = |text: String| Failure { text, unsent: false };
            spawn_blocking(move || reading.next())
                .await
                .map_err(|_| failed("reading the file was interrupted".into()))?
                .map(Some)
                .map_err(|error| failed(format!("the file could not be read: {error}")))
        });
        Ok(Opened { filename, mime_type, body: Body::Stream { chunks: chunks.boxed(), length: Some(about.len()) } })
    }

    fn find_file(&self, path: &str, filename: Option<String>, mime_type: Option<String>) -> Result<Found> {
        let problem = |error: io::Error| fault(path, error);
        let place = self.find(path)?;
        // Opening a device can have effects, so it is not even tried.
        regular(&std::fs::metadata(place_path(&place)).map_err(problem)?, path)?;
        let file = place.folder().and_then(|folder| folder.open(&place.name)).map_err(problem)?;
        let about = file.metadata().map_err(problem)?;
        regular(&about, path)?;
        let filename = filename.unwrap_or_else(|| place.name.to_string_lossy().into_owned());
        let mime_type = mime_type.unwrap_or_else(|| media_type(&filename).to_owned());
        Ok(Found { file, about, filename, mime_type })
    }

    /// Writes a new file as its content comes in.
    ///
    /// # Errors
    /// It is there already, cannot be written, or is not allowed; or the content broke off, and nothing is left.
    pub async fn save(&self, path: String, body: Body) -> Result<Saved> {
        let roots = self.clone();
        let (target, shown) = blocking(move || Ok((roots.create(&path)?, path))).await?;
        let Target { mut file, partial, name, path } = target;
        let mut chunks = body.into_chunks();
        let (mut buffer, mut bytes, mut ended) = (Vec::new(), 0, false);
        while !ended {
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    bytes += chunk.len() as u64;
                    buffer.extend_from_slice(&chunk);
                }
                Some(Err(failure)) => {
                    return Err(Error::new(Kind::Connection, format!("the content broke off: {}", failure.text)));
                }
                None => ended = true,
            }
            if ended || buffer.len() >= CHUNK {
                let shown = shown.clone();
                (file, buffer) = blocking(move || {
                    file.write_all(&buffer).map_err(|error| fault(&shown, error))?;
                    buffer.clear();
                    Ok((file, buffer))
                })
                .await?;
            }
        }
        blocking(move || {
            // Some file systems tell only now that there was no room.
            file.sync_all().map_err(|error| fault(&shown, error))?;
            drop(file);
            partial.folder.rename(&partial.name, &name).map_err(|error| not_made(&shown, error))?;
            partial.folder.sync();
            Ok(())
        })
        .await?;
        Ok(Saved { path: path.to_string_lossy().into_owned(), bytes })
    }

    /// Begins a hidden file where a new one is to be, which is removed when it is dropped.
    ///
    /// # Errors
    /// As [`Roots::save`].
    pub async fn scratch(&self, near: String) -> Result<Box<dyn Scratch>> {
        let roots = self.clone();
        blocking(move || {
            let Target { file, partial, .. } = roots.create(&near)?;
            let hidden = Arc::new(Hidden { file: Placed(file), _partial: partial });
            Ok(Box::new(Filling { hidden, buffer: Vec::new(), shown: near }) as Box<dyn Scratch>)
        })
        .await
    }

    /// Makes sure that a new file can be written. Of that nothing stays, nor of the folders on the way to it that were
    /// not there.
    ///
    /// # Errors
    /// As [`Roots::save`].
    pub async fn reserve(&self, path: String) -> Result<()> {
        let roots = self.clone();
        blocking(move || {
            let place = roots.find_new(&path)?;
            let all = place.folders.len();
            let there = (0..=all).rev().find(|count| walked(&place, *count).is_ok()).unwrap_or(all);
            // What was begun is removed when it is dropped.
            let outcome = roots.create(&path).map(drop);
            for count in (there..all).rev() {
                // One in which another call has begun a file stays.
                if let (Ok(folder), Some(name)) = (walked(&place, count), place.folders.get(count)) {
                    let _ = folder.remove_folder(name);
                }
            }
            outcome
        })
        .await
    }

    /// The regular files and the folders in a folder, hidden ones left out, in the order of their names.
    ///
    /// # Errors
    /// It is not there, not a folder, not allowed, or has more than 10,000 names.
    pub async fn list(&self, path: String) -> Result<Vec<Listed>> {
        let roots = self.clone();
        blocking(move || roots.list_now(&path)).await
    }

    fn list_now(&self, path: &str) -> Result<Vec<Listed>> {
        let absolute = self.absolute(path)?;
        let (root, names) = match absolute.canonicalize() {
            Ok(resolved) => self.allow(path, &resolved)?,
            Err(error) => {
                self.allow(path, &lead(&absolute, LINKS))?;
                return Err(fault(path, error));
            }
        };
        let files =
            Folder::walk(root, &names).and_then(|folder| folder.files(NAMES)).map_err(|error| fault(path, error))?;
        let Some(mut files) = files else {
            return Err(Error::new(Kind::File, format!("`{path}` has more than {NAMES} names")));
        };
        files.retain(|file| !file.name.starts_with('.'));
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }

    fn create(&self, path: &str) -> Result<Target> {
        let place = self.find_new(path)?;
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| fault(path, io::Error::other(error)))?;
        let name = OsString::from(format!(".openai-mcp-{:016x}.part", u64::from_ne_bytes(random)));
        let begin = || {
            let folder = Folder::make(&place.root, &place.folders)?;
            if folder.has(&place.name)? {
                return Ok(None);
            }
            let file = folder.create(&name)?;
            Ok(Some((folder, file)))
        };
        // A call that only looks may take a folder away that it had made before this one came into it.
        let missing = |begun: &io::Result<_>| matches!(begun, Err(error) if error.kind() == io::ErrorKind::NotFound);
        let mut begun = begin();
        for _ in 0..AGAIN {
            if missing(&begun) {
                begun = begin();
            }
        }
        let Some((folder, file)) = begun.map_err(|error| fault(path, error))? else {
            return Err(not_made(path, io::ErrorKind::AlreadyExists.into()));
        };
        let path = dunce::simplified(&place_path(&place)).to_owned();
        Ok(Target { file, partial: Partial { folder, name }, name: place.name, path })
    }

    /// The place of an existing file.
    fn find(&self, path: &str) -> Result<Rooted> {
        let absolute = self.absolute(path)?;
        match absolute.canonicalize() {
            Ok(resolved) => self.place(path, &resolved),
            // Whether there is something outside the roots is not told.
            Err(error) => {
                self.place(path, &lead(&absolute, LINKS))?;
                match self.alike(&absolute).and_then(|alike| alike.canonicalize().ok()) {
                    Some(resolved) => self.place(path, &resolved),
                    None => Err(self.not_there(path, error)),
                }
            }
        }
    }

    /// The path of what is there under names that look the same, where exactly one does: screenshots have blanks in their
    /// names that no keyboard has, and letters with marks are written in two ways.
    fn alike(&self, path: &Path) -> Option<PathBuf> {
        let mut found = PathBuf::new();
        for part in path.components() {
            let next = found.join(part);
            let name = match part {
                Component::Normal(name) if next.symlink_metadata().is_err() => name.to_str()?,
                _ => {
                    found = next;
                    continue;
                }
            };
            // Outside the roots nothing is looked at.
            self.allow(name, &found.canonicalize().ok()?).ok()?;
            let same = |entry: &io::Result<std::fs::DirEntry>| {
                entry.as_ref().is_ok_and(|entry| entry.file_name().to_str().is_some_and(|own| even(own) == even(name)))
            };
            let mut same = std::fs::read_dir(&found).ok()?.take(NAMES).filter(same);
            let (one, None) = (same.next()?.ok()?, same.next()) else { return None };
            found = one.path();
        }
        Some(found)
    }

    /// What is not there, with where it was looked for.
    fn not_there(&self, path: &str, error: io::Error) -> Error {
        let relative = !path.starts_with('~') && Path::new(path).is_relative();
        match self.0.first().filter(|_| relative && error.kind() == io::ErrorKind::NotFound) {
            Some(root) => {
                let root = dunce::simplified(root).display();
                Error::new(Kind::File, format!("`{path}`: {} in `{root}`\nhint: give the whole path", words(&error)))
            }
            None => fault(path, error),
        }
    }

    /// The place of a file that is yet to be, in a folder that may be, too.
    fn find_new(&self, path: &str) -> Result<Rooted> {
        let absolute = self.absolute(path)?;
        let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
            return Err(Error::new(Kind::File, format!("`{path}` does not end in a file name")));
        };
        if path.ends_with(is_separator) {
            return Err(Error::new(Kind::File, format!("`{path}` is a folder, expected the path of a new file")));
        }
        match parent.canonicalize() {
            Ok(parent) => self.place(path, &parent.join(name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.place(path, &lead(parent, LINKS).join(name)),
            Err(error) => {
                self.place(path, &lead(&absolute, LINKS))?;
                Err(Error::new(Kind::File, format!("the folder of `{path}`: {}", words(&error))))
            }
        }
    }

    fn absolute(&self, path: &str) -> Result<PathBuf> {
        let Some(first) = self.0.first() else {
            return Err(Error::new(
                Kind::File,
                "this server uses no files of its machine\n\
                 hint: do without a path; the operator allows a folder with --root DIR or OPENAI_MCP_ROOTS",
            ));
        };
        // Looking at a share is going there, and its host is told who asks.
        let of_roots = |share: &String| {
            self.0.iter().filter_map(|root| share_of(std::env::consts::OS, root.to_str()?)).any(|root| root == *share)
        };
        if share_of(std::env::consts::OS, path).is_some_and(|share| !of_roots(&share)) {
            return Err(self.outside(path));
        }
        match path.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with(is_separator) => {
                let home =
                    std::env::home_dir().ok_or_else(|| Error::new(Kind::File, "`~`: no home folder is known"))?;
                Ok(home.join(rest.trim_start_matches(is_separator)))
            }
            _ => Ok(first.join(path)),
        }
    }

    /// Takes the resolved path of a file apart at a root that allows it.
    fn place(&self, path: &str, resolved: &Path) -> Result<Rooted> {
        let (root, mut folders) = self.allow(path, resolved)?;
        match folders.pop() {
            Some(name) => Ok(Rooted { root: root.to_owned(), folders, name }),
            None => Err(no_file(path)),
        }
    }

    /// The root that allows a resolved path, and the names below it.
    fn allow(&self, path: &str, resolved: &Path) -> Result<(&Path, Vec<OsString>)> {
        let mut hidden = false;
        for root in &self.0 {
            let Ok(below) = resolved.strip_prefix(root) else { continue };
            let names: Vec<OsString> = below.iter().map(OsStr::to_owned).collect();
            if names.iter().any(|name| name.as_encoded_bytes().starts_with(b".")) || is_set_apart(root, &names) {
                hidden = true;
            } else {
                return Ok((root, names));
            }
        }
        if hidden {
            let text = format!(
                "`{path}` is hidden, or lies in a hidden folder or in one of the system's: such files are not used\n\
                 hint: copy it to another name; the operator allows a hidden folder by naming it with --root DIR"
            );
            return Err(Error::new(Kind::File, text));
        }
        Err(self.outside(path))
    }

    fn outside(&self, path: &str) -> Error {
        let allowed: Vec<String> = self.folders().iter().map(|root| format!("`{}`", root.display())).collect();
        let text = format!(
            "`{path}` is outside the folders that this server may use: {}\n\
             hint: use a path there; the operator allows more folders with --root DIR or OPENAI_MCP_ROOTS",
            allowed.join(", ")
        );
        Error::new(Kind::File, text)
    }
}

/// The share of another machine, or the device, that a path leads to on an operating system, by the name that Rust has for
/// it; none if it leads to a disk.
/// <https://learn.microsoft.com/dotnet/standard/io/file-path-formats>
pub fn share_of(os: &str, path: &str) -> Option<String> {
    if os != "windows" {
        return None;
    }
    let path = path.replace('/', "\\").to_lowercase();
    let rest = path.strip_prefix(r"\\")?;
    let rest = match rest.strip_prefix(r"?\") {
        Some(disk) if matches!(disk.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic()) => return None,
        Some(rest) => rest.strip_prefix(r"unc\").unwrap_or(rest),
        None => rest,
    };
    Some(rest.split('\\').take(2).collect::<Vec<_>>().join(r"\"))
}

/// A name as it looks: every blank as one, and letters with their marks as one sign.
fn even(name: &str) -> String {
    name.nfc().map(|letter| if letter.is_whitespace() { ' ' } else { letter }).collect()
}

/// Where a path leads as far as it exists, and what is not there by its names alone. A link that leads out leads out
/// whether or not something is at its end.
fn lead(path: &Path, links: u8) -> PathBuf {
    if path.as_os_str().len() > LONGEST {
        return tidy(path);
    }
    if let Ok(resolved) = path.canonicalize() {
        return resolved;
    }
    let Some(parent) = path.parent() else { return path.to_owned() };
    let parent = lead(parent, links);
    let Some(name) = path.file_name() else { return parent.parent().map_or(parent.clone(), Path::to_owned) };
    let there = parent.join(name);
    match (std::fs::read_link(&there), links.checked_sub(1)) {
        (Ok(target), Some(links)) => lead(&parent.join(target), links),
        _ => there,
    }
}

/// Whether something below a root is the system's, or hidden by a flag, while the root itself is not.
fn is_set_apart(root: &Path, names: &[OsString]) -> bool {
    let home = std::env::home_dir();
    let of_system = |path: &Path| is_of_system(std::env::consts::OS, home.as_deref(), path);
    let mut path = root.to_owned();
    let root_is = of_system(root);
    names.iter().any(|name| {
        path.push(name);
        is_reserved(std::env::consts::OS, name) || (!root_is && of_system(&path)) || is_flagged(&path)
    })
}

/// Whether an operating system, by the name that Rust has for it, keeps at this path what is no user's file: the
/// kernel's own tables, what programs keep in a home, what is started at login.
pub fn is_of_system(os: &str, home: Option<&Path>, path: &Path) -> bool {
    let is = |name: &str| path.file_name().is_some_and(|last| last.eq_ignore_ascii_case(name));
    match os {
        "linux" | "android" => ["/proc", "/sys"].iter().any(|folder| path.starts_with(folder)),
        "macos" => {
            is("Library") && path.parent().is_some_and(|parent| home == Some(parent) || parent == Path::new("/"))
        }
        "windows" => ["AppData", "Application Data", "Start Menu", "$Recycle.Bin"].iter().any(|name| is(name)),
        _ => false,
    }
}

/// Whether a name means something else than a file to an operating system: a device, a stream of another file, or a
/// name that it shortens.
/// <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>
pub fn is_reserved(os: &str, name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    match os {
        "macos" => name.contains(':'),
        "windows" => {
            let start = name.split('.').next().unwrap_or_default().trim_end();
            let port = |kind: &str| {
                let number = start.get(..3).filter(|start| start.eq_ignore_ascii_case(kind)).and(start.get(3..));
                number.is_some_and(|number| {
                    matches!(number.chars().next(), Some('0'..='9' | '¹' | '²' | '³')) && number.chars().count() == 1
                })
            };
            let devices = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
            name.contains(':')
                || name.ends_with(['.', ' '])
                || devices.iter().any(|device| start.eq_ignore_ascii_case(device))
                || port("COM")
                || port("LPT")
        }
        _ => false,
    }
}

/// Whether the file system has it flagged as hidden, or as the system's.
#[cfg(target_os = "macos")]
fn is_flagged(path: &Path) -> bool {
    use std::os::macos::fs::MetadataExt as _;
    const UF_HIDDEN: u32 = 0x8000;
    std::fs::symlink_metadata(path).is_ok_and(|about| about.st_flags() & UF_HIDDEN != 0)
}

/// Whether the file system has it flagged as hidden, or as the system's.
#[cfg(windows)]
fn is_flagged(path: &Path) -> bool {
    use std::os::windows::fs::MetadataExt as _;
    const HIDDEN_OR_SYSTEM: u32 = 2 | 4;
    std::fs::symlink_metadata(path).is_ok_and(|about| about.file_attributes() & HIDDEN_OR_SYSTEM != 0)
}

/// Whether the file system has it flagged as hidden: other systems have no such flag.
#[cfg(not(any(target_os = "macos", windows)))]
fn is_flagged(_: &Path) -> bool {
    false
}

fn place_path(place: &Rooted) -> PathBuf {
    let mut path = place.root.clone();
    path.extend(&place.folders);
    path.push(&place.name);
    path
}

/// A path without `.` and `..`, by its names alone.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                tidy.pop();
            }
            Component::CurDir => {}
            component => tidy.push(component),
        }
    }
    tidy
}

fn regular(about: &std::fs::Metadata, path: &str) -> Result<()> {
    if about.is_file() {
        return Ok(());
    }
    if about.is_dir() {
        return Err(no_file(path));
    }
    Err(Error::new(Kind::File, format!("`{path}` is not a regular file, expected a file")))
}

fn no_file(path: &str) -> Error {
    let text = format!(
        "`{path}` is a folder, expected a file\nhint: name a file in it; a tool that takes whole folders has `folder`, or says so"
    );
    Error::new(Kind::File, text)
}

fn fault(path: &str, error: io::Error) -> Error {
    Error::new(Kind::File, format!("`{path}`: {}", words(&error)))
}

/// The words of the system, without its number.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        io::ErrorKind::NotADirectory => "part of the path is not a folder".into(),
        _ => error.to_string(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.map_err(|_| Error::new(Kind::File, "the work on the file was interrupted"))?
}

/// A file that is there, opened.
struct Found {
    file: File,
    about: Metadata,
    filename: String,
    mime_type: String,
}

/// A file that is read in any order.
struct Placed(File);

impl ReadAt for Placed {
    #[cfg(unix)]
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, buffer, at)
    }

    #[cfg(not(unix))]
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::windows::fs::FileExt::seek_read(&self.0, buffer, at)
    }
}

/// A file that is there as long as somebody has it. It is closed before it is removed, which some systems ask for.
struct Hidden {
    file: Placed,
    _partial: Partial,
}

impl ReadAt for Hidden {
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(buffer, at)
    }
}

/// A hidden file that is being written.
struct Filling {
    hidden: Arc<Hidden>,
    buffer: Vec<u8>,
    /// Near which file it lies, for errors.
    shown: String,
}

impl Filling {
    async fn flush(&mut self) -> Result<()> {
        let (hidden, mut buffer, shown) = (self.hidden.clone(), mem::take(&mut self.buffer), self.shown.clone());
        self.buffer = blocking(move || {
            (&hidden.file.0).write_all(&buffer).map_err(|error| fault(&shown, error))?;
            buffer.clear();
            Ok(buffer)
        })
        .await?;
        Ok(())
    }
}

impl Scratch for Filling {
    fn put(&mut self, bytes: Bytes) -> BoxFuture<'_, Result<()>> {
        self.buffer.extend_from_slice(&bytes);
        async move { if self.buffer.len() < CHUNK { Ok(()) } else { self.flush().await } }.boxed()
    }

    fn content(mut self: Box<Self>) -> BoxFuture<'static, Result<Arc<dyn ReadAt>>> {
        async move {
            self.flush().await?;
            Ok(self.hidden as Arc<dyn ReadAt>)
        }
        .boxed()
    }
}

struct Reading {
    file: File,
    left: u64,
    length: u64,
    modified: Option<SystemTime>,
}

impl Reading {
    /// The next chunk. The last one is only given once the file is seen to be what it was at the start.
    fn next(mut self) -> io::Result<(Bytes, Self)> {
        let room = self.left.min(CHUNK as u64);
        let mut chunk = Vec::with_capacity(room as usize);
        (&mut self.file).take(room).read_to_end(&mut chunk)?;
        self.left -= chunk.len() as u64;
        let about = self.file.metadata()?;
        let same = about.len() == self.length && about.modified().ok() == self.modified;
        if chunk.len() as u64 != room || (self.left == 0 && !same) {
            return Err(io::Error::other("it changed meanwhile"));
        }
        Ok((chunk.into(), self))
    }
}

struct Target {
    file: File,
    partial: Partial,
    /// What it is called when it is whole.
    name: OsString,
    path: PathBuf,
}

/// Removes a file whose content did not come to its end.
struct Partial {
    folder: Folder,
    name: OsString,
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It has its own name by now, or nobody is left to be told.
        let _ = self.folder.remove(&self.name);
    }
}

/// One of the first folders on the way to a place: the root, the first below it and so on.
fn walked(place: &Rooted, count: usize) -> io::Result<Folder> {
    Folder::walk(&place.root, place.folders.get(..count).unwrap_or_default())
}

fn not_made(path: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Error::new(Kind::File, format!("`{path}` exists and is not overwritten\nhint: choose another name"))
        }
        _ => fault(path, error),
    }
}

/// A folder held open, so that nobody can put another in its place.
#[cfg(unix)]
struct Folder(std::os::fd::OwnedFd);

#[cfg(unix)]
impl Folder {
    fn walk(root: &Path, names: &[OsString]) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open, openat};
        // Passing through a folder takes no right to list it.
        #[cfg(target_os = "linux")]
        const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
        #[cfg(not(target_os = "linux"))]
        const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);
        let mut folder = open(root, FOLDER, Mode::empty())?;
        for name in names {
            folder = openat(&folder, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        }
        #[cfg(target_os = "linux")]
        {
            const SYSFS_MAGIC: rustix::fs::FsWord = 0x6265_6572;
            let kernels = |kind| matches!(kind, rustix::fs::PROC_SUPER_MAGIC | SYSFS_MAGIC);
            if rustix::fs::fstatfs(&folder).is_ok_and(|about| kernels(about.f_type)) {
                return Err(io::Error::other("it is of the kernel, not a file"));
            }
        }
        Ok(Folder(folder))
    }

    /// Whether there is something of a name, if there can be.
    fn has(&self, name: &OsStr) -> io::Result<bool> {
        match rustix::fs::statat(&self.0, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Gives a file another name, unless there is something of that name.
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        use rustix::fs::{AtFlags, linkat, renameat};
        use rustix::io::Errno;
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};
            match renameat_with(&self.0, from, &self.0, to, RenameFlags::NOREPLACE) {
                // Some file systems cannot.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                outcome => return Ok(outcome?),
            }
        }
        match linkat(&self.0, from, &self.0, to, AtFlags::empty()) {
            // Those of sticks and cards know one name of a file. Whoever takes the other one right now loses it.
            Err(Errno::PERM | Errno::NOSYS | Errno::NOTSUP) if !self.has(to)? => {
                Ok(renameat(&self.0, from, &self.0, to)?)
            }
            // The first name goes with what holds it.
            outcome => Ok(outcome?),
        }
    }

    /// Has its names written to the disk, where that can be: else one may be gone after a power cut.
    fn sync(&self) {
        use rustix::fs::{Mode, OFlags, fsync, openat};
        // What was opened to pass through cannot be synced; to read a folder takes a right that is not needed otherwise.
        let opened = openat(&self.0, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let _ = opened.and_then(fsync);
    }

    /// As [`Folder::walk`], and makes the folders that are missing.
    fn make(root: &Path, names: &[OsString]) -> io::Result<Self> {
        use rustix::fs::{Mode, mkdirat};
        match (Folder::walk(root, names), names.split_last()) {
            (Err(error), Some((last, before))) if error.kind() == io::ErrorKind::NotFound => {
                let folder = Folder::make(root, before)?;
                match mkdirat(&folder.0, last, Mode::from_raw_mode(0o777)) {
                    // Another call was faster.
                    Ok(()) | Err(rustix::io::Errno::EXIST) => Folder::walk(root, names),
                    Err(error) => Err(error.into()),
                }
            }
            (walked, _) => walked,
        }
    }

    fn open(&self, name: &OsStr) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, openat};
        // A FIFO would keep the opening waiting for somebody who writes to it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::empty())?.into())
    }

    fn create(&self, name: &OsStr) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, openat};
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::from_raw_mode(0o666))?.into())
    }

    /// Its regular files and folders; `None` if it has more than `most` names.
    fn files(&self, most: usize) -> io::Result<Option<Vec<Listed>>> {
        use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
        // The folder was opened to pass through; to be read it is opened once more, as itself.
        let opened = openat(&self.0, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let mut files = Vec::new();
        for (count, entry) in Dir::new(opened)?.enumerate() {
            let entry = entry?;
            if count >= most + 2 {
                return Ok(None);
            }
            // What is gone by now is not there.
            let Ok(about) = statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            let folder = match FileType::from_raw_mode(about.st_mode) {
                FileType::RegularFile => false,
                FileType::Directory => true,
                _ => continue,
            };
            if let Ok(name) = entry.file_name().to_str() {
                let bytes = if folder { 0 } else { about.st_size.unsigned_abs() };
                files.push(Listed { name: name.to_owned(), bytes, folder });
            }
        }
        Ok(Some(files))
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, rustix::fs::AtFlags::empty())?)
    }

    /// Removes a folder in which there is nothing.
    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, rustix::fs::AtFlags::REMOVEDIR)?)
    }
}

/// A folder by its path, where folders cannot be held open.
#[cfg(not(unix))]
struct Folder(PathBuf);

#[cfg(not(unix))]
impl Folder {
    fn walk(root: &Path, names: &[OsString]) -> io::Result<Self> {
        let mut path = root.to_owned();
        path.extend(names);
        Ok(Folder(path))
    }

    /// Whether there is something of a name, if there can be.
    fn has(&self, name: &OsStr) -> io::Result<bool> {
        match self.0.join(name).symlink_metadata() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives a file another name, unless there is something of that name. The first name goes with what holds it.
    fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        let (from, there) = (self.0.join(from), self.0.join(to));
        match std::fs::hard_link(&from, &there) {
            // Sticks and cards know one name of a file. Whoever takes the other one right now loses it.
            Err(_) if from.exists() && !self.has(to)? => std::fs::rename(from, there),
            outcome => outcome,
        }
    }

    /// Names are as safe as the system makes them.
    fn sync(&self) {}

    fn make(root: &Path, names: &[OsString]) -> io::Result<Self> {
        let folder = Folder::walk(root, names)?;
        std::fs::create_dir_all(&folder.0)?;
        Ok(folder)
    }

    fn open(&self, name: &OsStr) -> io::Result<File> {
        File::open(self.0.join(name))
    }

    fn create(&self, name: &OsStr) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.0.join(name))
    }

    fn files(&self, most: usize) -> io::Result<Option<Vec<Listed>>> {
        let mut files = Vec::new();
        for (count, entry) in std::fs::read_dir(&self.0)?.enumerate() {
            let entry = entry?;
            if count >= most {
                return Ok(None);
            }
            if let (Ok(about), Ok(name)) = (entry.metadata(), entry.file_name().into_string())
                && (about.is_file() || about.is_dir())
            {
                let bytes = if about.is_dir() { 0 } else { about.len() };
                files.push(Listed { name, bytes, folder: about.is_dir() });
            }
        }
        Ok(Some(files))
    }

    fn remove(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_file(self.0.join(name))
    }

    /// Removes a folder in which there is nothing.
    fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_dir(self.0.join(name))
    }
}
