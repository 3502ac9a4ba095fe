//! `#[tool]` and `#[shape]`: structs as declarations of MCP tools and of their arguments.
//!
//! Both compile to `static` data that the kernel interprets; neither generates code that runs, but for the glue that
//! calls a tool's own `run`. What the attributes accept is told in the kernel's `prelude`.

mod fields;
mod shape;
mod tool;

use proc_macro::TokenStream;

/// Declares a tool: `#[tool("name", METHOD "/path/{id}", flag, …)]`, or `#[tool("name", flag, …)]` for a composite.
///
/// The doc comment is the description a model chooses by: an imperative first sentence of at most 80 characters.
/// Every field is an argument. One named in the path goes there, one of a GET or DELETE goes into the query, any other
/// into the body, unless `#[query]`, `#[header("Name")]`, `#[part("media/type")]` (a part of a form that is no file) or `#[local]`
/// (not sent) says otherwise; `#[slashes]` lets one of
/// the path have slashes, which are escaped; `#[wire("name")]` gives it another name on the wire, `#[alias("name")]` another
/// name under which it is taken without being listed, and `#[flatten]` puts the fields of its type, a `#[shape]` struct, in
/// its place; with `#[brief]` the schema leaves it to another tool that has the group to tell what goes into objects.
/// `#[unlisted]` is one that is taken and does not stand in the schema; where it must be given and can be one word
/// alone, it is that word.
///
/// Flags:
/// - what it does to the world: `reads`, `destroys`, `idempotent`, `open` (reaches beyond OpenAI), `saves` (may write a
///   new local file), `records` (may write into the server's store besides);
/// - how it is sent: `multipart`, `streams` (every body asks for an event stream), `admin` (takes the admin key),
///   `accept = "media/type"` (of the answer, where it is not JSON),
///   `beta = "value"` (the `OpenAI-Beta` header, where the server has another one; `""` is none), `twin = "field"` (where
///   this argument is given, the request is the one of the same path with `?beta=true`);
/// - what becomes of a long answer: `window` (long texts and lists are cut, and an argument `max_bytes` shows more),
///   `page = "tool"` (so is each item of a list; the tool shows all of one);
/// - what is shown of an answer: `brief = function`, of type `fn(Value) -> Value`, unless the argument `full` that such a
///   tool takes asks for all;
/// - how long OpenAI serves it: `ends = "2027-01-06"`, `gone = "2026-08-26", instead = "…"`;
/// - who is offered it: `setting = "NAME"` (those whose operator has set `OPENAI_MCP_NAME`; else all);
/// - `run`: the tool makes the result itself.
///
/// A composite, or a tool with `run`, has `async fn run(self, cx: Context) -> Result<Output>`. Of an endpoint's fields the
/// struct keeps those that are `#[read]` or `#[local]`; the rest only travels, and is sent with
/// `cx.send(&Self::SPEC, cx.arguments())`.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares a request that is no tool, for code that needs it: `#[request(METHOD "/path/{id}", flag, …)]`, with fields and
/// flags as a `#[tool]` has them.
#[proc_macro_attribute]
pub fn request(attribute: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand_request(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares the shape of an argument: a struct is an object, an enum of units is a set of strings (in snake_case),
/// `#[shape(tag = "type")]` on an enum is an object whose `type` tells the variant, any other enum is a union.
///
/// `#[shape(open)]`, also `#[shape(tag = "type", open)]`, lets keys pass that are not named here: for objects with more fields
/// than most callers need. `#[shape(read)]` also derives `Deserialize`, for arguments that a `run` reads.
#[proc_macro_attribute]
pub fn shape(attribute: TokenStream, item: TokenStream) -> TokenStream {
    shape::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
