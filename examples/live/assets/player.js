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

const CONTROLLABLE = ['playing', 'paused', 'buffering'];
const TICK_MS = 250;
/** With no picture for so long the engine is given up and opened anew. */
const STUCK_MS = 12_000;
const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 8000;
/** A stream is listed a moment before its first segment is complete. */
const EARLY_RETRY_MS = 400;
const EARLY_RETRIES = 20;
/** After this long without trouble, earlier failures no longer count. */
const HEALTHY_MS = 10_000;
/** Behind the target by this much (or by half of it): worth a button. */
const BEHIND_S = 1.5;
/** Behind by this much (or by all of it) without the viewer having asked for it: go back to the edge. */
const LOST_S = 3;
const SKIP_PAUSE_MS = 6000;

/** What can go wrong, as `failed(kind)` tells it. `lasting`: the same will happen again. */
const FAILURES = {
  network: { title: 'The server can’t be reached', text: 'The connection broke off.' },
  gone: { title: 'No media yet', text: 'The server doesn’t offer any media for this stream at the moment.' },
  media: { title: 'The browser couldn’t play this', text: 'Its decoder gave up on the stream.' },
  broken: { title: 'Something in this stream is broken', text: 'The player couldn’t make sense of it.' },
  stuck: { title: 'No picture is coming in', text: 'The stream is on air, but playback doesn’t move.' },
  codec: { title: 'This browser can’t play this stream', text: 'It doesn’t know the codec. Another player or browser may.', lasting: true },
  missing: { title: 'Not available with this player', text: 'The server doesn’t offer the stream in this form. Choose another player.', lasting: true },
  unsupported: { title: 'This browser can’t run this player', text: 'Choose another one.', lasting: true },
};

export class Player {
  #screen;
  #video;
  #changed;
  #ticked;

  #choice = null;
  #stream = null;
  #engine = null;
  #attempt = 0;
  #opened = null;
  #finished = null;

  #state = 'idle';
  #failure = null;
  #failures = 0;
  #retryAt = 0;
  #retryTimer = 0;
  #ticker = 0;

  #hasPlayed = false;
  #progress = { position: -1, at: 0, since: 0 };
  #following = true;
  #skippedAt = 0;
  #stalls = 0;
  #soundBlocked = false;

