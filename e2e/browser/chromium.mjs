// Starts the system's Chromium, and makes sure that it is gone afterwards.

import { chromium } from 'playwright-core';

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Runs `use(browser)` for at most `seconds`; the browser and its profile are removed in any case. */
export async function withChromium(seconds, use) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ARGS,
    timeout: 30_000,
  });
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${seconds} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([use(browser), late]);
  } finally {
    clearTimeout(timer);
    await browser.close();
  }
}

/** Ends the program with one line on standard error that says how it wants to be called. */
export function usage(text) {
  process.stderr.write(`usage: ${text}\n`);
  process.exit(2);
}
