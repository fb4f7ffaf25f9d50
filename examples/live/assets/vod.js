// The recordings, newest first, those of streams on air among them, and a player for one of them.

import { byId, setHidden, setText } from './dom.js';
import * as format from './format.js';
import { Preview } from './preview.js';

const POLL_MS = 5000;
const TIMEOUT_MS = 4000;

async function recordings() {
  const response = await fetch(new URL('vod?on_air=1', document.baseURI), {
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`the list of recordings answered ${response.status}`);
  return response.json();
}

function button(text, label, act) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = 'button';
  made.textContent = text;
  made.setAttribute('aria-label', label);
  made.addEventListener('click', act);
  return made;
}

export class Recordings {
  #panel = byId('vod');
  #list = byId('vod-list');
  #stage = byId('vod-stage');
  #video = byId('vod-video');
  #preview = new Preview(byId('vod-seek'), this.#video);
  #rows = new Map();
  #engine = null;
  /** Counts what was asked to play, so that a player that comes late is let go again. */
  #asked = 0;

  start() {
    byId('vod-close').addEventListener('click', () => this.close());
    this.#video.addEventListener('playing', () => (this.#stage.dataset.state = 'playing'));
    this.#video.addEventListener('ended', () => (this.#stage.dataset.state = 'ended'));
    this.#video.addEventListener('error', () => this.#fail());
    document.addEventListener('visibilitychange', () => this.#poll());
    setInterval(() => this.#poll(), POLL_MS);
    this.#poll();
  }

  /** Plays a recording by HLS, or as the one file that it is too. */
  async play({ name, hls, mp4, on_air: rewind, thumbnails, duration_s: seconds }, form) {
    this.close();
    const asked = ++this.#asked;
    setText(byId('vod-title'), name);
    this.#stage.dataset.state = 'loading';
    this.#stage.dataset.form = form;
    setHidden(this.#stage, false);
    this.#stage.scrollIntoView({ block: 'nearest' });
    // Without pictures it is a player all the same.
    if (thumbnails) this.#preview.open(thumbnails, seconds).catch(() => {});
    const start = () => this.#video.play().catch(() => {});
    if (form === 'mp4') {
      this.#video.src = mp4;
      start();
      return;
    }
    const { ENGINES } = await import('./engines.js');
    const url = new URL(hls, document.baseURI).href;
    const options = { url, rewind, ready: start, failed: () => this.#fail() };
    const engine = await ENGINES.hls.open(this.#video, options);
    if (asked === this.#asked) this.#engine = engine;
    else engine.close();
  }

  close() {
    this.#asked += 1;
    this.#engine?.close();
    this.#engine = null;
    this.#preview.close();
    if (this.#video.hasAttribute('src')) {
      this.#video.removeAttribute('src');
      this.#video.load();
    }
    setHidden(this.#stage, true);
  }

  #fail() {
    if (!this.#stage.hidden) this.#stage.dataset.state = 'error';
  }

  async #poll() {
    if (document.hidden) return;
    try {
      this.#show(await recordings());
    } catch {
      // The list stays as it was; the page says elsewhere that the server is gone.
    }
  }

  #show(list) {
    setHidden(this.#panel, list.length === 0);
    setText(byId('vod-count'), format.count(list.length, 'recording', 'recordings'));
    const before = this.#rows;
    this.#rows = new Map();
    list.forEach((recording, index) => {
      // A row is kept as long as it says the same, and so does the focus in it.
      const key = `${recording.id} ${recording.on_air}`;
      const row = before.get(key) ?? this.#row(recording);
      before.delete(key);
      this.#rows.set(key, row);
      setText(row.querySelector('.vod-length'), format.span(recording.duration_s * 1000));
      if (this.#list.children[index] !== row) this.#list.insertBefore(row, this.#list.children[index] ?? null);
    });
    for (const row of before.values()) row.remove();
  }

  #row(recording) {
    const row = document.createElement('li');
    const cell = (className, text) => {
      const span = document.createElement('span');
      span.className = className;
      span.textContent = text;
      return span;
    };
    const started = new Date(recording.started_at);
    const what = `${recording.name} of ${started.toLocaleString('en-GB')}`;
    row.dataset.id = recording.id;
    row.append(
      cell('vod-name', recording.name),
      cell('vod-when', started.toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' })),
      cell('vod-length', ''),
      button(recording.on_air ? 'From the start' : 'Play', `Play ${what} from its start`, () => this.play(recording, 'hls')),
    );
    if (recording.mp4) row.append(button('MP4', `Play the MP4 file of ${what}`, () => this.play(recording, 'mp4')));
    return row;
  }
}
