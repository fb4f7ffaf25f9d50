//! Streams on their way to an S3 server on the same machine, which stops in the middle.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use airloom::Origin;
use airloom::archive::object_store::aws::AmazonS3Builder;
use airloom::archive::{Archive, Client, Config};
use airloom::media::{Codec, Delta, Sample, Timescale, Timestamp, Track, TrackId, avc};
use airloom::rtmp::{Media, Publication};
use bytes::Bytes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::Failure;

/// Where `cargo xtask install` puts it.
const SERVER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../e2e/s3/node_modules/s3rver/bin/s3rver.js");
const BUCKET: &str = "bench";
/// 640x360 at 30 fps, High profile.
const AVC: &[u8] = &[
    0x01, 0x64, 0x00, 0x1E, 0xFF, 0xE1, 0x00, 0x1E, 0x67, 0x64, 0x00, 0x1E, 0xAC, 0xD9, 0x40, 0xA0,
    0x2F, 0xF9, 0x70, 0x16, 0xA0, 0x20, 0x20, 0x28, 0x00, 0x00, 0x03, 0x00, 0x08, 0x00, 0x00, 0x03,
    0x01, 0xE0, 0x78, 0xB1, 0x6C, 0xB0, 0x01, 0x00, 0x06, 0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0, 0xFD,
    0xF8, 0xF8, 0x00,
];
/// 4 Mbit/s at 30 pictures a second.
const PICTURE: usize = 4_000_000 / 8 / 30;
/// How long the store is there before it stops, and how long it is stopped.
const BEFORE: Duration = Duration::from_secs(30);
const STOPPED: Duration = Duration::from_secs(60);
/// How long catching up may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// The S3 server. Dropping it kills it.
struct Store(Child, u16);

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Store {
    fn start(folder: &Path) -> Result<Self, Failure> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new("node");
        command
            .arg(SERVER)
            .args(["--silent", "--address", "127.0.0.1", "--port", &port.to_string()])
            .args(["--configure-bucket", BUCKET, "--directory"])
            .arg(folder);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        let store = Self(quiet.spawn()?, port);
        for _ in 0..200 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(store);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err("the S3 server does not listen; `cargo xtask install` brings it".into())
    }

    fn signal(&self, signal: Signal) -> Result<(), Failure> {
        Ok(kill(Pid::from_raw(self.0.id() as i32), signal)?)
    }
}

