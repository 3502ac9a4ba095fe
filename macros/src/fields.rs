//! What tools and shapes share: fields with their attributes, doc comments, names.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Fields, Ident, Lit, LitStr, Meta, Result};

/// Where a field was told to go.
pub(crate) enum Told {
    Nothing,
    Query,
    Header(LitStr),
    Local,
}

/// A field as declared.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    name: String,
    wire: String,
    doc: String,
    ty: syn::Type,
    pub(crate) told: Told,
}

impl Field {
    /// The name that callers use.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The `Field` of the kernel, at `place`.
    pub(crate) fn tokens(&self, place: &TokenStream) -> TokenStream {
        let Field { name, wire, doc, ty, .. } = self;
        quote! {
            ::openai_mcp_kernel::schema::Field {
                name: #name,
                wire: #wire,
                doc: #doc,
                shape: ::openai_mcp_kernel::schema::of::<#ty>,
                required: <#ty as ::openai_mcp_kernel::schema::Shaped>::REQUIRED,
                place: ::openai_mcp_kernel::schema::Place::#place,
            }
        }
    }
}

/// Reads the fields and strips the attributes that are ours. With `read`, fields keep their public name for serde.
pub(crate) fn take(fields: &mut Fields, read: bool) -> Result<Vec<Field>> {
    let Fields::Named(named) = fields else {
        return match fields {
            Fields::Unit => Ok(Vec::new()),
            _ => Err(syn::Error::new_spanned(fields, "expected named fields")),
        };
    };
    named.named.iter_mut().map(|field| take_one(field, read)).collect()
}

fn take_one(field: &mut syn::Field, read: bool) -> Result<Field> {
    let Some(ident) = field.ident.clone() else {
        return Err(syn::Error::new_spanned(field, "expected a named field"));
    };
    let name = ident.to_string().trim_start_matches("r#").to_owned();
    let mut wire = name.clone();
    let mut told = Told::Nothing;
    let doc = doc(&field.attrs);
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut field.attrs) {
        if attribute.path().is_ident("wire") {
            wire = attribute.parse_args::<LitStr>()?.value();
        } else if attribute.path().is_ident("query") {
            told = Told::Query;
        } else if attribute.path().is_ident("header") {
            told = Told::Header(attribute.parse_args()?);
        } else if attribute.path().is_ident("local") {
            told = Told::Local;
        } else {
            kept.push(attribute);
        }
    }
    if read {
        kept.push(syn::parse_quote!(#[serde(rename = #name)]));
        if is_option(&field.ty) {
            kept.push(syn::parse_quote!(#[serde(default)]));
        }
    }
    field.attrs = kept;
    Ok(Field { ident, name, wire, doc, ty: field.ty.clone(), told })
}

fn is_option(ty: &syn::Type) -> bool {
    matches!(ty, syn::Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Option"))
}

/// A type that stands for a declaration whose values nobody makes: its shape is all there is of it.
///
/// Were it a struct, its fields would need an `allow(dead_code)`, which would also hide that a tool is not listed.
pub(crate) fn name_only(attributes: &[Attribute], vis: &syn::Visibility, ident: &Ident) -> TokenStream {
    quote! {
        #(#attributes)*
        #vis enum #ident {}
    }
}

/// The doc comment as text: lines of a paragraph joined, paragraphs apart.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) = &pair.value
        {
            let line = line.value();
            match line.trim() {
                "" if text.is_empty() => {}
                "" => text.push_str("\n\n"),
                line => {
                    if !text.is_empty() && !text.ends_with('\n') {
                        text.push(' ');
                    }
                    text.push_str(line);
                }
            }
        }
    }
    text.trim_end().to_owned()
}

/// `LastActiveAt` as `last_active_at`.
pub(crate) fn snake(ident: &Ident) -> String {
    let mut name = String::new();
    for letter in ident.to_string().trim_start_matches("r#").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}
