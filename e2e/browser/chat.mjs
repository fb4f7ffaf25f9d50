// Two pages talk, one of them over a line that breaks, and a flood goes by.
//
//   node chat.mjs BASE-URL ROOM MODERATOR-TOKEN
//
// Says what it measured in a line of JSON; ends with 1 and the reason where something is not as it must be.

import http from 'node:http';
import net from 'node:net';

import { usage, withChromium } from './chromium.mjs';

const [base, room, token] = process.argv.slice(2);
if (!base || !room || !token) usage('node chat.mjs BASE-URL ROOM MODERATOR-TOKEN');

const PATIENCE_MS = 20_000;
const FLOOD_S = 5;
const FLOOD_RATE = 1000;
const MISSED = 7;
/** What a person takes for a page that has stopped. */
const FROZEN_MS = 400;

function check(holds, text) {
  if (!holds) throw new Error(text);
}

/** A line to the server that can be cut. */
class Line {
  #sockets = new Set();
  #cut = false;
  #server = net.createServer((near) => {
    if (this.#cut) return near.destroy();
    const { hostname, port } = new URL(base);
    const far = net.connect(Number(port), hostname);
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });

  async open() {
    await new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#cut = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function post(user, text) {
  const body = JSON.stringify({ user, text });
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(`/api/rooms/${room}/messages`, base), { method: 'POST', agent, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const texts = (page) => page.$$eval('#chat-list .chat-text', (nodes) => nodes.map((node) => node.textContent));
const shown = (page, text) => page.waitForFunction((wanted) => [...document.querySelectorAll('#chat-list .chat-text')].some((node) => node.textContent === wanted), text, { timeout: PATIENCE_MS });

async function say(page, text) {
  await page.fill('#chat-text', text);
  await page.press('#chat-text', 'Enter');
  await page.waitForFunction(() => document.querySelector('#chat-text').value === '', null, { timeout: PATIENCE_MS });
}

async function open(browser, address, name) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => process.stderr.write(`page of ${name}: ${error.message}\n`));
  await page.goto(`${address}/#/${room}`);
  await page.waitForSelector('#chat[data-link="up"]', { timeout: PATIENCE_MS });
  await page.fill('#chat-name', name);
  await page.press('#chat-name', 'Tab');
  return page;
}

async function talk(ann, ben) {
  await say(ann, 'hello from ann');
  await shown(ben, 'hello from ann');
  await say(ben, 'hello from ben');
  await shown(ann, 'hello from ben');
  const users = await ann.$$eval('#chat-list .chat-user', (nodes) => nodes.map((node) => node.textContent));
  check(users.join() === 'ann,ben', `ann sees ${users}`);
  await ann.waitForFunction(() => document.querySelector('#chat-here').textContent.startsWith('2 here'), null, { timeout: PATIENCE_MS });
}

/** Reacts and replies to what somebody said. */
async function answer(ann, ben) {
  const message = ann.locator('.chat-entry', { hasText: 'hello from ben' });
  await message.hover();
  await message.getByRole('button', { name: 'Love' }).click();
  await ben.waitForFunction(() => document.querySelector('.chat-reactions')?.textContent === '❤️ 1', null, { timeout: PATIENCE_MS });
  await message.getByRole('button', { name: 'Reply' }).click();
  await say(ann, 'welcome, ben');
  await ben.waitForFunction(() => document.querySelector('.chat-to-me .chat-text')?.textContent === 'welcome, ben', null, { timeout: PATIENCE_MS });
  await shown(ann, 'welcome, ben');
  const twice = (await texts(ann)).filter((text) => text === 'welcome, ben').length;
  check(twice === 1, `ann sees her own reply ${twice} times`);
}

async function drop(line, ben) {
  line.cut();
  await ben.waitForSelector('#chat[data-link="lost"]', { timeout: PATIENCE_MS });
  for (let number = 1; number <= MISSED; number += 1) check((await post('cid', `missed ${number}`)) === 202, 'a message was refused');
  // One that is written while the line is down waits for it.
  await ben.fill('#chat-text', 'written in the dark');
  await ben.press('#chat-text', 'Enter');
  await ben.waitForTimeout(700);
  line.mend();
  await ben.waitForSelector('#chat[data-link="up"]', { timeout: PATIENCE_MS });
  await shown(ben, 'written in the dark');
  const seen = (await texts(ben)).filter((text) => text.startsWith('missed') || text.startsWith('written'));
  const wanted = [...Array.from({ length: MISSED }, (_, index) => `missed ${index + 1}`), 'written in the dark'];
  check(seen.join() === wanted.join(), `after the drop ben sees ${seen}`);
}

