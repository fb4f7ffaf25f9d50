// Takes a picture of the page as somebody sees it.
//
//   node screenshot.mjs URL OUT.png [WIDTH HEIGHT [light|dark [full]]]
//
// Waits until the list has settled, or until the stream plays; `full` takes the whole height of the page.

import { usage, withChromium } from './chromium.mjs';

const SETTLED_S = 20;
/** Enough for the figures and traces to have something to show. */
const LINGER_MS = 4000;

const [url, out, width = '1440', height = '900', scheme = 'dark', extent = 'screen'] = process.argv.slice(2);
if (!url || !out || !(Number(width) > 0) || !(Number(height) > 0) || !['light', 'dark'].includes(scheme)) {
  usage('node screenshot.mjs URL OUT.png [WIDTH HEIGHT [light|dark [full]]]');
}

function settled() {
  const home = document.querySelector('#home');
  if (!home.hidden) return !document.querySelector('#empty').hidden || document.querySelector('#cards').children.length > 0;
  return ['playing', 'ended', 'waiting', 'error'].includes(document.querySelector('#player').dataset.state);
}

try {
  await withChromium(SETTLED_S + 40, async (browser) => {
    const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme: scheme });
    await page.goto(url, { timeout: SETTLED_S * 1000 });
    await page.waitForFunction(settled, null, { timeout: SETTLED_S * 1000 });
    await page.waitForTimeout(LINGER_MS);
    await page.screenshot({ path: out, fullPage: extent === 'full' });
  });
} catch (error) {
  process.stderr.write(`no screenshot of ${url}: ${error.message}\n`);
  process.exitCode = 1;
}
