//! Pictures as they are kept: without what the camera wrote of place, time and owner, and with a smaller one for the conversation. Owns what of a
//! picture is metadata and how much of one is ever decoded; knows bytes only, and keeps a core busy, so that whoever calls does it off the threads
//! that answer.
//!
//! Nothing is encoded anew: metadata is cut out of the container, so that the picture is the sender's to the last pixel. How a picture is turned stays,
//! as a tag of its own. GIF holds no such data; HEIC and AVIF keep theirs, since removing it means rewriting the places of everything after it, and
//! are saved rather than shown.

use std::io::Cursor;

use bytes::{BufMut, Bytes, BytesMut};
use image::{
    DynamicImage, ExtendedColorType, GenericImageView, ImageDecoder, ImageEncoder, ImageFormat,
    ImageReader, Limits, Rgba, RgbaImage,
    codecs::{jpeg::JpegEncoder, png::PngDecoder, webp::WebPDecoder, webp::WebPEncoder},
    imageops::{self, FilterType},
    metadata::Orientation,
};
use img_parts::{
    ImageEXIF,
    jpeg::{Jpeg, markers},
    png::Png,
    riff::{RiffChunk, RiffContent},
    webp::{CHUNK_EXIF, CHUNK_VP8X, CHUNK_XMP, WebP},
};

/// Pixels of the longest side of a smaller picture: twice what the interface gives one, for dense screens.
const EDGE: u32 = 640;
/// Bytes from which a picture that is small enough gets another one all the same.
const HEAVY: usize = 200_000;
/// Pixels of the largest picture that is decoded, here or by a browser that is asked to show it: 50 megapixels, 150 MB.
const MOST_PIXELS: u64 = 50_000_000;
/// Bytes that decoding one picture may take.
const DECODING: u64 = 256 << 20;
/// Pixels of the side of somebody's picture: three times what the interface gives one.
const FACE: u32 = 192;
/// Out of 100, where the eye sees no difference at that size.
const QUALITY: u8 = 80;

/// PNG's texts and times; EXIF is seen to apart.
const PNG_METADATA: [[u8; 4]; 4] = [*b"tEXt", *b"zTXt", *b"iTXt", *b"tIME"];
/// Bits of a WebP's header that say that EXIF or XMP follows.
const WEBP_EXIF: u8 = 0b1000;
const WEBP_XMP: u8 = 0b0100;

/// What is kept of a picture.
#[derive(Debug, Default)]
pub struct Picture {
    /// In place of the bytes that came, where something was removed.
    pub cleaned: Option<Bytes>,
    /// Width and height as it is shown; none where it is of no kind that is shown, broken, or too large to be decoded.
    pub size: Option<(u32, u32)>,
    pub preview: Option<Preview>,
}

/// A smaller picture.
#[derive(Debug, PartialEq, Eq)]
pub struct Preview {
    pub mime: &'static str,
    pub bytes: Vec<u8>,
}

/// Whether a file of that kind is looked at here at all.
pub fn is_picture(mime: &str) -> bool {
    format_of(mime).is_some()
}

/// Cleans, measures and reduces a picture of a kind that its bytes have shown.
pub fn look(mime: &str, bytes: &Bytes) -> Picture {
    let Some(format) = format_of(mime) else {
        return Picture::default();
    };
    // What cannot be taken apart cannot be cleaned either, nor what is so broken that it comes apart otherwise the next time, with more to remove: it is
    // kept, and never shown.
    let kept = cleaned(format, bytes).filter(|it| cleaned(format, it).as_ref() == Some(it));
    let Some(kept) = kept else {
        return Picture::default();
    };
    let size = measured(format, &kept);
    let preview = size.and_then(|size| preview(format, &kept, size));
    let cleaned = (kept != bytes).then_some(kept);
    Picture {
        cleaned,
        size,
        preview,
    }
}

/// Somebody's picture as it is kept: the middle of what came, a small square, encoded anew, so that nothing of the file that came is left. None where it
/// is of no kind that is shown, broken, or too large to be decoded.
pub fn portrait(mime: &str, bytes: &Bytes) -> Option<Vec<u8>> {
    let format = format_of(mime)?;
    measured(format, bytes)?;
    let mut decoder = reader(format, bytes).into_decoder().ok()?;
    let turned = decoder.orientation().ok()?;
    let mut whole = DynamicImage::from_decoder(decoder).ok()?;
    whole.apply_orientation(turned);
    let square = whole.resize_to_fill(FACE, FACE, FilterType::Triangle);
    let mut ground = RgbaImage::from_pixel(FACE, FACE, Rgba([255; 4]));
    imageops::overlay(&mut ground, &square.to_rgba8(), 0, 0);
    let mut made = Vec::new();
    let to = JpegEncoder::new_with_quality(&mut made, QUALITY);
    write(
        &DynamicImage::from(DynamicImage::from(ground).to_rgb8()),
        to,
        Vec::new(),
    )?;
    Some(made)
}

