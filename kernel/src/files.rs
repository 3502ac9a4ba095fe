//! Files of the server's machine and of the web that a call names.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, FutureExt as _, select};

use crate::budget::Held;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::file::{self, Source};
use crate::notes::size;
use crate::platform::{Listed, OnDisk, Opened, ReadAt};

/// How long a file may come in, of callers who do not own the machine: who holds its memory is to come to an end.
const PATIENCE: Duration = Duration::from_secs(300);

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// Its content.
    pub bytes: Bytes,
}

/// A file that is read in any order.
#[derive(Clone)]
pub struct Seekable {
    /// Its name, without folders.
    pub filename: String,
    /// Its media type.
    pub mime_type: String,
    /// Size in bytes.
    pub length: u64,
    content: Arc<dyn ReadAt>,
}

impl Seekable {
    /// Reads bytes from a place on, at least one unless that is the end. It may wait for a disk, so it belongs into
    /// [`Context::compute`].
    ///
    /// # Errors
    /// Those of the disk.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.content.read_at(buffer, at)
    }
}

impl From<Read> for Seekable {
    fn from(Read { filename, mime_type, bytes }: Read) -> Self {
        Seekable { filename, mime_type, length: bytes.len() as u64, content: Arc::new(bytes) }
    }
}

/// A part of the memory that files of all calls together may take; given back when it is dropped.
#[derive(Debug)]
pub struct Hold(Option<Held>);

impl Hold {
    /// Takes as many bytes more.
    ///
    /// # Errors
    /// There are not as many.
    pub fn take(&mut self, bytes: usize) -> Result<()> {
        if self.0.as_mut().is_none_or(|held| held.take(bytes)) {
            return Ok(());
        }
        Err(Error::new(
            Kind::File,
            "the files of other calls take all the memory there is for files\nhint: try again when they are done",
        ))
    }
}

impl Context {
    /// Memory for what a call makes of a file and holds while it waits, to be taken before it is filled. Nothing is taken yet.
    pub fn hold(&self) -> Hold {
        Hold(self.platform().memory().map(|memory| memory.open(self.caller().from)))
    }

    /// Opens a file that the caller named, under the name and type that its bytes have.
    ///
    /// # Errors
    /// The file cannot be opened, or the caller may not name files here, or has no key that OpenAI knows: nothing is fetched
    /// for them.
    pub async fn open(&self, source: Source) -> Result<Opened> {
        // Who makes up a key has another one at once, and holds memory and sockets for nothing.
        let stranger = !self.caller().trusted && self.platform().memory().is_some();
        if stranger && matches!(source, Source::Url { .. }) && !self.was_answered() {
            self.check_source(&source)?;
            self.try_key().await?;
        }
        self.open_untried(source).await
    }

    /// The same for what is sent to OpenAI as it comes in, which says whether it knows the key.
    pub(crate) async fn open_untried(&self, source: Source) -> Result<Opened> {
        self.check_source(&source)?;
        let told = source.told();
        if matches!(source, Source::Url { .. }) {
            self.count_requests(1);
        }
        let id = source.id().map(str::to_owned);
        let opened = self.platform().open(source).await.map_err(|error| kept(id.as_deref(), error));
        let Opened { mut filename, mut mime_type, body } = opened?;
        let (head, body) = body.peek(file::HEAD).await;
        file::by_bytes(&head, told, &mut filename, &mut mime_type);
        Ok(Opened { filename, mime_type, body })
    }

    fn check_source(&self, source: &Source) -> Result<()> {
        self.key(false).or_else(|none| self.key(true).map_err(|_| none))?;
        if matches!(source, Source::Path { .. }) {
            self.check_paths("give `url`, or `text` or `data` with `filename`")?;
        }
        Ok(())
    }

    /// Opens a file that the caller named, to be read in any order. What lies on a disk is read from there, and is not held in
    /// memory; what comes from elsewhere is read whole.
    ///
    /// # Errors
    /// As [`Context::open`], or more than `cap` bytes that would have to be held.
    pub async fn seekable(&self, source: Source, cap: usize) -> Result<Seekable> {
        self.check_source(&source)?;
        let told = source.told();
        let Some(OnDisk { mut filename, mut mime_type, length, content }) =
            self.platform().on_disk(source.clone()).await.map_err(|error| kept(source.id(), error))?
        else {
            return Ok(self.read(source, cap).await?.into());
        };
        let (head, content) = self
            .compute(move || {
                let mut head = vec![0; file::HEAD];
                let read = content.read_at(&mut head, 0).inspect(|count| head.truncate(*count));
                (read.map(|_| head), content)
            })
            .await?;
        let head = head.map_err(|error| Error::new(Kind::File, format!("`{filename}` could not be read: {error}")))?;
        file::by_bytes(&head, told, &mut filename, &mut mime_type);
        Ok(Seekable { filename, mime_type, length, content })
    }

