//! Pictures in results.

use std::collections::BTreeMap;
use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A colour: red, green, blue.
pub type Colour = [u8; 3];

/// The PNG that a result shows after its text.
pub fn shown(result: &Value) -> Vec<u8> {
    let block = &result["content"][1];
    assert_eq!((&block["type"], &block["mimeType"]), (&json!("image"), &json!("image/png")), "{result}");
    let data = block["data"].as_str().map(|data| STANDARD.decode(data));
    let Some(Ok(png)) = data else { panic!("no base64 in {result}") };
    png
}

/// Width, height and pixels of a PNG without transparency.
pub fn pixels(png: &[u8]) -> (u32, u32, Vec<Colour>) {
    let read = || {
        let mut reader = png::Decoder::new(Cursor::new(png)).read_info()?;
        let mut pixels = vec![0; reader.output_buffer_size().unwrap_or_default()];
        let info = reader.next_frame(&mut pixels)?;
        Ok::<_, png::DecodingError>((info.width, info.height, pixels))
    };
    let (width, height, pixels) = read().unwrap_or_else(|error| panic!("no PNG: {error}"));
    (width, height, pixels.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect())
}

/// Width and height of a PNG without transparency, and how many of its pixels have each colour.
pub fn colours(png: &[u8]) -> (u32, u32, BTreeMap<Colour, usize>) {
    let (width, height, pixels) = pixels(png);
    let mut colours = BTreeMap::new();
    for pixel in pixels {
        *colours.entry(pixel).or_default() += 1;
    }
    (width, height, colours)
}
