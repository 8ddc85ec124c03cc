//! The host's taking apart of pictures that strangers send. The first byte says of which kind the bytes are.
#![no_main]

use std::io::Cursor;
use std::{env, fs, path::Path};

use bytes::Bytes;
use image::{ImageBuffer, ImageFormat, Rgb};
use img_parts::{DynImage, ImageEXIF};
use libfuzzer_sys::fuzz_target;

#[path = "../../../host/src/pictures.rs"]
mod pictures;

fuzz_target!(init: write_seeds(), |input: &[u8]| {
    let Some((kind, bytes)) = input.split_first() else {
        return;
    };
    let mime = match kind {
        b'j' => "image/jpeg",
        b'p' => "image/png",
        b'w' => "image/webp",
        b'g' => "image/gif",
        _ => return,
    };
    assert!(pictures::is_picture(mime));
    let picture = pictures::look(mime, &Bytes::copy_from_slice(bytes));
    if let Some(cleaned) = picture.cleaned {
        let again = pictures::look(mime, &cleaned);
        assert_eq!(again.cleaned, None, "what is clean is cleaned again");
        assert_eq!(again.size, picture.size);
    }
    if let Some(preview) = picture.preview {
        let (width, height) = picture.size.expect("it was decoded");
        assert!(width > 0 && height > 0 && !preview.bytes.is_empty());
        assert!(pictures::is_picture(preview.mime));
    }
});

/// What `cargo xtask fuzz` begins with, into the folder that it names: a picture of each kind, turned to its side where the kind can say so.
fn write_seeds() {
    let Some(folder) = env::var_os("BALCAO_FUZZ_SEEDS") else {
        return;
    };
    for (kind, format) in [
        ("j", ImageFormat::Jpeg),
        ("p", ImageFormat::Png),
        ("w", ImageFormat::WebP),
        ("g", ImageFormat::Gif),
    ] {
        let picture = [kind.as_bytes(), &turned(format)].concat();
        fs::write(Path::new(&folder).join(kind), picture).expect("a seed is written");
    }
}

fn turned(format: ImageFormat) -> Bytes {
    let colours = |x: u32, y: u32| Rgb([x as u8 * 8, y as u8 * 16, 90]);
    let mut bytes = Cursor::new(Vec::new());
    ImageBuffer::from_fn(24, 16, colours)
        .write_to(&mut bytes, format)
        .expect("a picture is written");
    let bytes = Bytes::from(bytes.into_inner());
    // Nothing else is known of a GIF.
    let Ok(Some(mut picture)) = DynImage::from_bytes(bytes.clone()) else {
        return bytes;
    };
    picture.set_exif(Some(Bytes::from_static(
        b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
    )));
    picture.encoder().bytes()
}
