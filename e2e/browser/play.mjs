// Plays a stream on the page and watches it.
//
//   node play.mjs BASE_URL NAME llhls|hls|dash SECONDS [MAX_LATENCY_SECONDS]
//
// MAX_LATENCY_SECONDS is for the median of what the page shows. With EDGE_URL in the environment, what the page asks
// for under /live/ is asked for there.
// Prints one line of JSON. Exit status: 0 played as it should, 1 did not (`reason` says why), 2 wrong usage.

import { usage, withChromium } from './chromium.mjs';

const ENGINES = ['llhls', 'hls', 'dash'];
const START_S = 30;
const SAMPLE_MS = 100;
/** Time spent waiting for media after the start, in sum: what a decoder on a busy machine may take. */
const MAX_STALLED_S = 0.25;
/** Players may catch up with the live edge by playing a tenth faster, and a sample may come late. */
const LEAST_SPEED = 0.97;
const MOST_SPEED = 1.12;
/** A player starts further behind than it wants to be and catches up; this many times the limit is too far. */
const MOST_LATENCY = 1.5;

const [base, name, engine, secondsText, maxLatencyText] = process.argv.slice(2);
const seconds = Number(secondsText);
const maxLatency = maxLatencyText === undefined ? Infinity : Number(maxLatencyText);
if (!base || !name || !ENGINES.includes(engine) || !(seconds > 0) || !(maxLatency > 0)) {
  usage('node play.mjs BASE_URL NAME llhls|hls|dash SECONDS [MAX_LATENCY_SECONDS]');
}

/** Runs in the page before its own scripts: notes what the media element goes through. */
function record() {
  const events = [];
  globalThis.recorded = events;
  const note = (type, detail) => events.push({ type, at: performance.now(), detail });
  for (const type of ['playing', 'waiting', 'seeking', 'seeked', 'pause', 'ended', 'error']) {
    // Media events do not bubble, but they can be captured on their way down.
    document.addEventListener(type, ({ target }) => target.tagName === 'VIDEO' && note(type, target.error?.message), true);
  }
  document.addEventListener('securitypolicyviolation', (event) => note('csp', `${event.effectiveDirective} ${event.blockedURI}`));
}

function sample() {
  const screen = document.querySelector('#player');
  const video = screen.querySelector('video');
  const quality = video.getVideoPlaybackQuality();
  return {
    at: performance.now(),
    position: video.currentTime,
    state: screen.dataset.state,
    engine: screen.dataset.engine,
    latency: screen.dataset.latency === undefined ? null : Number(screen.dataset.latency),
    overlay: document.querySelector('#overlay').hidden ? null : document.querySelector('#overlay').innerText,
    frames: quality.totalVideoFrames,
    dropped: quality.droppedVideoFrames,
    audioBytes: video.webkitAudioDecodedByteCount,
    width: video.videoWidth,
    height: video.videoHeight,
  };
}

const round = (value, digits) => (value === null ? null : Number(value.toFixed(digits)));

function spread(values) {
  if (values.length === 0) return { min: null, median: null, max: null };
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index) => round(sorted[index], 3);
  return { min: at(0), median: at(sorted.length >> 1), max: at(sorted.length - 1) };
}

/** Milliseconds between `from` and `to` in which playback waited for media, and how often; seeks aside. */
function stalls(events, from, to) {
  let seeking = false;
  let since = null;
  let count = 0;
  let total = 0;
  const end = (at) => {
    if (since !== null) total += at - since;
    since = null;
  };
  for (const { type, at } of events) {
    if (type === 'seeking') seeking = true;
    if (type === 'seeked') seeking = false;
    if (at < from || at > to) continue;
    if (type === 'waiting' && !seeking && since === null) {
      since = at;
      count += 1;
    }
    if (type === 'playing' || type === 'seeking') end(at);
  }
  end(to);
  return { count, total };
}

