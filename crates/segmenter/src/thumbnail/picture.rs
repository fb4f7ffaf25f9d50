use airloom_media::Colour;
use jpeg_encoder::{ColorType, Encoder};
use openh264::formats::YUVSource;

use super::rgb::Matrix;
use super::{Error, Size};

/// A small picture, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    size: Size,
    rgb: Vec<u8>,
}

impl Picture {
    /// A black one.
    pub(super) fn black(size: Size) -> Self {
        Self { size, rgb: vec![0; usize::from(size.width) * usize::from(size.height) * 3] }
    }

    /// Width and height.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// Three bytes a pixel, red, green and blue of sRGB, row by row from the top.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// A JPEG file (ITU-T T.81, in JFIF) of it; `quality` is 1 to 100, of which 75 is good.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] without pixels.
    pub fn jpeg(&self, quality: u8) -> Result<Vec<u8>, Error> {
        let Size { width, height } = self.size;
        let mut out = Vec::new();
        Encoder::new(&mut out, quality.clamp(1, 100))
            .encode(&self.rgb, width, height, ColorType::Rgb)
            .map_err(|_| Error::Unwritable { width: width.into(), height: height.into() })?;
        Ok(out)
    }

    /// Copies `other` into this one with its upper left corner at `x`, `y`; what does not fit is cut
    /// off.
    pub(super) fn paint(&mut self, other: &Self, x: usize, y: usize) {
        let (own, its) = (usize::from(self.size.width), usize::from(other.size.width));
        let wide = its.min(own.saturating_sub(x)) * 3;
        let rows = self.rgb.chunks_exact_mut(own.max(1) * 3).skip(y);
        for (to, from) in rows.zip(other.rgb.chunks_exact(its.max(1) * 3)) {
            if let (Some(to), Some(from)) = (to.get_mut(x * 3..x * 3 + wide), from.get(..wide)) {
                to.copy_from_slice(from);
            }
        }
    }
}

/// A picture as the decoder holds it: luma, and chroma at half its width and height.
#[derive(Debug)]
pub(super) struct Decoded<'a> {
    luma: Plane<'a>,
    blue: Plane<'a>,
    red: Plane<'a>,
    matrix: Matrix,
}

impl<'a> Decoded<'a> {
    /// `None` where the decoder's planes are not what their sizes say.
    pub(super) fn of(source: &'a dyn YUVSource, colour: Option<Colour>) -> Option<Self> {
        let (width, height) = source.dimensions();
        let (half, low) = (width / 2, height / 2);
        let (y, u, v) = source.strides();
        Some(Self {
            luma: Plane::new(source.y(), width, height, y)?,
            blue: Plane::new(source.u(), half, low, u)?,
            red: Plane::new(source.v(), half, low, v)?,
            matrix: Matrix::of(colour, height),
        })
    }

    /// Each pixel the mean of those it stands for: planes are scaled, so that no colour is computed
    /// that nobody sees.
    pub(super) fn scaled(&self, size: Size) -> Picture {
        let planes = [&self.luma, &self.blue, &self.red].map(|plane| plane.scaled(size));
        let [luma, blue, red] = &planes;
        let pixels = luma.iter().zip(blue).zip(red);
        let rgb = pixels.flat_map(|((luma, blue), red)| self.matrix.rgb(*luma, *blue, *red));
        Picture { size, rgb: rgb.collect() }
    }
}

/// Eight bits a sample, rows `stride` apart.
#[derive(Debug)]
struct Plane<'a> {
    samples: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
}

impl<'a> Plane<'a> {
    fn new(samples: &'a [u8], width: usize, height: usize, stride: usize) -> Option<Self> {
        let last = stride.checked_mul(height.checked_sub(1)?)?;
        (width > 0 && width <= stride && last + width <= samples.len()).then_some(Self {
            samples,
            width,
            height,
            stride,
        })
    }

    fn scaled(&self, size: Size) -> Vec<u8> {
        let (width, height) = (usize::from(size.width), usize::from(size.height));
        let mut out = Vec::with_capacity(width * height);
        let mut sums = vec![0u32; width];
        let columns: Vec<_> = (0..width).map(|x| stretch(x, width, self.width)).collect();
        for y in 0..height {
            let rows = stretch(y, height, self.height);
            sums.fill(0);
            for row in rows.clone() {
                let row = self.samples.get(row * self.stride..).unwrap_or_default();
                for (sum, columns) in sums.iter_mut().zip(&columns) {
                    let samples = row.get(columns.clone()).unwrap_or_default();
                    *sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
                }
            }
            for (sum, columns) in sums.iter().zip(&columns) {
                let count = (rows.len() * columns.len()) as u32;
                out.push(((sum + count / 2) / count.max(1)) as u8);
            }
        }
        out
    }
}

/// Which of `from` samples sample `at` of `to` stands for: one at least.
fn stretch(at: usize, to: usize, from: usize) -> std::ops::Range<usize> {
    let start = (at * from / to).min(from.saturating_sub(1));
    start..((at + 1) * from / to).clamp(start + 1, from.max(start + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pixel_is_the_mean_of_what_it_stands_for() {
        let samples = [10, 20, 30, 0, 30, 40, 50, 0, 0, 0, 0];
        let plane = Plane::new(&samples, 3, 2, 4).unwrap();
        assert_eq!(plane.scaled(Size { width: 1, height: 1 }), [30]);
        assert_eq!(plane.scaled(Size { width: 3, height: 1 }), [20, 30, 40]);
        assert_eq!(plane.scaled(Size { width: 1, height: 2 }), [20, 40]);
        assert_eq!(plane.scaled(Size { width: 2, height: 1 }), [20, 35]);
        // Chroma may have fewer samples than a small picture has pixels.
        assert_eq!(plane.scaled(Size { width: 6, height: 2 })[..6], [10, 10, 20, 20, 30, 30]);
    }

    #[test]
    fn a_plane_is_as_large_as_it_says() {
        assert!(Plane::new(&[0; 7], 3, 2, 4).is_some());
        assert!(Plane::new(&[0; 6], 3, 2, 4).is_none());
        assert!(Plane::new(&[0; 9], 5, 2, 4).is_none());
        assert!(Plane::new(&[], 0, 0, 0).is_none());
    }

    #[test]
    fn painting_is_cut_off_at_the_edges() {
        let mut sheet = Picture::black(Size { width: 3, height: 2 });
        let size = Size { width: 2, height: 2 };
        // All ones, so that a sum is a count.
        let white = Picture { size, rgb: vec![1; 12] };
        let painted = |sheet: &Picture| sheet.rgb.iter().map(|byte| u32::from(*byte)).sum::<u32>();
        sheet.paint(&white, 2, 1);
        assert_eq!(painted(&sheet), 3);
        sheet.paint(&white, 0, 0);
        assert_eq!(painted(&sheet), 15);
        sheet.paint(&white, 9, 9);
    }
}
