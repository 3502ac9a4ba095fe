//! What is drawn: masks, canvases and previews, read back from what was sent and shown.

use std::io::Cursor;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageEncoder as _, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use openai_images_mcp::SERVER;
use openai_mcp_testkit::case::call_tool;
use openai_mcp_testkit::script::{Reply, Script};
use serde_json::{Value, json};

const RED: Rgba<u8> = Rgba([255, 0, 0, 255]);

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.into().write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

fn file(bytes: &[u8]) -> Value {
    json!({"data": STANDARD.encode(bytes), "filename": "a"})
}

/// Every pixel tells where it was.
fn chart(width: u32, height: u32) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| Rgba([x as u8, y as u8, 77, 255]))
}

/// The result of a call that is answered with `images`, and the files that were sent, by field.
fn call(tool: &str, arguments: &Value, images: &[&[u8]]) -> (Value, Vec<(String, RgbaImage)>) {
    let data: Vec<Value> = images.iter().map(|image| json!({"b64_json": STANDARD.encode(image)})).collect();
    let reply = Reply::json(&json!({"created": 1, "data": data}));
    let script = Arc::new(Script::new(if images.is_empty() { Vec::new() } else { vec![reply] }));
    let result = call_tool(&SERVER, tool, arguments, script.clone());
    let files = script.sent().first().map(|sent| files(&sent.bytes)).unwrap_or_default();
    (result, files)
}

fn files(form: &[u8]) -> Vec<(String, RgbaImage)> {
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let mut found = Vec::new();
    let mut rest = form;
    while let Some(at) = find(rest, b"; filename=") {
        let head = String::from_utf8_lossy(&rest[..at]).into_owned();
        let name = head.rsplit_once("name=\"").unwrap().1.trim_end_matches('"').to_owned();
        rest = &rest[at..];
        rest = &rest[find(rest, b"\r\n\r\n").unwrap() + 4..];
        let content = &rest[..find(rest, b"\r\n--").unwrap()];
        found.push((name, image::load_from_memory(content).unwrap().into_rgba8()));
    }
    found
}

/// The pictures that a result shows.
fn shown(result: &Value) -> Vec<(String, Vec<u8>)> {
    let blocks = result["content"].as_array().unwrap().iter().filter(|block| block["type"] == "image");
    let read = |block: &Value| {
        (block["mimeType"].as_str().unwrap().to_owned(), STANDARD.decode(block["data"].as_str().unwrap()).unwrap())
    };
    blocks.map(read).collect()
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

/// Noise, which no format packs.
fn noise(width: u32, height: u32, alpha: u8) -> RgbaImage {
    let mut state = 1u32;
    RgbaImage::from_fn(width, height, |x, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = state.to_be_bytes();
        Rgba([a, b, c, if x == 0 { alpha } else { 255 }])
    })
}

fn open(mask: &RgbaImage) -> Vec<(u32, u32)> {
    mask.enumerate_pixels().filter(|(.., pixel)| pixel.0[3] == 0).map(|(x, y, _)| (x, y)).collect()
}

#[test]
fn a_rectangle_opens_its_pixels_and_no_other() {
    let image = png(chart(20, 10));
    let answer = png(chart(2, 2));
    let rectangle = json!({"x": 17, "y": 3, "width": 2, "height": 2});
    let (_, sent) =
        call("image-inpaint", &json!({"image": file(&image), "prompt": "p", "rectangle": rectangle}), &[&answer]);
    assert_eq!((sent[0].0.as_str(), sent[1].0.as_str()), ("image", "mask"));
    assert_eq!(sent[0].1, chart(20, 10));
    assert_eq!(sent[1].1.dimensions(), (20, 10));
    assert_eq!(open(&sent[1].1), [(17, 3), (18, 3), (17, 4), (18, 4)]);
}

