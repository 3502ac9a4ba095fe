//! `#[shape]`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Fields, Ident, Item, ItemEnum, ItemStruct, LitStr, Result, Token};

use crate::fields;

#[derive(Default)]
struct Attribute {
    tag: Option<LitStr>,
    read: bool,
    open: bool,
}

impl Parse for Attribute {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attribute = Attribute::default();
        while !input.is_empty() {
            let word: Ident = input.parse()?;
            if word == "tag" {
                input.parse::<Token![=]>()?;
                attribute.tag = Some(input.parse()?);
            } else if word == "read" {
                attribute.read = true;
            } else if word == "open" {
                attribute.open = true;
            } else {
                return Err(syn::Error::new_spanned(word, "expected `tag = \"…\"`, `read` or `open`"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(attribute)
    }
}

trait Named {
    fn parts(&self) -> (&[syn::Attribute], &syn::Visibility, &Ident);
}

impl Named for ItemStruct {
    fn parts(&self) -> (&[syn::Attribute], &syn::Visibility, &Ident) {
        (&self.attrs, &self.vis, &self.ident)
    }
}

impl Named for ItemEnum {
    fn parts(&self) -> (&[syn::Attribute], &syn::Visibility, &Ident) {
        (&self.attrs, &self.vis, &self.ident)
    }
}

impl Attribute {
    /// The type: as declared where it is read, else its name.
    fn declare(&self, item: &(impl ToTokens + Named), serde: TokenStream) -> TokenStream {
        let (attributes, vis, ident) = item.parts();
        if self.read {
            quote! {
                #[derive(Clone, Debug, ::openai_mcp_kernel::serde::Deserialize)]
                #[serde(crate = "::openai_mcp_kernel::serde")]
                #serde
                #item
            }
        } else {
            fields::name_only(attributes, vis, ident)
        }
    }
}

pub(crate) fn expand(attribute: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let attribute: Attribute = syn::parse2(attribute)?;
    match syn::parse2(item)? {
        Item::Struct(item) => object(&attribute, item),
        Item::Enum(item) => match &attribute.tag {
            Some(tag) => tagged(&attribute, tag, item),
            None if item.variants.iter().all(|variant| matches!(variant.fields, Fields::Unit)) => {
                words(&attribute, item)
            }
            None => union(&attribute, item),
        },
        other => Err(syn::Error::new_spanned(other, "expected a struct or an enum")),
    }
}

fn object(attribute: &Attribute, mut item: ItemStruct) -> Result<TokenStream> {
    let doc = fields::doc(&item.attrs);
    let taken = fields::take(&mut item.fields)?;
    let fields = fields::slice(&taken, &quote!(Natural), &[]);
    let given = attribute.read.then(|| fields::given(&item.ident, &taken.iter().collect::<Vec<_>>()));
    if attribute.read {
        fields::rename(&mut item.fields, &taken);
    }
    let (ident, vis, name, open) = (&item.ident, &item.vis, item.ident.to_string(), attribute.open);
    let declaration = attribute.declare(&item, quote!());
    Ok(quote! {
        #declaration
        #given
        impl #ident {
            /// Its fields.
            #vis const FIELDS: &'static [::openai_mcp_kernel::schema::Field] = #fields;
        }
        impl ::openai_mcp_kernel::schema::Shaped for #ident {
            const SHAPE: ::openai_mcp_kernel::schema::Shape =
                ::openai_mcp_kernel::schema::Shape::Object(::openai_mcp_kernel::schema::Object {
                    name: #name,
                    doc: #doc,
                    fields: <#ident>::FIELDS,
                    open: #open,
                });
        }
    })
}

/// Takes the `#[wire("…")]` of each variant, or its name in snake_case.
fn wires(item: &mut ItemEnum, read: bool) -> Result<Vec<String>> {
    item.variants
        .iter_mut()
        .map(|variant| {
            let at = variant.attrs.iter().position(|attribute| attribute.path().is_ident("wire"));
            let wire = match at {
                Some(at) => variant.attrs.remove(at).parse_args::<LitStr>()?.value(),
                None => fields::snake(&variant.ident),
            };
            if read {
                variant.attrs.push(syn::parse_quote!(#[serde(rename = #wire)]));
            }
            Ok(wire)
        })
        .collect()
}

fn words(attribute: &Attribute, mut item: ItemEnum) -> Result<TokenStream> {
    let wires = wires(&mut item, attribute.read)?;
    let (ident, declaration) = (&item.ident, attribute.declare(&item, quote!()));
    Ok(quote! {
        #declaration
        impl ::openai_mcp_kernel::schema::Shaped for #ident {
            const SHAPE: ::openai_mcp_kernel::schema::Shape =
                ::openai_mcp_kernel::schema::Shape::Enum(&[#(#wires),*]);
        }
    })
}

fn tagged(attribute: &Attribute, tag: &LitStr, mut item: ItemEnum) -> Result<TokenStream> {
    let wires = wires(&mut item, attribute.read)?;
    let mut variants = Vec::new();
    for (variant, wire) in item.variants.iter_mut().zip(&wires) {
        let fields = match &mut variant.fields {
            Fields::Unnamed(inner) if inner.unnamed.len() == 1 => {
                let ty = inner.unnamed.first().map(|field| &field.ty);
                quote!(<#ty>::FIELDS)
            }
            fields => {
                let taken = fields::take(fields)?;
                if attribute.read {
                    fields::rename(fields, &taken);
                }
                fields::slice(&taken, &quote!(Natural), &[])
            }
        };
        variants.push(quote!(::openai_mcp_kernel::schema::Variant { tag: #wire, fields: #fields }));
    }
    let (ident, name, open) = (&item.ident, item.ident.to_string(), attribute.open);
    let declaration = attribute.declare(&item, quote!(#[serde(tag = #tag)]));
    Ok(quote! {
        #declaration
        impl ::openai_mcp_kernel::schema::Shaped for #ident {
            const SHAPE: ::openai_mcp_kernel::schema::Shape = ::openai_mcp_kernel::schema::Shape::Tagged {
                name: #name,
                tag: #tag,
                variants: &[#(#variants),*],
                open: #open,
            };
        }
    })
}

fn union(attribute: &Attribute, item: ItemEnum) -> Result<TokenStream> {
    let mut types = Vec::new();
    for variant in &item.variants {
        match &variant.fields {
            Fields::Unnamed(inner) if inner.unnamed.len() == 1 => {
                types.extend(inner.unnamed.first().map(|field| &field.ty));
            }
            _ => return Err(syn::Error::new_spanned(variant, "a variant of a union holds one type: `Name(Type)`")),
        }
    }
    let (ident, declaration) = (&item.ident, attribute.declare(&item, quote!(#[serde(untagged)])));
    Ok(quote! {
        #declaration
        impl ::openai_mcp_kernel::schema::Shaped for #ident {
            const SHAPE: ::openai_mcp_kernel::schema::Shape =
                ::openai_mcp_kernel::schema::Shape::Union(&[#(::openai_mcp_kernel::schema::of::<#types>),*]);
        }
    })
}
