//! Pictures without transparency: PNG in and out, and their comparison.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Transformations};

/// Largest difference of a channel, of 255, that is not counted.
const SAME: u8 = 24;

/// The number of the most frequent colours that are kept.
const KEPT: usize = 32;

/// Pixels in rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<[u8; 3]>,
}

/// The comparison of two pictures of the same size.
#[derive(Debug)]
pub(crate) struct Difference {
    /// Number of pixels with a channel that differs by more than `SAME`.
    pub(crate) pixels: usize,
    /// The second picture, faint, with these pixels in red.
    pub(crate) shown: Picture,
}

impl Picture {
    /// Decodes a PNG; the alpha channel is left out.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        let mut decoder = Decoder::new(Cursor::new(bytes));
        decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
        let mut reader = decoder.read_info().unwrap();
        let mut samples = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut samples).unwrap();
        let pixels = samples[..frame.buffer_size()]
            .chunks_exact(frame.color_type.samples())
            .map(|pixel| match *pixel {
                [red, green, blue] | [red, green, blue, _] => [red, green, blue],
                [gray] | [gray, _] => [gray; 3],
                _ => panic!("a pixel of {} samples", pixel.len()),
            })
            .collect();
        Self {
            width: frame.width,
            height: frame.height,
            pixels,
        }
    }

    /// Encodes a PNG that is small: with a palette if there are at most 256 colours. If there are more, the low bits of
    /// channels are left out, down to 4, which changes them by less than what counts as a difference. The most frequent colours
    /// stay as they are: those of areas.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let frequent = self.frequent();
        let kept = [0xff, 0xfc, 0xf8, 0xf0].map(|mask| self.reduced(mask, &frequent));
        let reduced = kept.iter().find(|picture| picture.palette().len() <= 256);
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        let samples: Vec<u8> = if let Some(reduced) = reduced {
            let palette = reduced.palette();
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(palette.keys().flatten().copied().collect::<Vec<u8>>());
            reduced.pixels.iter().map(|pixel| palette[pixel]).collect()
        } else {
            encoder.set_color(ColorType::Rgb);
            kept[3].pixels.concat()
        };
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&samples)
            .unwrap();
        bytes
    }

    /// Compares it with another; none if their sizes differ.
    pub(crate) fn difference(&self, other: &Self) -> Option<Difference> {
        if (self.width, self.height) != (other.width, other.height) {
            return None;
        }
        let mut shown = other.clone();
        let mut differing = 0;
        for (before, after) in self.pixels.iter().zip(&mut shown.pixels) {
            let differs = (0..3).any(|channel| before[channel].abs_diff(after[channel]) > SAME);
            differing += usize::from(differs);
            *after = if differs {
                [0xff, 0, 0]
            } else {
                after.map(|channel| 0xc0 + channel / 4)
            };
        }
        Some(Difference {
            pixels: differing,
            shown,
        })
    }

    /// Returns it with these places in black, each given by its left, top, right and bottom.
    pub(crate) fn without(mut self, places: &[[i64; 4]]) -> Self {
        let (width, height) = (i64::from(self.width), i64::from(self.height));
        for &[left, top, right, bottom] in places {
            for row in top.clamp(0, height)..bottom.clamp(0, height) {
                for column in left.clamp(0, width)..right.clamp(0, width) {
                    let pixel = usize::try_from(row * width + column).unwrap();
                    self.pixels[pixel] = [0; 3];
                }
            }
        }
        self
    }

    /// Returns the most frequent colours.
    fn frequent(&self) -> BTreeSet<[u8; 3]> {
        let mut counts = BTreeMap::new();
        for pixel in &self.pixels {
            *counts.entry(*pixel).or_insert(0_usize) += 1;
        }
        let mut colors: Vec<_> = counts.into_iter().collect();
        colors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        colors.into_iter().take(KEPT).map(|(color, _)| color).collect()
    }

    fn reduced(&self, mask: u8, frequent: &BTreeSet<[u8; 3]>) -> Self {
        // Half of what is left out is added, so that black and white are changed as little as grey.
        let half = (!mask).div_ceil(2);
        let reduce = |channel: u8| match channel {
            0 | 255 => channel,
            _ => (channel & mask) | half & !mask,
        };
        Self {
            pixels: self
                .pixels
                .iter()
                .map(|pixel| match frequent.contains(pixel) {
                    true => *pixel,
                    false => pixel.map(reduce),
                })
                .collect(),
            ..*self
        }
    }

    /// Returns the colours with their index, which is meaningful up to 256.
    fn palette(&self) -> BTreeMap<[u8; 3], u8> {
        let colors: BTreeSet<[u8; 3]> = self.pixels.iter().copied().collect();
        colors.into_iter().zip((0..=255).cycle()).collect()
    }
}

#[test]
fn a_picture_survives_its_encoding_within_the_tolerance() {
    for colors in [2, 200, 5_000, 60_000_u32] {
        let pixels = (0..250 * 250)
            .map(|at: u32| {
                let color = (at % colors).wrapping_mul(2_654_435_761).to_le_bytes();
                [color[1], color[2], color[3]]
            })
            .collect();
        let picture = Picture {
            width: 250,
            height: 250,
            pixels,
        };
        let decoded = Picture::decode(&picture.encode());
        assert_eq!(
            decoded.difference(&picture).unwrap().pixels,
            0,
            "{colors} colours"
        );
        assert!(colors > 200 || decoded == picture, "{colors} colours");
    }
}

#[test]
fn a_difference_counts_pixels_beyond_the_tolerance() {
    let picture = Picture {
        width: 3,
        height: 1,
        pixels: vec![[100; 3]; 3],
    };
    let mut other = picture.clone();
    other.pixels[0][1] = 100 + SAME;
    other.pixels[2][1] = 100 + SAME + 1;
    let difference = picture.difference(&other).unwrap();
    assert_eq!(difference.pixels, 1);
    assert_eq!(difference.shown.pixels[2], [0xff, 0, 0]);
    other.width = 1;
    other.height = 3;
    assert!(picture.difference(&other).is_none());
}
