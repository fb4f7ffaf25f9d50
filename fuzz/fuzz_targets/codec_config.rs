//! Codec configuration records, as FLV and MP4 carry them.

#![no_main]

use airloom_media::{Codec, aac, ac3, av1, avc, flac, hevc, mp3, opus, vp9};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let data = Bytes::copy_from_slice(data);
    if let Ok(config) = avc::Config::decode(data.clone()) {
        assert_eq!(config.raw(), &data);
        assert_eq!(config.to_string().len(), "avc1.640028".len());
        assert!(!config.sequence_parameter_sets().is_empty());
        assert!(matches!(config.length_size(), 1 | 2 | 4));
    }
    if let Ok(config) = aac::Config::decode(data.clone()) {
        assert_eq!(config.raw(), &data);
        assert!(config.to_string().starts_with("mp4a.40."));
        assert!(config.channels() > 0 && config.frame_length() > 0);
    }
    if let Ok(config) = hevc::Config::decode(data.clone()) {
        assert_eq!(config.raw(), &data);
        assert!(config.to_string().starts_with("hvc1."));
        assert!(config.sps().width > 0 && config.sps().height > 0);
    }
    // What parameter sets alone say, as an access unit carries them.
    if let Ok(Some(config)) = avc::Config::of_access_unit(&data, 4) {
        assert_eq!(config.in_band(&data), Ok(None));
        assert_eq!(avc::Config::decode(config.raw().clone()), Ok(config));
    }
    if let Ok(Some(config)) = hevc::Config::of_access_unit(&data, 4) {
        assert_eq!(config.in_band(&data), Ok(None));
        assert_eq!(hevc::Config::decode(config.raw().clone()), Ok(config));
    }
    if let Ok(config) = opus::Config::decode_header(&data) {
        assert_eq!(opus::Config::decode(config.raw().clone()), Ok(config));
    }
    if let Ok(config) = ac3::Config::of_frame(&data) {
        assert_eq!(ac3::Config::decode(config.raw().clone()), Ok(config));
    }
    if let Ok(config) = ac3::EnhancedConfig::of_frame(&data) {
        assert_eq!(ac3::EnhancedConfig::decode(config.raw().clone()), Ok(config));
    }
    let codecs = [
        av1::Config::decode(data.clone()).ok().map(Codec::Av1),
        vp9::Config::decode(data.clone()).ok().map(Codec::Vp9),
        opus::Config::decode(data.clone()).ok().map(Codec::Opus),
        flac::Config::decode(data.clone()).ok().map(Codec::Flac),
        ac3::EnhancedConfig::decode(data.clone()).ok().map(Codec::Eac3),
        mp3::Config::of_frame(&data).ok().map(Codec::Mp3),
    ];
    for codec in codecs.into_iter().flatten() {
        assert!(codec.to_string().len() >= 4);
        assert!(codec.picture().is_some() != codec.sound().is_some());
        if let Some(samples) = codec.frame_samples(&data) {
            assert!(samples > 0 && samples <= 65_536);
        }
    }
    let _ = vp9::picture_size(&data);
});
