//! WAV files. <http://soundfile.sapp.org/doc/WaveFormat/>

use std::borrow::Borrow;

use bytes::{BufMut as _, Bytes, BytesMut};
use openai_mcp_kernel::error::{Error, Kind, Result};

/// The start of a WAV file, up to its samples, of which there are `length` bytes; `format` is its `fmt ` chunk.
///
/// # Errors
/// More than 4 GB.
pub fn header(format: &[u8], length: usize) -> Result<BytesMut> {
    let size = |size: usize| u32::try_from(size).map_err(|_| Error::new(Kind::Answer, "WAV files end at 4 GB"));
    let mut file = BytesMut::with_capacity(28 + format.len() + length);
    file.put_slice(b"RIFF");
    file.put_u32_le(size(20 + format.len() + length)?);
    file.put_slice(b"WAVEfmt ");
    file.put_u32_le(size(format.len())?);
    file.put_slice(format);
    file.put_slice(b"data");
    file.put_u32_le(size(length)?);
    Ok(file)
}

/// A WAV file of mono samples.
///
/// # Errors
/// More than 4 GB.
pub fn wav<S>(samples: S, rate: u32) -> Result<Bytes>
where
    S: IntoIterator<Item: Borrow<i16>, IntoIter: ExactSizeIterator>,
{
    let samples = samples.into_iter();
    let mut format = BytesMut::with_capacity(16);
    // PCM, one channel.
    format.put_u16_le(1);
    format.put_u16_le(1);
    format.put_u32_le(rate);
    format.put_u32_le(rate * 2);
    format.put_u16_le(2);
    format.put_u16_le(16);
    let mut file = header(&format, samples.len() * 2)?;
    for sample in samples {
        file.put_i16_le(*sample.borrow());
    }
    Ok(file.freeze())
}
