// One stream on the screen: opens the engine that was chosen, keeps it at the live edge, and gets it going
// again when the network, the server or the encoder lets it down.
//
// `data-state` of the screen is one of
//   idle       nothing chosen
//   waiting    chosen, but not on air
//   loading    on its way to the first picture
//   playing, paused, buffering
//   resuming   the encoder is gone for the moment, and the server keeps its place
//   ended      the stream is over
//   error      failed; tries again by itself unless the reason will not go away

import { isOnAir } from './api.js';
import { ENGINES } from './engines.js';
import { FAILURES, isEarly, retryDelay } from './failures.js';
import { Follow } from './follow.js';
import { measure } from './measure.js';

const CONTROLLABLE = ['playing', 'paused', 'buffering'];
const TICK_MS = 250;
/** With no picture for so long the engine is given up and opened anew. */
const STUCK_MS = 12_000;
/** A stream that has gone off air is over when what was left in the buffer has been shown. */
const DRAINED_MS = 3000;
/** After this long without trouble, earlier failures no longer count. */
const HEALTHY_MS = 10_000;
/** No news of the stream for so long: the server was away, and what failed meanwhile is worth a new try. */
const SILENCE_MS = 3000;

export class Player {
  #screen;
  #video;
  #follow;
  #changed;
  #ticked;

  #choice = null;
  #stream = null;
  #updatedAt = 0;
  #engine = null;
  #attempt = 0;
  /** `started_at` of the stream that is or was played: another one is another stream of the same name. */
  #session = null;
  /** Whether the stream was seen off air since it ended here: the list may be older than that end. */
  #leftAir = false;

  #state = 'idle';
  #failure = null;
  #failures = 0;
  #retryAt = 0;
  #retryTimer = 0;
  #ticker = 0;

  #hasPlayed = false;
  #position = -1;
  #movedAt = 0;
  #movingSince = 0;
  #stalls = 0;
  #soundBlocked = false;

