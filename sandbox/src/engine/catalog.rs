//! The models there are, and those that are no more. `models.txt` is the list.

/// The day on which the sandbox lives: its models come and go with its versions and not with the calendar, so that what
/// passed yesterday passes today.
const TODAY: &str = "2026-11-19";
const LIST: &str = include_str!("models.txt");

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Chat,
    /// Answers at `/responses`, as models for chat do, too.
    Response,
    Embedding,
    Image,
    Speech,
    Transcription,
    Moderation,
    Completion,
    /// Speaks and hears over a socket.
    Realtime,
    /// Writes down what comes over a socket, as models for transcription do, too.
    Hearing,
    /// Translates what comes over a socket.
    Interpretation,
    /// Speaks and hears at once.
    Live,
}

impl Use {
    fn admits(self, kind: &str) -> bool {
        match self {
            Self::Chat => kind == "chat",
            Self::Response => matches!(kind, "chat" | "response"),
            Self::Embedding => kind == "embedding",
            Self::Image => kind == "image",
            Self::Speech => kind == "speech",
            Self::Transcription => kind == "transcription",
            Self::Moderation => kind == "moderation",
            Self::Completion => kind == "completion",
            Self::Realtime => kind == "realtime",
            Self::Hearing => matches!(kind, "hearing" | "transcription"),
            Self::Interpretation => kind == "interpretation",
            Self::Live => kind == "live",
        }
    }
}

/// A model of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    kind: &'static str,
    /// When it was or will be shut down, as `2026-10-23`.
    pub(crate) ends: Option<&'static str>,
}

impl Model {
    pub(crate) fn is_gone(&self) -> bool {
        self.ends.is_some_and(|ends| ends <= TODAY)
    }
}

/// Why a model does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    Unknown,
    Gone,
    /// It does something else.
    Other,
}

/// All models, those that are gone included.
pub(crate) fn all() -> impl Iterator<Item = Model> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split(' ');
        Some(Model { kind: words.next()?, name: words.next()?, ends: words.next() })
    })
}

/// The model of a name, or the one that it was fine-tuned from.
pub(crate) fn base(name: &str) -> Option<Model> {
    let base = name.strip_prefix("ft:").and_then(|rest| rest.split(':').next()).unwrap_or(name);
    all().find(|model| model.name == base)
}

/// Whether a model can be used for something. A fine-tuned model (`ft:BASE:…`) is there as long as its base.
pub(crate) fn find(name: &str, wanted: Use) -> Result<(), Absence> {
    match base(name) {
        None => Err(Absence::Unknown),
        Some(model) if model.is_gone() => Err(Absence::Gone),
        Some(model) if wanted.admits(model.kind) => Ok(()),
        Some(_) => Err(Absence::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_there_for_what_they_do_until_they_end() {
        assert_eq!(find("gpt-6-luna", Use::Chat), Ok(()));
        assert_eq!(find("ft:gpt-4o-mini:org::1", Use::Response), Ok(()));
        assert_eq!(find("gpt-5.5-pro", Use::Response), Ok(()));
        assert_eq!(find("gpt-5.5-pro", Use::Chat), Err(Absence::Other));
        assert_eq!(find("gpt-4", Use::Chat), Err(Absence::Gone));
        assert_eq!(find("ft:gpt-4:org::1", Use::Chat), Err(Absence::Gone));
        assert_eq!(find("gpt-0", Use::Chat), Err(Absence::Unknown));
        assert_eq!(find("text-embedding-3-small", Use::Chat), Err(Absence::Other));
    }

    #[test]
    fn the_list_is_well_formed() {
        assert!(all().count() > 150);
        for model in all() {
            assert!(model.ends.is_none_or(|ends| ends.len() == TODAY.len() && ends > "2024"), "{model:?}");
        }
    }
}
