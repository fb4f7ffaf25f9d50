// The page of one stream: the screen and the desk of figures beside it.

import { audioOf, isOnAir, videoOf } from './api.js';
import { badge } from './cards.js';
import { serverNow } from './clock.js';
import { describe } from './codec.js';
import { announce, byId, setHidden, setText } from './dom.js';
import { ENGINES } from './engines.js';
import * as format from './format.js';
import { Player } from './player.js';
import { Trace } from './trace.js';
import { weave } from './weave.js';

const REMEMBERED = 'airloom.player';
const TRACE_MS = 60_000;
const TRACE_FLOOR_S = 1;
/** The figure shown is the mean of the last second, since its last digits flicker otherwise. */
const SMOOTHED = 4;
/** Short stops are not worth interrupting a screen reader for. */
const ANNOUNCE_BUFFERING_MS = 1500;
const ANNOUNCED = ['waiting', 'playing', 'ended', 'resuming', 'error'];

const STATES = {
  idle: '–', waiting: 'Not on air', loading: 'Tuning in', playing: 'Playing', paused: 'Paused',
  buffering: 'Buffering', resuming: 'Encoder is away', ended: 'Ended', error: 'Failed',
};

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // storage is off in this browser
  }
}

function remember(choice) {
  try {
    localStorage.setItem(REMEMBERED, choice);
  } catch {
    // Then it is chosen anew the next time.
  }
}

function trackItems(stream) {
  const video = videoOf(stream);
  const audio = audioOf(stream);
  const items = [];
  const add = (kind, track, details) => {
    const { name = '', detail = '' } = track.codec ? describe(track.codec) : {};
    items.push({ kind, codec: track.codec ?? '', name: `${name} ${detail}`.trim(), details: details.filter(Boolean).join(' · ') });
  };
  if (video) add('Video', video, [format.picture(video), format.rate(video.bitrate)]);
  if (audio) {
    add('Audio', audio, [
      audio.sample_rate && format.sampleRate(audio.sample_rate),
      audio.channels && format.channels(audio.channels),
      format.rate(audio.bitrate),
    ]);
  }
  return items;
}

export class Watch {
  #player;
  #name = null;
  #stream = null;
  #server = {};
  #recent = [];
  #trace = new Trace(byId('latency-trace'), { span: TRACE_MS, floor: TRACE_FLOOR_S });
  #tracksShown = '';
  #announceTimer = 0;
  #announced = '';

