//! `examples/follow` keeps the rules and finds none broken.

use std::process::Command;
use std::time::Duration;

use airloom_e2e::clip::Clip;
use airloom_e2e::process::Process;
use airloom_e2e::server::{self, Live};
use airloom_e2e::{ffmpeg, hls};

#[test]
fn a_client_that_keeps_the_rules_finds_none_broken() {
    let file = Clip::SMALL.file();
    let live = Live::start(&["--segment", "1", "--resume", "5"]);
    let url = live.rtmp_url("judged");
    let publisher = ffmpeg::publish_for_ever(&file, &url);
    let media =
        hls::wait_for_segments(&live.url("/live/judged/index.m3u8"), Duration::from_secs(30));
    let program = server::program().with_file_name("follow");
    let mut judges: Vec<Process> = media
        .iter()
        .map(|url| Process::start(Command::new(&program).args(["--parts", "60", url])))
        .collect();
    // Through an encoder that is killed and comes back.
    std::thread::sleep(Duration::from_secs(4));
    drop(publisher);
    let _publisher = ffmpeg::publish_for_ever(&file, &url);
    for judge in &mut judges {
        let status = judge.wait(Duration::from_mins(1));
        let said = judge.output();
        assert!(status.success(), "{said}{}", judge.errors());
        assert!(said.ends_with("0 rules broken\n") && said.lines().count() >= 60, "{said}");
    }
}
