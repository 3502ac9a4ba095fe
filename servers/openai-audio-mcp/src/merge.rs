//! The transcripts of pieces as the transcript of the whole: times moved, numbers counted on, usage added up.

use bytes::Bytes;
use openai_mcp_kernel::json;
use openai_mcp_kernel::prelude::*;
use serde_json::Map;

use crate::captions;

/// Most languages of a recording that are told: each is compared with all before it.
const LANGUAGES: usize = 200;

/// What the API made of some sound.
#[derive(Clone, Debug)]
pub(crate) enum Transcript {
    /// `json`, `verbose_json`, `diarized_json`, as they came.
    Json(Bytes),
    /// `text`, `srt`, `vtt`.
    Text(String),
}

impl Transcript {
    /// Bytes that it takes, read.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Transcript::Json(text) => json::held(text),
            Transcript::Text(text) => text.len(),
        }
    }
}

/// A transcript, and where its sound lies in the whole, in seconds.
pub(crate) struct Part {
    pub(crate) start: f64,
    pub(crate) seconds: f64,
    pub(crate) transcript: Transcript,
}

/// Merges the transcripts of consecutive parts; `known` are speakers whom the caller named. One alone stays as it is.
///
/// # Errors
/// One of them is not JSON.
pub(crate) fn merge(mut parts: Vec<Part>, known: &[String]) -> Result<Transcript> {
    if parts.len() == 1
        && let Some(part) = parts.pop()
    {
        return Ok(part.transcript);
    }
    let texts: Option<Vec<(f64, &str)>> = parts
        .iter()
        .map(|part| match &part.transcript {
            Transcript::Text(text) => Some((part.start, text.as_str())),
            Transcript::Json(_) => None,
        })
        .collect();
    Ok(match texts {
        Some(texts) => Transcript::Text(merge_texts(&texts)),
        None => Transcript::Json(merge_objects(parts, known)?.to_string().into()),
    })
}

fn merge_texts(texts: &[(f64, &str)]) -> String {
    let is_vtt = texts.first().is_some_and(|(_, text)| text.trim_start_matches('\u{FEFF}').starts_with("WEBVTT"));
    if !is_vtt && !texts.iter().any(|(_, text)| text.contains(" --> ")) {
        let texts: Vec<&str> = texts.iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty()).collect();
        return texts.join(" ") + "\n";
    }
    let (mut merged, mut count) = (String::new(), 0);
    for (index, (start, text)) in texts.iter().enumerate() {
        let text = text.trim_start_matches('\u{FEFF}').replace("\r\n", "\n");
        let mut lines = text.lines().peekable();
        if is_vtt && index > 0 {
            // Another header would be read as a cue.
            while lines.next_if(|line| !line.is_empty()).is_some() {}
            while lines.next_if(|line| line.is_empty()).is_some() {}
        }
        if !merged.is_empty() && !merged.ends_with("\n\n") {
            merged.push('\n');
        }
        while let Some(line) = lines.next() {
            let next_is_time = lines.peek().is_some_and(|next| next.contains(" --> "));
            if line.contains(" --> ") {
                merged.push_str(&moved(line, *start));
            } else if next_is_time && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) {
                count += 1;
                merged.push_str(&count.to_string());
            } else {
                merged.push_str(line);
            }
            merged.push('\n');
        }
    }
    merged
}

