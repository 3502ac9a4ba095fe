//! Images from words. <https://platform.openai.com/docs/api-reference/images/create>

use openai_mcp_kernel::prelude::*;
use openai_mcp_pictures::ROOM;

use crate::answer::{self, Wish};
use crate::shapes::{Delivery, Look, Prompt};

tools![Generate];

/// Generate images from a prompt.
#[tool("image-generate", POST "/images/generations", run, saves)]
pub(crate) struct Generate {
    prompt: Prompt,
    #[flatten]
    drawing: Drawing,
    #[read]
    #[flatten]
    delivery: Delivery,
}

/// What may be asked of an image besides its prompt.
#[shape]
pub(crate) struct Drawing {
    #[flatten]
    look: Look,
    moderation: Option<Moderation>,
    /// For retired models.
    style: Option<Style>,
}

#[shape]
enum Moderation {
    Low,
    Auto,
}

#[shape]
enum Style {
    Vivid,
    Natural,
}

impl Generate {
    async fn run(self, cx: Context) -> Result<Output> {
        let wish = Wish {
            tool: Self::SPEC.name,
            spec: &Self::SPEC,
            arguments: cx.arguments().clone(),
            asked: cx.arguments().read()?,
            delivery: self.delivery,
            room: ROOM,
        };
        Ok(answer::make(&cx, wish).await?.output())
    }
}
