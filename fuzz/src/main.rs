//! A target under libFuzzer: the variable `FUZZ_TARGET` names it. `cargo xtask fuzz` builds and runs this.
#![no_main]

use std::sync::LazyLock;

use openai_mcp_fuzz::{Target, quiet, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    target(&name)
});

libfuzzer_sys::fuzz_target!(
    // A panic that a server catches is told by its answer, and only what it lets through ends the run.
    init: quiet(),
    |input: &[u8]| (TARGET.run)(input)
);