/// A line of times, `00:00:01,500 --> 00:00:02,000`, moved by some seconds.
fn moved(line: &str, by: f64) -> String {
    let words = line.split(' ').map(|word| match milliseconds(word) {
        Some((time, separator)) => {
            let time = time.saturating_add((by * 1000.0).round() as u64);
            captions::clock(time, separator)
        }
        None => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Reads `HH:MM:SS,mmm` or `MM:SS.mmm`.
fn milliseconds(word: &str) -> Option<(u64, char)> {
    let separator = word.chars().find(|letter| matches!(letter, ',' | '.'))?;
    let (clock, thousandths) = word.split_once(separator)?;
    if !clock.contains(':') || thousandths.len() != 3 {
        return None;
    }
    let seconds = clock.split(':').try_fold(0u64, |sum, part| sum.checked_mul(60)?.checked_add(part.parse().ok()?))?;
    Some((seconds.checked_mul(1000)?.checked_add(thousandths.parse().ok()?)?, separator))
}

fn merge_objects(parts: Vec<Part>, known: &[String]) -> Result<Value> {
    let (mut merged, mut texts, mut end) = (Map::new(), Vec::new(), 0.0);
    for (index, part) in parts.into_iter().enumerate() {
        let object = match part.transcript {
            Transcript::Json(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| Error::new(Kind::Answer, format!("the transcript is no JSON object: {error}")))?,
            Transcript::Text(text) => Map::from_iter([("text".to_owned(), text.into())]),
        };
        end = part.start + part.seconds;
        for (name, mut value) in object {
            match (name.as_str(), &mut value) {
                ("text", Value::String(text)) => {
                    texts.push(text.trim().to_owned());
                    continue;
                }
                ("segments", Value::Array(segments)) => {
                    let before = merged.get("segments").and_then(Value::as_array).map_or(0, Vec::len);
                    for (number, segment) in segments.iter_mut().enumerate() {
                        shift(segment, part.start);
                        renumber(segment, before + number, index);
                        if let Some(speaker) = segment.get_mut("speaker")
                            && index > 0
                            && let Some(label) = speaker.as_str()
                            && !known.iter().any(|name| name == label)
                        {
                            // Labels begin anew with each part: the same letter need not be the same person.
                            *speaker = format!("{label} (part {})", index + 1).into();
                        }
                    }
                }
                ("words", Value::Array(words)) => words.iter_mut().for_each(|word| shift(word, part.start)),
                _ => {}
            }
            match (merged.get_mut(&name), value) {
                (None, value) => drop(merged.insert(name, value)),
                (Some(Value::Array(list)), Value::Array(more)) if name == "languages" => {
                    for language in more {
                        if list.len() < LANGUAGES && !list.contains(&language) {
                            list.push(language);
                        }
                    }
                }
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (Some(usage @ Value::Object(_)), more @ Value::Object(_)) => add(usage, &more),
                // Language, task: those of the first.
                (Some(_), _) => {}
            }
        }
    }
    texts.retain(|text| !text.is_empty());
    merged.insert("text".into(), texts.join(" ").into());
    if let Some(duration) = merged.get_mut("duration") {
        *duration = rounded(end);
    }
    Ok(Value::Object(merged))
}

fn shift(item: &mut Value, by: f64) {
    for name in ["start", "end"] {
        if let Some(time) = item.get_mut(name)
            && let Some(seconds) = time.as_f64()
            && by > 0.0
        {
            *time = rounded(seconds + by);
        }
    }
}

/// Counts segments on: `id` as a number, or the end of one like `seg_3`; `seek` is in hundredths of a second.
fn renumber(segment: &mut Value, number: usize, part: usize) {
    if part == 0 {
        return;
    }
    match segment.get_mut("id") {
        Some(id @ Value::Number(_)) => *id = number.into(),
        Some(id @ Value::String(_)) => {
            let stem = id.as_str().unwrap_or_default().trim_end_matches(|letter: char| letter.is_ascii_digit());
            *id = format!("{stem}{number}").into();
        }
        _ => {}
    }
}

/// To a tenth of a millisecond: sums of binary fractions show digits that nobody measured.
fn rounded(seconds: f64) -> Value {
    json!((seconds * 10_000.0).round() / 10_000.0)
}

/// Adds the numbers of one object to those of another, through all levels.
pub(crate) fn add(sum: &mut Value, more: &Value) {
    match (sum, more) {
        (Value::Object(sum), Value::Object(more)) => {
            for (name, value) in more {
                match sum.get_mut(name) {
                    Some(known) => add(known, value),
                    None => drop(sum.insert(name.clone(), value.clone())),
                }
            }
        }
        (sum @ Value::Number(_), Value::Number(more)) => {
            *sum = match (sum.as_u64(), more.as_u64()) {
                (Some(one), Some(other)) => one.saturating_add(other).into(),
                _ => rounded(sum.as_f64().unwrap_or_default() + more.as_f64().unwrap_or_default()),
            };
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

    use super::*;

    fn texts(parts: &[(f64, &str)]) -> String {
        merge_texts(parts)
    }

    fn objects(parts: Vec<(f64, f64, Value)>, known: &[&str]) -> Value {
        let part = |(start, seconds, value): (f64, f64, Value)| Part {
            start,
            seconds,
            transcript: Transcript::Json(value.to_string().into()),
        };
        let known: Vec<String> = known.iter().map(|name| (*name).to_owned()).collect();
        match merge(parts.into_iter().map(part).collect(), &known).unwrap() {
            Transcript::Json(bytes) => serde_json::from_slice(&bytes).unwrap(),
            Transcript::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn plain_texts_are_put_behind_each_other() {
        assert_eq!(texts(&[(0.0, "One.\n"), (9.0, "\n"), (12.0, " Two.\n")]), "One. Two.\n");
    }

    #[test]
    fn subtitles_are_counted_on_and_moved() {
        let srt = "1\n00:00:01,500 --> 00:00:02,000\n7\n\n2\n00:00:03,000 --> 00:00:04,000\nb\n\n";
        let merged = "1\n00:00:01,500 --> 00:00:02,000\n7\n\n2\n00:00:03,000 --> 00:00:04,000\nb\n\n\
                      3\n01:00:02,000 --> 01:00:02,500\n7\n\n4\n01:00:03,500 --> 01:00:04,500\nb\n\n";
        assert_eq!(texts(&[(0.0, srt), (3600.5, srt)]), merged);
        assert_eq!(texts(&[(0.0, srt.trim_end()), (3600.5, srt)]), merged);
        let vtt = "WEBVTT\n\n00:01.500 --> 00:02.000 align:start\na\n\n";
        let merged = "WEBVTT\n\n00:00:01.500 --> 00:00:02.000 align:start\na\n\n00:01:01.750 --> 00:01:02.250 align:start\na\n\n";
        assert_eq!(texts(&[(0.0, vtt), (60.25, vtt)]), merged);
    }

    #[test]
    fn times_and_numbers_beyond_all_sense_stay_as_they_are() {
        let rows = ["1:1:1:1:1:1:1:1:1:1:1:1:1,000", "18446744073709551615:00,000", "307445734561825860:00,000"];
        for time in rows {
            let line = format!("{time} --> 00:00:01,000");
            assert_eq!(moved(&line, 1.0), format!("{time} --> 00:00:02,000"));
        }
        let usage = json!({"text": "x", "usage": {"seconds": u64::MAX}});
        let merged = objects(vec![(0.0, 1.0, usage.clone()), (1.0, 1.0, usage)], &[]);
        assert_eq!(merged["usage"]["seconds"], json!(u64::MAX));
        let many = |from: usize| json!({"text": "x", "languages": (from..from + 300_000).collect::<Vec<_>>()});
        let merged = objects(vec![(0.0, 1.0, json!({"text": "x", "languages": []})), (1.0, 1.0, many(0))], &[]);
        assert_eq!(merged["languages"].as_array().unwrap().len(), LANGUAGES);
    }

    #[test]
    fn segments_and_words_are_moved() {
        let part = json!({
            "task": "transcribe", "language": "english", "duration": 10.0, "text": " a b",
            "segments": [{"id": 0, "start": 0.1, "end": 0.5, "text": "a"}, {"id": 1, "start": 0.6, "end": 1.0, "text": "b"}],
            "words": [{"word": "a", "start": 0.1, "end": 0.5}],
            "usage": {"type": "duration", "seconds": 10},
        });
        let merged = objects(vec![(0.0, 10.2, part.clone()), (10.2, 5.0, part)], &[]);
        assert_eq!(
            merged,
            json!({
                "task": "transcribe", "language": "english", "duration": 15.2, "text": "a b a b",
                "segments": [
                    {"id": 0, "start": 0.1, "end": 0.5, "text": "a"}, {"id": 1, "start": 0.6, "end": 1.0, "text": "b"},
                    {"id": 2, "start": 10.3, "end": 10.7, "text": "a"}, {"id": 3, "start": 10.8, "end": 11.2, "text": "b"},
                ],
                "words": [{"word": "a", "start": 0.1, "end": 0.5}, {"word": "a", "start": 10.3, "end": 10.7}],
                "usage": {"type": "duration", "seconds": 20},
            })
        );
    }

    #[test]
    fn speakers_of_later_parts_are_told_apart_unless_the_caller_named_them() {
        let part = |id: &str| {
            let segment =
                |id: &str, speaker: &str| json!({"id": id, "speaker": speaker, "start": 1, "end": 2.5, "text": "x"});
            json!({"text": "x", "duration": 5.0, "segments": [segment(id, "A"), segment("seg_1", "ann")]})
        };
        let merged = objects(vec![(0.0, 5.0, part("seg_0")), (5.0, 5.0, part("seg_0"))], &["ann"]);
        let of =
            |name: &str| -> Vec<&Value> { merged["segments"].as_array().unwrap().iter().map(|it| &it[name]).collect() };
        assert_eq!(of("speaker"), ["A", "ann", "A (part 2)", "ann"]);
        assert_eq!(of("id"), ["seg_0", "seg_1", "seg_2", "seg_3"]);
        assert_eq!(of("end"), [2.5, 2.5, 7.5, 7.5]);
    }

    #[test]
    fn tokens_are_added_up_and_languages_named_once() {
        let part = |code: &str| {
            json!({
                "text": code, "languages": [{"code": code}, {"code": "en"}], "logprobs": [{"token": code, "logprob": -0.5}],
                "usage": {"type": "tokens", "input_tokens": 3, "total_tokens": 5, "input_token_details": {"audio_tokens": 3}},
            })
        };
        let merged = objects(vec![(0.0, 1.0, part("nl")), (1.0, 1.0, part("de"))], &[]);
        assert_eq!(merged["languages"], json!([{"code": "nl"}, {"code": "en"}, {"code": "de"}]));
        assert_eq!(merged["logprobs"].as_array().unwrap().len(), 2);
        assert_eq!(
            merged["usage"],
            json!({"type": "tokens", "input_tokens": 6, "total_tokens": 10, "input_token_details": {"audio_tokens": 6}})
        );
    }
}
