//! Wheels for pip and uv: the program as a script of the environment, as the binary distribution format has it.
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::archive::{Entry, Program};
use crate::names::{LICENSE, LICENSES, REPOSITORY, all, registered, version};
use crate::target::Target;

/// The file name of a system's wheel; `None` if it has none.
pub fn file(target: &Target) -> Option<String> {
    Some(format!("openai_mcp-{}-py3-none-{}.whl", version(), target.wheel?))
}

/// The wheel of a system's program.
pub fn package(target: &Target, program: &Arc<Program>, licenses: &str) -> Vec<Entry> {
    let version = version();
    let info = format!("openai_mcp-{version}.dist-info");
    let platforms = target.wheel.unwrap_or_default().split('.');
    let tags: String = platforms.map(|platform| format!("Tag: py3-none-{platform}\n")).collect();
    let mut entries = vec![
        Entry::program(format!("openai_mcp-{version}.data/scripts/{}", target.file()), program),
        Entry::text(format!("{info}/METADATA"), metadata()),
        Entry::text(
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: openai-mcp-dist\nRoot-Is-Purelib: false\n{tags}"),
        ),
        Entry::text(format!("{info}/licenses/THIRD-PARTY.txt"), licenses),
    ];
    entries.extend(LICENSES.map(|(name, text)| Entry::text(format!("{info}/licenses/{name}"), text)));
    let mut record = String::new();
    for entry in &entries {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(entry.bytes()));
        record += &format!("{},sha256={digest},{}\n", entry.path, entry.bytes().len());
    }
    record += &format!("{info}/RECORD,,\n");
    entries.push(Entry::text(format!("{info}/RECORD"), record));
    entries
}

/// What PyPI shows. The registry of MCP looks for the names of servers in it.
fn metadata() -> String {
    let names: String = all().map(|server| format!("<!-- mcp-name: {} -->\n", registered(server))).collect();
    format!(
        "Metadata-Version: 2.4\nName: openai-mcp\nVersion: {}\nSummary: {}\nLicense-Expression: {LICENSE}\n\
         License-File: LICENSE-APACHE\nLicense-File: LICENSE-MIT\nLicense-File: THIRD-PARTY.txt\nProject-URL: Source, {REPOSITORY}\nKeywords: mcp,openai\n\
         Requires-Python: >=3.8\nDescription-Content-Type: text/markdown\n\n\
         # openai-mcp\n\n`uvx openai-mcp stdio files` serves one domain of the OpenAI API to an MCP client on standard input \
         and output, `uvx openai-mcp stdio` all of them behind five tools, and `uvx openai-mcp serve --sandbox` all over HTTP \
         without a key. [What there is]({REPOSITORY}).\n\n{names}",
        version(),
        openai_mcp::DOOR.definition.summary,
    )
}