  /** `changed()` follows each change of state, `ticked()` comes four times a second while tuned in. */
  constructor(screen, video, { changed, ticked }) {
    this.#screen = screen;
    this.#video = video;
    this.#changed = changed;
    this.#ticked = ticked;
    video.addEventListener('playing', () => this.#engine && this.#show('playing'));
    video.addEventListener('waiting', () => this.#onWaiting());
    video.addEventListener('pause', () => this.#onPause());
    video.addEventListener('ended', () => this.#engine && this.#finish());
    video.addEventListener('seeking', () => this.#onSeeking());
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

  get soundBlocked() {
    return this.#soundBlocked;
  }

  /** Plays the stream that `update` tells of, with the engine called `choice`. */
  tune(choice) {
    this.#close();
    this.#choice = choice;
    this.#stream = null;
    this.#finished = null;
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
    this.#stream = stream;
    this.#screen.dataset.stream = stream?.state ?? 'absent';
    if (!isOnAir(stream)) {
      if (this.#finished) this.#finished.leftAir = true;
      if (this.#engine) return;
      this.#close();
      this.#show(this.#hasPlayed || stream ? 'ended' : 'waiting');
      if (this.#state === 'ended') this.#finished ??= { started: stream?.started_at, leftAir: true };
      return;
    }
    if (this.#state === 'ended') {
      // The list may be older than the end that the player saw.
      const another = !this.#finished || this.#finished.leftAir || this.#finished.started !== stream.started_at;
      if (another && stream.state === 'live') this.#restart();
      return;
    }
    const idle = !this.#engine && !this.#opened;
    if (idle && (this.#state === 'waiting' || this.#state === 'loading') && !this.#retryTimer) this.#open();
  }

  retry() {
    this.#failures = 0;
    this.#restart();
  }

  goLive() {
    this.#following = true;
    this.#skippedAt = performance.now();
    this.#engine?.goLive();
    this.#play();
  }

  unmute() {
    this.#soundBlocked = false;
    this.#video.muted = false;
    this.#play();
    this.#changed();
  }

  /** What is measured now; members are `null` where not known. */
  figures() {
    const video = this.#video;
    const quality = this.#hasPlayed ? video.getVideoPlaybackQuality?.() : null;
    const latency = this.#hasPlayed ? (this.#engine?.latency() ?? null) : null;
    const target = this.#engine?.target() ?? null;
    return {
      latency,
      target,
      delay: this.#hasPlayed ? (this.#engine?.delay() ?? null) : null,
      buffer: this.#hasPlayed ? this.#bufferAhead() : null,
      dropped: quality?.droppedVideoFrames ?? null,
      frames: quality?.totalVideoFrames ?? null,
      width: video.videoWidth || null,
      height: video.videoHeight || null,
      rate: this.#hasPlayed ? video.playbackRate : null,
      stalls: this.#stalls,
      behind: latency !== null && (video.paused || latency > (target ?? 0) + Math.max(BEHIND_S, (target ?? 0) / 2)),
    };
  }

  #restart() {
    this.#close();
    this.#finished = null;
    this.#show('loading');
    this.#open();
  }

  async #open() {
    const engine = ENGINES[this.#choice];
    if (!engine.supported()) return this.#fail('unsupported');
    const address = engine.address(this.#stream);
    if (!address) return this.#fail('missing');
    const attempt = (this.#attempt += 1);
    this.#opened = this.#stream.started_at ?? 'unknown';
    this.#hasPlayed = false;
    this.#following = true;
    this.#progress = { position: -1, at: performance.now(), since: 0 };
    try {
      const opened = await engine.open(this.#video, {
        url: new URL(address, document.baseURI).href,
        ready: () => attempt === this.#attempt && this.#start(),
        failed: (kind) => attempt === this.#attempt && this.#fail(kind),
      });
      if (attempt === this.#attempt) this.#engine = opened;
      else opened.close();
    } catch {
      // The engine's script could not be loaded.
      if (attempt === this.#attempt) this.#fail('network');
    }
  }

  /** Engines may say "ready" more than once; a viewer who has paused meanwhile is left in peace. */
  #start() {
    if (!this.#hasPlayed) this.#play();
  }

  #close() {
    this.#attempt += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = 0;
    const engine = this.#engine;
    this.#engine = null;
    this.#opened = null;
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
    const onAir = isOnAir(this.#stream);
    const early = kind === 'gone' && !this.#hasPlayed && this.#failures < EARLY_RETRIES;
    this.#close();
    if (!onAir) {
      this.#finished = { started: this.#stream?.started_at, leftAir: true };
      this.#show('ended');
      return;
    }
    this.#failures += 1;
    this.#failure = kind;
    const delay = early ? EARLY_RETRY_MS : Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
    this.#retryAt = performance.now() + delay;
    if (!FAILURES[kind].lasting) {
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = 0;
        if (this.#state !== 'resuming') this.#show('loading');
        this.#open();
      }, delay);
    }
    if (early) this.#show('loading');
    else this.#show(this.#stream.state === 'resuming' ? 'resuming' : 'error');
  }

  #finish() {
    this.#finished = { started: this.#opened, leftAir: !isOnAir(this.#stream) };
    this.#close();
    this.#show('ended');
  }

  #onWaiting() {
    if (!this.#engine || this.#state === 'loading') return;
    if (this.#hasPlayed && !this.#video.seeking && !this.#video.paused) this.#stalls += 1;
    this.#show(this.#stream?.state === 'resuming' ? 'resuming' : 'buffering');
  }

  #onPause() {
    if (!this.#engine || this.#video.ended || !this.#hasPlayed) return;
    this.#following = false;
    this.#show('paused');
  }

  /** Engines skip forward only, so a seek far back is the viewer's wish to stay behind. */
  #onSeeking() {
    if (this.#video.currentTime < this.#progress.position - 1) this.#following = false;
  }

  #onVolume() {
    if (this.#soundBlocked && !this.#video.muted) {
      this.#soundBlocked = false;
      this.#changed();
    }
  }

  #bufferAhead() {
    const { buffered, currentTime } = this.#video;
    for (let range = 0; range < buffered.length; range += 1) {
      if (buffered.start(range) <= currentTime + 0.1 && currentTime < buffered.end(range)) {
        return buffered.end(range) - currentTime;
      }
    }
    return 0;
  }

  #tick() {
    const now = performance.now();
    if (this.#engine) {
      this.#watchProgress(now);
      this.#follow(now);
    }
    const figures = this.figures();
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
    const progress = this.#progress;
    if (video.currentTime !== progress.position) {
      if (!this.#hasPlayed && this.#state === 'playing') {
        this.#hasPlayed = true;
        progress.since = now;
      }
      if (progress.since && now - progress.since > HEALTHY_MS) this.#failures = 0;
      progress.position = video.currentTime;
      progress.at = now;
      return;
    }
    if (video.paused && this.#hasPlayed) {
      progress.at = now;
      return;
    }
    progress.since = now;
    const still = now - progress.at;
    if (!isOnAir(this.#stream)) {
      // What was left in the buffer has been shown.
      if (still > STUCK_MS / 4) this.#finish();
    } else if (this.#stream.state === 'resuming') {
      if (this.#state === 'buffering' || this.#state === 'loading') this.#show('resuming');
      progress.at = now;
    } else {
      if (this.#state === 'resuming') this.#show('buffering');
      if (still > STUCK_MS) this.#fail('stuck');
    }
  }

  #follow(now) {
    if (this.#state !== 'playing' || !this.#hasPlayed) return;
    const latency = this.#engine.latency();
    const target = this.#engine.target();
    if (latency === null || target === null) return;
    if (latency < target + BEHIND_S) this.#following = true;
    const lost = latency > target + Math.max(LOST_S, target);
    if (this.#following && lost && now - this.#skippedAt > SKIP_PAUSE_MS) {
      this.#skippedAt = now;
      this.#engine.goLive();
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
