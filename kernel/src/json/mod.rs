//! JSON: as text on its way from OpenAI to the client, and as a tree for the checks of arguments.

mod line;
mod members;
mod node;
mod object;
mod text;

pub use line::Line;
pub use members::{Members, list, member, object};
pub use node::Node;
pub use object::{cut_list, page};
pub(crate) use object::{entries, past_first};
pub(crate) use text::mended;
pub use text::{MOST_VALUES, excerpt, held, narrow, number, push_string, quoted, text, tree, values, weight};
