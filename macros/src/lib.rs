//! The #[tool] and #[shape] attributes