fn format_of(mime: &str) -> Option<ImageFormat> {
    match mime {
        "image/jpeg" => Some(ImageFormat::Jpeg),
        "image/png" => Some(ImageFormat::Png),
        "image/webp" => Some(ImageFormat::WebP),
        "image/gif" => Some(ImageFormat::Gif),
        _ => None,
    }
}

fn cleaned(format: ImageFormat, bytes: &Bytes) -> Option<Bytes> {
    match format {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::WebP => webp(bytes),
        _ => Some(bytes.clone()),
    }
}

/// Without application data and comments, but for what the colours need (JFIF, ICC, Adobe), and without what follows the picture: phones put films and
/// further pictures there, each with metadata of its own.
fn jpeg(bytes: &Bytes) -> Option<Bytes> {
    let mut it = Jpeg::from_bytes(bytes.slice(..end_of_jpeg(bytes)?)).ok()?;
    let turned = turning(it.exif());
    it.segments_mut().retain(|segment| {
        let starts = |with: &[u8]| segment.contents().starts_with(with);
        match segment.marker() {
            markers::APP0 => starts(b"JFIF\0"),
            markers::APP2 => starts(b"ICC_PROFILE\0"),
            markers::APP14 => starts(b"Adobe"),
            markers::APP1..=markers::APP15 | markers::COM => false,
            _ => true,
        }
    });
    it.set_exif(turned);
    Some(it.encoder().bytes())
}

/// The place after the end mark; none where there is no such mark, or where metadata stands between the scans.
fn end_of_jpeg(bytes: &[u8]) -> Option<usize> {
    let mut at = 2;
    let mut scanned = false;
    loop {
        at += bytes.get(at..)?.iter().position(|byte| *byte == 0xff)?;
        let marker = *bytes.get(at + 1)?;
        match marker {
            markers::EOI => return Some(at + 2),
            // Fill bytes: the next one may begin a mark.
            0xff => at += 1,
            // A stuffed byte, or a mark without a length.
            0x00 | 0x01 | markers::RST0..=markers::SOI => at += 2,
            markers::APP0..=markers::APP15 | markers::COM if scanned => return None,
            _ => {
                scanned |= marker == markers::SOS;
                let length = bytes.get(at + 2..at + 4)?;
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
        }
    }
}

fn png(bytes: &Bytes) -> Option<Bytes> {
    let mut it = Png::from_bytes(bytes.clone()).ok()?;
    let turned = turning(it.exif());
    it.chunks_mut()
        .retain(|chunk| !PNG_METADATA.contains(&chunk.kind()));
    it.set_exif(turned);
    Some(it.encoder().bytes())
}

fn webp(bytes: &Bytes) -> Option<Bytes> {
    let mut it = WebP::from_bytes(bytes.clone()).ok()?;
    let turned = turning(it.exif());
    it.chunks_mut()
        .retain(|chunk| ![CHUNK_EXIF, CHUNK_XMP].contains(&chunk.id()));
    let header = it.chunks_mut().iter_mut().find(|it| it.id() == CHUNK_VP8X);
    if let Some(RiffContent::Data(data)) = header.map(RiffChunk::content_mut) {
        let mut flags = BytesMut::from(&data[..]);
        let first = flags.first_mut()?;
        *first &= !(WEBP_EXIF | WEBP_XMP);
        if turned.is_some() {
            *first |= WEBP_EXIF;
        }
        *data = flags.freeze();
        if let Some(exif) = turned {
            let chunk = RiffChunk::new(CHUNK_EXIF, RiffContent::Data(exif));
            it.chunks_mut().push(chunk);
        }
    }
    Some(it.encoder().bytes())
}

/// EXIF that says how a picture is turned and nothing else; none where it is not turned.
fn turning(exif: Option<Bytes>) -> Option<Bytes> {
    let found = Orientation::from_exif_chunk(&exif?)?;
    if found == Orientation::NoTransforms {
        return None;
    }
    // TIFF, big-endian: one directory of one entry, the tag 0x0112 of one SHORT.
    let mut tag = BytesMut::from(&b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0"[..]);
    tag.put_u8(found.to_exif());
    tag.put_slice(&[0; 6]);
    Some(tag.freeze())
}

fn reader(format: ImageFormat, bytes: &[u8]) -> ImageReader<Cursor<&[u8]>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODING);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    reader
}

