//! What a full run needs and this machine lacks, on Debian and its relatives.

use std::process::Command;

use crate::shell::{Failure, Report, Shell, has_program, root};

/// How a package is known to be there.
enum Sign {
    Program(&'static str),
    Package,
}

/// Debian package, how to see that it is there, what for.
const PACKAGES: [(&str, Sign, &str); 18] = [
    ("ffmpeg", Sign::Program("ffmpeg"), "encoder, puller and judge of packets"),
    ("chromium", Sign::Program("chromium"), "plays through hls.js and dash.js"),
    ("nginx", Sign::Program("nginx"), "carries the RTMP module"),
    ("libnginx-mod-rtmp", Sign::Package, "a relay that pushes to us"),
    ("rtmpdump", Sign::Program("rtmpdump"), "a librtmp player"),
    ("curl", Sign::Program("curl"), "HTTP/2 without TLS"),
    ("gstreamer1.0-tools", Sign::Program("gst-launch-1.0"), "encoder"),
    ("gstreamer1.0-plugins-base", Sign::Package, "test sources"),
    ("gstreamer1.0-plugins-good", Sign::Package, "flvmux"),
    ("gstreamer1.0-plugins-bad", Sign::Package, "rtmp2sink, and rtmpsink on librtmp"),
    ("gstreamer1.0-plugins-ugly", Sign::Package, "x264enc"),
    ("g++", Sign::Program("c++"), "builds libFuzzer, and the decoder of thumbnails"),
    ("procps", Sign::Program("kill"), "ends the server by signal"),
    ("nats-server", Sign::Program("nats-server"), "between nodes of a chat, and beside it"),
    ("redis-server", Sign::Program("redis-server"), "pub/sub beside the chat"),
    ("libnginx-mod-nchan", Sign::Package, "server-sent events beside the chat"),
    ("nodejs", Sign::Program("node"), "drives the browser, and runs the S3 server"),
    ("npm", Sign::Program("npm"), "fetches what node runs"),
];

pub(crate) fn run(shell: &mut Shell) -> Result<Report, Failure> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(package, sign, _)| match sign {
            Sign::Program(program) => !has_program(program),
            Sign::Package => !is_installed(package),
        })
        .map(|(package, _, _)| *package)
        .collect();
    for (package, _, purpose) in &PACKAGES {
        if missing.contains(package) {
            shell.say(&format!("missing: {package} ({purpose})"));
        }
    }
    if !missing.is_empty() {
        if !has_program("apt-get") {
            return Err(Failure(format!(
                "this machine has no apt-get; install by hand what Debian calls {}",
                missing.join(", ")
            )));
        }
        shell.run(apt_get()?.arg("update"))?;
        shell
            .run(apt_get()?.args(["install", "--yes", "--no-install-recommends"]).args(missing))?;
    }
    // What drives the browser, and an S3 server.
    for package in ["e2e/browser", "e2e/s3"].map(|package| root().join(package)) {
        if package.join("package-lock.json").is_file() {
            shell.run(
                Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(package),
            )?;
        }
    }
    Ok(Report::one())
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Status}", package])
        .output()
        .is_ok_and(|output| output.stdout == b"installed")
}

/// `apt-get` as root: directly, or through sudo that does not ask.
fn apt_get() -> Result<Command, Failure> {
    let id = Command::new("id").arg("-u").output();
    let root = id.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if root {
        Command::new("env")
    } else if has_program("sudo") {
        let mut command = Command::new("sudo");
        command.args(["--non-interactive", "env"]);
        command
    } else {
        return Err(Failure("installing packages needs root, or sudo without a password".into()));
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    Ok(command)
}
