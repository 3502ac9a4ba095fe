//! What a value means that is not of its shape's kind, where there is no doubt about it.

use super::{Field, Shape};
use crate::json::{self, Node};
use crate::time;

/// Arguments that name a place in a list.
const CURSORS: [&str; 3] = ["after", "before", "cursor"];

/// Whether a field is as good as not given. Hosts that make every field of a schema a required one send `null` for those
/// that need not be there, or an empty text where none can stand: for an id, a cursor or a word of a set. Where `null` is
/// a value of its own, it is given.
pub(super) fn left_out(field: &Field, node: &Node<'_>) -> bool {
    let shape = (field.shape)();
    !field.required
        && match node {
            Node::Null => !accepts_kind(shape, node),
            Node::Text(text) => {
                text.trim().is_empty()
                    && (is_word(shape)
                        || field.name == "id"
                        || field.name.ends_with("_id")
                        || CURSORS.contains(&field.name))
            }
            _ => false,
        }
}

fn is_word(shape: &'static Shape) -> bool {
    match shape {
        Shape::Enum(words) => !words.contains(&""),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => is_word(inner()),
        Shape::Union(shapes) => {
            let all = || shapes.iter().map(|shape| shape());
            all().any(is_word) && !all().any(|shape| matches!(shape, Shape::Text { .. } | Shape::Any | Shape::File))
        }
        _ => false,
    }
}

/// What a value that the shape does not take can only mean, if there is such a thing: JSON that came as text, a whole
/// number written with a point, a time written as a date, a word in other letters, one item where a list is wanted.
pub(super) fn meant(shape: &'static Shape, node: &Node<'_>) -> Option<Node<'static>> {
    let other = match node {
        Node::Text(text) => of_text(shape, text.trim()),
        Node::Float(value) => match json::number(*value).parse::<i64>() {
            Ok(whole) => Some(u64::try_from(whole).map_or(Node::Signed(whole), Node::Unsigned)),
            Err(_) => None,
        },
        _ => None,
    };
    if let Some(other) = other.filter(|other| takes(shape, other)) {
        return Some(other);
    }
    let broken = |text: &str| text.trim().is_empty() || text.trim_start().starts_with(['[', '{']);
    if matches!(node, Node::Null | Node::Array(_)) || node.as_str().is_some_and(broken) {
        return None;
    }
    Some(Node::Array(vec![node.clone().into_owned()])).filter(|list| takes(shape, list))
}

fn of_text(shape: &'static Shape, text: &str) -> Option<Node<'static>> {
    if let Some(word) = word(shape, text) {
        return Some(Node::Text(word.into()));
    }
    if let Some(seconds) = moment(shape, text) {
        return Some(seconds);
    }
    let parsed = match text {
        // As Python writes them.
        "True" => Node::Bool(true),
        "False" => Node::Bool(false),
        _ => Node::parse(text).ok()?.into_owned(),
    };
    if takes(shape, &parsed) || matches!(parsed, Node::Text(_)) {
        return Some(parsed);
    }
    meant(shape, &parsed)
}

/// A point in time in ISO 8601 where a number is wanted that can be its seconds.
fn moment(shape: &'static Shape, text: &str) -> Option<Node<'static>> {
    match shape {
        // A number with bounds is a count of something.
        Shape::Int { min: i64::MIN, max: i64::MAX } => {
            let seconds = time::seconds(text)?;
            Some(u64::try_from(seconds).map_or(Node::Signed(seconds), Node::Unsigned))
        }
        Shape::Nullable(inner) | Shape::Brief { taken: inner, .. } => moment(inner(), text),
        _ => None,
    }
}

/// The word of a set that was written in other letters, or with other signs between its parts.
fn word(shape: &'static Shape, text: &str) -> Option<&'static str> {
    let even = |text: &str| text.to_ascii_lowercase().replace(['-', ' '], "_");
    match shape {
        Shape::Enum(words) => words.iter().copied().find(|word| even(word) == even(text)),
        Shape::Nullable(inner) | Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => word(inner(), text),
        Shape::Union(shapes) => shapes.iter().find_map(|shape| word(shape(), text)),
        _ => None,
    }
}

/// Whether a value is one of the shape as far as its kind tells; of a set of words, whether it is one of them, and of a
/// list, whether its items are of their kind.
pub(super) fn takes(shape: &'static Shape, node: &Node<'_>) -> bool {
    match (shape, node) {
        (Shape::Enum(words), Node::Text(text)) => words.contains(&text.as_ref()),
        (Shape::Array { items, .. }, Node::Array(nodes)) => nodes.iter().all(|node| accepts_kind(items(), node)),
        (Shape::Union(shapes), _) => shapes.iter().any(|shape| takes(shape(), node)),
        (Shape::Nullable(inner), _) => *node == Node::Null || takes(inner(), node),
        (Shape::Hidden(inner) | Shape::Brief { taken: inner, .. }, _) => takes(inner(), node),
        _ => accepts_kind(shape, node),
    }
}

pub(super) fn accepts_kind(shape: &'static Shape, node: &Node<'_>) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Bool => matches!(node, Node::Bool(_)),
        Shape::Int { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_)),
        Shape::Number { .. } => matches!(node, Node::Unsigned(_) | Node::Signed(_) | Node::Float(_)),
        Shape::Text { .. } | Shape::Enum(_) => matches!(node, Node::Text(_)),
        Shape::Array { .. } => matches!(node, Node::Array(_)),
        Shape::Object(_) | Shape::Map { .. } | Shape::Tagged { .. } => matches!(node, Node::Object(_)),
        Shape::File => matches!(node, Node::Object(_) | Node::Text(_)),
        Shape::Union(shapes) => shapes.iter().any(|shape| accepts_kind(shape(), node)),
        Shape::Nullable(inner) => matches!(node, Node::Null) || accepts_kind(inner(), node),
        Shape::Hidden(inner) | Shape::Brief { taken: inner, .. } => accepts_kind(inner(), node),
    }
}