fn measured(format: ImageFormat, bytes: &[u8]) -> Option<(u32, u32)> {
    let mut decoder = reader(format, bytes).into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 || pixels > MOST_PIXELS {
        return None;
    }
    Some(match decoder.orientation().ok()? {
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
        _ => (height, width),
    })
}

/// None where it is small already, moves, or cannot be decoded.
fn preview(format: ImageFormat, bytes: &[u8], (width, height): (u32, u32)) -> Option<Preview> {
    let small = width.max(height) <= EDGE && bytes.len() < HEAVY;
    if small || moves(format, bytes)? {
        return None;
    }
    let mut decoder = reader(format, bytes).into_decoder().ok()?;
    let turned = decoder.orientation().ok()?;
    // A profile of printing inks means nothing for what was decoded to red, green and blue.
    let printed = decoder.original_color_type() == ExtendedColorType::Cmyk8;
    let profile = decoder.icc_profile().ok()?.filter(|_| !printed);
    let whole = DynamicImage::from_decoder(decoder).ok()?;
    let mut reduced = if width.max(height) > EDGE {
        whole.thumbnail(EDGE, EDGE)
    } else {
        whole
    };
    reduced.apply_orientation(turned);
    let preview = encoded(&reduced, profile.unwrap_or_default())?;
    (preview.bytes.len() < bytes.len()).then_some(preview)
}

fn moves(format: ImageFormat, bytes: &[u8]) -> Option<bool> {
    let of = || Cursor::new(bytes);
    match format {
        ImageFormat::Gif => Some(true),
        ImageFormat::Png => PngDecoder::new(of()).ok()?.is_apng().ok(),
        ImageFormat::WebP => Some(WebPDecoder::new(of()).ok()?.has_animation()),
        _ => Some(false),
    }
}

/// In the colours of that profile; an empty one is the web's own.
fn encoded(picture: &DynamicImage, profile: Vec<u8>) -> Option<Preview> {
    let clear = picture.color().has_alpha() && picture.pixels().any(|(_, _, it)| it.0[3] < 255);
    let mut bytes = Vec::new();
    let mime = if clear {
        let to = WebPEncoder::new_lossless(&mut bytes);
        write(&DynamicImage::from(picture.to_rgba8()), to, profile)?;
        "image/webp"
    } else {
        let to = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
        write(&DynamicImage::from(picture.to_rgb8()), to, profile)?;
        "image/jpeg"
    };
    Some(Preview { mime, bytes })
}

fn write(picture: &DynamicImage, mut to: impl ImageEncoder, profile: Vec<u8>) -> Option<()> {
    if !profile.is_empty() {
        to.set_icc_profile(profile).ok()?;
    }
    picture.write_with_encoder(to).ok()
}

#[cfg(test)]
mod tests {
    use image::{ImageBuffer, Rgb};
    use img_parts::{ImageICC, png::PngChunk};
    use proptest::prelude::*;

    use super::*;

