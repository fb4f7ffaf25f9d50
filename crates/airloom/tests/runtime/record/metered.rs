use airloom::billing::WallTime;
use airloom::usage::{Config, Usage};
use tokio::sync::oneshot;
use tokio::time::{Duration, sleep};

use super::studio::Studio;
use crate::camera::Camera;

fn quantity(usage: &Usage, meter: &str) -> u128 {
    usage.flush().unwrap();
    let always = (WallTime::UNIX_EPOCH, WallTime::from_unix_seconds(10_000_000_000));
    let figures = usage.figures(always.0, always.1);
    figures.iter().find(|figure| figure.meter.as_str() == meter).map_or(0, |found| found.quantity)
}

#[tokio::test(start_paused = true)]
async fn recordings_count_once_over_restarts_and_storage_for_as_long_as_it_is_used() {
    let (folder, ledger) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for life in 1..=3u128 {
        let usage = Usage::open(&Config::new(ledger.path())).unwrap();
        let studio = Studio::open(folder.path());
        let before = quantity(&usage, "storage_byte_hours");
        let (stop, stopped) = oneshot::channel::<()>();
        let metering = tokio::spawn({
            let (usage, recorder) = (usage.clone(), studio.recorder.clone());
            async move { usage.recordings(&recorder, async { drop(stopped.await) }).await }
        });
        let mut camera = Camera::publish(&studio.origin, "cam").unwrap();
        camera.run_to(10.0);
        drop(camera);
        let recordings = studio.wrap().await;
        assert_eq!(recordings.len() as u128, life);
        sleep(Duration::from_hours(2)).await;
        let bytes: u64 = recordings.iter().map(|recording| recording.bytes).sum();
        drop(stop);
        metering.await.unwrap();
        // Those of lives before are the same recordings.
        assert_eq!(quantity(&usage, "recordings"), life);
        let stored = quantity(&usage, "storage_byte_hours") - before;
        // What lay there before, from the first weighing; the new one, from the one after its end.
        let most = 2 * u128::from(bytes);
        assert!(stored <= most + most / 100 && stored >= most * 98 / 100, "{stored} of {most}");
        usage.with_ledger(|ledger| ledger.verify(&[])).unwrap();
    }
}