/// Prints the table.
///
/// # Errors
///
/// Where the S3 server cannot be started, or this process not be measured.
pub fn run(streams: usize) -> Result<(), Failure> {
    let folder = crate::directory().join("archive");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("objects"))?;
    let store = Store::start(&folder.join("objects"))?;
    // One core, as the figure says: one thread for all of it, and another that only waits for files.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()?;
    let result = runtime.block_on(measure(&store, &folder, streams));
    drop(store);
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure(store: &Store, folder: &Path, streams: usize) -> Result<(), Failure> {
    let bucket = AmazonS3Builder::new()
        .with_endpoint(format!("http://127.0.0.1:{}", store.1))
        .with_allow_http(true)
        .with_bucket_name(BUCKET)
        .with_region("us-east-1")
        .with_access_key_id("S3RVER")
        .with_secret_access_key("S3RVER")
        .with_http_connector(Client::default())
        .build()?;
    let mut config = Config::default();
    config.spill = Some(folder.join("waiting"));
    let archive = Archive::open(Arc::new(bucket), config)?;
    let origin = Origin::builder()
        .window(Duration::from_secs(10))
        .linger(Duration::from_secs(1))
        .observer(Arc::new(archive.clone()))
        .build();
    let (stop, stopped) = tokio::sync::watch::channel(());
    for stream in 0..streams {
        let (origin, mut stopped) = (origin.clone(), stopped.clone());
        tokio::spawn(async move {
            tokio::select! {
                done = publish(&origin, stream) => if let Err(failure) = done {
                    eprintln!("bench: {failure}");
                },
                _ = stopped.changed() => {}
            }
        });
    }
    let gauge = |name: &str| -> u64 {
        let text = archive.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        line.unwrap_or_default()
    };
    sleep(BEFORE / 3).await;
    let (cpu, began) = (cpu()?, Instant::now());
    sleep(BEFORE - BEFORE / 3).await;
    let load = (self::cpu()? - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    let (waiting, memory) = (gauge("airloom_archive_waiting "), resident()?);

    store.signal(Signal::SIGSTOP)?;
    let (mut most, mut grown) = (0, memory);
    let began = Instant::now();
    while began.elapsed() < STOPPED {
        sleep(Duration::from_millis(200)).await;
        most = most.max(gauge("airloom_archive_memory_bytes "));
        grown = grown.max(resident()?);
    }
    let disk = gauge("airloom_archive_disk_bytes ");
    store.signal(Signal::SIGCONT)?;
    let began = Instant::now();
    // What is being made is always waiting: as little as before is all.
    while gauge("airloom_archive_disk_bytes ") > 0
        || gauge("airloom_archive_waiting ") > waiting.max(streams as u64)
    {
        if began.elapsed() > PATIENCE {
            return Err("it does not catch up".into());
        }
        sleep(Duration::from_millis(200)).await;
    }
    let caught_up = began.elapsed();
    drop(stop);
    println!("### Archive: {streams} streams of 4 Mbit/s to an S3 server on this machine\n");
    println!(
        "Segmenter, live window of 10 s and archive in one thread; the S3 server (s3rver) in \
         another process, stopped for {} s and let go on.\n",
        STOPPED.as_secs()
    );
    let each = |bytes: u64| bytes as f64 / 1e6 / streams as f64;
    println!("| | |\n|---|---:|");
    println!("| CPU, all of it, of one core | {:.0} % |", load * 100.0);
    println!("| waiting before the stop, of all streams | {waiting} |");
    println!("| most media in memory while stopped, MB a stream | {:.2} |", each(most));
    println!(
        "| resident memory grew by, MB a stream | {:.2} |",
        each(grown.saturating_sub(memory))
    );
    println!("| on disk at the end of that, MB a stream | {:.1} |", each(disk));
    println!("| caught up after, s | {:.1} |", caught_up.as_secs_f64());
    println!("| segments lost | {} |\n", gauge("airloom_archive_lost_segments_total "));
    Ok(())
}

/// A stream in real time, a keyframe each 2 s.
async fn publish(origin: &Origin, stream: usize) -> Result<(), Failure> {
    let track = TrackId::new(1);
    let codec = Codec::Avc(avc::Config::decode(Bytes::from_static(AVC))?);
    let mut publishing = origin.publish(&format!("bench{stream}").parse()?)?;
    publishing.handle(Media::Track(Track { id: track, timescale: Timescale::MILLIS, codec }))?;
    let mut clock = interval(Duration::from_micros(33_333));
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for frame in 0_i64.. {
        clock.tick().await;
        let sync = frame % 60 == 0;
        // Memory of its own, as what comes from a socket has.
        let mut data = vec![stream as u8; PICTURE];
        data[..4].copy_from_slice(&(PICTURE as u32 - 4).to_be_bytes());
        data[4] = if sync { 0x65 } else { 0x41 };
        publishing.handle(Media::Sample(Sample {
            track,
            decode_time: Timestamp::new(frame * 1000 / 30),
            composition_offset: Delta::ZERO,
            duration: None,
            sync,
            data: data.into(),
        }))?;
        publishing.flush();
    }
    Ok(())
}

/// CPU time of this process.
fn cpu() -> Result<Duration, Failure> {
    let clock = nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID;
    Ok(nix::time::clock_gettime(clock)?.into())
}

/// Resident bytes of this process.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.ok_or("/proc/self/status has no VmRSS")? * 1024)
}