    /// Where a picture was taken, as every kind carries it.
    const PLACE: &[u8] = b"GPS 23 33 S 46 38 W";
    /// Turned a quarter, and the place.
    fn exif(orientation: u8) -> Bytes {
        let mut exif = BytesMut::from(&b"II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..]);
        exif.put_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
        exif.put_slice(PLACE);
        exif.freeze()
    }

    /// Red at the left, blue at the right.
    fn halves(width: u32, height: u32) -> DynamicImage {
        let of = |left| if left { [255, 0, 0] } else { [0, 0, 255] };
        ImageBuffer::from_fn(width, height, |x, _| Rgb::<u8>(of(x < width / 2))).into()
    }

    fn written(picture: &DynamicImage, format: ImageFormat) -> Bytes {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner().into()
    }

    fn holds(bytes: &[u8], what: &[u8]) -> bool {
        bytes.windows(what.len()).any(|it| it == what)
    }

    fn decoded(format: ImageFormat, bytes: &[u8]) -> DynamicImage {
        let mut decoder = reader(format, bytes).into_decoder().unwrap();
        let turned = decoder.orientation().unwrap();
        let mut picture = DynamicImage::from_decoder(decoder).unwrap();
        picture.apply_orientation(turned);
        picture
    }

    fn a_jpeg(orientation: u8) -> Bytes {
        let mut it = Jpeg::from_bytes(written(&halves(900, 300), ImageFormat::Jpeg)).unwrap();
        it.set_icc_profile(Some(Bytes::from_static(b"colours")));
        it.set_exif(Some(exif(orientation)));
        let segment = |marker, text: &[u8]| {
            let contents = Bytes::from([text, PLACE].concat());
            img_parts::jpeg::JpegSegment::new_with_contents(marker, contents)
        };
        let more = [
            segment(markers::APP1, b"http://ns.adobe.com/xap/1.0/\0"),
            segment(markers::APP13, b"Photoshop 3.0\0"),
            segment(markers::COM, b""),
        ];
        it.segments_mut().splice(1..1, more);
        // A film of the same moment, with its place.
        [&it.encoder().bytes(), PLACE].concat().into()
    }

    #[test]
    fn a_jpeg_loses_place_and_comments_and_keeps_its_colours_and_how_it_is_turned() {
        for (orientation, size) in [(1, (900, 300)), (6, (300, 900))] {
            let came = a_jpeg(orientation);
            let picture = look("image/jpeg", &came);
            let kept = picture.cleaned.unwrap();
            assert!(!holds(&kept, PLACE) && !holds(&kept, b"xap/1.0"));
            assert_eq!(picture.size, Some(size));
            let profile = Jpeg::from_bytes(kept.clone()).unwrap().icc_profile();
            assert_eq!(profile.as_deref(), Some(&b"colours"[..]));
            let (before, after) = (
                decoded(ImageFormat::Jpeg, &came),
                decoded(ImageFormat::Jpeg, &kept),
            );
            assert!(before == after, "not a pixel is another");
            // Nothing is left to be done.
            assert!(look("image/jpeg", &kept).cleaned.is_none());
        }
    }

    #[test]
    fn a_png_and_a_webp_lose_place_and_texts_and_keep_how_they_are_turned() {
        let came = written(&halves(40, 20), ImageFormat::Png);
        let mut png = Png::from_bytes(came).unwrap();
        png.set_exif(Some(exif(6)));
        for kind in PNG_METADATA {
            png.chunks_mut()
                .insert(1, PngChunk::new(kind, Bytes::from_static(PLACE)));
        }
        let came = written(&halves(40, 20), ImageFormat::WebP);
        let mut webp = WebP::from_bytes(came).unwrap();
        let header = [WEBP_XMP, 0, 0, 0, 39, 0, 0, 19, 0, 0];
        let data = |bytes: &[u8]| RiffContent::Data(Bytes::copy_from_slice(bytes));
        let chunks = webp.chunks_mut();
        chunks.insert(0, RiffChunk::new(CHUNK_VP8X, data(&header)));
        chunks.push(RiffChunk::new(CHUNK_XMP, data(PLACE)));
        webp.set_exif(Some(exif(6)));
        for (mime, format, came) in [
            ("image/png", ImageFormat::Png, png.encoder().bytes()),
            ("image/webp", ImageFormat::WebP, webp.encoder().bytes()),
        ] {
            assert!(holds(&came, PLACE), "{mime}");
            let picture = look(mime, &came);
            let kept = picture.cleaned.expect(mime);
            assert!(!holds(&kept, PLACE), "{mime}");
            assert_eq!(picture.size, Some((20, 40)), "{mime}");
            let turned = decoded(format, &kept);
            assert_eq!(turned.get_pixel(5, 5), Rgba([255, 0, 0, 255]), "{mime}");
            assert_eq!(turned.get_pixel(5, 35), Rgba([0, 0, 255, 255]), "{mime}");
            assert!(look(mime, &kept).cleaned.is_none(), "{mime}");
        }
    }

    #[test]
    fn a_smaller_picture_fits_its_bound_and_is_turned_as_it_is_shown() {
        let picture = look("image/jpeg", &a_jpeg(6));
        let preview = picture.preview.unwrap();
        assert_eq!(preview.mime, "image/jpeg");
        let reduced = decoded(ImageFormat::Jpeg, &preview.bytes);
        assert_eq!(reduced.dimensions(), (213, EDGE));
        let (top, bottom) = (reduced.get_pixel(100, 20).0, reduced.get_pixel(100, 620).0);
        assert!(top[0] > 200 && top[2] < 50, "red at the top: {top:?}");
        assert!(bottom[2] > 200 && bottom[0] < 50, "{bottom:?}");
        let small = written(&halves(64, 64), ImageFormat::Jpeg);
        assert_eq!(look("image/jpeg", &small).preview, None);
    }

    #[test]
    fn somebodys_picture_is_the_middle_of_it_turned_and_made_anew() {
        let came = a_jpeg(6);
        let made = portrait("image/jpeg", &came).unwrap();
        assert!(!holds(&made, PLACE) && !holds(&made, b"colours") && !holds(&made, b"Exif"));
        let square = decoded(ImageFormat::Jpeg, &made);
        assert_eq!(square.dimensions(), (FACE, FACE));
        let (top, bottom) = (square.get_pixel(96, 5).0, square.get_pixel(96, 187).0);
        assert!(top[0] > 200 && bottom[2] > 200, "{top:?} {bottom:?}");
        let clear: DynamicImage = RgbaImage::from_pixel(9, 9, Rgba([0; 4])).into();
        let made = portrait("image/png", &written(&clear, ImageFormat::Png)).unwrap();
        let white = decoded(ImageFormat::Jpeg, &made).get_pixel(96, 96);
        assert_eq!(white, Rgba([255; 4]), "on white");
        for (mime, bytes) in [
            ("image/png", &b"\x89PNG\r\n\x1a\nbroken"[..]),
            ("image/gif", b"GIF89a\xff\xff\xff\xff\0\0\0;"),
            ("image/svg+xml", b"<svg/>"),
        ] {
            assert_eq!(
                portrait(mime, &Bytes::copy_from_slice(bytes)),
                None,
                "{mime}"
            );
        }
    }

    #[test]
    fn what_is_clear_stays_clear_in_the_smaller_picture() {
        let clear: DynamicImage =
            ImageBuffer::from_fn(9, 9, |x, _| Rgba::<u8>([9, 9, 9, u8::from(x > 4) * 255])).into();
        let preview = encoded(&clear, Vec::new()).unwrap();
        assert_eq!(preview.mime, "image/webp");
        let back = decoded(ImageFormat::WebP, &preview.bytes);
        assert_eq!(
            (back.get_pixel(0, 0).0[3], back.get_pixel(8, 0).0[3]),
            (0, 255)
        );
    }

    #[test]
    fn a_picture_that_would_fill_the_memory_is_not_decoded() {
        // The header of a PNG of 30,000 by 30,000, which a few kilobytes could fill.
        let mut png = Png::from_bytes(written(&halves(8, 8), ImageFormat::Png)).unwrap();
        let header = [
            &30_000_u32.to_be_bytes()[..],
            &30_000_u32.to_be_bytes(),
            &[8, 2, 0, 0, 0],
        ];
        png.chunks_mut()[0] = PngChunk::new(*b"IHDR", header.concat().into());
        let picture = look("image/png", &png.encoder().bytes());
        assert_eq!((picture.size, picture.preview), (None, None));
        // GIF has its size in its head.
        let gif = Bytes::from_static(b"GIF89a\xff\xff\xff\xff\0\0\0;");
        assert_eq!(look("image/gif", &gif).size, None);
    }

    #[test]
    fn what_is_so_broken_that_it_comes_apart_otherwise_each_time_is_kept_and_not_shown() {
        let bytes = b"\xff\xd8\xff\x08\0\x12\0\xff\xda\0\x06\0\xff\xd9\xd9\x1e\xff\xd9\xd9\x1e\xff\0\xff\xd9";
        let picture = look("image/jpeg", &Bytes::from_static(bytes));
        assert_eq!(
            (picture.cleaned, picture.size, picture.preview),
            (None, None, None)
        );
    }

    #[test]
    fn what_moves_and_what_is_no_picture_stays_as_it_is() {
        let mut gif = Vec::new();
        let mut writer = image::codecs::gif::GifEncoder::new(&mut gif);
        let frame = || image::Frame::new(halves(700, 20).to_rgba8());
        writer.encode_frames([frame(), frame()]).unwrap();
        drop(writer);
        let gif = look("image/gif", &gif.into());
        assert!(gif.cleaned.is_none() && gif.preview.is_none());
        assert_eq!(gif.size, Some((700, 20)));
        for mime in ["image/heic", "application/pdf", "image/svg+xml"] {
            let picture = look(mime, &Bytes::from_static(b"anything"));
            assert!(picture.cleaned.is_none() && picture.size.is_none());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0_usize..2000, place in 0_usize..2000, with: u8) {
            let real = a_jpeg(6);
            let mut broken = real[..cut.min(real.len())].to_vec();
            if let Some(byte) = broken.get_mut(place) {
                *byte = with;
            }
            for mime in ["image/jpeg", "image/png", "image/webp", "image/gif"] {
                for it in [&bytes, &broken] {
                    let _ = look(mime, &Bytes::copy_from_slice(it));
                    let _ = portrait(mime, &Bytes::copy_from_slice(it));
                }
            }
        }
    }
}
