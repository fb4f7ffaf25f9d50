// The streams on air, a card each. Cards are kept and updated in place, so that focus, hover and a reader's
// place survive each poll.

import { audioOf, bitrate, isOnAir, videoOf } from './api.js';
import { serverNow } from './clock.js';
import { describe } from './codec.js';
import { announce, byId, setHidden, setText } from './dom.js';
import * as format from './format.js';
import { Trace } from './trace.js';
import { weave } from './weave.js';

const TRACE_MS = 60_000;
const TRACE_FLOOR_BITS = 200_000;
/** Encoders send keyframes in bursts; the rate drawn is that over the last few polls. */
const RATE_OVER_MS = 4000;

/** How often a card asks for the stream's newest picture. */
const STILL_MS = 5000;

const BADGES = { live: 'Live', resuming: 'Resuming', ended: 'Ended' };

export function badge(node, state) {
  setText(node, BADGES[state] ?? '');
  node.dataset.state = state ?? '';
}

function formatLine(stream) {
  const video = videoOf(stream);
  const audio = audioOf(stream);
  const parts = [];
  if (video) parts.push(format.picture(video), video.codec && describe(video.codec).name);
  if (audio) parts.push(audio.codec && describe(audio.codec).name);
  if (audio && !video) parts.push('audio only');
  return parts.filter(Boolean).join(' · ') || 'Waiting for the first frames';
}

class Card {
  #stream;
  #trace;
  #history = [];
  /** When the picture was asked for last; it is shown once it is there. */
  #asked = -Infinity;

  constructor(template) {
    this.node = template.content.firstElementChild.cloneNode(true);
    const find = (selector) => this.node.querySelector(selector);
    this.link = find('a');
    this.badge = find('.badge');
    this.weave = find('.weave');
    this.still = find('.still');
    this.still.addEventListener('load', () => setHidden(this.still, false));
    this.still.addEventListener('error', () => setHidden(this.still, true));
    this.uptime = find('.uptime');
    this.uptimeText = find('.uptime-text');
    this.format = find('.card-format');
    this.rate = find('.rate-text');
    this.viewers = find('.card-viewers');
    this.viewersText = find('.viewers-text');
    this.#trace = new Trace(find('.trace'), { span: TRACE_MS, floor: TRACE_FLOOR_BITS });
  }

  update(stream, at) {
    if (stream.started_at !== this.#stream?.started_at) {
      this.#history = [];
      this.#trace.clear();
    }
    this.#stream = stream;
    this.node.dataset.state = stream.state;
    setText(this.link, stream.name);
    this.link.href = `#/${encodeURIComponent(stream.name)}`;
    weave(this.weave, stream.name);
    badge(this.badge, stream.state);
    this.#picture(stream, at);
    setText(this.format, formatLine(stream));
    setText(this.rate, format.rate(bitrate(stream)));
    setHidden(this.viewers, !Number.isFinite(stream.viewers));
    if (Number.isFinite(stream.viewers)) setText(this.viewersText, stream.viewers.toLocaleString('en'));
    this.#plot(stream.bytes_in, at);
    this.tick();
  }

  tick() {
    const started = Date.parse(this.#stream.started_at);
    setHidden(this.uptime, Number.isNaN(started) || !isOnAir(this.#stream));
    if (!this.uptime.hidden) setText(this.uptimeText, format.span(serverNow() - started));
  }

  #picture(stream, at) {
    if (!stream.thumbnail || !isOnAir(stream) || at - this.#asked < STILL_MS) return;
    this.#asked = at;
    // Another address: what is shown already is not looked for again under the same one.
    this.still.src = `${stream.thumbnail}?at=${Math.round(at)}`;
  }

  /** Plots what really comes in, from the server's byte counter. */
  #plot(bytes, at) {
    if (!Number.isFinite(bytes)) return;
    this.#history.push({ at, bytes });
    while (this.#history.length > 2 && this.#history[1].at < at - RATE_OVER_MS) this.#history.shift();
    const first = this.#history[0];
    if (at > first.at) this.#trace.push(at, ((bytes - first.bytes) * 8000) / (at - first.at));
  }
}

export class Cards {
  #list = byId('cards');
  #empty = byId('empty');
  #count = byId('count');
  #template = byId('card');
  #cards = new Map();
  #known = null;

  update(streams, at) {
    const names = new Set(streams.map((stream) => stream.name));
    for (const [name, card] of this.#cards) {
      if (names.has(name)) continue;
      card.node.remove();
      this.#cards.delete(name);
    }
    streams.forEach((stream, index) => {
      let card = this.#cards.get(stream.name);
      if (!card) {
        card = new Card(this.#template);
        this.#cards.set(stream.name, card);
      }
      card.update(stream, at);
      // Moving a node drops its focus, so only those that stand elsewhere are moved.
      if (this.#list.children[index] !== card.node) {
        this.#list.insertBefore(card.node, this.#list.children[index] ?? null);
      }
    });
    setHidden(this.#empty, streams.length > 0);
    setHidden(this.#list, streams.length === 0);
    this.#summarise(streams);
  }

  tick() {
    for (const card of this.#cards.values()) card.tick();
  }

  focus(name) {
    const card = this.#cards.get(name);
    card?.link.focus();
    return Boolean(card);
  }

  #summarise(streams) {
    const onAir = streams.filter(isOnAir);
    const viewers = onAir.reduce((sum, stream) => sum + (stream.viewers ?? 0), 0);
    setText(
      this.#count,
      onAir.length ? `${format.count(onAir.length, 'stream', 'streams')}, ${format.count(viewers, 'viewer', 'viewers')}` : '',
    );
    const names = new Set(onAir.map((stream) => stream.name));
    if (this.#known) {
      for (const name of names) if (!this.#known.has(name)) announce(`${name} is on air`);
      for (const name of this.#known) if (!names.has(name)) announce(`${name} has gone off air`);
    }
    this.#known = names;
  }
}
