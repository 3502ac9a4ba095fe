//! Who answers what a tool asks for: the engine here, or a server that speaks the Evals API itself.

use futures_util::future::{BoxFuture, FutureExt as _};
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::spec::Spec;

use crate::local::{Args, evals, outputs, runs};

/// Answers the requests of the Evals API with the engine, unless the operator chose otherwise with `OPENAI_MCP_EVALS`.
pub(crate) fn stand_in(
    cx: &Context,
    spec: &'static Spec,
    arguments: &Arguments,
) -> Option<BoxFuture<'static, Result<Value>>> {
    match cx.setting("EVALS") {
        None | Some("local") => {}
        Some("native") => return None,
        Some(other) => {
            let text = format!("the operator's OPENAI_MCP_EVALS: expected `local` or `native`, got `{other}`");
            return Some(async move { Err(Error::new(Kind::Unsupported, text)) }.boxed());
        }
    }
    let (cx, args) = (cx.clone(), arguments.read::<Args>());
    macro_rules! answer {
        ($($tool:literal => $function:path),* $(,)?) => {
            match spec.name {
                $($tool => Some(async move { $function(&cx, args?).await }.boxed()),)*
                _ => None,
            }
        };
    }
    answer! {
        "eval-create" => evals::create,
        "eval-list" => evals::list,
        "eval-get" => evals::get,
        "eval-modify" => evals::modify,
        "eval-delete" => evals::delete,
        "eval-run-create" => runs::create,
        "eval-run-list" => runs::list,
        "eval-run-get" => runs::get,
        "eval-run-cancel" => runs::cancel,
        "eval-run-delete" => runs::delete,
        "eval-output-list" => outputs::list,
        "eval-output-get" => outputs::get,
    }
}
