// Watches a stream of several variants, goes from one to the other by hand, and looks for stalls.
//
//   node variants.mjs BASE_URL NAME llhls|hls|dash SECONDS HEIGHT HEIGHT
//
// A third of the time each: in the first variant, in the second, and in the first again. SECONDS in sum.
// Prints one line of JSON. Exit status: 0 played as it should, 1 did not (`reason` says why), 2 wrong usage.

import { usage, withChromium } from './chromium.mjs';

const START_S = 30;
/** What may pass between the wish for another variant and its pictures on screen: what is in the buffer goes first. */
const SWITCH_S = 12;
const MAX_STALLED_S = 0.25;

const [base, name, engine, secondsText, ...heightTexts] = process.argv.slice(2);
const seconds = Number(secondsText);
const heights = heightTexts.map(Number);
if (!base || !name || !/^(llhls|hls|dash)$/.test(engine) || !(seconds > 0) || heights.length !== 2) {
  usage('node variants.mjs BASE_URL NAME llhls|hls|dash SECONDS HEIGHT HEIGHT');
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in the page: plays with the page's own players, under the bare API of each. */
async function open([url, engine]) {
  document.body.innerHTML = '<video muted autoplay></video>';
  const video = document.querySelector('video');
  const state = { stalls: [], failures: [] };
  globalThis.watched = state;
  for (const type of ['waiting', 'playing', 'seeking', 'seeked']) {
    video.addEventListener(type, () => state.stalls.push({ type, at: performance.now() }));
  }
  if (engine === 'dash') {
    const { MediaPlayer } = await import('/assets/vendor/dashjs/dash.mediaplayer.min.js');
    const player = MediaPlayer().create();
    player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false, audio: false } } } });
    player.on(MediaPlayer.events.ERROR, ({ error }) => state.failures.push(`dash.js ${error?.code} ${error?.message}`));
    player.initialize(video, url, true);
    state.levels = () => player.getRepresentationsByType('video').map(({ height }) => height);
    state.go = (height) => {
      const wanted = player.getRepresentationsByType('video').find((each) => each.height === height);
      player.setRepresentationForTypeById('video', wanted.id);
    };
  } else {
    const { default: Hls } = await import('/assets/vendor/hls.js/hls.min.mjs');
    const hls = new Hls({ lowLatencyMode: engine === 'llhls', enableWorker: false });
    hls.on(Hls.Events.ERROR, (_, data) => data.fatal && state.failures.push(`hls.js ${data.details}`));
    hls.loadSource(url);
    hls.attachMedia(video);
    state.levels = () => hls.levels.map(({ height }) => height);
    state.go = (height) => (hls.nextLevel = hls.levels.findIndex((level) => level.height === height));
  }
}

function sample() {
  const video = document.querySelector('video');
  const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
  return {
    at: performance.now(),
    position: video.currentTime,
    height: video.videoHeight,
    frames: totalVideoFrames,
    dropped: droppedVideoFrames,
    failures: globalThis.watched.failures,
  };
}

async function watch(browser) {
  const page = await browser.newPage();
  await page.goto(`${base}/`);
  await page.evaluate(open, [new URL(`/live/${name}/${engine === 'dash' ? 'manifest.mpd' : 'index.m3u8'}`, base).href, engine]);
  const result = { ok: false, stream: name, engine };
  let now;
  const look = async () => (now = await page.evaluate(sample));
  const until = async (done, time) => {
    const deadline = Date.now() + time * 1000;
    while (!done(await look())) {
      if (now.failures.length || Date.now() > deadline) return false;
      await wait(50);
    }
    return true;
  };
  const fail = (reason) => ({ ...result, reason: now.failures[0] ?? reason, last: now });

  const start = (await look()).position;
  if (!(await until(({ position, frames }) => frames > 0 && position > start + 0.2, START_S))) return fail('not playing in time');
  result.levels = await page.evaluate(() => globalThis.watched.levels());
  if ([...result.levels].sort().join() !== [...heights].sort().join()) return fail(`levels ${result.levels}`);
  const first = now;
  result.switched_s = [];
  for (const height of [heights[0], heights[1], heights[0]]) {
    const asked = now.at;
    await page.evaluate((to) => globalThis.watched.go(to), height);
    if (!(await until((each) => each.height === height, SWITCH_S))) return fail(`no pictures of ${height} lines`);
    result.switched_s.push((now.at - asked) / 1000);
    const from = now.at;
    await until(({ at }) => at - from > (seconds * 1000) / 3, seconds);
    if (now.failures.length) return fail('failed');
    if (now.height !== height) return fail(`shows ${now.height} lines, not ${height}`);
  }
  let [stalled, since, seeking] = [0, null, false];
  for (const { type, at } of await page.evaluate(() => globalThis.watched.stalls)) {
    if (type === 'seeking') seeking = true;
    if (type === 'seeked') seeking = false;
    if (at < first.at) continue;
    if (type === 'waiting' && !seeking) since ??= at;
    else if (since !== null) [stalled, since] = [stalled + at - since, null];
  }
  if (since !== null) stalled += now.at - since;
  const speed = (now.position - first.position) / ((now.at - first.at) / 1000);
  Object.assign(result, { stalled_s: stalled / 1000, speed, dropped: now.dropped });
  if (stalled / 1000 > MAX_STALLED_S) return fail(`waited for media ${stalled / 1000} s`);
  if (speed < 0.95 || speed > 1.15) return fail(`played at ${speed.toFixed(2)} of real time`);
  return { ...result, ok: true };
}

let result;
try {
  result = await withChromium(START_S + 3 * SWITCH_S + seconds + 30, watch);
} catch (error) {
  result = { ok: false, stream: name, engine, reason: error.message };
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
