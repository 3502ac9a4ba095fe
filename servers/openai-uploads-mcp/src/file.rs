//! A file of any size, sent in parts: several at once, each tried again, none twice.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use md5::{Digest as _, Md5};
use openai_mcp_kernel::arguments::Arguments;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::upload::{ExpiresAfter, Purpose};

use crate::record::Record;
use crate::upload::{Cancel, Complete, Create, PartAdd};

tools![File];

/// Bytes of a part, and how many are under way at once: what is held in memory is their product, and what a server needs.
const PART: usize = 8 * 1024 * 1024;
const AT_ONCE: usize = 3;
/// Bytes of a piece of a file as it comes in, at the most usual.
const CHUNK: usize = 256 * 1024;
/// Most bytes of a file. <https://platform.openai.com/docs/api-reference/uploads/create>
const LARGEST: u64 = 8 * 1024 * 1024 * 1024;
/// Tries of a part after the first, and the pause before the first of them, which doubles.
const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
/// Most bytes of the arguments that `next` repeats.
const LONGEST: usize = 4096;
/// How long an upload whose call was given up waits for another: clients that lost patience ask again soon.
const GRACE: Duration = Duration::from_secs(120);
/// How long a call goes on by default, in seconds: clients give up on a call after a minute.
const PATIENCE: u64 = 45;

/// Upload a file of up to 8 GB in parts, or resume that.
///
/// If `done` is false, call `next`: it goes on where it was, as the same call does after a crash, within an hour. Give a path
/// or a URL. A call that is given up is cancelled at OpenAI after two minutes, unless it is made again.
#[tool("upload-file", open)]
struct File {
    file: FileInput,
    purpose: Raw<Purpose>,
    expires_after: Option<Raw<ExpiresAfter>>,
    /// Go on with this upload. Default: one that the same arguments began.
    upload_id: Option<String>,
    /// Seconds after which no part is begun. Default 45.
    timeout: Option<Int<0, 3600>>,
    /// Cancel nothing when this call is given up.
    keep: Option<bool>,
}

