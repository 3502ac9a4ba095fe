//! What tools and shapes share: fields with their attributes, doc comments, names.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Expr, ExprLit, Fields, Ident, Lit, LitStr, Meta, Result, Type};

/// Where a field was told to go.
pub(crate) enum Told {
    Nothing,
    Query,
    Header(LitStr),
    /// A part of a form that has this media type and is no file.
    Part(LitStr),
    Local,
    /// Into the path, slashes and all.
    Slashes,
}

/// A field as declared.
pub(crate) struct Field {
    pub(crate) ident: Ident,
    name: String,
    aliases: Vec<String>,
    wire: String,
    doc: String,
    pub(crate) ty: Type,
    told: Told,
    /// Whether code reads it.
    pub(crate) read: bool,
    /// Whether it stands for the fields of its type.
    pub(crate) flatten: bool,
    /// Whether the schema has it.
    listed: bool,
    /// Whether the schema leaves it to another tool to tell what goes into objects.
    brief: bool,
}

impl Field {
    /// The name that callers use.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is an argument that is not sent.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.told, Told::Local)
    }

    /// The `Field` of the kernel; `place` is where it goes unless it was told otherwise.
    fn tokens(&self, place: &TokenStream) -> TokenStream {
        let Field { name, aliases, wire, doc, ty, listed, .. } = self;
        let place = match &self.told {
            Told::Nothing => place.clone(),
            Told::Query => quote!(Query),
            Told::Local => quote!(Local),
            Told::Slashes => quote!(Name),
            Told::Part(media_type) => quote!(Part(#media_type)),
            Told::Header(header) => {
                let header = header.value().to_ascii_lowercase();
                quote!(Header(|| const { ::openai_mcp_kernel::http_types::HeaderName::from_static(#header) }))
            }
        };
        quote! {
            ::openai_mcp_kernel::schema::Field {
                name: #name,
                aliases: &[#(#aliases),*],
                wire: #wire,
                doc: #doc,
                shape: ::openai_mcp_kernel::schema::of::<#ty>,
                required: <#ty as ::openai_mcp_kernel::schema::Shaped>::REQUIRED,
                place: ::openai_mcp_kernel::schema::Place::#place,
                listed: #listed,
                brief: false,
            }
        }
    }

    /// How code reads it of `arguments`.
    fn reading(&self) -> TokenStream {
        let Field { ident, name, ty, flatten, .. } = self;
        if *flatten {
            quote!(#ident: <#ty as ::openai_mcp_kernel::arguments::Given>::given(arguments)?)
        } else {
            quote!(#ident: arguments.take(#name)?)
        }
    }
}

/// The fields as a `&'static [Field]`, those of groups in the place where the group stands, then those of `more`.
pub(crate) fn slice(fields: &[Field], place: &TokenStream, more: &[TokenStream]) -> TokenStream {
    let own = |field: &Field| field.tokens(place);
    if more.is_empty() && !fields.iter().any(|field| field.flatten) {
        let fields = fields.iter().map(own);
        return quote!(&[#(#fields),*]);
    }
    let groups = fields.iter().map(|field| {
        let ty = &field.ty;
        if field.brief {
            quote!(&::openai_mcp_kernel::schema::brief::<{ <#ty>::FIELDS.len() }>(<#ty>::FIELDS))
        } else if field.flatten {
            quote!(<#ty>::FIELDS)
        } else {
            let own = own(field);
            quote!(&[#own])
        }
    });
    let groups = groups.chain(more.iter().cloned());
    quote! {{
        const GROUPS: &[&[::openai_mcp_kernel::schema::Field]] = &[#(#groups),*];
        const ALL: &[::openai_mcp_kernel::schema::Field] =
            &::openai_mcp_kernel::schema::concat::<{ ::openai_mcp_kernel::schema::count(GROUPS) }>(GROUPS);
        ALL
    }}
}

/// How a type is made of the fields that are read.
pub(crate) fn given(ident: &Ident, fields: &[&Field]) -> TokenStream {
    let readings = fields.iter().map(|field| field.reading());
    let arguments = if fields.is_empty() { quote!(_) } else { quote!(arguments) };
    quote! {
        impl ::openai_mcp_kernel::arguments::Given for #ident {
            fn given(#arguments: &::openai_mcp_kernel::arguments::Members<'_>) -> ::openai_mcp_kernel::error::Result<Self> {
                Ok(Self { #(#readings),* })
            }
        }
    }
}

/// Reads the fields and strips the attributes that are ours.
pub(crate) fn take(fields: &mut Fields) -> Result<Vec<Field>> {
    let Fields::Named(named) = fields else {
        return match fields {
            Fields::Unit => Ok(Vec::new()),
            _ => Err(syn::Error::new_spanned(fields, "expected named fields")),
        };
    };
    named.named.iter_mut().map(take_one).collect()
}

/// Lets serde read the fields of a shape under their public names.
pub(crate) fn rename(fields: &mut Fields, taken: &[Field]) {
    for (field, Field { name, flatten, ty, .. }) in fields.iter_mut().zip(taken) {
        if *flatten {
            field.attrs.push(syn::parse_quote!(#[serde(flatten)]));
            continue;
        }
        field.attrs.push(syn::parse_quote!(#[serde(rename = #name)]));
        if is_option(ty) {
            field.attrs.push(syn::parse_quote!(#[serde(default)]));
        }
    }
}

fn take_one(field: &mut syn::Field) -> Result<Field> {
    let Some(ident) = field.ident.clone() else {
        return Err(syn::Error::new_spanned(field, "expected a named field"));
    };
    let name = ident.to_string().trim_start_matches("r#").to_owned();
    let mut taken = Field {
        ident,
        wire: name.clone(),
        name,
        aliases: Vec::new(),
        doc: doc(&field.attrs),
        ty: field.ty.clone(),
        told: Told::Nothing,
        read: false,
        flatten: false,
        listed: true,
        brief: false,
    };
    let mut kept = Vec::new();
    for attribute in std::mem::take(&mut field.attrs) {
        let path = attribute.path();
        if path.is_ident("wire") {
            taken.wire = attribute.parse_args::<LitStr>()?.value();
        } else if path.is_ident("alias") {
            taken.aliases.push(attribute.parse_args::<LitStr>()?.value());
        } else if path.is_ident("query") {
            taken.told = Told::Query;
        } else if path.is_ident("header") {
            taken.told = Told::Header(attribute.parse_args()?);
        } else if path.is_ident("part") {
            taken.told = Told::Part(attribute.parse_args()?);
        } else if path.is_ident("local") {
            taken.told = Told::Local;
        } else if path.is_ident("slashes") {
            taken.told = Told::Slashes;
        } else if path.is_ident("read") {
            taken.read = true;
        } else if path.is_ident("flatten") {
            taken.flatten = true;
        } else if path.is_ident("brief") {
            taken.brief = true;
        } else if path.is_ident("unlisted") {
            taken.listed = false;
        } else {
            kept.push(attribute);
        }
    }
    field.attrs = kept;
    if taken.brief && !taken.flatten {
        return Err(syn::Error::new_spanned(field, "`brief` is for groups, with `flatten`; a field has a `Brief<…>`"));
    }
    Ok(taken)
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Option"))
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
