use super::Size;

/// How large thumbnails are, and what is not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What a thumbnail fits into, in pixels; it keeps the picture's shape, and is no larger than the
    /// picture. Default 160 x 90. Three bytes of memory a pixel.
    pub size: Size,
    /// What is refused.
    pub limits: Limits,
}

/// Bounds on what a thumbnailer decodes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Pixels of one picture, as any of its parameter sets says. Default 9,437,184, which is what
    /// level 5.1 allows (table A-1): 4096 x 2304. A decoder holds up to 18 pictures of 1.5 bytes a
    /// pixel, so 255 MB at worst; of common streams of 1920 x 1080 some 20 MB.
    pub pixels: u32,
    /// Bytes of one picture. Default 8 MiB, as the segmenter has it. Copied once.
    pub sample_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { size: Size { width: 160, height: 90 }, limits: Limits::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { pixels: 36_864 * 256, sample_bytes: 8 << 20 }
    }
}
