//! The page a person sees who opens a server's address in a browser. It holds no key and loads nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::server::{Definition, Service};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}code,pre{font:14px/1.5 \
ui-monospace,monospace;background:#f3f3f3;border-radius:4px}code{padding:.1em .3em}pre{padding:.8rem;overflow:auto}\
dt{margin-top:.5rem}dd{margin:0 0 0 1.2rem;color:#555}@media(prefers-color-scheme:dark){body{color:#e6e6e6;\
background:#161616}code,pre{background:#262626}dd{color:#aaa}}";

/// A server on the page.
pub(crate) struct Entry<'a> {
    pub(crate) definition: &'static Definition,
    pub(crate) service: &'a Result<Arc<Service>, String>,
    /// Where it takes messages.
    pub(crate) path: String,
}

/// Renders the page.
pub(crate) fn render<'a>(title: &str, servers: impl Iterator<Item = Entry<'a>>) -> String {
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\
         <p>OpenAI's API as <a href=\"https://modelcontextprotocol.io\">MCP</a> tools. Connect a client by streamable HTTP; \
         your OpenAI key goes in the <code>Authorization: Bearer</code> header, or at the end of the URL where a client \
         has no headers.</p>"
    );
    for Entry { definition, service, path } in servers {
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "<h2>{} {}</h2><p>{}</p><pre>POST {path}\nPOST {path}/{{key}}</pre>",
            definition.name(),
            definition.version,
            escape(definition.about)
        );
        match service {
            Ok(service) => {
                out.push_str("<dl>");
                for spec in service.specs() {
                    let first = spec.doc.split("\n\n").next().unwrap_or_default();
                    let _ = write!(out, "<dt><code>{}</code><dd>{}", spec.name, escape(first));
                }
                out.push_str("</dl>");
            }
            Err(problem) => {
                let _ = write!(out, "<p><strong>Not serving:</strong> {}</p>", escape(problem));
            }
        }
    }
    out.push_str("<p><a href=\"/health\">health</a></p></html>");
    out
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
