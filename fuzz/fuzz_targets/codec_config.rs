//! Codec configuration records, as FLV and MP4 carry them.

#![no_main]

use airloom_media::{aac, avc};
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
});
