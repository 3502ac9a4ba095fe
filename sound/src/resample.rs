//! Sound of one rate at another. A windowed sinc, one set of weights for each place between samples.

use std::f64::consts::PI;
use std::sync::Arc;

/// Most places between two samples that have weights of their own. Those of the usual rates are no more; what lies
/// between two of them, of a rate that nobody uses, is off by less than a thousandth of a sample.
const PLACES: u32 = 1280;
/// Zero crossings of the filter on each side.
const LOBES: f64 = 10.0;

/// How sound of one rate becomes sound of another.
#[derive(Clone)]
pub(crate) struct Weights {
    /// Rate of what comes in.
    pub(crate) from: u32,
    /// Rate of what comes out.
    pub(crate) rate: u32,
    /// Output sample `n` lies at `n * down / up` of the input.
    up: u64,
    down: u64,
    /// Weights by place, each for `2 * half` samples.
    places: Arc<[Vec<f32>]>,
    half: usize,
}

impl Weights {
    /// Between two rates in Hz, neither of them 0.
    pub(crate) fn new(from: u32, rate: u32) -> Self {
        let divisor = gcd(from, rate);
        let (up, down) = (rate / divisor, from / divisor);
        let ratio = (f64::from(from) / f64::from(rate)).max(1.0);
        let half = if up == down { 0 } else { (LOBES * ratio).ceil() as usize };
        let count = up.min(PLACES);
        let places = (0..count).map(|place| weights(f64::from(place) / f64::from(count), half, ratio)).collect();
        Weights { from, rate, up: up.into(), down: down.into(), places, half }
    }
}

pub(crate) struct Resampler {
    pub(crate) by: Weights,
    /// The samples that are still needed, and how many there were before them.
    held: Vec<f32>,
    passed: u64,
    next: u64,
}

impl Resampler {
    pub(crate) fn new(by: Weights) -> Self {
        // Half a filter of silence comes first, so that nothing is late.
        Resampler { held: vec![0.0; by.half], by, passed: 0, next: 0 }
    }

    /// Takes samples in, and appends what can be told of them.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<i16>) {
        let Weights { up, down, half, places, .. } = &self.by;
        if *half == 0 {
            out.extend(samples.iter().map(|sample| level(*sample)));
            return;
        }
        self.held.extend_from_slice(samples);
        loop {
            let (at, rest) = (self.next * down / up, self.next * down % up);
            let place = (rest * places.len() as u64 / up) as usize;
            let start = (at - self.passed) as usize;
            let (Some(window), Some(weights)) = (self.held.get(start..start + 2 * half), places.get(place)) else {
                // What lies before the next window is not needed again.
                let done = start.min(self.held.len());
                self.held.drain(..done);
                self.passed += done as u64;
                return;
            };
            out.push(level(window.iter().zip(weights).map(|(sample, weight)| sample * weight).sum()));
            self.next += 1;
        }
    }

    /// Appends what is left at the end.
    pub(crate) fn finish(&mut self, out: &mut Vec<i16>) {
        self.push(&vec![0.0; self.by.half], out);
    }
}

/// The filter around a place between two samples: the lower one is the `half`-th of the window, counted from 1.
fn weights(place: f64, half: usize, ratio: f64) -> Vec<f32> {
    let half_width = half as f64;
    let mut weights: Vec<f64> = (0..2 * half)
        .map(|index| {
            let distance = index as f64 - half_width - place;
            let x = PI * distance / ratio;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { x.sin() / x };
            let window = 0.5 + 0.5 * (PI * distance / (half_width + 1.0)).cos();
            sinc * window
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    weights.into_iter().map(|weight| weight as f32).collect()
}

fn level(sample: f32) -> i16 {
    (sample * 32_767.0).clamp(-32_768.0, 32_767.0) as i16
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;

    const RATE: u32 = 16_000;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<f32> {
        let count = (f64::from(rate) * seconds) as usize;
        (0..count).map(|n| (0.5 * (2.0 * PI * hertz * n as f64 / f64::from(rate)).sin()) as f32).collect()
    }

    fn resampled(mut resampler: Resampler, samples: &[f32]) -> (u32, Vec<i16>) {
        let mut out = Vec::new();
        for chunk in samples.chunks(1111) {
            resampler.push(chunk, &mut out);
        }
        resampler.finish(&mut out);
        (resampler.by.rate, out)
    }

    #[test]
    fn a_tone_keeps_its_pitch_level_and_time() {
        let usual = [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000].map(|from| (from, RATE.min(from)));
        let others = [(8_000, 16_000), (11_025, 16_000), (44_100, 8_000), (8_001, 16_000), (383_999, 16_000)];
        for (rate, to) in usual.into_iter().chain(others) {
            let resampler = Resampler::new(Weights::new(rate, to));
            let (to, out) = resampled(resampler, &tone(rate, 440.0, 1.0));
            assert!((out.len() as i64 - i64::from(to)).abs() <= 2, "{rate} to {to}: {} samples", out.len());
            let expected = tone(to, 440.0, 1.0);
            let inside = 200..out.len() - 200;
            let worst = inside.map(|n| (f32::from(out[n]) / 32_767.0 - expected[n]).abs()).fold(0.0, f32::max);
            assert!(worst < 0.005, "{rate} to {to}: off by {worst}");
        }
    }

    #[test]
    fn what_cannot_be_heard_at_the_lower_rate_is_gone() {
        for hertz in [10_000.0, 14_000.0, 20_000.0] {
            let (_, out) = resampled(Resampler::new(Weights::new(44_100, RATE)), &tone(44_100, hertz, 0.5));
            let loudest = out[200..out.len() - 200].iter().map(|sample| sample.unsigned_abs()).max();
            assert!(loudest < Some(330), "{hertz}: {loudest:?}");
        }
    }
}
