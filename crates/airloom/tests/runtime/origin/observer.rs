use std::sync::{Arc, Mutex};

use airloom::Origin;
use airloom::origin::{Event, Observer, StreamName};
use tokio::time::{Duration, sleep};

use crate::camera::Camera;

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(String, Event)>>);

impl Observer for Heard {
    fn observe(&self, stream: &StreamName, event: &Event) {
        self.0.lock().unwrap().push((stream.to_string(), event.clone()));
    }
}

impl Heard {
    /// What was heard, one letter an event.
    fn letters(&self) -> String {
        let letter = |(_, event): &(String, Event)| match event {
            Event::Started { .. } => 'S',
            Event::Interrupted { .. } => 'x',
            Event::Resumed { .. } => 'R',
            Event::Init { .. } => 'i',
            Event::TargetDuration(_) => 't',
            Event::Part { .. } => 'p',
            Event::Segment { .. } => 's',
            Event::Ended { .. } => 'E',
            _ => '?',
        };
        self.0.lock().unwrap().iter().map(letter).filter(|letter| *letter != '?').collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_life_is_told_from_start_to_end() {
    let heard = Arc::new(Heard::default());
    let origin = Origin::builder().resume(Duration::from_secs(5)).observer(heard.clone()).build();
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(3.0);
    drop(camera);
    sleep(Duration::from_secs(1)).await;
    let mut camera = Camera::publish(&origin, "cam").unwrap();
    camera.run_to(1.0);
    drop(camera);
    sleep(Duration::from_secs(6)).await;
    let letters = heard.letters();
    let order: String = letters.chars().filter(|letter| "SxRE".contains(*letter)).collect();
    assert_eq!(order, "SxRxE", "{letters}");
    assert_eq!(letters.matches('t').count(), 1);
    assert!(letters.find('t') < letters.find('s'));
    // Everything that was sent is told before the publisher is said to be gone.
    let gone = letters.find('x').unwrap();
    assert!(letters[..gone].ends_with('s'), "{letters}");

    let _camera = Camera::publish(&origin, "cam").unwrap();
    let lives: Vec<_> = heard.0.lock().unwrap().iter().map(|(_, event)| event.clone()).collect();
    let lives = lives.iter().filter_map(|event| match event {
        Event::Started { life, .. } => Some(*life),
        _ => None,
    });
    let lives: Vec<_> = lives.collect();
    assert!(lives.len() == 2 && lives[0] < lives[1], "{lives:?}");
}

#[tokio::test(start_paused = true)]
async fn parts_make_up_their_segment_with_low_latency_and_without() {
    for part in [None, Some(Duration::from_millis(200))] {
        let heard = Arc::new(Heard::default());
        let origin = Origin::builder().part(part).observer(heard.clone()).build();
        let mut camera = Camera::publish(&origin, "cam").unwrap();
        camera.run_to(10.0);
        origin.end().await;
        let mut segments = 0;
        let mut parts: Vec<airloom::segmenter::Part> = Vec::new();
        for (_, event) in heard.0.lock().unwrap().iter() {
            match event {
                Event::Part { part, .. } => parts.push(part.clone()),
                Event::Segment { segment, .. } => {
                    let own = parts.extract_if(.., |part| part.track == segment.track);
                    let own: Vec<_> =
                        own.flat_map(|part| part.chunks().cloned().collect::<Vec<_>>()).collect();
                    assert!(own.iter().eq(segment.chunks()));
                    segments += 1;
                }
                _ => {}
            }
        }
        assert!(segments >= 8 && parts.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_takeover_is_an_interruption_too() {
    let heard = Arc::new(Heard::default());
    let origin = Origin::builder().observer(heard.clone()).build();
    let mut lost = Camera::publish(&origin, "cam").unwrap();
    lost.run_to(3.0);
    sleep(Duration::from_secs(1)).await;
    let _back = Camera::publish(&origin, "cam").unwrap();
    let order: String = heard.letters().chars().filter(|letter| "SxRE".contains(*letter)).collect();
    assert_eq!(order, "SxR");
}