  /** `changed()` follows each change of state, `ticked(figures)` comes four times a second while tuned in. */
  constructor(screen, video, { changed, ticked }) {
    this.#screen = screen;
    this.#video = video;
    this.#follow = new Follow(video);
    this.#changed = changed;
    this.#ticked = ticked;
    video.addEventListener('playing', () => this.#engine && this.#show('playing'));
    video.addEventListener('waiting', () => this.#onWaiting());
    video.addEventListener('pause', () => this.#onPause());
    video.addEventListener('ended', () => this.#engine && this.#finish());
    video.addEventListener('volumechange', () => this.#onVolume());
  }

  get state() {
    return this.#state;
  }

  /** Why it failed, in words, and the milliseconds to the next try (`null`: no further try). */
  get failure() {
    if (this.#state !== 'error') return null;
    const { title, text, lasting } = FAILURES[this.#failure];
    return { title, text, retryIn: lasting ? null : Math.max(0, this.#retryAt - performance.now()) };
  }

  /** Whether the browser allows no sound before the viewer has clicked on something. */
  get soundBlocked() {
    return this.#soundBlocked;
  }

  /** Plays the stream that `update` tells of, with the engine called `choice`. */
  tune(choice) {
    this.#close();
    this.#choice = choice;
    this.#stream = null;
    this.#session = null;
    this.#failures = 0;
    this.#hasPlayed = false;
    this.#stalls = 0;
    this.#screen.dataset.engine = choice;
    this.#show('loading');
    clearInterval(this.#ticker);
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The same stream with another engine. */
  choose(choice) {
    if (choice === this.#choice) return;
    const stream = this.#stream;
    this.tune(choice);
    this.update(stream);
  }

  stop() {
    clearInterval(this.#ticker);
    this.#close();
    this.#stream = null;
    this.#show('idle');
  }

  /** What the server says of the stream now; `null` when it does not list it. */
  update(stream) {
    const silence = performance.now() - this.#updatedAt;
    this.#updatedAt += silence;
    this.#stream = stream;
    this.#screen.dataset.stream = stream?.state ?? 'absent';
    if (!isOnAir(stream)) {
      this.#leftAir = true;
      if (this.#engine) return;
      this.#close();
      this.#show(this.#session || stream ? 'ended' : 'waiting');
      return;
    }
    const another = this.#session !== stream.started_at;
    if (this.#state === 'waiting' || (this.#state === 'loading' && this.#session === null)) this.#open();
    else if (this.#state === 'ended' && stream.state === 'live' && (another || this.#leftAir)) this.retry();
    else if (this.#state === 'error' && (another || (silence > SILENCE_MS && !FAILURES[this.#failure].lasting))) this.retry();
  }

  retry() {
    this.#close();
    this.#failures = 0;
    this.#open();
  }

  goLive() {
    if (!this.#engine) return;
    this.#follow.skip(this.#engine);
    this.#play();
  }

  unmute() {
    this.#soundBlocked = false;
    this.#video.muted = false;
    this.#play();
    this.#changed();
  }

  async #open() {
    const engine = ENGINES[this.#choice];
    const address = engine.address(this.#stream);
    this.#session = this.#stream.started_at;
    this.#leftAir = false;
    this.#hasPlayed = false;
    this.#position = -1;
    this.#movedAt = performance.now();
    this.#follow.reset();
    if (!engine.supported()) return this.#fail('unsupported');
    if (!address) return this.#fail('missing');
    if (this.#state !== 'resuming') this.#show('loading');
    const attempt = (this.#attempt += 1);
    const current = () => attempt === this.#attempt;
    try {
      const opened = await engine.open(this.#video, {
        url: new URL(address, document.baseURI).href,
        // Engines may say so more than once; a viewer who has paused meanwhile is left in peace.
        ready: () => current() && !this.#hasPlayed && this.#play(),
        failed: (kind) => current() && this.#fail(kind),
      });
      if (current()) this.#engine = opened;
      else opened.close();
    } catch {
      // The engine's script could not be loaded.
      if (current()) this.#fail('network');
    }
  }

  #close() {
    this.#attempt += 1;
    clearTimeout(this.#retryTimer);
    const engine = this.#engine;
    this.#engine = null;
    engine?.close();
  }

  async #play() {
    const attempt = this.#attempt;
    try {
      await this.#video.play();
    } catch (error) {
      // Browsers let a page start with sound only after a click on it.
      if (error.name !== 'NotAllowedError' || attempt !== this.#attempt || this.#video.muted) return;
      this.#video.muted = true;
      this.#soundBlocked = true;
      this.#changed();
      this.#play();
    }
  }

  #fail(kind) {
    this.#close();
    if (!isOnAir(this.#stream)) {
      this.#show('ended');
      return;
    }
    const early = isEarly(kind, this.#failures, this.#hasPlayed);
    this.#failure = kind;
    this.#failures += 1;
    if (!FAILURES[kind].lasting) {
      const delay = retryDelay(early, this.#failures);
      this.#retryAt = performance.now() + delay;
      this.#retryTimer = setTimeout(() => this.#open(), delay);
    }
    if (this.#stream.state === 'resuming') this.#show('resuming');
    else this.#show(early ? 'loading' : 'error');
  }

  #finish() {
    this.#leftAir = !isOnAir(this.#stream);
    this.#close();
    this.#show('ended');
  }

  #onWaiting() {
    if (!this.#engine || this.#state === 'loading') return;
    if (this.#hasPlayed && !this.#video.seeking && !this.#video.paused) this.#stalls += 1;
    this.#show(this.#stream?.state === 'resuming' ? 'resuming' : 'buffering');
  }

  #onPause() {
    if (this.#engine && this.#hasPlayed && !this.#video.ended) this.#show('paused');
  }

  #onVolume() {
    if (!this.#soundBlocked || this.#video.muted) return;
    this.#soundBlocked = false;
    this.#changed();
  }

  #tick() {
    if (this.#engine) this.#watchProgress(performance.now());
    const figures = { ...measure(this.#video, this.#hasPlayed ? this.#engine : null), stalls: this.#stalls };
    const { dataset } = this.#screen;
    const tell = (key, value, digits) => {
      if (value === null) delete dataset[key];
      else dataset[key] = value.toFixed(digits);
    };
    tell('latency', figures.latency, 3);
    tell('buffer', figures.buffer, 3);
    tell('dropped', figures.dropped, 0);
    tell('stalls', figures.stalls, 0);
    this.#ticked(figures);
  }

  #watchProgress(now) {
    const video = this.#video;
    if (video.currentTime !== this.#position) {
      if (!this.#hasPlayed && this.#state === 'playing') this.#hasPlayed = true;
      if (now - this.#movingSince > HEALTHY_MS && this.#hasPlayed) this.#failures = 0;
      this.#position = video.currentTime;
      this.#movedAt = now;
    } else {
      this.#movingSince = now;
      if (video.paused && this.#hasPlayed) this.#movedAt = now;
    }
    const still = now - this.#movedAt;
    if (!isOnAir(this.#stream)) {
      if (still > DRAINED_MS) this.#finish();
    } else if (this.#stream.state === 'resuming') {
      if (still > 0 && (this.#state === 'buffering' || this.#state === 'loading')) this.#show('resuming');
    } else {
      if (this.#state === 'resuming') this.#show('buffering');
      if (still > STUCK_MS) this.#fail('stuck');
      else if (this.#hasPlayed) this.#follow.step(this.#engine);
    }
  }

  #show(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#screen.dataset.state = state;
    // While the page itself says what is going on, the browser's controls and spinner would talk over it.
    this.#video.controls = CONTROLLABLE.includes(state) || document.fullscreenElement === this.#video;
    this.#changed();
  }
}
