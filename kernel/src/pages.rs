//! Lists that are read page after page.

use bytes::Bytes;
use serde_json::Value;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::error::{Error, Kind, Result};
use crate::json;
use crate::openai;
use crate::spec::Spec;

/// Most pages of a list.
const MOST: usize = 1000;
/// All of them together weigh as much as so many of the longest answers, each value of them with what it takes as a tree.
const ANSWERS: usize = 4;

/// The pages of one list, which come to an end whatever the other side says of them.
#[derive(Debug, Default)]
pub struct Pages {
    count: usize,
    weight: usize,
    /// What was asked for last.
    asked: Bytes,
}

impl Pages {
    /// Reads the page that these arguments ask for.
    ///
    /// # Errors
    /// As [`Call::value`](crate::openai::Call::value), or it is the page before once more, one of too many, or all of them
    /// together are too large.
    pub async fn next(
        &mut self,
        cx: &Context,
        spec: &'static Spec,
        arguments: impl Into<Arguments> + Send,
    ) -> Result<Value> {
        let arguments = arguments.into();
        let wrong = |what: &str| Err(Error::new(Kind::Answer, format!("the list of `{}` {what}", spec.name)));
        if self.count > 0 && self.asked == arguments.text() {
            return wrong("goes on with the page that it had before");
        }
        if self.count == MOST {
            return wrong(&format!("has more than {MOST} pages"));
        }
        self.count += 1;
        self.asked = arguments.text().clone();
        let page = cx.send(spec, arguments).bytes().await?;
        let most = ANSWERS * openai::longest_answer(cx);
        self.weight += json::held(&page);
        if self.weight > most {
            return wrong(&format!("takes more than {} MB of memory", most / 1_000_000));
        }
        openai::read(cx, spec, page).await
    }
}
