//! What the sandbox does without intelligence: a model, an index, graders. No HTTP. Its voice, ears and pictures are of the
//! studio.

pub(crate) mod catalog;
pub(crate) mod embedding;
pub(crate) mod filter;
pub(crate) mod graders;
pub(crate) mod index;
pub(crate) mod model;
pub(crate) mod strict;
pub(crate) mod tokens;
