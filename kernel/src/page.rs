//! The page a person sees who opens a server's address in a browser. It holds no key, loads nothing and runs nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::json;
use crate::links::{self, Way};
use crate::server::{Definition, Service};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;\
color:#1a1a1a;background:#fff;overflow-wrap:anywhere}h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}\
small{font-weight:400;color:#666}code,pre{font:14px/1.5 ui-monospace,monospace;background:#f3f3f3;border-radius:4px}\
code{padding:.1em .3em}pre{padding:.8rem;overflow:auto;white-space:pre-wrap;user-select:all}nav ul{columns:14rem;\
padding-left:1.2rem}summary{cursor:pointer;padding:.3rem 0}dt{margin-top:.5rem}dd{margin:0 0 0 1.2rem;color:#555}\
aside{border-left:4px solid #c80;padding:.1rem .8rem}@media(prefers-color-scheme:dark){body{color:#e6e6e6;\
background:#161616}code,pre{background:#262626}dd,small{color:#aaa}a{color:#8bf}}";

/// Where the reference of each server is.
const DOCS: &str = "https://github.com/openai-mcp/openai-mcp/blob/main/docs/reference";

/// Where what stands before all of them is told of.
const FRONT_DOCS: &str = "https://github.com/openai-mcp/openai-mcp#one-door";

/// How many bytes of JSON make a token, roughly, in the tokenizers of today's models.
const BYTES_PER_TOKEN: usize = 4;

/// What answers the requests of tools.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upstream {
    Sandbox,
    OpenAi,
    Other,
}

/// A server on the page.
pub(crate) struct Entry<'a> {
    pub(crate) definition: &'static Definition,
    pub(crate) service: Result<&'a Arc<Service>, &'a String>,
    /// Where it takes messages.
    pub(crate) url: String,
}

/// Renders the page.
pub(crate) fn render(title: &str, upstream: Upstream, servers: &[Entry<'_>]) -> String {
    let upstream_is = match upstream {
        Upstream::Sandbox => {
            "<b>Sandbox.</b> An offline stand-in answers in OpenAI's place: nothing is charged, and no key is needed."
        }
        Upstream::OpenAi => "<b>Live.</b> Calls go to OpenAI, which charges them to the key that they come with.",
        Upstream::Other => "<b>Live.</b> Calls go to an API that is not OpenAI's.",
    };
    // Who needs no key is not to be asked for one, nor warned of what it could do.
    let asks = match upstream {
        Upstream::Sandbox => "",
        Upstream::OpenAi | Upstream::Other => {
            "<aside><p>Give your OpenAI key in the <code>Authorization: Bearer</code> header. Where a client has no \
             headers, it can stand at the end of the URL, <code>…/mcp/sk-…</code>. Such a URL is a secret, and browsers, \
             clients and what lies between keep URLs: use a key that is made for this alone, with a limit.</p></aside>"
        }
    };
    let mut out = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>\
         <p>OpenAI's API as <a href=\"https://modelcontextprotocol.io\">MCP</a> tools, over streamable HTTP. \
         {upstream_is}</p>{asks}"
    );
    // Writing to a string cannot fail.
    if servers.len() > 1 {
        out.push_str("<nav><ul>");
        for entry in servers {
            let name = entry.short();
            let _ = write!(out, "<li><a href=\"#{name}\">{name}</a> <small>{}</small>", entry.size());
        }
        out.push_str("</ul></nav>");
    }
    for entry in servers {
        entry.write(upstream, &mut out);
    }
    out.push_str("<p><a href=\"/health\">health</a></p></html>");
    out
}

impl Entry<'_> {
    /// What tells it apart here.
    fn short(&self) -> &'static str {
        if self.definition.domain.is_empty() { "everything" } else { self.definition.domain }
    }

    fn size(&self) -> String {
        match self.service {
            Ok(service) if self.definition.domain.is_empty() => {
                let tokens = service.tool_list().len() / BYTES_PER_TOKEN;
                format!("reaches {} tools, about {tokens} tokens", service.reached().count())
            }
            Ok(service) => {
                format!("{} tools, about {} tokens", service.specs().count(), service.weight() / BYTES_PER_TOKEN)
            }
            Err(_) => "not serving".to_owned(),
        }
    }

    fn write(&self, upstream: Upstream, out: &mut String) {
        let Entry { definition, service, url } = self;
        let short = self.short();
        let (name, key) = (definition.name(), definition.entry());
        let reference = match definition.domain {
            "" => FRONT_DOCS.to_owned(),
            domain => format!("{DOCS}/{domain}.md"),
        };
        let headers = match upstream {
            Upstream::Sandbox => String::new(),
            _ => format!(",\n      \"headers\": {{\"Authorization\": \"Bearer ${{{}}}\"}}", definition.key_variable()),
        };
        let url_quoted = json::quoted(url);
        let configuration = format!(
            "{{\n  \"mcpServers\": {{\n    \"{key}\": {{\n      \"type\": \"http\",\n      \"url\": \
             {url_quoted}{headers}\n    }}\n  }}\n}}"
        );
        let _ = write!(
            out,
            "<h2 id=\"{short}\">{name} <small>{}</small></h2><p>{} <a href=\"{reference}\">Reference</a></p>\
             <pre>{}</pre><p>Add it to",
            definition.version,
            escape(definition.about),
            escape(url),
        );
        let variable = (upstream != Upstream::Sandbox).then(|| definition.key_variable());
        let server = links::Server { name: &key, title: definition.title, way: Way::Url(url), key: variable };
        for (client, link) in server.links() {
            let _ = write!(out, " <a href=\"{}\">{client}</a>", escape(&link));
        }
        let _ = write!(out, "<details><summary>Configuration</summary><pre>{}</pre></details>", escape(&configuration));
        match service {
            Ok(_) if definition.domain.is_empty() => {}
            Ok(service) => {
                let _ = write!(out, "<details><summary>{}</summary><dl>", self.size());
                for spec in service.specs() {
                    let first = spec.doc.split("\n\n").next().unwrap_or_default();
                    let _ = write!(out, "<dt><code>{}</code><dd>{}", spec.name, escape(first));
                }
                out.push_str("</dl></details>");
            }
            Err(problem) => {
                let _ = write!(out, "<p><strong>Not serving:</strong> {}</p>", escape(problem));
            }
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
