//! Which known name a mistyped one stands for.

use openai_mcp_kernel::near::{did_you_mean, nearest, tool};

#[test]
fn a_typo_is_near_and_garbage_is_not() {
    let names = ["query", "filters", "max_num_results"];
    let rows = [("qeury", Some("query")), ("Filter", Some("filters")), ("top_k", None), ("", None)];
    for (given, expected) in rows {
        assert_eq!(nearest(given, names.into_iter()), expected, "{given}");
    }
    assert_eq!(nearest(&"q".repeat(10_000), names.into_iter()), None);
    assert_eq!(did_you_mean(Some("query")), "; did you mean `query`?");
    assert_eq!(did_you_mean(None), "");
}

#[test]
fn a_hint_proposes_no_deed_for_a_word_that_reads() {
    let tools = [
        ("fine-tune-create", false),
        ("fine-tune-pause", false),
        ("fine-tune-wait", true),
        ("fine-tune-list", true),
        ("audio-voice-create", false),
        ("file-list", true),
        ("file-get", true),
        ("file-set", false),
        ("file-delete", false),
        ("vector-store-file-delete", false),
    ];
    let rows = [
        // Near by their letters, and something else altogether.
        ("audio-voice-list", None),
        ("fine-tune-puase", Some("fine-tune-pause")),
        ("fine-tune-lst", Some("fine-tune-list")),
        ("file-lst", Some("file-list")),
        ("files-delete", Some("file-delete")),
        ("file_delte", Some("file-delete")),
        ("delete-file", Some("file-delete")),
        ("filedelete", Some("file-delete")),
        ("file-gets", Some("file-get")),
        ("files-fetch", None),
        ("nonsense", None),
        ("", None),
    ];
    for (given, expected) in rows {
        assert_eq!(tool(given, tools.into_iter()), expected, "{given}");
    }
    let deeds = [("fine-tune-pause", false), ("file-set", false), ("file-delete", false)];
    for given in ["fine-tune-status", "file-get", "file-read", "file", "fine-tune"] {
        assert_eq!(tool(given, deeds.into_iter()), None, "{given}");
    }
}
