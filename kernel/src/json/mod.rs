//! JSON: as text on its way from OpenAI to the client, and as a tree for the checks of arguments.

mod members;
mod node;
mod object;
mod short;
mod text;

pub use members::{Members, list, member, object};
pub use node::Node;
pub use object::{cut_list, page};
pub(crate) use object::{entries, named, past_first};
pub use openai_mcp_line::Line;
pub use short::shorten;
pub(crate) use short::{noted, short, short_object};
pub use text::{
    MOST_VALUES, excerpt, fault, held, narrow, number, push_string, quoted, text, tree, unbroken, values, weight,
};
pub(crate) use text::{coded, is_code, mended, without_code, written};
