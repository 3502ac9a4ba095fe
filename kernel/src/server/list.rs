//! `tools/list`: tools as MCP describes them.
//! <https://modelcontextprotocol.io/specification/2026-07-28/server/tools>

use std::borrow::Cow;

use crate::schema;
use crate::spec::{Effect, Life, Spec, TWIN};

/// The `tools` array of a list; `whole` is as for [`describe_as`].
pub(super) fn render(specs: impl Iterator<Item = &'static Spec>, whole: bool) -> String {
    let mut out = String::from("[");
    for spec in specs {
        if out.len() > 1 {
            out.push(',');
        }
        describe_as(spec, &doc(spec), "", whole, &mut out);
    }
    out.push(']');
    out
}

/// One entry of `tools/list`.
pub fn describe(spec: &Spec, out: &mut String) {
    describe_as(spec, &doc(spec), "", false, out);
}

/// One entry of `tools/list` with a description that is known only as the program runs, and with more members for its
/// `_meta`, as JSON text. A `whole` one also has what says nothing new, for those who want it said.
pub fn describe_as(spec: &Spec, doc: &str, meta: &str, whole: bool, out: &mut String) {
    out.push_str(r#"{"name":"#);
    schema::render_text(out, spec.name);
    if whole {
        out.push_str(r#","title":"#);
        schema::render_text(out, &spec.title());
    }
    out.push_str(r#","description":"#);
    schema::render_text(out, doc);
    out.push_str(r#","inputSchema":"#);
    schema::render_fields(out, spec.fields);
    annotations(spec.effect, whole, out);
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

/// Whether it destroys and whether it reaches out stand there in any case: MCP's defaults fear the worst, and hosts apply
/// them to tools that only read, too. That a tool writes is what every host takes from silence, and to be called twice means
/// nothing to one that reads.
fn annotations(effect: Effect, whole: bool, out: &mut String) {
    let reads = effect.changes_nothing();
    let hints = [
        ("readOnlyHint", reads, whole || reads),
        ("destructiveHint", effect.destroys, true),
        ("idempotentHint", effect.idempotent, whole || (effect.idempotent && !reads)),
        ("openWorldHint", effect.open, true),
    ];
    out.push_str(r#","annotations":{"#);
    for (index, (name, value, _)) in hints.into_iter().filter(|(_, _, said)| *said).enumerate() {
        let comma = if index > 0 { "," } else { "" };
        out.push_str(&format!(r#"{comma}"{name}":{value}"#));
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