async function watch(browser, tracks) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const errors = [];
  const failedRequests = [];
  page.on('pageerror', (error) => errors.push(`exception: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && errors.push(`console: ${message.text()}`));
  page.on('response', (response) => response.status() >= 400 && failedRequests.push(`${response.status()} ${response.url()}`));
  await page.addInitScript(record);
  if (process.env.EDGE_URL) {
    await page.route(new URL('/live/**', base).href, (route) => {
      const { pathname, search } = new URL(route.request().url());
      return route.continue({ url: new URL(pathname + search, process.env.EDGE_URL).href });
    });
  }
  await page.goto(`${base.replace(/\/$/, '')}/#/${encodeURIComponent(name)}?player=${engine}`, { timeout: START_S * 1000 });

  const result = { ok: false, stream: name, engine };
  const fail = (reason) => ({ ...result, reason, errors, failed_requests: failedRequests });

  const deadline = Date.now() + START_S * 1000;
  let first;
  for (;;) {
    first = await page.evaluate(sample);
    // With a latency the player has shown moving pictures, and not only said so.
    if (first.state === 'playing' && first.latency !== null) break;
    if (first.state === 'error') return fail(`did not start: ${first.overlay}`);
    if (Date.now() > deadline) return fail(`not playing after ${START_S} s: ${first.state}, ${first.overlay}`);
    await page.waitForTimeout(SAMPLE_MS);
  }
  result.startup_ms = Math.round(await page.evaluate(() => globalThis.recorded.find(({ type }) => type === 'playing').at));

  const samples = [first];
  while (samples.at(-1).at - first.at < seconds * 1000) {
    await page.waitForTimeout(SAMPLE_MS);
    samples.push(await page.evaluate(sample));
  }
  const events = await page.evaluate(() => globalThis.recorded);
  const last = samples.at(-1);
  const elapsed = (last.at - first.at) / 1000;
  const stalled = stalls(events, first.at, last.at);
  const latencies = samples.map(({ latency }) => latency).filter((latency) => latency !== null);
  Object.assign(result, {
    watched_s: round(elapsed, 2),
    advanced_s: round(last.position - first.position, 2),
    stalls: stalled.count,
    stalled_s: round(stalled.total / 1000, 3),
    seeks: events.filter(({ type, at }) => type === 'seeking' && at >= first.at && at <= last.at).length,
    latency_s: spread(latencies),
    frames: last.frames - first.frames,
    dropped_frames: last.dropped - first.dropped,
    width: last.width,
    height: last.height,
  });

  const speed = (last.position - first.position) / elapsed;
  const mediaError = events.find(({ type }) => type === 'error');
  const violation = events.find(({ type }) => type === 'csp');
  const astray = samples.find(({ state }) => state !== 'playing' && state !== 'buffering');
  if (mediaError) return fail(`the video element failed: ${mediaError.detail}`);
  if (violation) return fail(`against the Content-Security-Policy: ${violation.detail}`);
  if (errors.length) return fail(errors[0]);
  if (last.engine !== engine) return fail(`the page plays with ${last.engine}`);
  if (astray) return fail(`went to state ${astray.state}: ${astray.overlay}`);
  if (stalled.total / 1000 > MAX_STALLED_S) return fail(`waited for media ${stalled.count} times, ${result.stalled_s} s in sum`);
  if (speed < LEAST_SPEED || speed > MOST_SPEED) return fail(`${result.advanced_s} s of media in ${result.watched_s} s`);
  if (latencies.length < samples.length / 2) return fail('the page does not show the latency');
  if (result.latency_s.median > maxLatency) return fail(`latency ${result.latency_s.median} s, more than ${maxLatency} s`);
  if (result.latency_s.max > maxLatency * MOST_LATENCY) return fail(`latency rose to ${result.latency_s.max} s`);
  if (tracks.some(({ kind }) => kind === 'video') && result.frames === 0) return fail('no video frame was decoded');
  if (tracks.some(({ kind }) => kind === 'audio') && last.audioBytes === first.audioBytes) return fail('no audio was decoded');
  return { ...result, ok: true, failed_requests: failedRequests };
}

async function tracksOf(stream) {
  const response = await fetch(new URL('/api/streams', base), { signal: AbortSignal.timeout(5000) });
  const list = await response.json();
  return list.find((entry) => entry.name === stream)?.tracks ?? [];
}

let result;
try {
  const tracks = await tracksOf(name);
  result = await withChromium(START_S + seconds + 30, (browser) => watch(browser, tracks));
} catch (error) {
  result = { ok: false, stream: name, engine, reason: error.message };
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