async function moderate(ann, ben) {
  await ben.click('#chat-shield');
  await ben.fill('#chat-token', 'not the token');
  await ben.press('#chat-token', 'Enter');
  await ben.waitForFunction(() => document.querySelector('#chat-note').textContent.includes('not a moderator'), null, { timeout: PATIENCE_MS });
  await ben.fill('#chat-token', token);
  await ben.press('#chat-token', 'Enter');
  await shown(ben, 'hello from ann');
  const message = ben.locator('.chat-entry', { hasText: 'hello from ann' });
  await message.locator('.chat-more').click();
  await message.locator('[data-power="pin"]').click();
  await ann.waitForFunction(() => document.querySelector('#chat-pin-text').textContent === 'ann: hello from ann', null, { timeout: PATIENCE_MS });
  await message.locator('.chat-more').click();
  await message.locator('[data-power="delete"]').click();
  await ann.waitForFunction(() => ![...document.querySelectorAll('#chat-list .chat-text')].some((node) => node.textContent === 'hello from ann'), null, { timeout: PATIENCE_MS });
  check(await ann.isHidden('#chat-pin'), 'the pin of a removed message stays');
}

/** Measures frames and long tasks of a page while a thousand messages a second come in. */
async function flood(ann) {
  await ann.evaluate(() => {
    const measured = (window.measured = { frames: [], tasks: [], most: 0, running: true });
    new PerformanceObserver((list) => measured.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    let last = performance.now();
    const frame = (now) => {
      measured.frames.push(now - last);
      last = now;
      measured.most = Math.max(measured.most, document.querySelector('#chat-list').childElementCount);
      if (measured.running) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  const start = performance.now();
  let sent = 0;
  let refused = 0;
  const pending = new Set();
  while (performance.now() - start < FLOOD_S * 1000) {
    const due = Math.floor(((performance.now() - start) / 1000) * FLOOD_RATE);
    while (sent < due) {
      sent += 1;
      const one = post(`writer-${sent % 50}`, `message ${sent} of many`).then((status) => { refused += status !== 202; });
      pending.add(one);
      one.finally(() => pending.delete(one));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(pending);
  const took = (performance.now() - start) / 1000;
  // What somebody writes in the midst of it they see, whatever is left out.
  await say(ann, 'am I heard?');
  await shown(ann, 'am I heard?');
  const { frames, tasks, most } = await ann.evaluate(() => {
    window.measured.running = false;
    return window.measured;
  });
  frames.sort((a, b) => a - b);
  const at = (share) => Math.round(frames[Math.floor((frames.length - 1) * share)]);
  const report = {
    sent, refused, per_second: Math.round(sent / took),
    frames: frames.length, frame_p50_ms: at(0.5), frame_p99_ms: at(0.99), frame_worst_ms: at(1),
    long_tasks: tasks.length, longest_task_ms: Math.round(Math.max(0, ...tasks)), shown_at_most: most,
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  check(refused === 0, `${refused} messages were refused`);
  check(most <= 400, `${most} messages in the list`);
  check(report.longest_task_ms < FROZEN_MS, `the page stood still for ${report.longest_task_ms} ms`);
  check(await ann.locator('#chat-list').evaluate((list) => list.scrollHeight - list.scrollTop - list.clientHeight < 60), 'the list does not follow');
}

const line = new Line();
try {
  const broken = await line.open();
  await withChromium(150, async (browser) => {
    const ann = await open(browser, base, 'ann');
    const ben = await open(browser, broken, 'ben');
    await talk(ann, ben);
    await answer(ann, ben);
    await drop(line, ben);
    await moderate(ann, ben);
    await ben.context().close();
    await flood(ann);
  });
} catch (error) {
  process.stderr.write(`chat: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  line.close();
  agent.destroy();
}