#[test]
fn a_polygon_opens_the_pixels_whose_middle_is_inside() {
    let image = png(chart(6, 4));
    // On and right of the diagonal.
    let cases = [
        (json!([[0, 0], [4, 0], [4, 4]]), (0..4).flat_map(|x| (0..=x).map(move |y| (x, y))).collect()),
        (json!([[0.4, 0.4], [1.6, 0.4], [1.6, 0.6], [0.4, 0.6]]), vec![(0, 0), (1, 0)]),
        (json!([[-50, 3], [500, 3], [500, 99], [-50, 99]]), (0..6).map(|x| (x, 3)).collect()),
        // A bow tie: both wings are inside.
        (
            json!([[0, 0], [6, 4], [6, 0], [0, 4]]),
            vec![(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (4, 1), (4, 2), (5, 0), (5, 1), (5, 2), (5, 3)],
        ),
    ];
    for (polygon, expected) in cases {
        let arguments = json!({"image": file(&image), "prompt": "p", "polygon": polygon});
        let (result, sent) = call("image-inpaint", &arguments, &[&image]);
        assert_eq!(result["isError"], false, "{result}");
        let mut expected = expected;
        let mut opened = open(&sent[1].1);
        opened.sort_unstable();
        expected.sort_unstable();
        assert_eq!(opened, expected, "{polygon}");
    }
    let outside = json!({"image": file(&image), "prompt": "p", "polygon": [[10, 10], [20, 10], [20, 20]]});
    assert!(text(&call("image-inpaint", &outside, &[]).0).starts_with("`polygon`: holds no pixel"));
}

#[test]
fn an_image_that_is_stored_turned_is_sent_upright() {
    // As a phone stores a portrait: 20 wide and 10 high, to be turned clockwise when it is shown.
    let stored = RgbImage::from_fn(20, 10, |x, _| if x < 10 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
    let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.write_image(stored.as_raw(), 20, 10, image::ExtendedColorType::Rgb8).unwrap();
    let rectangle = json!({"x": 0, "y": 19, "width": 10, "height": 1});
    let arguments = json!({"image": file(&jpeg), "prompt": "p", "rectangle": rectangle});
    let (_, sent) = call("image-inpaint", &arguments, &[&png(chart(2, 2))]);
    let (image, mask) = (&sent[0].1, &sent[1].1);
    assert_eq!((image.dimensions(), mask.dimensions()), ((10, 20), (10, 20)));
    let [upper, lower] = [image.get_pixel(5, 2).0, image.get_pixel(5, 17).0];
    assert!(upper[0] > 200 && upper[2] < 50 && lower[2] > 200 && lower[0] < 50, "{upper:?} {lower:?}");
}

#[test]
fn margins_put_the_image_on_a_clear_canvas_that_the_mask_opens() {
    let image = chart(20, 10);
    let arguments = json!({"image": file(&png(image.clone())), "prompt": "p", "margins": {"left": 5, "top": 3}});
    let (_, sent) = call("image-outpaint", &arguments, &[&png(chart(2, 2))]);
    let (canvas, mask) = (&sent[0].1, &sent[1].1);
    // 25 by 13, and on to multiples of 16.
    assert_eq!((canvas.dimensions(), mask.dimensions()), ((32, 16), (32, 16)));
    for (x, y, pixel) in canvas.enumerate_pixels() {
        let inside = (5..25).contains(&x) && (3..13).contains(&y);
        let expected = if inside { *image.get_pixel(x - 5, y - 3) } else { Rgba([0, 0, 0, 0]) };
        assert_eq!(*pixel, expected, "{x} {y}");
        assert_eq!(mask.get_pixel(x, y).0[3] == 0, !inside, "{x} {y}");
    }
}

/// Between two turns at work that takes long they would pile up, call upon call.
#[test]
fn pixels_wait_for_no_turn() {
    for (name, value) in [("size", json!("32x16")), ("margins", json!({"left": 5}))] {
        let script = Arc::new(Script::new(Vec::new()));
        let arguments = json!({"image": file(&png(chart(20, 10))), "prompt": "p", name: value});
        call_tool(&SERVER, "image-outpaint", &arguments, script.clone());
        assert!(!script.sent().is_empty());
        assert_eq!(script.computed(), 1, "{name}");
    }
}

#[test]
fn pixels_of_every_kind_and_turn_are_what_they_are() {
    let drawn = DynamicImage::from(noise(7, 5, 100));
    let kinds: [(&str, DynamicImage); 8] = [
        ("gray", drawn.to_luma8().into()),
        ("gray and alpha", drawn.to_luma_alpha8().into()),
        ("colours", drawn.to_rgb8().into()),
        ("colours and alpha", drawn.to_rgba8().into()),
        ("gray of 16 bits", drawn.to_luma16().into()),
        ("gray and alpha of 16 bits", drawn.to_luma_alpha16().into()),
        ("colours of 16 bits", drawn.to_rgb16().into()),
        ("colours and alpha of 16 bits", drawn.to_rgba16().into()),
    ];
    for (kind, image) in kinds {
        let expected = image.to_rgba8();
        let arguments = json!({"image": file(&png(image)), "prompt": "p", "margins": {"right": 9, "bottom": 11}});
        let (_, sent) = call("image-outpaint", &arguments, &[&png(chart(2, 2))]);
        let sent = image::imageops::crop_imm(&sent[0].1, 0, 0, 7, 5).to_image();
        assert_eq!(sent, expected, "{kind}");
    }
    for orientation in 1..=8 {
        let turned = image::metadata::Orientation::from_exif(orientation).unwrap();
        let mut file_of = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut file_of);
        encoder
            .set_exif_metadata(
                [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[orientation][..], &[0; 6]].concat(),
            )
            .unwrap();
        drawn.write_with_encoder(encoder).unwrap();
        let mut expected = drawn.clone();
        expected.apply_orientation(turned);
        let rectangle = json!({"x": 0, "y": 0, "width": 1, "height": 1});
        let arguments = json!({"image": file(&file_of), "prompt": "p", "rectangle": rectangle});
        let (_, sent) = call("image-inpaint", &arguments, &[&png(chart(2, 2))]);
        let sent = if orientation == 1 { &drawn.to_rgba8() } else { &sent[0].1 };
        assert_eq!(*sent, expected.to_rgba8(), "{orientation}");
    }
}

#[test]
fn a_size_puts_the_image_in_the_middle_and_scales_a_larger_one_down() {
    let sizes = [((20, 10), "64x48", (22, 19, 20, 10)), ((200, 100), "96x96", (0, 24, 96, 48))];
    for ((width, height), size, (left, top, wide, high)) in sizes {
        let image = png(RgbaImage::from_pixel(width, height, RED));
        let arguments = json!({"image": file(&image), "prompt": "p", "size": size});
        let (_, sent) = call("image-outpaint", &arguments, &[&image]);
        let (canvas, mask) = (&sent[0].1, &sent[1].1);
        assert_eq!(format!("{}x{}", canvas.width(), canvas.height()), size);
        for (x, y, pixel) in canvas.enumerate_pixels() {
            let inside = (left..left + wide).contains(&x) && (top..top + high).contains(&y);
            assert_eq!(*pixel == RED, inside, "{size} {x} {y}");
            assert_eq!(mask.get_pixel(x, y).0[3] == 255, inside, "{size} {x} {y}");
        }
    }
}

#[test]
fn a_preview_fits_what_clients_take() {
    for (alpha, kind) in [(255, "image/jpeg"), (100, "image/png")] {
        let large = png(noise(1200, 900, alpha));
        let (result, _) = call("image-generate", &json!({"prompt": "p"}), &[&large]);
        let told: Value = serde_json::from_str(text(&result)).unwrap();
        let image = json!({"id": "img_000000000000", "size": "1200x900", "format": "png", "bytes": large.len()});
        assert_eq!(told["data"], json!([image]));
        let [(mime, bytes)] = shown(&result).try_into().unwrap();
        let small = image::load_from_memory(&bytes).unwrap();
        assert_eq!((mime.as_str(), small.has_alpha()), (kind, alpha < 255));
        assert!(bytes.len() <= 160 * 1024 && small.width() <= 1024, "{} {}", bytes.len(), small.width());
        assert_eq!(small.width() * 3, small.height() * 4);
        let full = call("image-generate", &json!({"prompt": "p", "preview": "full"}), &[&large]).0;
        assert_eq!(shown(&full), [("image/png".to_owned(), large.clone())]);
        assert!(shown(&call("image-generate", &json!({"prompt": "p", "preview": "none"}), &[&large]).0).is_empty());
    }
}

#[test]
fn several_previews_share_the_room() {
    let large = png(noise(700, 700, 255));
    let (result, _) = call("image-generate", &json!({"prompt": "p", "n": 2}), &[&large, &large]);
    let shown = shown(&result);
    assert_eq!(shown.len(), 2);
    assert!(shown.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= 750_000);
}

#[test]
fn an_image_of_the_size_of_a_preview_is_made_smaller_all_the_same() {
    let smooth = RgbaImage::from_fn(1024, 1024, |x, y| Rgba([(x / 4) as u8, (y / 4) as u8, (x * y % 64) as u8, 255]));
    let large = png(smooth);
    assert!(large.len() > 200_000, "{}", large.len());
    let [(mime, bytes)] = shown(&call("image-generate", &json!({"prompt": "p"}), &[&large]).0).try_into().unwrap();
    assert!(mime == "image/jpeg" && bytes.len() <= 160 * 1024, "{mime}, {} bytes", bytes.len());
}

#[test]
fn a_small_image_is_shown_as_it_is() {
    let small = png(chart(30, 30));
    let (result, _) = call("image-generate", &json!({"prompt": "p"}), &[&small]);
    assert_eq!(shown(&result), [("image/png".to_owned(), small)]);
}

/// The checksum of a PNG's head that was changed.
fn fix_head(png: &mut [u8]) {
    let sum = png[12..29].iter().fold(!0u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    });
    png[29..33].copy_from_slice(&(!sum).to_be_bytes());
}

