//! How alike two texts are, from 0 to 1: the measures of `text_similarity`.
//!
//! The API grades with rapidfuzz 3.10.1, nltk 3.9.1 and rouge-score 0.1.2, as its Python graders' image has them; what is
//! here gives their figures to nine places. `input` is what was said, `reference` what is wanted.

use std::collections::{HashMap, HashSet};

use rapidfuzz::distance::lcs_seq;
use rapidfuzz::fuzz;

use crate::porter;

/// `fuzz.ratio` of rapidfuzz: twice the longest common subsequence of code points, over the length of both texts. Two
/// empty texts are the same.
#[must_use]
pub fn fuzzy_match(input: &str, reference: &str) -> f64 {
    fuzz::ratio(input.chars(), reference.chars())
}

/// `sentence_bleu` of nltk: of up to four words in a row, which blanks part; case counts, and nothing is smoothed.
///
/// An order without a match counts as the least number that a machine has, so the score is next to nothing. Of fewer than
/// four words, orders up to their number count (`auto_reweigh`), so that short texts that are the same score 1.
#[must_use]
pub fn bleu(input: &str, reference: &str) -> f64 {
    let (said, wanted) = (words(input), words(reference));
    if matches(&said, &wanted, 1) == 0 {
        return 0.0;
    }
    let orders = said.len().min(4);
    let logs = (1..=orders).map(|n| match matches(&said, &wanted, n) {
        0 => f64::MIN_POSITIVE.ln(),
        both => (both as f64 / runs(&said, n) as f64).ln(),
    });
    let mean = logs.sum::<f64>() / orders as f64;
    let brevity = (1.0 - wanted.len() as f64 / said.len() as f64).min(0.0);
    (mean + brevity).exp()
}

/// `sentence_gleu` of nltk: the runs of one to four words that both have, over those of the longer text.
#[must_use]
pub fn gleu(input: &str, reference: &str) -> f64 {
    let (said, wanted) = (words(input), words(reference));
    let all = |words: &[&str]| (1..=4).map(|n| runs(words, n)).sum::<usize>();
    let both: usize = (1..=4).map(|n| matches(&said, &wanted, n)).sum();
    both as f64 / all(&said).max(all(&wanted)).max(1) as f64
}

/// `meteor_score` of nltk without WordNet: words that are the same in lower case, then those of the same stem; less for
/// each break in their order. Words of the same meaning are not known, of which [`crate::Grade::synonyms`] tells.
#[must_use]
pub fn meteor(input: &str, reference: &str) -> f64 {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let numbered = |text| words(text).into_iter().map(str::to_owned).enumerate().collect::<Vec<_>>();
    let (mut said, mut wanted) = (numbered(&input), numbered(&reference));
    let (length, wanted_length) = (said.len() as f64, wanted.len() as f64);
    let mut pairs = align(&mut said, &mut wanted);
    for (_, word) in said.iter_mut().chain(&mut wanted) {
        *word = porter::stem(word);
    }
    pairs.extend(align(&mut said, &mut wanted));
    if pairs.is_empty() {
        return 0.0;
    }
    pairs.sort_unstable();
    let joined = pairs.windows(2).filter(|pair| matches!(pair, [a, b] if (a.0 + 1, a.1 + 1) == *b)).count();
    let (matched, chunks) = (pairs.len() as f64, (pairs.len() - joined) as f64);
    let (precision, recall) = (matched / length, matched / wanted_length);
    let mean = precision * recall / (0.9 * precision + 0.1 * recall);
    (1.0 - 0.5 * (chunks / matched).powi(3)) * mean
}

/// Takes out pairs of the same word, each with the last that is left, from the end on.
fn align(said: &mut Vec<(usize, String)>, wanted: &mut Vec<(usize, String)>) -> Vec<(usize, usize)> {
    let mut left: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, word) in wanted.iter() {
        left.entry(word.clone()).or_default().push(*at);
    }
    let mut pairs = Vec::new();
    for (at, word) in said.iter().rev() {
        pairs.extend(left.get_mut(word).and_then(Vec::pop).map(|other| (*at, other)));
    }
    let (paired, others): (HashSet<usize>, HashSet<usize>) = pairs.iter().copied().unzip();
    said.retain(|(at, _)| !paired.contains(at));
    wanted.retain(|(at, _)| !others.contains(at));
    pairs
}

/// ROUGE-N of rouge-score, as the harmonic mean of precision and recall: runs of `n` words of ASCII letters and digits,
/// in lower case, without stemming.
#[must_use]
pub fn rouge_n(input: &str, reference: &str, n: usize) -> f64 {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let (said, wanted) = (rouge_words(&input), rouge_words(&reference));
    f1(matches(&said, &wanted, n), runs(&said, n), runs(&wanted, n))
}

/// ROUGE-L of rouge-score, as [`rouge_n`] of the longest common subsequence of words.
#[must_use]
pub fn rouge_l(input: &str, reference: &str) -> f64 {
    let (input, reference) = (input.to_lowercase(), reference.to_lowercase());
    let (said, wanted) = (rouge_words(&input), rouge_words(&reference));
    let mut numbers = HashMap::new();
    let mut number = |words: &[&'_ str]| -> Vec<u32> {
        let number = |word: &&str| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry((*word).to_owned()).or_insert(next)
        };
        words.iter().map(number).collect()
    };
    let (a, b) = (number(&said), number(&wanted));
    f1(lcs_seq::similarity(a, b), said.len(), wanted.len())
}

/// The cosine of the angle between two vectors; 0 where one has no direction.
#[must_use]
pub fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

/// As Python's `split` parts them, which takes four separators for blanks that Unicode does not.
fn words(text: &str) -> Vec<&str> {
    let blank = |c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c);
    text.split(blank).filter(|word| !word.is_empty()).collect()
}

fn rouge_words(text: &str) -> Vec<&str> {
    text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit())).filter(|word| !word.is_empty()).collect()
}

/// How many runs of `n` words there are.
fn runs(words: &[&str], n: usize) -> usize {
    (words.len() + 1).saturating_sub(n)
}

/// How many of them both have.
fn matches(said: &[&str], wanted: &[&str], n: usize) -> usize {
    let mut left: HashMap<&[&str], usize> = HashMap::new();
    for run in wanted.windows(n) {
        *left.entry(run).or_default() += 1;
    }
    said.windows(n).filter_map(|run| left.get_mut(run).filter(|left| **left > 0).map(|left| *left -= 1)).count()
}

fn f1(both: usize, a: usize, b: usize) -> f64 {
    if a == 0 || b == 0 { 0.0 } else { 2.0 * both as f64 / (a + b) as f64 }
}
