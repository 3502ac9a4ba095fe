//! Evals and runs that were made elsewhere, into the store.

use openai_mcp_graders::import::{Imported, ImportedRun};
use openai_mcp_kernel::prelude::*;

use super::db::{Db, New};
use super::runs::{self, LOADING};
use super::{Members as _, evals, id, list, now, sample, source, text};

/// Takes in an eval with its runs, under ids of our own; begins those that are not done if told to. Gives their ids.
pub(crate) async fn take(cx: &Context, imported: Imported, run: bool) -> Result<Value> {
    let db = Db::open(cx)?;
    let eval = evals::make(cx, &Value::Object(imported.create), evals::Python::Kept)?;
    db.add_eval(&eval).await?;
    let mut ids = Vec::new();
    for imported in imported.runs {
        match imported {
            ImportedRun::Done { run, items } => ids.push(done(&db, &eval, run, &items).await?),
            ImportedRun::Create(mut args) if run => {
                args.insert("eval_id".to_owned(), eval.at("id").clone());
                ids.push(runs::create(cx, args).await?.at("id").clone());
            }
            ImportedRun::Create(_) => {}
        }
    }
    Ok(json!({"id": eval.at("id"), "run_ids": ids}))
}

/// A run that has ended, as it was.
async fn done(db: &Db<'_>, eval: &Value, run: Value, items: &[Value]) -> Result<Value> {
    let cx = db.cx;
    let (run_id, base) = (id("evalrun_", cx.random()), cx.random());
    let mut doc = run;
    let status = match text(&doc, "status") {
        status @ ("failed" | "canceled") => status.to_owned(),
        _ => "completed".to_owned(),
    };
    let error = doc.at("error").clone();
    for name in ["status", "error", "result_counts", "per_testing_criteria_results"] {
        doc.unset(name);
    }
    for (name, usual) in [
        ("object", json!("eval.run")),
        ("created_at", json!(now(cx))),
        ("name", json!("")),
        ("model", json!("")),
        ("metadata", json!({})),
        ("data_source", json!({"type": "jsonl", "source": {"type": "file_content", "content": []}})),
    ] {
        if doc.at(name).is_null() {
            doc.put(name, usual);
        }
    }
    doc.put("id", run_id.as_str().into());
    doc.put("eval_id", eval.at("id").clone());
    doc.put("report_url", "".into());
    if let Some(source) = doc.pointer_mut("/data_source/source") {
        source::taken(source);
    }
    let work = json!({"criteria": eval.at("testing_criteria"), "sampled": false});
    db.add_run(&doc, &work, now(cx) + LOADING).await?;
    let new = |(at, item): (usize, &Value)| {
        let mut work = json!({"sample": sample::given(item.at("sample"))});
        for name in ["results", "errors"].into_iter().filter(|name| item.at(name).is_array()) {
            work.put(name, item.at(name).clone());
        }
        let errored = !item.at("sample").at("error").is_null() || list(item, "errors").next().is_some();
        let mut doc = json!({"item": item.at("datasource_item")});
        if !item.at("repeat").is_null() {
            doc.put("repeat", item.at("repeat").clone());
        }
        New {
            id: id("outputitem_", base.wrapping_add(at as u128)),
            row: item.at("datasource_item_id").as_u64().map_or(at, |row| row as usize),
            stage: match text(item, "status") {
                _ if errored => "error",
                "pass" => "pass",
                "fail" => "fail",
                _ => "error",
            },
            doc,
            work,
        }
    };
    let items: Vec<New> = items.iter().enumerate().map(new).collect();
    db.add_items(&run_id, &items).await?;
    db.loaded(&doc, &work, (&status, &error)).await?;
    Ok(run_id.into())
}