#[test]
fn an_image_that_would_fill_the_memory_is_not_unpacked() {
    // A head that promises 60,000 by 60,000 pixels, and next to nothing after it.
    let mut bomb = png(chart(2, 2));
    bomb[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    fix_head(&mut bomb);
    let calls = [
        ("image-inpaint", json!({"rectangle": {"x": 0, "y": 0, "width": 1, "height": 1}})),
        ("image-outpaint", json!({"size": "64x64"})),
    ];
    for (tool, mut arguments) in calls {
        arguments["image"] = file(&bomb);
        arguments["prompt"] = "p".into();
        let (result, sent) = call(tool, &arguments, &[]);
        assert_eq!(text(&result), "`image`: the image is too large: at most 25 megapixels\nhint: scale it down");
        assert!(sent.is_empty());
    }
    // One that OpenAI sent is kept and not shown.
    let (result, _) = call("image-generate", &json!({"prompt": "p"}), &[&bomb]);
    assert_eq!(result["isError"], false);
    assert!(shown(&result).is_empty() && text(&result).contains("60000x60000"), "{result}");
}

#[test]
fn what_was_sent_broken_is_kept_and_told() {
    let (result, _) = call("image-generate", &json!({"prompt": "p"}), &[b"no image at all"]);
    assert_eq!(result["isError"], false);
    assert!(text(&result).contains(r#""bytes":15"#), "{result}");
}

#[test]
fn a_large_image_is_kept_whole() {
    let large = png(noise(2000, 1400, 255));
    assert!(large.len() > 7_000_000);
    let body = json!({"created": 1, "data": [{"b64_json": STANDARD.encode(&large)}]});
    let script = Arc::new(Script::new(vec![Reply::json(&body)]));
    call_tool(&SERVER, "image-generate", r#"{"prompt": "p"}"#, script.clone());
    let arguments = r#"{"id": "img_000000000000", "preview": "full"}"#;
    let kept = call_tool(&SERVER, "image-get", arguments, script);
    assert!(shown(&kept) == [("image/png".to_owned(), large)]);
}

#[test]
fn an_image_that_nothing_can_keep_is_in_the_result() {
    let large = png(noise(1200, 900, 255));
    let body = json!({"created": 1, "data": [{"b64_json": STANDARD.encode(&large)}]});
    let script = Script::new(vec![Reply::json(&body)]).without_store();
    let arguments = json!({"prompt": "p", "preview": "none", "save_to": "full/a.png"}).to_string();
    let result = call_tool(&SERVER, "image-generate", arguments, Arc::new(script));
    assert_eq!(result["isError"], false);
    assert_eq!(shown(&result), [("image/png".to_owned(), large)]);
    for told in ["not saved: `full/a.png`: no space", "not recorded: there is no store here", "all there is"] {
        assert!(text(&result).contains(told), "{result}");
    }
}

#[test]
fn any_polygon_opens_what_the_even_odd_rule_has_inside() {
    let mut state = 7u64;
    let mut number = |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let image = png(chart(30, 20));
    for _ in 0..20 {
        // Also outside the image, on the middle of pixels, and level.
        let corners: Vec<(f64, f64)> =
            (0..3 + number(9)).map(|_| (number(160) as f64 / 2.0 - 25.0, number(120) as f64 / 2.0 - 20.0)).collect();
        let arguments = json!({"image": file(&image), "prompt": "p", "polygon": corners});
        let (result, sent) = call("image-inpaint", &arguments, &[&image]);
        let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
        let inside = |x: u32, y: u32| {
            let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
            let crossed = edges().filter(|((_, y1), (_, y2))| (*y1 <= y) != (*y2 <= y));
            crossed.filter(|((x1, y1), (x2, y2))| x1 + (y - y1) / (y2 - y1) * (x2 - x1) <= x).count() % 2 == 1
        };
        let pixels = (0..20).flat_map(|y| (0..30).map(move |x| (x, y)));
        let expected: Vec<(u32, u32)> = pixels.filter(|(x, y)| inside(*x, *y)).collect();
        match sent.get(1) {
            Some((_, mask)) => assert_eq!(open(mask), expected, "{corners:?}"),
            None => assert!(expected.is_empty(), "{corners:?}: {result}"),
        }
    }
    let huge = json!({"image": file(&image), "prompt": "p", "polygon": [[-1e308, -1e308], [1e308, 1e308], [15, 5]]});
    assert_eq!(call("image-inpaint", &huge, &[&image]).0["isError"], false);
}

#[test]
fn a_polygon_of_many_corners_on_a_large_image_is_drawn_in_time() {
    let large = png(RgbaImage::from_pixel(2000, 1000, RED));
    let corners: Vec<(u32, i32)> = (0..1000).map(|n| (n * 2, if n % 2 == 1 { -10 } else { 1010 })).collect();
    let arguments = json!({"image": file(&large), "prompt": "p", "polygon": corners});
    let (result, sent) = call("image-inpaint", &arguments, &[&png(chart(2, 2))]);
    assert_eq!(result["isError"], false, "{result}");
    let half = open(&sent[1].1).len();
    assert!((500_000..1_500_000).contains(&half), "{half} pixels");
}

/// An image as WebP with a frame of this size on a canvas of 8 by 8, and EXIF that says that it has so many bytes.
fn webp(frame: u16, exif: u32) -> Vec<u8> {
    let mut file = include_bytes!("../../../../fuzz/corpus/picture/webp-exif.webp").to_vec();
    let at = |name: &[u8]| file.windows(4).position(|window| window == name).unwrap();
    let (picture, metadata) = (at(b"VP8 "), at(b"EXIF"));
    file[picture + 14..picture + 18].copy_from_slice(&[frame.to_le_bytes(), frame.to_le_bytes()].concat());
    file[metadata + 4..metadata + 8].copy_from_slice(&exif.to_le_bytes());
    file
}

/// A WebP of frames, each but the last of which holds the next.
fn nested(frames: u32) -> Vec<u8> {
    let bodies = (0..frames).rev().map(|within| 16 + 24 * within);
    let chunks: Vec<u8> =
        bodies.flat_map(|length| [b"ANMF".as_slice(), &length.to_le_bytes(), &[0; 16]].concat()).collect();
    [b"RIFF".as_slice(), &(chunks.len() as u32 + 4).to_le_bytes(), b"WEBP", &chunks].concat()
}

#[test]
fn parts_that_are_longer_than_the_file_are_not_read() {
    let words = "`image`: the image cannot be read: its parts are not as they say";
    let mut cut = png(chart(2, 2));
    let end = cut.windows(4).position(|window| window == b"IDAT").unwrap();
    cut.splice(end - 4..end - 4, *b"\xff\xff\xff\xf0eXIfMM\0\x2a");
    for broken in [webp(8, u32::MAX), webp(8, 27), webp(16_383, 26), nested(50_000), cut] {
        for (tool, rest) in [
            ("image-outpaint", json!({"size": "64x64"})),
            ("image-inpaint", json!({"polygon": [[0, 0], [9, 0], [0, 9]]})),
        ] {
            let mut arguments = rest;
            arguments["image"] = file(&broken);
            arguments["prompt"] = "p".into();
            let (result, sent) = call(tool, &arguments, &[]);
            assert_eq!((text(&result), sent.len()), (words, 0));
        }
        // One that OpenAI sent is kept.
        let (result, _) = call("image-generate", &json!({"prompt": "p"}), &[&broken]);
        assert!(result["isError"] == false && text(&result).contains(r#""bytes":"#), "{result}");
    }
    let whole = json!({"image": file(&webp(8, 26)), "prompt": "p", "polygon": [[0, 0], [9, 0], [0, 9]]});
    let (result, sent) = call("image-inpaint", &whole, &[&png(chart(2, 2))]);
    assert_eq!((&result["isError"], sent[1].1.dimensions()), (&json!(false), (8, 8)), "{result}");
    let mut lossless = Cursor::new(Vec::new());
    DynamicImage::from(chart(20, 10)).write_to(&mut lossless, ImageFormat::WebP).unwrap();
    let arguments = json!({"image": file(lossless.get_ref()), "prompt": "p", "size": "64x64"});
    assert_eq!(call("image-outpaint", &arguments, &[&png(chart(2, 2))]).0["isError"], false);
}

#[test]
fn what_takes_more_memory_than_there_is_is_not_unpacked() {
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 10);
    let white = vec![255; 3000 * 2600 * 3];
    encoder.write_image(&white, 3000, 2600, image::ExtendedColorType::Rgb8).unwrap();
    let call =
        |jpeg: &[u8]| call("image-outpaint", &json!({"image": file(jpeg), "prompt": "p", "size": "64x64"}), &[]).0;
    // As if it came in many scans, each of the whole.
    let at = jpeg.windows(2).position(|window| window == [0xFF, 0xC0]).unwrap();
    jpeg[at + 1] = 0xC2;
    let words =
        "`image`: the image is too large: to decode it takes 78 MB, and there is room for 67\nhint: scale it down";
    assert_eq!(text(&call(&jpeg)), words);
}

#[test]
fn a_jpeg_of_more_segments_than_any_is_not_read() {
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).write_image(&[0; 12], 2, 2, image::ExtendedColorType::Rgb8).unwrap();
    let xmp =
        [&b"\xff\xe1\0\x51http://ns.adobe.com/xmp/extension/\0"[..], &[b'0'; 32], b"\0\0\xff\xff\0\0\0\x09", b"data"]
            .concat();
    let mut many = jpeg.clone();
    many.splice(2..2, xmp.repeat(200_000));
    let call =
        |jpeg: &[u8]| call("image-outpaint", &json!({"image": file(jpeg), "prompt": "p", "size": "64x64"}), &[]).0;
    assert_eq!(text(&call(&many)), "`image`: the image cannot be read: its parts are not as they say");
    assert!(text(&call(&jpeg)).contains("no further answer"), "{}", call(&jpeg));
}

#[test]
fn lossless_webp_is_held_against_what_its_tables_may_take() {
    // Tables of 4 KB can be asked for in 12 bytes.
    let mut webp = Cursor::new(Vec::new());
    DynamicImage::from(noise(300, 300, 255)).write_to(&mut webp, ImageFormat::WebP).unwrap();
    let arguments = json!({"image": file(webp.get_ref()), "prompt": "p", "size": "64x64"});
    let (result, sent) = call("image-outpaint", &arguments, &[]);
    let words = "room for 67\nhint: scale it down, or make it a PNG";
    assert!(text(&result).ends_with(words) && sent.is_empty(), "{result}");
}
