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
/// Every field is an argument. An argument named in the path goes there, one of a GET or DELETE goes into the query,
/// any other into the body, unless `#[query]`, `#[header("Name")]` or `#[local]` (not sent) says otherwise;
/// `#[wire("name")]` gives it another name on the wire.
///
/// Flags: `reads`, `destroys`, `idempotent`, `open` (reaches beyond OpenAI), `saves` (may write a new local file),
/// `multipart`, `streams` (every body asks for an event stream), `admin` (takes the admin key),
/// `beta = "value"` (the `OpenAI-Beta` header), `run` (an endpoint whose result the tool makes itself).
/// A composite, or a tool with `run`, has `async fn run(self, cx: Context) -> Result<Output>`; one with `raw` has
/// `async fn run(cx: Context) -> Result<Output>` and takes what it needs of `cx.arguments()`.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    tool::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Declares the shape of an argument: a struct is an object, an enum of units is a set of strings (in snake_case),
/// `#[shape(tag = "type")]` on an enum is an object whose `type` tells the variant, any other enum is a union.
///
/// `#[shape(read)]` also derives `Deserialize`, for arguments that a `run` reads.
#[proc_macro_attribute]
pub fn shape(attribute: TokenStream, item: TokenStream) -> TokenStream {
    shape::expand(attribute.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
