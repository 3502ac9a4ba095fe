//! Recordings as samples: decoders, cutting in pauses, other rates, WAV. What servers of several domains do with sound.

pub mod mp3;
pub mod pieces;
mod resample;
pub mod wave;
