//! `#[tool]` and `#[request]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Fields, FieldsNamed, Ident, ItemStruct, LitStr, Result, Token};

use crate::fields::{self, Field};

/// Longest first sentence of a description, in characters.
const FIRST_SENTENCE: usize = 80;

struct Attribute {
    name: LitStr,
    endpoint: Option<(Ident, LitStr)>,
    accept: Option<LitStr>,
    beta: Option<LitStr>,
    twin: Option<LitStr>,
    /// What becomes of a long answer.
    long: TokenStream,
    window: bool,
    /// What shows the answer in brief.
    brief: Option<syn::Path>,
    setting: Option<LitStr>,
    life: TokenStream,
    flags: Vec<Ident>,
}

impl Attribute {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|ident| ident == flag)
    }

    fn method(&self) -> Option<String> {
        self.endpoint.as_ref().map(|(method, _)| method.to_string())
    }

    /// Reads what comes after the name.
    fn rest(name: LitStr, input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Attribute {
            name,
            endpoint: None,
            accept: None,
            beta: None,
            twin: None,
            long: quote!(Cut),
            window: false,
            brief: None,
            setting: None,
            life: quote!(AsServer),
            flags: Vec::new(),
        };
        let mut gone = None;
        while !input.is_empty() {
            let word: Ident = input.parse()?;
            let value = || -> Result<LitStr> {
                input.parse::<Token![=]>()?;
                input.parse()
            };
            match word.to_string().as_str() {
                "GET" | "POST" | "DELETE" => attribute.endpoint = Some((word, input.parse()?)),
                "accept" => attribute.accept = Some(value()?),
                "beta" => attribute.beta = Some(value()?),
                "twin" => attribute.twin = Some(value()?),
                "page" => {
                    let tool = value()?;
                    attribute.long = quote!(Page(#tool));
                }
                "window" => {
                    attribute.long = quote!(Window);
                    attribute.window = true;
                }
                "brief" => {
                    input.parse::<Token![=]>()?;
                    attribute.brief = Some(input.parse()?);
                }
                "ends" => {
                    let day = value()?;
                    attribute.life = quote!(Ends(#day));
                }
                "setting" => attribute.setting = Some(value()?),
                "gone" => gone = Some(value()?),
                "instead" => {
                    let instead = value()?;
                    let Some(day) = &gone else {
                        return Err(syn::Error::new_spanned(word, "`instead` comes after `gone = \"day\"`"));
                    };
                    attribute.life = quote!(Gone { on: #day, instead: #instead });
                }
                "reads" | "destroys" | "idempotent" | "open" | "saves" | "records" | "multipart" | "admin" | "run"
                | "streams" => attribute.flags.push(word),
                _ => {
                    return Err(syn::Error::new_spanned(
                        word,
                        "expected GET, POST or DELETE with a path, or one of reads, destroys, idempotent, open, saves, \
                         records, multipart, admin, run, streams, window, brief = function, accept = \"…\", beta = \"…\", \
                         twin = \"…\", page = \"…\", setting = \"…\", ends = \"…\", gone = \"…\", instead = \"…\"",
                    ));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attribute)
    }

    /// The `Spec` of the kernel.
    fn spec(&self, doc: &str, fields: &TokenStream) -> TokenStream {
        let Attribute { name, accept, beta, twin, long, life, .. } = self;
        let setting = self.setting.as_ref().map_or_else(|| quote!(None), |setting| quote!(Some(#setting)));
        let endpoint = match &self.endpoint {
            Some((method, path)) => {
                let told =
                    |value: &Option<LitStr>| value.as_ref().map_or_else(|| quote!(None), |value| quote!(Some(#value)));
                let (accept, beta, twin) = (told(accept), told(beta), told(twin));
                let (multipart, streams) = (self.has("multipart"), self.has("streams"));
                quote!(Some(::openai_mcp_kernel::spec::Endpoint {
                    method: ::openai_mcp_kernel::http_types::Method::#method,
                    path: #path,
                    accept: #accept,
                    beta: #beta,
                    twin: #twin,
                    multipart: #multipart,
                    streams: #streams,
                }))
            }
            None => quote!(None),
        };
        let deletes = self.method().as_deref() == Some("DELETE");
        let reads = self.has("reads") || (self.method().as_deref() == Some("GET") && !self.has("destroys"));
        let destroys = self.has("destroys") || deletes;
        let idempotent = self.has("idempotent") || deletes || reads;
        let (open, saves, records, admin) =
            (self.has("open"), self.has("saves"), self.has("records"), self.has("admin"));
        quote! {
            ::openai_mcp_kernel::spec::Spec {
                name: #name,
                doc: #doc,
                endpoint: #endpoint,
                fields: #fields,
                effect: ::openai_mcp_kernel::spec::Effect {
                    reads: #reads,
                    destroys: #destroys,
                    idempotent: #idempotent,
                    open: #open,
                    saves: #saves,
                    records: #records,
                },
                admin: #admin,
                long: ::openai_mcp_kernel::spec::Long::#long,
                life: ::openai_mcp_kernel::spec::Life::#life,
                setting: #setting,
            }
        }
    }
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Attribute::rest(name, input)
    }
}

/// The attribute of `#[request]`, which has no name of its own.
struct Request(Attribute);

impl Parse for Request {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Attribute::rest(LitStr::new("", input.span()), input)?;
        let Some((method, path)) = &attribute.endpoint else {
            return Err(input.error("expected GET, POST or DELETE with a path"));
        };
        attribute.name = LitStr::new(&format!("{method} {}", path.value()), path.span());
        if attribute.life.to_string() == "AsServer" {
            attribute.life = quote!(Open);
        }
        Ok(Request(attribute))
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let attribute: Attribute = syn::parse2(attribute)?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let doc = fields::doc(&item.attrs);
    check_name(&attribute.name)?;
    check_doc(&doc, &item.ident)?;

    let composite = attribute.endpoint.is_none();
    let runs = composite || attribute.has("run");
    let taken = declared(&attribute, &mut item)?;
    let place = if composite { quote!(Local) } else { quote!(Natural) };
    let window = attribute.window.then(|| quote!(::openai_mcp_kernel::schema::WINDOW));
    let full = attribute.brief.is_some().then(|| quote!(::openai_mcp_kernel::schema::FULL));
    let more: Vec<TokenStream> = window.into_iter().chain(full).collect();
    let spec = attribute.spec(&doc, &fields::slice(&taken, &place, &more));

    let (ident, vis) = (&item.ident, &item.vis);
    let (declaration, run) = if runs {
        // What only travels is no part of the struct: nothing of it could be read.
        let read: Vec<&Field> = taken.iter().filter(|field| composite || field.read || field.is_local()).collect();
        let given = fields::given(ident, &read);
        if let Fields::Named(FieldsNamed { named, .. }) = &mut item.fields {
            *named = std::mem::take(named)
                .into_iter()
                .filter(|field| read.iter().any(|read| field.ident.as_ref() == Some(&read.ident)))
                .collect();
        }
        let run = quote!(Some(|cx| ::std::boxed::Box::pin(async move {
            let given = <#ident as ::openai_mcp_kernel::arguments::Given>::given(&cx.arguments().members()?)?;
            given.run(cx).await
        })));
        (quote!(#item #given), run)
    } else {
        if let Some(field) = taken.iter().find(|field| field.read || field.is_local()) {
            let text = "nothing reads this: the tool has no `run`";
            return Err(syn::Error::new_spanned(&field.ident, text));
        }
        (fields::name_only(&item.attrs, vis, ident), quote!(None))
    };
    let (ident, vis) = (&item.ident, &item.vis);
    let brief = attribute.brief.as_ref().map_or_else(|| quote!(None), |brief| quote!(Some(#brief)));
    // The span is the struct's, so that a tool that `tools![]` forgets is reported as never used.
    let constants = quote_spanned! {ident.span()=>
        impl #ident {
            #vis const SPEC: ::openai_mcp_kernel::spec::Spec = #spec;
            #vis const TOOL: ::openai_mcp_kernel::tool::Tool =
                ::openai_mcp_kernel::tool::Tool { spec: &Self::SPEC, run: #run, brief: #brief };
        }
    };
    Ok(quote! {
        #declaration
        #constants
    })
}

pub(crate) fn expand_request(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let Request(attribute) = syn::parse2(attribute)?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let taken = declared(&attribute, &mut item)?;
    let spec = attribute.spec(&fields::doc(&item.attrs), &fields::slice(&taken, &quote!(Natural), &[]));
    let (ident, vis) = (&item.ident, &item.vis);
    let declaration = fields::name_only(&item.attrs, vis, ident);
    Ok(quote! {
        #declaration
        impl #ident {
            #vis const SPEC: ::openai_mcp_kernel::spec::Spec = #spec;
        }
    })
}

/// The fields, with those that the path names among them.
fn declared(attribute: &Attribute, item: &mut ItemStruct) -> Result<Vec<Field>> {
    let taken = fields::take(&mut item.fields)?;
    if let Some((_, path)) = &attribute.endpoint {
        check_path(path, &taken)?;
    }
    if let Some(twin) = &attribute.twin
        && !taken.iter().any(|field| field.name() == twin.value())
    {
        return Err(syn::Error::new(twin.span(), format!("there is no field `{}`", twin.value())));
    }
    Ok(taken)
}

fn check_name(name: &LitStr) -> Result<()> {
    let text = name.value();
    let letters = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if letters && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 48 && !text.contains("--") {
        Ok(())
    } else {
        Err(syn::Error::new_spanned(name, "expected a name like `chat-completion-create`, of at most 48 characters"))
    }
}

fn check_doc(doc: &str, ident: &Ident) -> Result<()> {
    let first = doc.split("\n\n").next().unwrap_or_default();
    let first = first.split_once(". ").map_or(first, |(sentence, _)| sentence);
    match first.chars().count() {
        0 => Err(syn::Error::new_spanned(ident, "a tool needs a doc comment: the description a model chooses by")),
        n if n > FIRST_SENTENCE => Err(syn::Error::new_spanned(
            ident,
            format!("the first sentence of the doc comment has {n} characters; at most {FIRST_SENTENCE}"),
        )),
        _ => Ok(()),
    }
}

fn check_path(path: &LitStr, fields: &[Field]) -> Result<()> {
    for segment in path.value().split('/') {
        if let Some(name) = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            if !fields.iter().any(|field| field.name() == name) {
                return Err(syn::Error::new(path.span(), format!("path segment `{{{name}}}` has no field `{name}`")));
            }
        } else if segment.contains(['{', '}']) {
            return Err(syn::Error::new(path.span(), format!("`{segment}`: a parameter is a whole path segment")));
        }
    }
    Ok(())
}
