// Watches a stream through whatever happens to it, with a player of the page or with Shaka Player on an empty one.
//
//   node players.mjs BASE_URL NAME llhls|hls|dash|shaka-hls|shaka-dash SECONDS [HEIGHT|seek|MAX_LATENCYs]
//
// HEIGHT: the stream is disturbed meanwhile; in the end pictures of that height have to move, and all that is
// asked of the time before is that the player did not give up.
// seek: goes back in the live window halfway, and to the live edge again.
// 3s: nothing happens to the stream; there must be no stall, and the median latency must be less than that.
//
// Prints one line of JSON. Exit status: 0 played as it should, 1 did not (`reason` says why), 2 wrong usage.

import { createRequire } from 'node:module';
import { usage, withChromium } from './chromium.mjs';

const START_S = 30;
const SAMPLE_MS = 100;
/** The time in the end in which a disturbed stream has to play undisturbed. */
const HEALTHY_S = 4;
const BACK_S = 8;
const MAX_STALLED_S = 0.25;

const [base, name, engine, secondsText, mode] = process.argv.slice(2);
const seconds = Number(secondsText);
const height = Number(mode);
const latency = Number(/^(\d+(?:\.\d+)?)s$/.exec(mode)?.[1]);
if (!base || !name || !/^(llhls|hls|dash|shaka-hls|shaka-dash)$/.test(engine) || !(seconds > 0)) {
  usage('node players.mjs BASE_URL NAME llhls|hls|dash|shaka-hls|shaka-dash SECONDS [HEIGHT|seek|LATENCYs]');
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The page of the service, with one of its players. */
async function openPage(page) {
  await page.goto(`${base}/#/${encodeURIComponent(name)}?player=${engine}`, { timeout: START_S * 1000 });
}

/** A page without anything, with Shaka Player. */
async function openShaka(page, manifest) {
  const script = createRequire(import.meta.url).resolve('shaka-player/dist/shaka-player.compiled.js');
  await page.goto(`${base}/healthz`);
  await page.addScriptTag({ path: script });
  // In HLS Shaka Player 5.2 appends a part that was hinted at before a break of the stream as if it came before the
  // break, and fails where the part needs another header. (hls.js waits for the playlist.)
  const lowLatencyMode = !(height > 0 && engine === 'shaka-hls');
  await page.evaluate(async ([url, lowLatencyMode]) => {
    document.body.innerHTML = '<div id="player"><video muted autoplay></video></div>';
    const video = document.querySelector('video');
    const player = new globalThis.shaka.Player();
    globalThis.shakaPlayer = player;
    globalThis.failures = [];
    const failed = (error) => error.severity === 2 && globalThis.failures.push(`Shaka ${error.code} ${JSON.stringify(error.data)?.slice(0, 300)}`);
    player.addEventListener('error', ({ detail }) => failed(detail));
    await player.attach(video);
    player.configure({
      streaming: { lowLatencyMode, liveSync: { enabled: lowLatencyMode } },
      // By default Shaka Player takes the last segment of a SegmentTimeline for one that has just ended when it first
      // reads the manifest. Where the segment being made is listed that is up to its whole length too late, and with
      // @availabilityTimeOffset on top Shaka Player aims beyond what there is and stalls. Its own configuration for Low
      // Latency says so too (configurationForLowLatency), and comes into force only after that first reading.
      manifest: {
        dash: { autoCorrectDrift: false },
        // Looking for captions, Shaka Player 5.2 takes the segment being made for one with an address, and waits for
        // ever where only two are complete.
        hls: { disableClosedCaptionsDetection: true },
      },
    });
    await player.load(url).catch(failed);
  }, [new URL(manifest, `${base}/live/${name}/`).href, lowLatencyMode]);
}

/** Runs in the page: notes the stalls, as play.mjs does. */
function record() {
  globalThis.stalls = [];
  const note = (type) => globalThis.stalls.push({ type, at: performance.now() });
  for (const type of ['waiting', 'playing', 'seeking', 'seeked']) {
    document.addEventListener(type, ({ target }) => target.tagName === 'VIDEO' && note(type), true);
  }
}

function sample() {
  const video = document.querySelector('#player video');
  const screen = document.querySelector('#player');
  const seekable = video.seekable;
  const live = globalThis.shakaPlayer?.seekRange();
  return {
    at: performance.now(),
    position: video.currentTime,
    height: video.videoHeight,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    state: screen.dataset.state ?? (video.paused ? 'paused' : 'playing'),
    start: live?.start ?? (seekable.length ? seekable.start(0) : null),
    latency: globalThis.shakaPlayer
      ? (Date.now() - (globalThis.shakaPlayer.getPlayheadTimeAsDate()?.getTime() ?? NaN)) / 1000
      : Number(screen.dataset.latency ?? NaN),
    failures: globalThis.failures ?? [],
    error: video.error?.message ?? null,
  };
}

async function watch(browser) {
  const page = await browser.newPage();
  await page.addInitScript(record);
  if (engine.startsWith('shaka')) await openShaka(page, engine === 'shaka-hls' ? 'index.m3u8' : 'manifest.mpd');
  else await openPage(page);

  const result = { ok: false, stream: name, engine };
  const samples = [];
  const look = async () => samples[samples.push(await page.evaluate(sample)) - 1];
  const deadline = Date.now() + START_S * 1000;
  for (;;) {
    const { position, frames, failures } = await look();
    if (failures.length) return { ...result, reason: `did not start: ${failures[0]}` };
    if (frames > 0 && position > samples[0].position + 0.2) break;
    if (Date.now() > deadline) return { ...result, reason: 'not playing in time', last: samples.at(-1) };
    await wait(SAMPLE_MS);
  }
  const first = await look();
  const passed = () => (samples.at(-1).at - first.at) / 1000;
  const playFor = async (time) => {
    const from = passed();
    while (passed() - from < time) {
      await wait(SAMPLE_MS);
      await look();
    }
  };

  if (mode === 'seek') {
    await playFor(seconds / 2);
    const before = samples.at(-1);
    const target = Math.max(before.position - BACK_S, before.start ?? 0);
    await page.evaluate((to) => (document.querySelector('#player video').currentTime = to), target);
    await playFor(2);
    const landed = samples.at(-1);
    await playFor(seconds / 2);
    const last = samples.at(-1);
    const advanced = (last.position - landed.position) / ((last.at - landed.at) / 1000);
    Object.assign(result, { from: before.position, to: target, landed: landed.position, speed: advanced });
    if (landed.position > before.position - BACK_S / 2) return { ...result, reason: 'did not go back' };
    if (advanced < 0.9) return { ...result, reason: `played on at ${advanced.toFixed(2)} of real time` };
    return { ...result, ok: true };
  }

  await playFor(seconds);
  const last = samples.at(-1);
  const heights = [...new Set(samples.map((each) => each.height))];
  Object.assign(result, { watched_s: passed(), heights, state: last.state });
  if (last.failures.length) return { ...result, reason: last.failures[0] };
  if (last.error) return { ...result, reason: last.error };
  if (height > 0) {
    const healthy = samples.find((each) => last.at - each.at < HEALTHY_S * 1000);
    const speed = (last.position - healthy.position) / ((last.at - healthy.at) / 1000);
    result.speed = speed;
    if (last.height !== height) return { ...result, reason: `shows ${last.height} lines, not ${height}` };
    if (speed < 0.8 || speed > 1.2) return { ...result, reason: `in the end it plays at ${speed.toFixed(2)} of real time` };
    if (last.frames <= healthy.frames) return { ...result, reason: 'no more pictures in the end' };
    return { ...result, ok: true };
  }
  const events = await page.evaluate(() => globalThis.stalls);
  let [stalled, since, seeking] = [0, null, false];
  for (const { type, at } of events) {
    if (type === 'seeking') seeking = true;
    if (type === 'seeked') seeking = false;
    if (at < first.at) continue;
    if (type === 'waiting' && !seeking) since ??= at;
    else if (since !== null) [stalled, since] = [stalled + at - since, null];
  }
  if (since !== null) stalled += last.at - since;
  const latencies = samples.map((each) => each.latency).filter(Number.isFinite).sort((a, b) => a - b);
  const median = latencies[latencies.length >> 1] ?? null;
  const speed = (last.position - first.position) / passed();
  Object.assign(result, { stalled_s: stalled / 1000, latency_s: median, speed });
  if (stalled / 1000 > MAX_STALLED_S) return { ...result, reason: `waited for media ${stalled / 1000} s` };
  if (speed < 0.95 || speed > 1.15) return { ...result, reason: `played at ${speed.toFixed(2)} of real time` };
  if (latency > 0 && !(median < latency)) return { ...result, reason: `latency ${median} s` };
  return { ...result, ok: true };
}

let result;
try {
  result = await withChromium(START_S + seconds + 30, watch);
} catch (error) {
  result = { ok: false, stream: name, engine, reason: error.message };
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
