//! Kinds of ids, which their beginnings tell apart.

/// A kind of thing: what it is called, how its ids begin, and the arguments that take one.
type Kind = (&'static str, &'static str, &'static [&'static str]);

/// The kinds of the whole API. An id that begins in no known way may be of any kind: compatible servers have their own.
const KINDS: &[Kind] = &[
    ("file", "file-", &["file_id", "file_ids", "input_file_id", "training_file", "validation_file"]),
    ("vector store", "vs_", &["vector_store_id", "vector_store_ids"]),
    ("file batch", "vsfb_", &["batch_id"]),
    ("batch", "batch_", &["batch_id"]),
    ("assistant", "asst_", &["assistant_id"]),
    ("thread", "thread_", &["thread_id"]),
    ("message", "msg_", &["message_id", "item_id"]),
    ("run", "run_", &["run_id"]),
    ("run step", "step_", &["step_id"]),
    ("chat completion", "chatcmpl-", &["completion_id"]),
    ("response", "resp_", &["response_id", "previous_response_id"]),
    ("conversation", "conv_", &["conversation_id"]),
    ("fine-tuning job", "ftjob-", &["fine_tuning_job_id"]),
    ("upload", "upload_", &["upload_id"]),
    ("container", "cntr_", &["container_id"]),
    ("container's file", "cfile_", &["file_id"]),
    ("project", "proj_", &["project_id", "project_ids"]),
    ("role", "role_", &["role_id"]),
    ("group", "group_", &["group_id"]),
    ("certificate", "cert_", &["certificate_id", "certificate_ids"]),
    ("agent", "agent_", &["agent_id"]),
    ("eval", "eval_", &["eval_id"]),
    ("run of an eval", "evalrun_", &["run_id", "run_ids"]),
    ("ChatKit thread", "cthr_", &["thread_id"]),
];

/// Whether the argument of this name takes the id of a file.
pub(super) fn is_of_file(argument: &str) -> bool {
    KINDS.first().is_some_and(|(_, _, arguments)| arguments.contains(&argument))
}

/// How the ids of files begin that a request finds at this path, and the tool that lists them, in words.
pub(super) fn listed(path: &str) -> &'static str {
    match path.split('/').nth(1) {
        Some("files") => " (`file-…`), as file-list has it",
        Some("vector_stores") => " (`file-…`), as vector-store-file-list has it",
        Some("containers") => " (`cfile_…`), as container-file-list has it",
        _ => "",
    }
}

/// Whether an id can be what the argument of this name takes: it begins as those of some kind, or nobody knows how those of the
/// argument begin.
pub(super) fn is_likely(argument: &str, id: &str) -> bool {
    KINDS.iter().any(|(_, start, _)| id.starts_with(start)) || !is_known(argument)
}

/// Whether it is known how the ids begin that the argument of this name takes.
pub(super) fn is_known(argument: &str) -> bool {
    KINDS.iter().any(|(_, _, arguments)| arguments.contains(&argument))
}

/// Whether a text that is given as the id of a file names one by its place: no id begins so, or ends in an extension. Some
/// arguments that name no `id` take places, too.
pub(super) fn is_place(argument: &str, text: &str) -> bool {
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    let place = text.starts_with(['/', '~'])
        || text.contains("://")
        || (1..=5).contains(&extension.len()) && extension.bytes().all(|letter| letter.is_ascii_alphabetic());
    place && (argument.ends_with("_id") || argument.ends_with("_ids"))
}

/// Whether a text begins as the ids do that the argument of this name takes.
pub(super) fn is_of(argument: &str, text: &str) -> bool {
    KINDS.iter().any(|(_, start, arguments)| arguments.contains(&argument) && text.starts_with(start))
}

/// What is wrong with an id that is plainly one of another kind than the argument of this name takes.
pub(super) fn wrong_kind(argument: &str, id: &str) -> Option<String> {
    let takes = |kind: &&Kind| kind.2.contains(&argument);
    let given = KINDS.iter().find(|(_, start, _)| id.starts_with(start)).filter(|kind| !takes(kind))?;
    let wanted: Vec<String> =
        KINDS.iter().filter(takes).map(|(name, start, _)| format!("{name} (`{start}…`)")).collect();
    wanted.first()?;
    let shown: String = id.chars().take(60).collect();
    Some(format!("expected the id of a {}, got `{shown}`, that of a {}", wanted.join(" or "), given.0))
}
