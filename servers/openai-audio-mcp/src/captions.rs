//! Subtitles of a transcript that tells who says what when. The model that hears speakers apart writes none itself.

use serde::Deserialize;

/// The formats of subtitles.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Captions {
    Srt,
    Vtt,
}

impl Captions {
    /// Extension of a file of them.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Captions::Srt => "srt",
            Captions::Vtt => "vtt",
        }
    }
}

/// Writes `diarized_json` as subtitles, the speaker before what is said; `None` where it tells of no times.
pub(crate) fn write(transcript: &[u8], format: Captions) -> Option<String> {
    #[derive(Deserialize)]
    struct Diarized {
        segments: Vec<Segment>,
    }
    #[derive(Deserialize)]
    struct Segment {
        start: f64,
        end: f64,
        speaker: Option<String>,
        text: String,
    }
    let Diarized { segments } = serde_json::from_slice(transcript).ok()?;
    let vtt = format == Captions::Vtt;
    let mut written = if vtt { "WEBVTT\n\n".to_owned() } else { String::new() };
    for (index, Segment { start, end, speaker, text }) in segments.into_iter().enumerate() {
        if !vtt {
            written.push_str(&format!("{}\n", index + 1));
        }
        let said = speaker.map(|speaker| format!("{speaker}: ")).unwrap_or_default() + &text;
        // An empty line would end it.
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = if vtt { said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") } else { said };
        let time = |seconds: f64| clock((seconds * 1000.0).round() as u64, if vtt { '.' } else { ',' });
        written.push_str(&format!("{} --> {}\n{said}\n\n", time(start), time(end)));
    }
    Some(written)
}

/// Milliseconds as `HH:MM:SS,mmm`.
pub(crate) fn clock(milliseconds: u64, separator: char) -> String {
    let (rest, thousandths) = (milliseconds / 1000, milliseconds % 1000);
    format!("{:02}:{:02}:{:02}{separator}{thousandths:03}", rest / 3600, rest / 60 % 60, rest % 60)
}
