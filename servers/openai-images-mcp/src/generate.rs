//! Images from words. <https://platform.openai.com/docs/api-reference/images/create>

use openai_mcp_kernel::prelude::*;
use openai_mcp_pictures::ROOM;

use crate::answer::{self, Wish};
use crate::shapes::{Delivery, Drawing, Prompt};

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
