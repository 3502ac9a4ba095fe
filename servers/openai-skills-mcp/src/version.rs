//! Versions of a skill. <https://platform.openai.com/docs/api-reference/skills>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

use crate::bundle::{self, Placed, Requests};
use crate::content;
use crate::number::Version;

tools![Create, List, Get, Delete, Content];

/// Add a version to a skill, from a local folder, a zip or its files.
#[tool("skill-version-create", POST "/skills/{skill_id}/versions", multipart, run, open)]
struct Create {
    skill_id: String,
    /// Make it the default.
    default: Option<bool>,
    /// One zip, or all files, each with its place in filename, as scripts/run.py.
    #[read]
    files: Option<OneOrMany<Placed>>,
    /// Local folder of the skill.
    #[local]
    folder: Option<String>,
}

#[request(POST "/skills/{skill_id}/versions", multipart)]
struct CreateZip {
    skill_id: String,
    default: Option<bool>,
    files: FileInput,
}

#[request(POST "/skills/{skill_id}/versions", multipart)]
struct CreateFiles {
    skill_id: String,
    default: Option<bool>,
    files: Vec<FileInput>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let requests = Requests { zip: &CreateZip::SPEC, files: &CreateFiles::SPEC };
        bundle::send(&cx, requests, self.files, self.folder).await
    }
}

/// List the versions of a skill.
#[tool("skill-version-list", GET "/skills/{skill_id}/versions")]
struct List {
    skill_id: String,
    #[flatten]
    page: OrderedPage,
}

/// Get a version of a skill.
#[tool("skill-version-get", GET "/skills/{skill_id}/versions/{version}")]
struct Get {
    skill_id: String,
    version: Version,
}

/// Delete a version of a skill; the default one cannot be.
#[tool("skill-version-delete", DELETE "/skills/{skill_id}/versions/{version}")]
struct Delete {
    skill_id: String,
    version: Version,
}

/// List the files of a version of a skill, or save it as a zip.
#[tool("skill-version-content", GET "/skills/{skill_id}/versions/{version}/content", run, saves)]
struct Content {
    skill_id: String,
    version: Version,
    /// New local zip to write.
    #[local]
    save_to: Option<String>,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        content::show(&cx, &Self::SPEC, self.save_to).await
    }
}
