//! Tests of the graders, through their public interfaces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod criteria;
mod imports;
mod judges;
mod numbers;
mod reports;
mod templates;
