//! What the sandbox does without intelligence: a model, an index, graders, a voice and ears, pictures. No HTTP.

pub(crate) mod catalog;
pub(crate) mod draw;
pub(crate) mod embedding;
pub(crate) mod filter;
pub(crate) mod graders;
pub(crate) mod hash;
pub(crate) mod hearing;
pub(crate) mod index;
pub(crate) mod model;
pub(crate) mod sound;
pub(crate) mod strict;
pub(crate) mod tokens;
pub(crate) mod voice;
