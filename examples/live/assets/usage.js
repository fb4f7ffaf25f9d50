// What the ledger has counted, and how fast it grows.

import { usage } from './api.js';
import { byId, setHidden, setText } from './dom.js';
import * as format from './format.js';
import { Trace } from './trace.js';

const POLL_MS = 1000;
const POLL_SLOWEST_MS = 8000;
const TRACE_MS = 60_000;
/** The ledger is told once a second: a rate is that over a few of its seconds. */
const RATE_OVER_MS = 4000;

/** What lies on the disk is weighed every ten seconds. */
const WEIGHED_MS = 30_000;

const inUse = (millis, one, many) => format.count(Math.round(millis / 1000), one, many);

const requests = {
  total: (requests) => requests.toLocaleString('en'),
  rate: (requests) => `${requests.toFixed(requests < 10 ? 1 : 0)} a second`,
  floor: 1,
};

/**
 * How each meter is told: its total, its growth a second, the least growth a full trace stands for,
 * and over how long growth is taken where that is not the usual.
 */
const TOLD = {
  ingest_bytes: { total: format.bytes, rate: (bytes) => format.rate(bytes * 8), floor: 25_000 },
  ingest_ms: { total: format.span, rate: (millis) => inUse(millis, 'stream now', 'streams now'), floor: 1000 },
  egress_bytes: { total: format.bytes, rate: (bytes) => format.rate(bytes * 8), floor: 25_000 },
  viewer_ms: { total: format.span, rate: (millis) => inUse(millis, 'viewer now', 'viewers now'), floor: 1000 },
  chat_requests: requests,
  api_requests: requests,
  recordings: { total: (kept) => kept.toLocaleString('en'), rate: () => '', floor: 1 },
  storage_byte_hours: {
    total: (byteHours) => `${format.bytes(byteHours)} h`,
    rate: (byteHours) => `${format.bytes(byteHours * 3600)} now`,
    floor: 1000,
    over: WEIGHED_MS,
  },
};

class Gauge {
  #history = [];
  #trace;
  #told;

  constructor(node) {
    this.meter = node.dataset.meter;
    this.#told = TOLD[this.meter];
    this.total = node.querySelector('.gauge-total');
    this.rate = node.querySelector('.gauge-rate');
    this.#trace = new Trace(node.querySelector('.trace'), { span: TRACE_MS, floor: this.#told.floor });
  }

  update(quantity, at) {
    if (!Number.isFinite(quantity)) return;
    setText(this.total, this.#told.total(quantity));
    // A new month begins at zero.
    if (this.#history.length && quantity < this.#history.at(-1).quantity) this.clear();
    this.#history.push({ at, quantity });
    while (this.#history.length > 2 && this.#history[1].at < at - (this.#told.over ?? RATE_OVER_MS)) this.#history.shift();
    const first = this.#history[0];
    if (at === first.at) return;
    const rate = ((quantity - first.quantity) * 1000) / (at - first.at);
    setText(this.rate, this.#told.rate(rate));
    this.#trace.push(at, rate);
  }

  clear() {
    this.#history = [];
    this.#trace.clear();
  }
}

export class Usage {
  #panel = byId('usage');
  #since = byId('usage-since');
  #gauges = [...byId('gauges').querySelectorAll('.gauge')].map((node) => new Gauge(node));
  #timer = 0;
  #failures = 0;

  start() {
    document.addEventListener('visibilitychange', () => {
      // What went by unseen is not drawn as if it had come at once.
      if (!document.hidden) for (const gauge of this.#gauges) gauge.clear();
      this.#poll();
    });
    this.#poll();
  }

  async #poll() {
    clearTimeout(this.#timer);
    if (document.hidden) return;
    const current = (this.#timer = setTimeout(() => this.#poll(), POLL_SLOWEST_MS));
    try {
      this.#show(await usage());
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    }
    // Unless another poll was started meanwhile.
    if (current !== this.#timer) return;
    clearTimeout(this.#timer);
    const wait = Math.min(POLL_SLOWEST_MS, POLL_MS * 2 ** Math.max(0, this.#failures - 1));
    this.#timer = setTimeout(() => this.#poll(), wait);
  }

  #show({ from, meters }) {
    const at = performance.now();
    const day = { day: 'numeric', month: 'long', timeZone: 'UTC' };
    setText(this.#since, `since ${new Date(from).toLocaleDateString('en-GB', day)}, UTC`);
    for (const gauge of this.#gauges) gauge.update(meters[gauge.meter], at);
    setHidden(this.#panel, false);
  }
}
