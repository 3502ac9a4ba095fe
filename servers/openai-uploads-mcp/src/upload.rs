//! The steps of an upload. <https://platform.openai.com/docs/api-reference/uploads>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::upload::{ExpiresAfter, Purpose};

use crate::record::Record;

tools![Create, PartAdd, Complete, Cancel];

/// Begin an upload; it takes parts for an hour.
#[tool("upload-create", POST "/uploads")]
pub(crate) struct Create {
    /// Of the whole file.
    bytes: Int<1, 8_589_934_592>,
    filename: String,
    mime_type: String,
    purpose: Purpose,
    expires_after: Option<ExpiresAfter>,
}

/// Add a part of at most 64 MB, in any order.
#[tool("upload-part-add", POST "/uploads/{upload_id}/parts", multipart, open)]
pub(crate) struct PartAdd {
    upload_id: String,
    data: FileInput,
}

/// Make a file of the parts, in this order.
#[tool("upload-complete", POST "/uploads/{upload_id}/complete")]
pub(crate) struct Complete {
    upload_id: String,
    part_ids: Vec<String>,
    /// Of the whole file, in hex.
    md5: Option<String>,
}

/// Cancel an upload; its parts are gone.
#[tool("upload-cancel", POST "/uploads/{upload_id}/cancel", run, destroys, idempotent)]
pub(crate) struct Cancel {
    #[read]
    upload_id: String,
}

impl Cancel {
    async fn run(self, cx: Context) -> Result<Output> {
        let cancelled = cx.send(&Self::SPEC, cx.arguments()).bytes().await?;
        // It is cancelled whether or not it was begun by upload-file, and whatever becomes of what is kept of that.
        let _ = Record::end(&cx, &self.upload_id).await;
        Ok(Output::Json(cancelled))
    }
}
