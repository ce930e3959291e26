//! `#[derive(swath::Layout)]`; documented there.

use proc_macro::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Result, parse_macro_input, spanned::Spanned};

/// Tells Swath what a struct has in memory, field by field: see `swath::layout`.
///
/// `#[layout(name = "...")]` on a field gives the WGSL field's name where it is another.
#[proc_macro_derive(Layout, attributes(layout))]
pub fn layout(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn expand(input: &DeriveInput) -> Result<proc_macro2::TokenStream> {
    let name = &input.ident;
    if !input.generics.params.is_empty() {
        return Err(Error::new(input.generics.span(), "a struct with parameters has no layout of its own"));
    }
    if !has_c_layout(input)? {
        let problem = "Layout needs #[repr(C)] or #[repr(transparent)]: else the compiler orders the fields";
        return Err(Error::new(name.span(), problem));
    }
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(name.span(), "Layout is for structs"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(name.span(), "Layout is for structs whose fields have names"));
    };
    let mut list = Vec::new();
    for field in &fields.named {
        let (Some(ident), ty) = (&field.ident, &field.ty) else { continue };
        let mut wgsl = ident.to_string().trim_start_matches("r#").to_owned();
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("layout")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("name") {
                    return Err(meta.error("there is `name = \"...\"` alone"));
                }
                wgsl = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            })?;
        }
        list.push(quote! {
            ::swath::layout::HostField {
                name: #wgsl,
                offset: ::core::mem::offset_of!(#name, #ident),
                ty: <#ty as ::swath::layout::Layout>::TYPE,
            }
        });
    }
    let text = name.to_string();
    Ok(quote! {
        impl ::swath::layout::Layout for #name {
            const TYPE: ::swath::layout::HostType = ::swath::layout::HostType::Struct {
                name: #text,
                fields: &[#(#list),*],
                size: ::core::mem::size_of::<#name>(),
            };
        }
        ::swath::__register_layout!(#name);
    })
}

/// Whether the order of the fields is the one that is written.
fn has_c_layout(input: &DeriveInput) -> Result<bool> {
    let mut found = false;
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
        attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            // `align(16)` and the like.
            if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}
