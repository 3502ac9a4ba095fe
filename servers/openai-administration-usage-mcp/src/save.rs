//! How a report ends: with a file, and with a plot beside its text.

use bytes::Bytes;
use openai_mcp_kernel::body::Body;
use openai_mcp_kernel::prelude::*;
use openai_mcp_kernel::save;

use crate::plot::{self, Chart};

/// Where a report is saved, and as what.
pub(crate) struct Saving {
    path: Option<String>,
    png: bool,
}

impl Saving {
    /// Makes sure, before anything is read, that the file can be written.
    ///
    /// # Errors
    /// It cannot, or it is of a format that reports do not have.
    pub(crate) async fn new(cx: &Context, path: Option<String>) -> Result<Self> {
        let format = save::format(path.as_deref(), ("", None), &[("csv", &["csv"]), ("png", &["png"])])?;
        cx.reserve(path.as_deref()).await?;
        Ok(Saving { path, png: format == Some("png") })
    }

    pub(crate) fn wants_csv(&self) -> bool {
        self.path.is_some() && !self.png
    }
}

/// The result, with the plot if it is wanted, and the file written.
///
/// # Errors
/// The file cannot be written.
pub(crate) async fn finish(
    cx: &Context,
    mut result: Arguments,
    saving: Saving,
    csv: Option<Vec<u8>>,
    plot: bool,
    charts: Vec<Chart>,
) -> Result<Output> {
    let image = match plot || saving.png {
        true => cx.compute(move || plot::draw(&charts)).await?,
        false => None,
    };
    let content = if saving.png { image.clone() } else { csv.map(Bytes::from) };
    if let (Some(path), Some(content)) = (saving.path, content) {
        result = result.set("saved_to", cx.save(path, Body::Full(content)).await?.show());
    }
    Ok(match image.filter(|_| plot) {
        Some(data) => Output::Content(vec![
            Content::Text(String::from_utf8_lossy(result.text()).into_owned()),
            Content::Image { data, mime_type: "image/png".into() },
        ]),
        None => Output::Json(result.text().clone()),
    })
}
