// What a recording looks like at the time somebody points at: a strip to seek by, with a picture above it.

import * as format from './format.js';

/** Times of WebVTT, hours included. */
const CUE = /^(\d+):(\d\d):(\d\d\.\d{3}) --> (\d+):(\d\d):(\d\d\.\d{3})/;

/** The cues of a WebVTT text whose lines link to parts of pictures (`#xywh=`). */
export function cues(text, base) {
  const found = [];
  for (const block of text.split(/\n\n+/)) {
    const [first, link] = block.split('\n');
    const time = CUE.exec(first);
    const part = /^(.*)#xywh=(\d+),(\d+),(\d+),(\d+)$/.exec(link ?? '');
    if (!time || !part) continue;
    const seconds = (at) => Number(time[at]) * 3600 + Number(time[at + 1]) * 60 + Number(time[at + 2]);
    const [x, y, width, height] = part.slice(2).map(Number);
    found.push({ from: seconds(1), to: seconds(4), sheet: new URL(part[1], base).href, x, y, width, height });
  }
  return found;
}

export class Preview {
  #strip;
  #range;
  #bubble;
  #picture;
  #time;
  #video;
  #cues = [];
  #held = false;
  /** Counts what was opened, so that what comes late is let go. */
  #asked = 0;

  /** `strip` holds a range, and a bubble with a picture and a time in it. */
  constructor(strip, video) {
    this.#strip = strip;
    this.#video = video;
    this.#range = strip.querySelector('input');
    this.#bubble = strip.querySelector('.vod-preview');
    this.#picture = strip.querySelector('.vod-picture');
    this.#time = strip.querySelector('time');
    this.#range.addEventListener('pointermove', (event) => this.#show(this.#pointed(event)));
    this.#range.addEventListener('pointerdown', () => (this.#held = true));
    this.#range.addEventListener('pointerup', () => (this.#held = false));
    this.#range.addEventListener('pointercancel', () => (this.#held = false));
    this.#range.addEventListener('pointerleave', () => this.#rest());
    this.#range.addEventListener('focus', () => this.#rest());
    this.#range.addEventListener('blur', () => this.#rest());
    this.#range.addEventListener('input', () => {
      const to = Number(this.#range.value);
      this.#video.currentTime = to;
      this.#say(to);
      this.#show(to);
    });
    video.addEventListener('timeupdate', () => this.#follow());
  }

  /** Shows the thumbnails of `url`, once the video says how long it is; nothing where it is not `seconds`. */
  async open(url, seconds) {
    const asked = ++this.#asked;
    const base = new URL(url, document.baseURI);
    const response = await fetch(base);
    const found = response.ok ? cues(await response.text(), base) : [];
    while (asked === this.#asked && !(this.#video.duration > 0)) {
      await new Promise((resolve) => this.#video.addEventListener('durationchange', resolve, { once: true }));
    }
    // The file of one configuration among several has another time line.
    if (asked !== this.#asked || found.length === 0 || Math.abs(this.#video.duration - seconds) > 1) return;
    this.#cues = found;
    this.#range.max = String(this.#video.duration);
    this.#strip.hidden = false;
    this.#follow();
  }

  close() {
    this.#asked += 1;
    this.#cues = [];
    this.#held = false;
    this.#strip.hidden = true;
    this.#bubble.hidden = true;
  }

  #follow() {
    if (this.#held || this.#strip.hidden) return;
    this.#range.value = String(this.#video.currentTime);
    this.#say(this.#video.currentTime);
    if (!this.#range.matches(':hover')) this.#rest();
  }

  #say(seconds) {
    const text = `${format.span(seconds * 1000)} of ${format.span(Number(this.#range.max) * 1000)}`;
    this.#range.setAttribute('aria-valuetext', text);
  }

  #pointed(event) {
    const box = this.#range.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1) * Number(this.#range.max);
  }

  /** Nobody points: whoever seeks by keys sees where they are, others nothing. */
  #rest() {
    if (this.#range.matches(':focus-visible')) this.#show(Number(this.#range.value));
    else this.#bubble.hidden = true;
  }

  #show(seconds) {
    const cue = this.#cues.find(({ to }) => seconds < to) ?? this.#cues.at(-1);
    if (!cue) return;
    const { style } = this.#picture;
    style.width = `${cue.width}px`;
    style.height = `${cue.height}px`;
    style.backgroundImage = `url("${cue.sheet}")`;
    style.backgroundPosition = `-${cue.x}px -${cue.y}px`;
    this.#time.textContent = format.span(seconds * 1000);
    this.#bubble.hidden = false;
    const room = this.#strip.clientWidth - this.#bubble.offsetWidth;
    const middle = (seconds / Number(this.#range.max)) * this.#strip.clientWidth;
    const left = Math.min(Math.max(middle - this.#bubble.offsetWidth / 2, 0), Math.max(room, 0));
    this.#bubble.style.left = `${left}px`;
  }
}
