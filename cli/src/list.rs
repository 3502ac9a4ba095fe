//! `openai-mcp tools`: what each tool costs a context window.

use std::fmt::Write as _;

use openai_mcp_kernel::server::{Definition, describe};

/// How many bytes of JSON make a token, roughly, in the tokenizers of today's models.
const BYTES_PER_TOKEN: usize = 4;

/// The tools as a table, or as JSON.
pub(crate) fn render(servers: &[&'static Definition], json: bool) -> String {
    let specs = || servers.iter().flat_map(|definition| definition.specs());
    let tool = |spec| {
        let mut text = String::new();
        describe(spec, &mut text);
        text
    };
    if json {
        return format!("[{}]", specs().map(tool).collect::<Vec<_>>().join(","));
    }
    let width = specs().map(|spec| spec.name.len()).max().unwrap_or_default().max("tool".len());
    let mut table = String::new();
    let mut row = |name: &str, bytes: &str, tokens: &str, about: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{}", format!("{name:width$}  {bytes:>6}  {tokens:>6}  {about}").trim_end());
    };
    row("tool", "bytes", "tokens", "");
    let (mut count, mut total) = (0, 0);
    for definition in servers {
        let mut sum = 0;
        for spec in definition.specs() {
            let bytes = tool(spec).len();
            (count, sum) = (count + 1, sum + bytes);
            let about = spec.doc.split_once(['.', '\n']).map_or(spec.doc, |(first, _)| first);
            row(spec.name, &bytes.to_string(), &(bytes / BYTES_PER_TOKEN).to_string(), about);
        }
        row(&definition.name(), &sum.to_string(), &(sum / BYTES_PER_TOKEN).to_string(), "in all");
        total += sum;
    }
    if servers.len() > 1 {
        row(&format!("{count} tools"), &total.to_string(), &(total / BYTES_PER_TOKEN).to_string(), "in all");
    }
    table
}
