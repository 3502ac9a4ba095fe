//! `#[tool]`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::{Ident, ItemStruct, LitStr, Result, Token};

use crate::fields::{self, Told};

/// Longest first sentence of a description, in characters.
const FIRST_SENTENCE: usize = 80;

struct Attribute {
    name: LitStr,
    endpoint: Option<(Ident, LitStr)>,
    beta: Option<LitStr>,
    flags: Vec<Ident>,
}

impl Attribute {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|ident| ident == flag)
    }

    fn method(&self) -> Option<String> {
        self.endpoint.as_ref().map(|(method, _)| method.to_string())
    }
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Attribute { name: input.parse()?, endpoint: None, beta: None, flags: Vec::new() };
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let word: Ident = input.parse()?;
            match word.to_string().as_str() {
                "GET" | "POST" | "DELETE" => attribute.endpoint = Some((word, input.parse()?)),
                "beta" => {
                    input.parse::<Token![=]>()?;
                    attribute.beta = Some(input.parse()?);
                }
                "reads" | "destroys" | "idempotent" | "open" | "saves" | "multipart" | "admin" | "run" | "raw"
                | "streams" => {
                    attribute.flags.push(word);
                }
                _ => {
                    return Err(syn::Error::new_spanned(
                        word,
                        "expected GET, POST or DELETE with a path, or one of \
                         reads, destroys, idempotent, open, saves, multipart, admin, run, raw, streams, beta = \"…\"",
                    ));
                }
            }
        }
        Ok(attribute)
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let attribute: Attribute = syn::parse2(attribute)?;
    let mut item: ItemStruct = syn::parse2(item)?;
    let raw = attribute.has("raw");
    let reads_fields = !raw && (attribute.endpoint.is_none() || attribute.has("run"));
    let doc = fields::doc(&item.attrs);
    let fields = fields::take(&mut item.fields, reads_fields)?;

    check_name(&attribute.name)?;
    check_doc(&doc, &item.ident)?;
    let segments = match &attribute.endpoint {
        Some((_, path)) => path_segments(path, &fields)?,
        None => Vec::new(),
    };

    let field_tokens = fields.iter().map(|field| {
        let by_query = matches!(attribute.method().as_deref(), Some("GET" | "DELETE"));
        let place = match &field.told {
            Told::Local => quote!(Local),
            Told::Query => quote!(Query),
            Told::Header(name) => {
                let name = name.value().to_ascii_lowercase();
                quote!(Header(|| const { ::openai_mcp_kernel::http_types::HeaderName::from_static(#name) }))
            }
            Told::Nothing if segments.iter().any(|segment| segment == field.name()) => quote!(Path),
            Told::Nothing if attribute.endpoint.is_none() => quote!(Local),
            Told::Nothing if by_query => quote!(Query),
            Told::Nothing => quote!(Body),
        };
        field.tokens(&place)
    });

    let Attribute { name, beta, .. } = &attribute;
    let endpoint = match &attribute.endpoint {
        Some((method, path)) => {
            let beta = beta.as_ref().map_or_else(|| quote!(None), |value| quote!(Some(#value)));
            let (multipart, streams) = (attribute.has("multipart"), attribute.has("streams"));
            quote!(Some(::openai_mcp_kernel::tool::Endpoint {
                method: ::openai_mcp_kernel::http_types::Method::#method,
                path: #path,
                beta: #beta,
                multipart: #multipart,
                streams: #streams,
            }))
        }
        None => quote!(None),
    };
    let deletes = attribute.method().as_deref() == Some("DELETE");
    let reads = attribute.has("reads") || (attribute.method().as_deref() == Some("GET") && !attribute.has("destroys"));
    let destroys = attribute.has("destroys") || deletes;
    let idempotent = attribute.has("idempotent") || deletes || reads;
    let open = attribute.has("open");
    let saves = attribute.has("saves");
    let admin = attribute.has("admin");

    let (ident, vis) = (&item.ident, &item.vis);
    let run = if raw {
        quote!(Some(|cx, _| ::std::boxed::Box::pin(async move { <#ident>::run(cx).await })))
    } else if reads_fields {
        quote!(Some(|cx, arguments| {
            ::std::boxed::Box::pin(async move { <#ident>::run(arguments.read::<#ident>()?, cx).await })
        }))
    } else {
        quote!(None)
    };
    let declaration = if reads_fields {
        quote! {
            #[derive(::openai_mcp_kernel::serde::Deserialize)]
            #[serde(crate = "::openai_mcp_kernel::serde")]
            #item
        }
    } else {
        fields::name_only(&item.attrs, vis, ident)
    };
    // The span is the struct's, so that a tool that `tools![]` forgets is reported as never used.
    let spec = quote_spanned! {ident.span()=>
        impl #ident {
            #vis const SPEC: ::openai_mcp_kernel::tool::Spec = ::openai_mcp_kernel::tool::Spec {
                name: #name,
                doc: #doc,
                endpoint: #endpoint,
                fields: &[#(#field_tokens),*],
                effect: ::openai_mcp_kernel::tool::Effect {
                    reads: #reads,
                    destroys: #destroys,
                    idempotent: #idempotent,
                    open: #open,
                    saves: #saves,
                },
                admin: #admin,
                run: #run,
            };
        }
    };
    Ok(quote! {
        #declaration
        #spec
    })
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

fn path_segments(path: &LitStr, fields: &[fields::Field]) -> Result<Vec<String>> {
    let text = path.value();
    let mut segments = Vec::new();
    for segment in text.split('/') {
        if let Some(name) = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            if !fields.iter().any(|field| field.ident == name) {
                return Err(syn::Error::new(path.span(), format!("path segment `{{{name}}}` has no field `{name}`")));
            }
            segments.push(name.to_owned());
        } else if segment.contains(['{', '}']) {
            return Err(syn::Error::new(path.span(), format!("`{segment}`: a parameter is a whole path segment")));
        }
    }
    Ok(segments)
}
