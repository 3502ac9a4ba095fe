//! What the attributes make of a declaration, and what they say about a wrong one: that is part of the product.

mod declared;

#[test]
fn messages() {
    // One that compiles would have the whole kernel compiled anew: those are in `declared`.
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
