//! Whatever is called with whatever times, clean segments come out.

mod rig;

use airloom_segmenter::{Config, Event};
use proptest::prelude::*;
use rig::{Rig, X264, audio, video};

#[derive(Debug, Clone)]
enum Call {
    Sample { audio: bool, step: i64, offset: i64, sync: bool },
    Restart,
    Track(u8),
}

fn step() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => 0i64..60,
        4 => -150i64..3000,
        2 => -100_000i64..100_000,
        1 => any::<i64>(),
        1 => -(1i64 << 40)..(1i64 << 40),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        60 => (any::<bool>(), step(), prop_oneof![8 => 0i64..200, 1 => any::<i64>()], prop::bool::weighted(0.1))
            .prop_map(|(audio, step, offset, sync)| Call::Sample { audio, step, offset, sync }),
        1 => Just(Call::Restart),
        1 => (0u8..4).prop_map(Call::Track),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is called with whatever times: no panic, and all that always holds, holds (the rig
    /// checks it). What is neither in the output nor reported as dropped does not exist.
    #[test]
    fn anything_goes_in_and_clean_segments_come_out(
        calls in prop::collection::vec(call(), 0..400), parts in any::<bool>(),
    ) {
        let mut config = Config::default();
        if !parts {
            config.part = None;
        }
        let mut rig = Rig::with(config, &[video(X264), audio(48_000)]);
        let mut times = [0i64; 2];
        for call in calls {
            match call {
                Call::Sample { audio: true, step, .. } => {
                    times[1] = times[1].wrapping_add(step);
                    rig.sound(times[1]);
                }
                Call::Sample { step, offset, sync, .. } => {
                    times[0] = times[0].wrapping_add(step);
                    rig.picture(times[0], offset, sync);
                }
                Call::Restart => rig.restart(),
                Call::Track(0) => rig.set_track(video(X264)),
                Call::Track(1) => rig.set_track(video(rig::UNTIMED)),
                Call::Track(2) => rig.set_track(audio(48_000)),
                Call::Track(_) => rig.set_track(audio(44_100)),
            }
        }
        rig.finish();
        for (track, fed) in &rig.fed {
            let out: Vec<_> = rig.samples(*track).iter().map(|sample| sample.data.clone()).collect();
            let dropped = rig.count(|event| matches!(
                event, Event::Dropped { track: dropped, .. } if dropped == track
            ));
            prop_assert_eq!(out.len() + dropped, fed.len());
            // In order, nothing twice: what came out is what went in with some left out.
            let mut rest = fed.iter();
            for data in &out {
                prop_assert!(rest.any(|fed| fed.data == *data), "out of order or twice");
            }
        }
    }
}
