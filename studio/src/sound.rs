//! What voice and ears agree on: which tone is which word, and how loud the voices are.

/// Samples a second of everything that is spoken.
pub const RATE: u32 = 24_000;
/// How loud voices are, of 32,767: what tells them apart.
pub const LEVELS: [f64; 4] = [4_000.0, 8_000.0, 14_000.0, 24_000.0];
/// What the sandbox can say and hear.
pub const WORDS: [&str; 36] = [
    "alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray",
    "yankee", "zulu", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
];
/// Pitch of the first word, and from one word to the next, in Hz.
const LOWEST: f64 = 300.0;
const STEP: f64 = 30.0;

/// The pitch of a word, in Hz.
pub fn tone_of(word: usize) -> f64 {
    LOWEST + STEP * word as f64
}

/// The word whose pitch is nearest.
pub fn word_at(hertz: f64) -> &'static str {
    let nearest = ((hertz - LOWEST) / STEP).round().max(0.0) as usize;
    WORDS.get(nearest.min(WORDS.len() - 1)).copied().unwrap_or_default()
}
