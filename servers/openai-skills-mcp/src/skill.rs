//! Skills themselves. <https://platform.openai.com/docs/api-reference/skills>

use openai_mcp_kernel::prelude::*;
use openai_mcp_shapes::page::OrderedPage;

use crate::bundle::{self, Placed, Requests};
use crate::content;
use crate::number::Version;

tools![Create, List, Get, Modify, Delete, Content];

/// Create a skill from a local folder, a zip or its files.
///
/// SKILL.md begins with name and description between lines of ---.
#[tool("skill-create", POST "/skills", multipart, run, open)]
struct Create {
    /// One zip, or all files, each with its place in filename, as scripts/run.py.
    #[read]
    files: Option<OneOrMany<Placed>>,
    /// Local folder of the skill.
    #[local]
    folder: Option<String>,
}

#[request(POST "/skills", multipart)]
struct CreateZip {
    files: FileInput,
}

#[request(POST "/skills", multipart)]
struct CreateFiles {
    files: Vec<FileInput>,
}

impl Create {
    async fn run(self, cx: Context) -> Result<Output> {
        let requests = Requests { zip: &CreateZip::SPEC, files: &CreateFiles::SPEC };
        bundle::send(&cx, requests, self.files, self.folder).await
    }
}

/// List skills.
#[tool("skill-list", GET "/skills")]
struct List {
    #[flatten]
    page: OrderedPage,
}

/// Get a skill: name, description, default and latest version.
#[tool("skill-get", GET "/skills/{skill_id}")]
struct Get {
    skill_id: String,
}

/// Choose the default version of a skill.
#[tool("skill-modify", POST "/skills/{skill_id}", run, destroys, idempotent)]
struct Modify {
    #[read]
    skill_id: String,
    /// A number, or latest.
    #[read]
    default_version: Version,
}

impl Modify {
    async fn run(self, cx: Context) -> Result<Output> {
        let version = match self.default_version.text() {
            // The API takes numbers alone here.
            latest if latest == "latest" => {
                let skill = cx.send(&Get::SPEC, json!({"skill_id": self.skill_id})).value().await?;
                let latest = skill.get("latest_version").and_then(Value::as_str);
                latest.ok_or_else(|| Error::new(Kind::Answer, "the skill tells of no `latest_version`"))?.to_owned()
            }
            version => version,
        };
        cx.send(&Self::SPEC, cx.arguments().clone().set("default_version", version)).bytes().await.map(Output::Json)
    }
}

/// Delete a skill with all its versions.
#[tool("skill-delete", DELETE "/skills/{skill_id}")]
struct Delete {
    skill_id: String,
}

/// List the files of a skill's default version, or save it as a zip.
#[tool("skill-content", GET "/skills/{skill_id}/content", run, saves)]
struct Content {
    skill_id: String,
    /// New local zip to write.
    #[local]
    save_to: Option<String>,
}

impl Content {
    async fn run(self, cx: Context) -> Result<Output> {
        content::show(&cx, &Self::SPEC, self.save_to).await
    }
}
