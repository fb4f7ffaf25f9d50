//! Follows a Low-Latency HLS stream as a client that keeps the rules, prints every part as it
//! comes, and names every rule that the server breaks.

mod arguments;
mod client;

use std::collections::HashSet;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use client::{Client, join, with};
use follow::multivariant::Multivariant;
use follow::{Broken, Playlist, rules};

fn main() -> ExitCode {
    match arguments::parse().and_then(|(url, parts)| Follower::new(&url)?.run(parts)) {
        Ok(broken) => {
            println!("{broken} rules broken");
            ExitCode::from(u8::from(broken > 0))
        }
        Err(error) => {
            eprintln!("follow: {error}");
            ExitCode::from(2)
        }
    }
}

struct Follower {
    client: Client,
    url: String,
    /// How many other renditions the multivariant playlist names.
    others: usize,
    said: HashSet<Broken>,
}

impl Follower {
    fn new(url: &str) -> Result<Self, Box<dyn Error>> {
        let (client, url) = (Client::new(), url.to_owned());
        let mut follower = Self { client, url, others: 0, said: HashSet::new() };
        let text = follower.client.text(&follower.url)?;
        if let Some((list, broken)) = Multivariant::read(&text) {
            broken.into_iter().chain(list.broken()).for_each(|broken| follower.say(broken));
            let (_, link) = list.variants.first().ok_or("no variant")?;
            follower.others = list.links().len() - 1;
            follower.url = join(&follower.url, link);
        }
        Ok(follower)
    }

    /// Follows until the end or so many parts; says how many rules were broken.
    fn run(mut self, most: usize) -> Result<usize, Box<dyn Error>> {
        let text = self.client.text(&self.url)?;
        let mut list = self.read(&text);
        if list.blocks() {
            let far = with(&self.url, &format!("_HLS_msn={}", list.next().0 + 100));
            let status = self.client.get(&far)?.0;
            self.require(status == 400, "6.2.5.2", "what is too far ahead is answered with 400");
        }
        println!(
            "{:>18} {:>8} {:>8} {:>9} {:>10}",
            "part", "ms", "bytes", "waited ms", "latency ms"
        );
        let (mut count, mut whole) = (0, Vec::new());
        while count < most && !list.ended && list.blocks() {
            let (sequence, part) = list.next();
            let mut query = format!("_HLS_msn={sequence}");
            if list.part_target.is_some() {
                query = format!("{query}&_HLS_part={part}");
            }
            if list.control.value("CAN-SKIP-UNTIL").is_some() {
                query += "&_HLS_skip=YES";
            }
            let asked = Instant::now();
            let text = self.client.text(&with(&self.url, &query))?;
            let waited = asked.elapsed();
            let next = self.read(&text).over(&list);
            for broken in rules::after(&list, &next) {
                self.say(broken);
            }
            self.require(
                next.ended || next.next() > (sequence, part),
                "6.2.5.2",
                "an answer too early",
            );
            for segment in next.segments.iter().filter(|segment| segment.sequence >= sequence) {
                let from = if segment.sequence == sequence { part as usize } else { 0 };
                let before: u64 = segment.parts.iter().take(from).map(|part| part.duration).sum();
                let mut due = segment.date.unwrap_or(0) + before;
                for (index, part) in segment.parts.iter().enumerate().skip(from) {
                    let (status, body) = self.client.get(&join(&self.url, &part.uri))?;
                    self.require(status == 200, "6.2.2", "a part that is listed can be had");
                    due += part.duration;
                    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64;
                    let name = format!("{}.{index}", segment.sequence);
                    let (length, bytes) = (part.duration / 1000, body.len());
                    let late = now.saturating_sub(due) / 1000;
                    println!(
                        "{name:>18} {length:>8} {bytes:>8} {:>9} {late:>10}",
                        waited.as_millis()
                    );
                    if index == 0 {
                        whole = Vec::new();
                    }
                    whole.extend(body);
                    count += 1;
                }
                // Followed from its first part on, its parts must be its bytes.
                if !segment.uri.is_empty()
                    && !segment.parts.is_empty()
                    && count >= segment.parts.len()
                {
                    let (status, body) = self.client.get(&join(&self.url, &segment.uri))?;
                    self.require(status == 200, "6.2.2", "a segment that is listed can be had");
                    self.require(body == whole, "4.4.4.9", "parts are the bytes of their segment");
                }
            }
            list = next;
        }
        Ok(self.said.len())
    }

    fn read(&mut self, text: &str) -> Playlist {
        let (list, broken) = Playlist::read(text);
        let reported =
            list.ended || list.part_target.is_none() || list.reports.len() >= self.others;
        self.require(reported, "B.1", "a report of every other rendition");
        broken.into_iter().chain(rules::alone(&list)).for_each(|broken| self.say(broken));
        list
    }

    fn require(&mut self, kept: bool, clause: &'static str, what: &str) {
        if !kept {
            self.say(Broken { clause, what: format!("not kept: {what}") });
        }
    }

    fn say(&mut self, broken: Broken) {
        if !self.said.contains(&broken) {
            println!("BROKEN {broken}");
            self.said.insert(broken);
        }
    }
}