    /// Reads a whole file that the caller named.
    ///
    /// # Errors
    /// As [`Context::open`], or more than `cap` bytes, or OpenAI does not know the key of a caller who names a URL.
    pub async fn read(&self, source: Source, cap: usize) -> Result<Read> {
        let opened = self.open(source).await?;
        self.read_opened(opened, cap).await
    }

    /// Reads the rest of a file that is open.
    ///
    /// # Errors
    /// It has more than `cap` bytes, or cannot be read to its end.
    pub async fn read_opened(&self, opened: Opened, cap: usize) -> Result<Read> {
        let mut held = self.hold();
        let cap = if self.caller().from.is_some() { cap.min(self.room() / 2) } else { cap };
        let Opened { filename, mime_type, body } = opened;
        let too_long = || Error::new(Kind::File, format!("`{filename}` is larger than {}", size(cap as u64)));
        if body.length().is_some_and(|length| length > cap as u64) {
            return Err(too_long());
        }
        let reading = body.collect_if(cap, |bytes| held.take(bytes)).boxed();
        let read = match self.caller().trusted {
            true => reading.await,
            false => match select(reading, self.sleep(PATIENCE).boxed()).await {
                Either::Left((read, _)) => read,
                Either::Right(_) => {
                    let text = format!("it takes longer than {} s", PATIENCE.as_secs());
                    Err(Error::new(Kind::File, text))
                }
            },
        };
        let bytes = read.map_err(|error| match error.kind() {
            Kind::Answer => too_long(),
            _ => Error::new(Kind::File, format!("`{filename}`: {error}")),
        })?;
        let bytes = match held.0 {
            Some(held) => held.keep(bytes),
            None => bytes,
        };
        Ok(Read { filename, mime_type, bytes })
    }

    /// The regular files in a folder that the caller named, in the order of their names; no hidden ones, and not those of
    /// folders in it.
    ///
    /// # Errors
    /// The folder cannot be read, has too many files, or the caller may not name files here.
    pub async fn list(&self, folder: String) -> Result<Vec<Listed>> {
        let mut names = self.names(folder).await?;
        names.retain(|file| !file.folder);
        Ok(names)
    }

    /// The regular files in a folder that the caller named and in the folders in it, however deep, each by its path from
    /// there with `/` between its parts; no hidden ones.
    ///
    /// # Errors
    /// As [`Context::list`], or there are more than `most` of them.
    pub async fn tree(&self, folder: String, most: usize) -> Result<Vec<Listed>> {
        let (mut files, mut folders) = (Vec::new(), vec![String::new()]);
        let mut seen = 0;
        while let Some(inner) = folders.pop() {
            for mut entry in self.names(format!("{}/{inner}", folder.trim_end_matches(['/', '\\']))).await? {
                seen += 1;
                entry.name.insert_str(0, &inner);
                if entry.folder {
                    folders.push(entry.name + "/");
                } else {
                    files.push(entry);
                }
            }
            // Folders count, too: there is no end of empty ones.
            if seen > 2 * most || files.len() > most {
                return Err(Error::new(Kind::File, format!("`{folder}` has more than {most} files")));
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(files)
    }

    async fn names(&self, folder: String) -> Result<Vec<Listed>> {
        self.check_paths("name the files one by one, each with its `url`")?;
        self.platform().list(folder).await
    }

    /// Most bytes of a file that one call may hold in memory.
    pub fn room(&self) -> usize {
        self.platform().room()
    }

    /// Whether there are files where this runs.
    pub fn has_files(&self) -> bool {
        self.platform().has_files()
    }

    /// Whether the caller may name files of this machine, with what to do where not.
    pub(crate) fn check_paths(&self, hint: &str) -> Result<()> {
        // Where there are none, the platform says what to do instead.
        if self.caller().trusted || !self.platform().has_files() {
            return Ok(());
        }
        let text =
            "files of the server's machine can be named only by callers on that machine or with its access token";
        Err(Error::new(Kind::File, format!("{text}\nhint: {hint}")))
    }
}

/// What is wrong with a file that could not be opened, where its path is the id of one at OpenAI.
fn kept(id: Option<&str>, error: Error) -> Error {
    id.map_or(error, |id| {
        let text = format!(
            "expected a file, got `{id}`, the id of one at OpenAI\nhint: give its path, `url`, `text` or `data`; file-content with \
             `save_to` fetches it where its purpose allows that"
        );
        Error::new(Kind::File, text)
    })
}
