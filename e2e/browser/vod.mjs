// Plays a recording through the page, by HLS or as an MP4 file, from its start, then from a place in the middle, to its
// end; points at the seek strip for a thumbnail, and seeks by keys.
//
//   node vod.mjs BASE_URL ID hls|mp4 SECONDS
//
// SECONDS: how long the recording is. Prints one line of JSON. Exit status: 0 played as it should, 1 did not (`reason`
// says why), 2 wrong usage.

import { usage, withChromium } from './chromium.mjs';

const START_S = 30;
const SAMPLE_MS = 100;
const PLAYED_S = 2;

const [base, id, form, secondsText] = process.argv.slice(2);
const seconds = Number(secondsText);
if (!base || !id || !['hls', 'mp4'].includes(form) || !(seconds > 0)) usage('node vod.mjs BASE_URL ID hls|mp4 SECONDS');

function sample() {
  const video = document.querySelector('#vod-video');
  return {
    position: video.currentTime,
    duration: video.duration,
    frames: video.getVideoPlaybackQuality().totalVideoFrames,
    sound: video.webkitAudioDecodedByteCount,
    ended: video.ended,
    error: video.error?.message ?? null,
    state: document.querySelector('#vod-stage').dataset.state,
  };
}

/** The thumbnail that is shown: its width, and how many colours a row through its middle has. */
async function thumbnail() {
  const { width, height, backgroundImage, backgroundPosition } = getComputedStyle(document.querySelector('.vod-picture'));
  const sheet = new Image();
  sheet.src = /^url\("(.*)"\)$/.exec(backgroundImage)[1];
  await sheet.decode();
  const [x, y] = backgroundPosition.split(' ').map((offset) => -Number.parseFloat(offset));
  const canvas = new OffscreenCanvas(Number.parseFloat(width), Number.parseFloat(height));
  const context = canvas.getContext('2d');
  context.drawImage(sheet, -x, -y);
  const row = context.getImageData(0, canvas.height >> 1, canvas.width, 1).data;
  const colours = new Set(Array.from({ length: canvas.width }, (_, at) => row.slice(at * 4, at * 4 + 3).join()));
  return { width: canvas.width, colours: colours.size, time: document.querySelector('.vod-preview time').textContent };
}

/** Points at the middle of the strip, then seeks by keys; says what was wrong. */
async function seekByStrip(page, seconds) {
  const strip = page.locator('#vod-seek input');
  const bubble = page.locator('.vod-preview');
  await strip.hover({ timeout: START_S * 1000 });
  await bubble.waitFor({ state: 'visible', timeout: START_S * 1000 });
  const shown = await page.evaluate(thumbnail);
  if (shown.width !== 160 || shown.colours < 8) return `the thumbnail is ${JSON.stringify(shown)}`;
  const middle = Math.floor(seconds / 2);
  if (![middle - 1, middle].some((second) => shown.time === `0:${String(second).padStart(2, '0')}`)) {
    return `in the middle it says ${shown.time}`;
  }
  await page.mouse.move(0, 0);
  await bubble.waitFor({ state: 'hidden', timeout: START_S * 1000 });
  await page.evaluate(() => document.querySelector('#vod-video').pause());
  await strip.focus();
  const before = Number(await strip.inputValue());
  await page.keyboard.press('ArrowRight');
  await bubble.waitFor({ state: 'visible', timeout: START_S * 1000 });
  const after = await page.evaluate(() => document.querySelector('#vod-video').currentTime);
  await page.evaluate(() => document.querySelector('#vod-video').play());
  return after > before ? null : `a key led from ${before} s to ${after} s`;
}

async function watch(browser) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(`exception: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && errors.push(`console: ${message.text()}`));
  await page.goto(`${base}/`, { timeout: START_S * 1000 });
  const row = page.locator(`#vod-list li[data-id="${id}"]`);
  await row.getByRole('button').nth(form === 'hls' ? 0 : 1).click({ timeout: START_S * 1000 });

  const result = { ok: false, id, form };
  const until = async (what, enough) => {
    const deadline = Date.now() + (START_S + seconds) * 1000;
    for (;;) {
      const now = await page.evaluate(sample);
      if (now.error || now.state === 'error') throw new Error(`${what}: ${now.error ?? 'the player gave up'}`);
      if (enough(now)) return now;
      if (Date.now() > deadline) throw new Error(`${what}: not in time, ${JSON.stringify(now)}`);
      await page.waitForTimeout(SAMPLE_MS);
    }
  };
  const first = await until('start', ({ position, frames }) => position > PLAYED_S && frames > 0);
  if (Math.abs(first.duration - seconds) > 0.5) return { ...result, reason: `it says that it lasts ${first.duration} s` };
  if (first.sound === 0) return { ...result, reason: 'no sound was decoded' };
  const wrong = await seekByStrip(page, seconds);
  if (wrong) return { ...result, reason: wrong };
  const target = seconds * 0.7;
  await page.evaluate((to) => (document.querySelector('#vod-video').currentTime = to), target);
  const after = await until('seek', ({ position, frames }) => position > target + 1 && frames > first.frames);
  const back = 1;
  await page.evaluate((to) => (document.querySelector('#vod-video').currentTime = to), back);
  await until('seek back', ({ position }) => position > back + 1 && position < target);
  await page.evaluate((to) => (document.querySelector('#vod-video').currentTime = to), seconds - 1.5);
  const last = await until('end', ({ ended }) => ended);
  Object.assign(result, { duration: first.duration, frames: last.frames, seeked: after.position });
  if (errors.length) return { ...result, reason: errors[0] };
  return { ...result, ok: true };
}

let result;
try {
  result = await withChromium(4 * (START_S + seconds), watch);
} catch (error) {
  result = { ok: false, id, form, reason: error.message };
}
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
