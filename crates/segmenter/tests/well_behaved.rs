//! An encoder that behaves is passed on to the tick.

mod rig;

use airloom_segmenter::{Config, Event};
use proptest::prelude::*;
use rig::{AUDIO, Rig, VIDEO, X264, audio, video};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// An encoder that behaves: every sample with its very time, whatever rate and group length.
    #[test]
    fn a_well_behaved_encoder_is_passed_on_exactly(
        rate in 10i64..70, gop in 10i64..200, start in 0i64..5_000_000_000, late in -500i64..3000,
        depth in 0i64..4,
    ) {
        let mut rig = Rig::with(Config::default(), &[video(X264), audio(48_000)]);
        let mut samples: Vec<_> = (0..300i64)
            .map(|frame| (start + 600 + frame * 1000 / rate, Some(frame)))
            .chain((0..400i64).map(|frame| (start + 600 + late + frame * 1024 / 48, None)))
            .collect();
        samples.sort_by_key(|(time, _)| *time);
        for (time, picture) in samples {
            match picture {
                Some(frame) => {
                    let offset = if frame % gop == 0 { depth } else { (frame * 7) % (depth + 1) };
                    rig.picture(time, offset * 1000 / rate, frame % gop == 0);
                }
                None => rig.sound(time),
            }
        }
        rig.finish();
        rig.assert_everything_is_there();
        rig.assert_pictures_keep_their_times(0);
        prop_assert_eq!(rig.discontinuities(), 0);
        let first = rig.times(AUDIO)[0];
        prop_assert_eq!(first, (start + 600 + late) * 48);
        prop_assert!(rig.times(AUDIO).windows(2).all(|pair| pair[1] - pair[0] == 1024));
        // Every segment starts where decoding can, but for those that were cut where no keyframe came.
        let blind = rig.of(VIDEO).iter().filter(|segment| !segment.independent).count();
        let forced = rig.count(|event| matches!(event, Event::ForcedCut { .. }));
        prop_assert!(blind <= forced, "{} begin blind, {} were forced", blind, forced);
        if gop * 1000 / rate < 2000 {
            prop_assert_eq!(forced, 0);
        }
        prop_assert_eq!(rig.count(|event| matches!(event, Event::AudioResync { .. })), 0);
    }
}
