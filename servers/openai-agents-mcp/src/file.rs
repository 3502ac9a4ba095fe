//! Files in an environment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::Order;

tools![Create, List];

/// Most bytes of a file that goes in with the request.
const LONGEST: usize = 8 * 1024 * 1024;
/// The folder that files go into.
const WORKSPACE: &str = "/workspace/";

/// Put a file into an environment: one from here, or an uploaded one.
#[tool("agent-environment-file-create", POST "/agents/environments/{environment_id}/files", run, open)]
struct Create {
    environment_id: String,
    /// Where it goes, under /workspace/. Default for `file`: its name there.
    #[read]
    path: Option<String>,
    #[local]
    file: Option<FileInput>,
    #[read]
    file_id: Option<String>,
    /// Base64.
    #[read]
    #[unlisted]
    data: Option<Raw<String>>,
    #[unlisted]
    r#type: Option<Kind>,
}

#[shape]
enum Kind {
    FileId,
    Inline,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let (mut arguments, mut path) = (cx.arguments().clone(), self.path);
        let kind = match (self.file, &self.file_id, &self.data) {
            (Some(FileInput(file)), None, None) => {
                let file = cx
                    .read(file, LONGEST)
                    .await
                    .map_err(|error| error.or_hint("upload a larger one by file-upload and give its `file_id`"))?;
                path = path.or_else(|| Some(format!("{WORKSPACE}{}", file.filename)));
                arguments = arguments.without("file").set("data", STANDARD.encode(&file.bytes));
                "inline"
            }
            (None, Some(_), None) => "file_id",
            (None, None, Some(_)) => "inline",
            _ => return Err(Error::argument("file", "expected either `file` or `file_id`")),
        };
        let path = path.filter(|path| path.starts_with(WORKSPACE)).ok_or_else(|| {
            Error::argument(
                "path",
                "expected where the file goes, as `/workspace/a.txt`; a file of this machine is given as `file`",
            )
        })?;
        let arguments = arguments.set("path", path).set("type", kind);
        cx.send(&Self::SPEC, arguments).bytes().await.map(Output::Json)
    }
}

/// List the files of an environment, as they are now.
#[tool("agent-environment-file-list", GET "/agents/environments/{environment_id}/files")]
struct List {
    environment_id: String,
    /// A folder under /workspace.
    path: Option<String>,
    limit: Option<Int<1, 100>>,
    /// By path.
    order: Option<Order>,
    /// next of the page before.
    page: Option<String>,
}
