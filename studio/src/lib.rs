//! What the sandbox draws, says and hears, without intelligence: pictures of the words of a prompt, and a tone for each word.

pub mod draw;
pub mod hash;
pub mod hearing;
pub mod sound;
pub mod voice;
