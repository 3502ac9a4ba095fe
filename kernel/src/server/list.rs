//! `tools/list`: tools as MCP describes them.
//! <https://modelcontextprotocol.io/specification/2026-07-28/server/tools>

use std::borrow::Cow;

use crate::schema;
use crate::spec::{Life, Spec, TWIN};

/// The `tools` array of a list.
pub(super) fn render(specs: impl Iterator<Item = &'static Spec>) -> String {
    let mut out = String::from("[");
    for spec in specs {
        if out.len() > 1 {
            out.push(',');
        }
        describe(spec, &mut out);
    }
    out.push(']');
    out
}

/// One entry of `tools/list`.
pub fn describe(spec: &Spec, out: &mut String) {
    describe_as(spec, &doc(spec), "", out);
}

/// One entry of `tools/list` with a description that is known only as the program runs, and with more members for its
/// `_meta`, as JSON text.
pub fn describe_as(spec: &Spec, doc: &str, meta: &str, out: &mut String) {
    let effect = spec.effect;
    out.push_str(r#"{"name":"#);
    schema::render_text(out, spec.name);
    out.push_str(r#","title":"#);
    schema::render_text(out, &spec.title());
    out.push_str(r#","description":"#);
    schema::render_text(out, doc);
    out.push_str(r#","inputSchema":"#);
    schema::render_fields(out, spec.fields);
    out.push_str(&format!(
        r#","annotations":{{"readOnlyHint":{},"destructiveHint":{},"idempotentHint":{},"openWorldHint":{}}}"#,
        effect.changes_nothing(),
        effect.destroys,
        effect.idempotent,
        effect.open
    ));
    if !meta.is_empty() {
        out.push_str(r#","_meta":{"#);
        out.push_str(meta);
        out.push('}');
    } else if let Some(endpoint) = &spec.endpoint {
        out.push_str(r#","_meta":{"openai-mcp/endpoint":"#);
        schema::render_text(out, &format!("{} {}", endpoint.method, endpoint.path));
        if endpoint.twin.is_some() {
            out.push_str(r#","openai-mcp/beta-endpoint":"#);
            schema::render_text(out, &format!("{} {}?{TWIN}", endpoint.method, endpoint.path));
        }
        out.push('}');
    }
    out.push('}');
}

/// The whole description.
pub fn doc(spec: &Spec) -> Cow<'static, str> {
    match spec.life {
        Life::Ends(day) => format!("{}\n\nOpenAI ends this on {day}.", spec.doc).into(),
        _ => spec.doc.into(),
    }
}

/// The schema of its arguments, as compact JSON.
pub fn schema(spec: &Spec) -> String {
    let mut text = String::new();
    schema::render_fields(&mut text, spec.fields);
    text
}

/// Bytes of what hosts hand on to a model of a tool: its title, annotations and `_meta` stay with them.
pub fn weight(spec: &Spec) -> usize {
    let mut text = String::from(r#"{"name":,"description":,"input_schema":}"#);
    schema::render_text(&mut text, spec.name);
    schema::render_text(&mut text, &doc(spec));
    schema::render_fields(&mut text, spec.fields);
    text.len()
}
