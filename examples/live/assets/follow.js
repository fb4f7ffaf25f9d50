// Keeps playback at the live edge, unless the viewer went elsewhere on purpose.

/** Behind the target by this much (or by half of it): worth a button. */
const BEHIND_S = 1.5;
/** Behind by this much (or by all of it) without the viewer having asked for it: go back to the edge. */
const LOST_S = 3;
/** The same of a player that waits for media this near to the edge: what it misses, it missed for good. */
const STUCK_S = 0.8;
const NEAR_S = 3;
/** Between two such jumps, so that a network too slow for the stream is not made worse. */
const SKIP_PAUSE_MS = 6000;

export const isBehind = (latency, target) => latency > target + Math.max(BEHIND_S, target / 2);
const isLost = (latency, target) => latency > target + Math.max(LOST_S, target);
const isStuck = (video, latency, target) =>
  video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && target < NEAR_S && latency > target + STUCK_S;

export class Follow {
  #video;
  #following = true;
  #skippedAt = 0;
  #position = 0;
  /** On the way elsewhere, where engines still tell the latency of the place before. */
  #seeking = false;

  constructor(video) {
    this.#video = video;
    video.addEventListener('pause', () => {
      // Browsers pause videos in hidden tabs by themselves.
      if (!document.hidden) this.#following = false;
    });
    video.addEventListener('timeupdate', () => {
      if (!video.seeking) this.#position = video.currentTime;
    });
    video.addEventListener('seeking', () => {
      this.#seeking = true;
      // Engines skip forward only, so a seek far back is the viewer's wish to stay behind.
      if (video.currentTime < this.#position - 1) this.#following = false;
    });
    video.addEventListener('seeked', () => (this.#seeking = false));
  }

  /** A new start: at the edge. */
  reset() {
    this.#following = true;
    this.#seeking = false;
    this.#position = 0;
    this.#skippedAt = performance.now();
  }

  skip(engine) {
    this.reset();
    engine.goLive();
  }

  /** To be called a few times a second while `engine` plays. */
  step(engine) {
    if (this.#seeking) return;
    const latency = engine.latency();
    const target = engine.target();
    if (latency === null || target === null || this.#video.paused) return;
    if (!isBehind(latency, target)) this.#following = true;
    const rested = performance.now() - this.#skippedAt > SKIP_PAUSE_MS;
    const lost = isLost(latency, target) || isStuck(this.#video, latency, target);
    if (this.#following && rested && lost) this.skip(engine);
  }
}
