//! The requests about files that fine-tuning needs; the files server has them as tools.

use http::Method;
use openai_mcp_kernel::schema::{Field, Place, of};
use openai_mcp_kernel::tool::{Effect, Endpoint, Spec};

/// `GET /files/{file_id}`
pub(crate) static GET: Spec = reading("file-get", "/files/{file_id}");
/// `GET /files/{file_id}/content`
pub(crate) static CONTENT: Spec = reading("file-content", "/files/{file_id}/content");

const fn reading(name: &'static str, path: &'static str) -> Spec {
    Spec {
        name,
        doc: "",
        endpoint: Some(Endpoint { method: Method::GET, path, beta: None, multipart: false, streams: false }),
        fields: FILE,
        effect: Effect { reads: true, destroys: false, idempotent: true, open: false, saves: false },
        admin: false,
        run: None,
    }
}

const FILE: &[Field] =
    &[Field { name: "file_id", wire: "file_id", doc: "", shape: of::<String>, required: true, place: Place::Path }];
