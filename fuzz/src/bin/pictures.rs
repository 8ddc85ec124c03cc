//! The host's taking apart of pictures that strangers send. The first byte says of which kind the bytes are.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

#[path = "../../../host/src/pictures.rs"]
mod pictures;

fuzz_target!(|input: &[u8]| {
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