impl File {
    async fn run(self, cx: Context) -> Result<Output> {
        let started = cx.monotonic();
        let patience = self.timeout.map_or(PATIENCE, Int::get);
        let opened = cx.open(self.file.0).await?;
        let Some(bytes) = opened.body.length() else {
            return Err(Error::argument("file", "its host does not tell how long it is: give it by path"));
        };
        if bytes == 0 || bytes > LARGEST {
            return Err(Error::argument("file", format!("expected 1 to {LARGEST} bytes, got {bytes}")));
        }
        let mut wanted = Arguments::default()
            .set("bytes", bytes)
            .set("filename", &opened.filename)
            .set("mime_type", &opened.mime_type)
            .set("purpose", &self.purpose);
        if let Some(expires) = &self.expires_after {
            wanted = wanted.set("expires_after", expires);
        }
        let again = cx.arguments().clone().without("upload_id").without("timeout").without("keep");
        let asked = asked(&again, bytes)?;
        let record = match Record::find(&cx, self.upload_id.as_deref(), &asked).await? {
            Some(record) => record,
            None if self.upload_id.is_some() => {
                let problem = "no upload that goes on under this id\nhint: leave it out to begin anew";
                return Err(Error::argument("upload_id", problem));
            }
            None => {
                let upload = cx.send(&Create::SPEC, wanted).value().await?;
                let id = upload.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
                let expires_at = upload.get("expires_at").and_then(Value::as_i64).unwrap_or_default();
                Record::begin(&cx, id, &asked, expires_at).await?
            }
        };
        let id = record.id.clone();
        let given_up = (self.keep != Some(true)).then(|| GivenUp::new(&cx, &record));
        let sending = Sending {
            cx: cx.clone(),
            record,
            total: bytes,
            done: 0,
            deadline: started + Duration::from_secs(patience),
        };
        let sent = sending.run(opened.body.into_chunks()).await;
        if let Some(given_up) = given_up {
            given_up.not();
        }
        let sent = match sent {
            Ok(sent) => sent,
            // OpenAI takes no more parts, so another call is to begin anew.
            Err(error) if matches!(error.kind(), Kind::Status(400 | 404)) => {
                Record::end(&cx, &id).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let told = Arguments::default().set("done", sent.md5.is_some()).set("upload_id", &id);
        let told = told.set("uploaded_bytes", sent.done).set("bytes", bytes);
        let told = told.set("waited_seconds", cx.monotonic().saturating_sub(started).as_secs());
        let Some(md5) = sent.md5 else {
            // Not the content itself, where that was given.
            let again = if again.text().len() > LONGEST { again.without("file") } else { again };
            let next = json!({"tool": Self::SPEC.name, "arguments": again.set("upload_id", &id).read::<Value>()?});
            return Ok(Output::Json(told.set("next", next).text().clone()));
        };
        let complete = json!({"upload_id": id, "part_ids": sent.part_ids, "md5": md5});
        let upload = match cx.send(&Complete::SPEC, complete).value().await {
            Ok(upload) => upload,
            // That it is completed is refused a second time, so whoever lost the first answer is not sent here for ever.
            Err(error) if matches!(error.kind(), Kind::Status(400 | 404)) => {
                Record::end(&cx, &id).await?;
                return Err(maybe_there(&error));
            }
            Err(error) if error.perhaps_carried_out() => return Err(maybe_there(&error)),
            Err(error) => return Err(error),
        };
        Record::end(&cx, &id).await?;
        Ok(Output::Json(told.set("object", upload).text().clone()))
    }
}

/// A failure after which nobody knows whether the upload was completed.
fn maybe_there(error: &Error) -> Error {
    let hint = "file-list shows whether the file is there all the same; if not, the same call uploads it";
    Error::new(error.kind(), format!("{error}\nhint: {hint}"))
}

/// Cancels an upload whose call is dropped before its end, unless another call goes on with it in time.
struct GivenUp(Option<(Context, String, i64)>);

impl GivenUp {
    fn new(cx: &Context, record: &Record) -> Self {
        // Not the content that the call may have been given: it would be held while there is time to go on.
        let cx = cx.clone().with_arguments(Arguments::default());
        GivenUp(Some((cx, record.id.clone(), record.turn)))
    }

    /// The call has come to its end.
    fn not(mut self) {
        self.0 = None;
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let Some((cx, id, turn)) = self.0.take() else { return };
        cx.clone().detach(async move {
            cx.sleep(GRACE).await;
            if Record::is_left(&cx, &id, turn).await.is_ok_and(|left| left) {
                // Nobody is there to be told; what is not cancelled ends by itself within the hour.
                let _ = cx.send(&Cancel::SPEC, json!({"upload_id": id})).bytes().await;
                let _ = Record::end(&cx, &id).await;
            }
        });
    }
}

/// An upload under way.
struct Sending {
    cx: Context,
    record: Record,
    total: u64,
    done: u64,
    deadline: Duration,
}

/// How far it came: where all of it is there, the MD5 of the whole.
struct Sent {
    done: u64,
    part_ids: Vec<String>,
    md5: Option<String>,
}

/// A part that is there.
struct Part {
    number: usize,
    bytes: usize,
    id: String,
    md5: String,
}

impl Sending {
    async fn run(mut self, mut chunks: Chunks) -> Result<Sent> {
        let at_once = (self.cx.room() / (2 * PART)).clamp(1, AT_ONCE);
        let mut whole = Md5::new();
        let mut rest = BytesMut::new();
        let mut running = FuturesUnordered::new();
        let (mut number, mut begun) = (0, 0);
        let ended = loop {
            // First of all, so that no more parts are held than are under way.
            while running.len() >= at_once
                && let Some(part) = running.next().await
            {
                self.keep(part?).await?;
            }
            let part = fill(&mut chunks, &mut rest).await?;
            if part.is_empty() {
                break true;
            }
            let length = part.len();
            let (hash, md5, part) = self
                .cx
                .compute(move || {
                    whole.update(&part);
                    (whole, hex(&Md5::digest(&part)), part)
                })
                .await?;
            whole = hash;
            match self.record.parts.get(&number) {
                Some((_, kept)) if *kept == md5 => self.reach(length),
                Some(_) => return Err(self.changed().await),
                None => {
                    // However short the time is, a call gets on by a part.
                    if begun > 0 && self.cx.left(self.deadline).is_zero() {
                        break false;
                    }
                    begun += 1;
                    running.push(send(self.cx.clone(), self.record.id.clone(), number, part, md5));
                }
            }
            number += 1;
        };
        while let Some(part) = running.next().await {
            self.keep(part?).await?;
        }
        if ended && self.done != self.total {
            let text =
                format!("the file has {} bytes, expected {}: it changed while it was read", self.done, self.total);
            return Err(Error::new(Kind::File, text));
        }
        let part_ids = self.record.parts.into_values().map(|(id, _)| id).collect();
        Ok(Sent { done: self.done, part_ids, md5: ended.then(|| hex(&whole.finalize())) })
    }

    async fn keep(&mut self, Part { number, bytes, id, md5 }: Part) -> Result<()> {
        Record::part(&self.cx, &self.record.id, number, &id, &md5).await?;
        self.record.parts.insert(number, (id, md5));
        self.reach(bytes);
        Ok(())
    }

    fn reach(&mut self, bytes: usize) {
        self.done += bytes as u64;
        let message = format!("uploaded {} of {} MB", self.done / 1_000_000, self.total.div_ceil(1_000_000));
        self.cx.progress(self.done as f64, Some(self.total as f64), &message);
    }

    /// Gives up an upload whose first parts are of another file.
    async fn changed(&self) -> Error {
        let id = &self.record.id;
        let cancelled = self.cx.send(&Cancel::SPEC, json!({"upload_id": id})).bytes().await;
        match Record::end(&self.cx, id).await.and(cancelled) {
            Ok(_) => Error::new(
                Kind::File,
                "the file is not what it was when its upload began, which is cancelled\nhint: call again to upload it anew",
            ),
            Err(error) => error,
        }
    }
}

/// The content of a file as it comes in.
type Chunks = futures_util::stream::BoxStream<'static, Result<Bytes, openai_mcp_kernel::body::Failure>>;

/// The next part; empty at the end.
async fn fill(chunks: &mut Chunks, rest: &mut BytesMut) -> Result<Bytes> {
    // At once: growing step by step would hold the old and the new.
    rest.reserve((PART + CHUNK).saturating_sub(rest.len()));
    while rest.len() < PART {
        match chunks.next().await {
            Some(Ok(chunk)) => rest.extend_from_slice(&chunk),
            Some(Err(failure)) => return Err(Error::new(Kind::File, format!("the file broke off: {}", failure.text))),
            None => break,
        }
    }
    let length = rest.len().min(PART);
    Ok(rest.split_to(length).freeze())
}

/// Sends a part, and again where nobody knows whether it arrived: a part that no one names costs nothing.
async fn send(cx: Context, upload: String, number: usize, part: Bytes, md5: String) -> Result<Part> {
    let mut tries = 0;
    loop {
        let source = Source::Inline {
            bytes: part.clone(),
            filename: format!("part-{number}"),
            mime_type: Some("application/octet-stream".to_owned()),
        };
        let arguments = Arguments::from(json!({"upload_id": upload})).attach("data", source);
        match cx.send(&PartAdd::SPEC, arguments).quietly().value().await {
            Ok(answer) => {
                let id = answer.get("id").and_then(Value::as_str);
                let id = id.ok_or_else(|| Error::new(Kind::Answer, "the part has no id"))?.to_owned();
                return Ok(Part { number, bytes: part.len(), id, md5 });
            }
            Err(error) => {
                let again = matches!(error.kind(), Kind::Connection | Kind::Unsent | Kind::Status(429 | 500..));
                if !again || tries == RETRIES {
                    return Err(error);
                }
                cx.sleep(PAUSE * 2u32.pow(tries)).await;
                tries += 1;
            }
        }
    }
}

/// What tells an upload from others: the file and what it is for, however that is written.
fn asked(arguments: &Arguments, bytes: u64) -> Result<String> {
    let words: Value = arguments.read()?;
    Ok(hex(&Md5::digest(format!("{bytes} {}", json::text(&words)))))
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