  constructor() {
    this.#player = new Player(byId('player'), byId('video'), {
      changed: () => this.#showState(),
      ticked: (figures) => this.#showFigures(figures),
    });
    byId('retry').addEventListener('click', () => this.#player.retry());
    byId('go-live').addEventListener('click', () => this.#player.goLive());
    byId('unmute').addEventListener('click', () => this.#player.unmute());
    for (const radio of document.querySelectorAll('input[name="engine"]')) {
      radio.disabled = !ENGINES[radio.value].supported();
      byId(`choice-${radio.value}`).classList.toggle('unavailable', radio.disabled);
      if (radio.disabled) setText(byId(`note-${radio.value}`), 'not in this browser');
      radio.addEventListener('change', () => {
        remember(radio.value);
        this.#forgetFigures();
        this.#player.choose(radio.value);
      });
    }
  }

  configure(server) {
    this.#server = server;
    const parts = server.part_ms;
    setHidden(byId('choice-llhls'), parts === 0);
    if (parts) setText(byId('note-llhls'), `hls.js, parts of ${parts} ms`);
    if (server.segment_s) {
      setText(byId('note-hls'), `hls.js, segments of ${server.segment_s} s`);
      const made = parts ? `parts of ${parts} ms` : `segments of ${server.segment_s} s`;
      if (ENGINES.dash.supported()) setText(byId('note-dash'), `dash.js, ${made}`);
    }
  }

  /** Shows the stream `name`, with the engine that the link asks for or that was used the last time. */
  open(name, asked) {
    const choice = this.#choose(asked);
    byId('watch').querySelector(`input[name="engine"][value="${choice}"]`).checked = true;
    if (name === this.#name) {
      this.#player.choose(choice);
      return;
    }
    this.#name = name;
    this.#stream = null;
    this.#tracksShown = '';
    this.#announced = '';
    setText(byId('watch-title'), name);
    weave(byId('player-weave'), name);
    this.#forgetFigures();
    this.#player.tune(choice);
  }

  close() {
    if (this.#name === null) return;
    this.#name = null;
    this.#player.stop();
  }

  update(streams) {
    if (this.#name === null) return;
    const stream = streams.find(({ name }) => name === this.#name) ?? null;
    if (stream && this.#stream && stream.state !== this.#stream.state) this.#announceStream(stream);
    this.#stream = stream;
    this.#player.update(stream);
    this.#showStream(stream);
    this.tick();
  }

  tick() {
    const started = Date.parse(this.#stream?.started_at);
    setHidden(byId('watch-uptime-item'), Number.isNaN(started) || !isOnAir(this.#stream));
    if (!Number.isNaN(started)) setText(byId('watch-uptime'), format.span(serverNow() - started));
    if (this.#player.failure) this.#showOverlay();
  }

  #choose(asked) {
    const usable = (choice) =>
      ENGINES[choice]?.supported() && !(choice === 'llhls' && this.#server.part_ms === 0);
    return [asked, remembered(), 'llhls', 'hls'].find(usable) ?? 'hls';
  }

  #forgetFigures() {
    this.#recent = [];
    this.#trace.clear();
  }

  #showStream(stream) {
    badge(byId('watch-badge'), stream?.state);
    setHidden(byId('watch-badge'), !stream);
    setHidden(byId('watch-viewers-item'), !Number.isFinite(stream?.viewers));
    if (Number.isFinite(stream?.viewers)) setText(byId('watch-viewers'), format.count(stream.viewers, 'viewer', 'viewers'));
    byId('player').classList.toggle('audio-only', Boolean(stream && audioOf(stream) && !videoOf(stream)));
    for (const form of ['hls', 'ts', 'dash']) {
      setHidden(byId(`link-${form}-item`), !stream?.[form]);
      if (stream?.[form]) setText(byId(`link-${form}`), new URL(stream[form], document.baseURI).href);
    }
    this.#showTracks(stream);
  }

  #showTracks(stream) {
    const items = stream ? trackItems(stream) : [];
    const shown = JSON.stringify(items);
    if (shown === this.#tracksShown) return;
    this.#tracksShown = shown;
    byId('tracks').replaceChildren(
      ...items.map(({ kind, codec, name, details }) => {
        const item = document.createElement('li');
        const cell = (className, text) => {
          const span = document.createElement('span');
          span.className = className;
          span.textContent = text;
          return span;
        };
        item.append(cell('track-kind', kind), cell('track-name', name), cell('track-details', details), cell('track-codec', codec));
        return item;
      }),
    );
  }

  #showFigures(figures) {
    const now = performance.now();
    if (figures.latency === null) this.#recent = [];
    else {
      this.#recent.push(figures.latency);
      if (this.#recent.length > SMOOTHED) this.#recent.shift();
      this.#trace.push(now, figures.latency);
    }
    const mean = this.#recent.reduce((sum, value) => sum + value, 0) / this.#recent.length;
    const show = (id, value, write) => setText(byId(id), value === null ? '–' : write(value));
    show('latency', this.#recent.length ? mean : null, (value) => value.toFixed(value < 10 ? 2 : 1));
    byId('latency-figure').dataset.known = String(this.#recent.length > 0);
    show('target', figures.target, format.seconds);
    show('delay', figures.delay, format.seconds);
    setHidden(byId('delay-item'), figures.delay === null);
    show('buffer', figures.buffer, format.seconds);
    show('dropped', figures.dropped, (value) => (figures.frames ? `${value} of ${figures.frames.toLocaleString('en')}` : String(value)));
    show('stalls', figures.stalls, String);
    show('speed', figures.rate, (value) => `${value.toFixed(2)} ×`);
    show('resolution', figures.width, (width) => `${width} × ${figures.height}`);
    setHidden(byId('go-live'), !figures.behind);
  }

  #showState() {
    const { state } = this.#player;
    setText(byId('play-state'), STATES[state]);
    setHidden(byId('unmute'), !this.#player.soundBlocked);
    this.#showOverlay();
    clearTimeout(this.#announceTimer);
    if (state === 'buffering') this.#announceTimer = setTimeout(() => this.#announceState(state), ANNOUNCE_BUFFERING_MS);
    else if (ANNOUNCED.includes(state)) this.#announceState(state);
  }

  /** Tries that fail again and stops too short to be told of are passed over. */
  #announceState(state) {
    if (state === this.#announced) return;
    this.#announced = state;
    const { failure } = this.#player;
    announce(failure ? `${failure.title}. ${failure.text}` : `${this.#name}: ${STATES[state]}`);
  }

  #announceStream(stream) {
    if (stream.state === 'resuming') announce('The encoder has dropped its connection');
    if (stream.state === 'live') announce('The encoder is back');
  }

  #showOverlay() {
    const { state, failure } = this.#player;
    // Nothing and buffering need no words: the browser's own controls show the latter.
    const words = {
      waiting: ['off', `${this.#name} is not on air`, 'It starts here by itself as soon as somebody publishes it.'],
      loading: ['', 'Tuning in', ''],
      resuming: ['', 'The encoder has dropped its connection', 'Its place is kept for a moment. Playback goes on when it is back.'],
      ended: ['off', 'The stream has ended', 'If it comes back, it starts here by itself.'],
      error: ['warning', failure?.title, failure?.text],
    }[state];
    const overlay = byId('overlay');
    setHidden(overlay, !words);
    if (!words) return;
    const [icon, title, text] = words;
    overlay.dataset.icon = icon;
    if (icon) byId('overlay-icon').setAttribute('href', `#icon-${icon}`);
    const wait = failure?.retryIn ?? null;
    setText(byId('overlay-title'), title);
    setText(byId('overlay-text'), wait === null ? text : `${text} Trying again in ${Math.ceil(wait / 1000)} s.`);
    setHidden(byId('retry'), state !== 'error');
    setHidden(byId('leave'), state !== 'ended' && state !== 'waiting');
  }
}
