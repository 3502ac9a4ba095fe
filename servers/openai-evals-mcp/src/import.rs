//! Evals that were made elsewhere.

use openai_mcp_graders::import::{self, File, ImportedRun};
use openai_mcp_kernel::prelude::*;

use crate::local::{self, import as store};

tools![Import];

/// Most bytes of a file.
const LARGEST: usize = 64 * 1024 * 1024;
/// The model that grades where a file leaves it open.
const JUDGE: &str = "gpt-4o";
/// What was not taken that is told of.
const TOLD: usize = 50;

/// Take in evals from files: the API's exports, promptfoo, openai/evals.
///
/// Tells what is in them, and what cannot be taken and why; nothing is kept before `apply`.
#[tool("eval-import", open)]
struct Import {
    /// JSON, JSONL or YAML, and the tables and texts that these name.
    files: OneOrMany<FileInput>,
    /// The model that grades where a file leaves it open. Default gpt-4o.
    judge: Option<String>,
    apply: Option<bool>,
    /// Also begin the runs that are not done; they are paid for.
    run: Option<bool>,
}

impl Import {
    async fn run(self, cx: Context) -> Result<Output> {
        if local::is_native(&cx) {
            return Err(local::not_native(Self::SPEC.name));
        }
        let files = match self.files {
            OneOrMany::One(file) => vec![file],
            OneOrMany::Many(files) => files,
        };
        let mut read = Vec::new();
        for FileInput(source) in files {
            let file = cx.read(source, LARGEST).await?;
            let text = String::from_utf8(file.bytes.to_vec());
            let text = text.map_err(|_| Error::argument("files", format!("`{}` is not UTF-8 text", file.filename)))?;
            read.push((file.filename, text));
        }
        let judge = self.judge.unwrap_or_else(|| JUDGE.to_owned());
        let found = move || {
            let files: Vec<File<'_>> = read.iter().map(|(name, text)| File { name, text }).collect();
            import::read(&files, &judge)
        };
        let found = cx.compute(found).await?;
        let apply = self.apply == Some(true);
        let mut evals = Vec::new();
        for eval in found.evals {
            let count =
                |done: bool| eval.runs.iter().filter(|run| matches!(run, ImportedRun::Done { .. }) == done).count();
            let criteria = eval.create.get("testing_criteria").and_then(Value::as_array).map_or(0, Vec::len);
            let mut shown = json!({
                "name": eval.create.get("name"), "criteria": criteria, "runs_done": count(true), "runs_to_begin": count(false),
            });
            if apply {
                let taken = store::take(&cx, eval, self.run == Some(true)).await?;
                if let (Some(shown), Value::Object(taken)) = (shown.as_object_mut(), taken) {
                    shown.extend(taken);
                }
            }
            evals.push(shown);
        }
        let untaken = found.untaken.iter().take(TOLD);
        let untaken = untaken.map(|one| json!({"file": one.file, "path": one.path, "reason": one.reason}));
        let mut shown = json!({"applied": apply, "evals": evals, "untaken": untaken.collect::<Vec<_>>()});
        if let Some(shown) = shown.as_object_mut() {
            let more = found.untaken.len().saturating_sub(TOLD);
            shown.extend((more > 0).then(|| ("untaken_more".to_owned(), more.into())));
            shown.extend((!apply).then(|| ("note".to_owned(), "nothing was kept; `apply` takes it in".into())));
        }
        Ok(Output::json(&shown))
    }
}
