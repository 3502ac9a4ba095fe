//! Many texts: split into requests, several at once.

use openai_mcp_kernel::batch::deadline;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::rows::{Rows, Window};

use crate::fill::{self, Part, Target};
use crate::rows::{self, Row};
use crate::vector::{Dimensions, check_file};

tools![Batch];

/// Embed many texts, or those of a file, into a collection or a new file.
///
/// If done is false, call again with offset: next_offset (and another save_to).
#[tool("embedding-batch", destroys, open)]
struct Batch {
    #[alias("texts")]
    items: Option<Vec<String>>,
    /// JSONL, JSON, CSV or TSV (id and other fields are kept, as id and metadata), or a text per line.
    file: Option<FileInput>,
    /// Field of each record that holds its text. Default text.
    field: Option<String>,
    collection: Option<String>,
    /// New local JSONL file for texts and vectors.
    save_to: Option<String>,
    model: Option<String>,
    dimensions: Option<Dimensions>,
    offset: Option<u64>,
    /// Seconds. Default 45.
    timeout: Option<Int<1, 3600>>,
}

impl Batch {
    async fn run(self, cx: Context) -> Result<Output> {
        let deadline = deadline(&cx, self.timeout);
        let target = match (self.collection, self.save_to) {
            (Some(name), None) => Target::Collection(name),
            (None, Some(path)) => {
                check_file(Some(&path))?;
                cx.reserve(Some(&path)).await?;
                Target::File(path)
            }
            _ => return Err(Error::argument("collection", "expected either `collection` or `save_to`")),
        };
        let offset = usize::try_from(self.offset.unwrap_or_default()).unwrap_or(usize::MAX);
        let window = match (self.items, self.file) {
            (Some(texts), None) => {
                let total = texts.len();
                Window { rows: texts.into_iter().skip(offset).map(|text| Row::from(text).into()).collect(), total }
            }
            (None, Some(FileInput(source))) => {
                rows::read(Rows::new(cx.open(source).await?, cx.room()), offset, self.field.as_deref()).await?
            }
            _ => return Err(Error::argument("file", "expected either `items` or `file`")),
        };
        let part = Part { rows: window.rows, offset, total: window.total, deadline };
        fill::run(&cx, part, (self.model, self.dimensions), target).await
    }
}
