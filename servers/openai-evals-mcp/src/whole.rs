//! Runs with all their items, for tools that look at a run as a whole.

use openai_mcp_kernel::pages::Pages;
use openai_mcp_kernel::prelude::*;

use crate::local::{self, Members as _, list, runs};
use crate::{output, run};

/// Items of a page.
const PAGE: usize = 100;

/// A run as it stands, as the API shows it; it does not go on meanwhile.
pub(crate) async fn run(cx: &Context, eval: &str, run: &str) -> Result<Value> {
    let ids = json!({"eval_id": eval, "run_id": run});
    match local::is_native(cx) {
        true => cx.send(&run::Get::SPEC, ids).value().await,
        false => runs::seen(cx, &ids).await,
    }
}

/// All items of a run, each as `keep` leaves it.
pub(crate) async fn items(cx: &Context, eval: &str, run: &str, keep: impl Fn(&mut Value)) -> Result<Vec<Value>> {
    let (mut items, mut pages) = (Vec::new(), Pages::default());
    let mut wanted = Arguments::from(json!({"eval_id": eval, "run_id": run, "limit": PAGE}));
    loop {
        let page = pages.next(cx, &output::List::SPEC, wanted.clone()).await?;
        items.extend(list(&page, "data").cloned().map(|mut item| {
            keep(&mut item);
            item
        }));
        let last = page.at("last_id");
        if *page.at("has_more") != true || last.is_null() {
            return Ok(items);
        }
        wanted = wanted.set("after", last);
        cx.progress(items.len() as f64, None, &format!("{} items read", items.len()));
    }
}
