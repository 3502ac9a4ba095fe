//! Characters that videos can show again. <https://platform.openai.com/docs/api-reference/videos>

use openai_mcp_kernel::prelude::*;

tools![Create, Get];

/// Create a character from a video of it.
#[tool("video-character-create", POST "/videos/characters", multipart, open)]
struct Create {
    name: String,
    video: FileInput,
}

/// Get a character.
#[tool("video-character-get", GET "/videos/characters/{character_id}")]
struct Get {
    character_id: String,
}
