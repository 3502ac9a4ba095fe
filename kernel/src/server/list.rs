//! `tools/list`: tools as MCP describes them.
//! <https://modelcontextprotocol.io/specification/2026-07-28/server/tools>

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
    let effect = spec.effect;
    out.push_str(r#"{"name":"#);
    schema::render_text(out, spec.name);
    out.push_str(r#","title":"#);
    schema::render_text(out, &spec.title());
    out.push_str(r#","description":"#);
    doc(spec, out);
    out.push_str(r#","inputSchema":"#);
    schema::render_fields(out, spec.fields);
    out.push_str(&format!(
        r#","annotations":{{"readOnlyHint":{},"destructiveHint":{},"idempotentHint":{},"openWorldHint":{}}}"#,
        effect.changes_nothing(),
        effect.destroys,
        effect.idempotent,
        effect.open
    ));
    if let Some(endpoint) = &spec.endpoint {
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

fn doc(spec: &Spec, out: &mut String) {
    match spec.life {
        Life::Ends(day) => schema::render_text(out, &format!("{}\n\nOpenAI ends this on {day}.", spec.doc)),
        _ => schema::render_text(out, spec.doc),
    }
}

/// Bytes of what hosts hand on to a model of a tool: its title, annotations and `_meta` stay with them.
pub fn weight(spec: &Spec) -> usize {
    let mut text = String::from(r#"{"name":,"description":,"input_schema":}"#);
    schema::render_text(&mut text, spec.name);
    doc(spec, &mut text);
    schema::render_fields(&mut text, spec.fields);
    text.len()
}
