// HLS and Low-Latency HLS through hls.js.
//
// An engine is `open(video, {url, lowLatency, ready, failed})` -> `{latency, target, delay, goLive, close}`.
// `ready()` is called when the video may be started, `failed(kind)` when the engine cannot go on by itself;
// the kinds are listed in player.js.

import { serverNow } from '../clock.js';

const MEDIA_RECOVERIES = 2;
const MEDIA_RECOVERY_MS = 10_000;

const BASE = {
  // Only fragmented MP4 passes through here, which hls.js hands on nearly as it is. A worker would save
  // nothing, cost a hop on each part, and need `worker-src` in the Content-Security-Policy.
  enableWorker: false,
  // A page may stay open for days; what was played half a minute ago may go.
  backBufferLength: 30,
  // `duration` is Infinity, so that native controls say "live" instead of showing an end that moves.
  liveDurationInfinity: true,
};

const WHOLE_SEGMENTS = { ...BASE, lowLatencyMode: false };

const LOW_LATENCY = {
  ...BASE,
  lowLatencyMode: true,
  // Where to play is left to the playlist: PART-HOLD-BACK is the server's word on how near to the edge its
  // parts allow, so a server with other parts needs no change here.
  //
  // Late by more than that, play up to 10 % faster, which hardly anyone hears, instead of skipping.
  // hls.js keeps at least a second in the buffer while it does so.
  maxLiveSyncPlaybackRate: 1.1,
  // A stall moves the target away from the edge for good. By default by a second, which is more than the
  // whole latency aimed at; a part's length is enough for the jitter that caused it.
  liveSyncOnStallIncrease: 0.2,
  // A playlist request is answered when there is news. One that is not answered in four seconds never will
  // be, and the default of ten would be ten seconds of stall.
  playlistLoadPolicy: {
    default: {
      maxTimeToFirstByteMs: 4000,
      maxLoadTimeMs: 8000,
      timeoutRetry: { maxNumRetry: 3, retryDelayMs: 0, maxRetryDelayMs: 0 },
      errorRetry: { maxNumRetry: 4, retryDelayMs: 250, maxRetryDelayMs: 2000 },
    },
  },
};

/** More than browsers and playlists round away, less than any sample lasts. */
const ROUNDED_S = 0.005;

/**
 * A controller that looks a little behind the end of its buffer for what comes next. Where a buffer ends a microsecond
 * before its segment does, as Chromium's may, hls.js 1.7.4 takes that segment for the next to load, finds it loaded,
 * and with parts loads nothing until the segment after it is complete: a stall of seconds, every other minute.
 */
const beyondRounding = (Controller) =>
  class extends Controller {
    getNextFragment(position, details) {
      return super.getNextFragment(position + ROUNDED_S, details);
    }
  };

/** `LOW_LATENCY`, with both controllers of media mended. */
function lowLatencyFor(Hls) {
  const { streamController, audioStreamController } = Hls.DefaultConfig;
  return {
    ...LOW_LATENCY,
    streamController: beyondRounding(streamController),
    audioStreamController: beyondRounding(audioStreamController),
  };
}

function kindOf(Hls, data) {
  const { NETWORK_ERROR, MEDIA_ERROR } = Hls.ErrorTypes;
  const { MANIFEST_INCOMPATIBLE_CODECS_ERROR, BUFFER_ADD_CODEC_ERROR, BUFFER_INCOMPATIBLE_CODECS_ERROR } = Hls.ErrorDetails;
  if ([MANIFEST_INCOMPATIBLE_CODECS_ERROR, BUFFER_ADD_CODEC_ERROR, BUFFER_INCOMPATIBLE_CODECS_ERROR].includes(data.details)) return 'codec';
  if (data.type === NETWORK_ERROR) return data.response?.code === 404 ? 'gone' : 'network';
  return data.type === MEDIA_ERROR ? 'media' : 'broken';
}

/** What is on air, from its start: an end that moves, and nothing that draws towards it. */
const REWIND = { ...WHOLE_SEGMENTS, liveDurationInfinity: false, startPosition: 0 };

/** Behind the position aimed at by more than this when the first picture is there: worth a step. */
const LATE_S = 0.1;
/** What stays in the buffer ahead of that step. */
const LEAST_AHEAD_S = 0.3;

/**
 * Takes the step to where playing was to begin, which moves on while the first media is loaded. Before anything is
 * shown it costs nothing; later hls.js catches up by playing faster, and only with more than a second in the buffer,
 * which is more than there is at this distance.
 */
function startOnTime(video, hls, signal) {
  const step = () => {
    const aim = hls.liveSyncPosition;
    const { buffered } = video;
    if (aim === null || buffered.length === 0) return;
    const to = Math.min(aim, buffered.end(buffered.length - 1) - LEAST_AHEAD_S);
    if (to > video.currentTime + LATE_S) video.currentTime = to;
  };
  video.addEventListener('canplay', step, { once: true, signal });
}

export async function open(video, { url, lowLatency, rewind = false, ready, failed }) {
  const { default: Hls } = await import('../vendor/hls.js/hls.min.mjs');
  const hls = new Hls(rewind ? REWIND : lowLatency ? lowLatencyFor(Hls) : WHOLE_SEGMENTS);
  const recoveries = [];
  const closed = new AbortController();

  hls.on(Hls.Events.MANIFEST_PARSED, ready);
  hls.on(Hls.Events.ERROR, (event, data) => {
    if (!data.fatal) return;
    const kind = kindOf(Hls, data);
    const now = performance.now();
    while (recoveries.length && recoveries[0] < now - MEDIA_RECOVERY_MS) recoveries.shift();
    if (kind === 'media' && recoveries.length < MEDIA_RECOVERIES) {
      recoveries.push(now);
      hls.recoverMediaError();
      return;
    }
    failed(kind);
  });
  if (lowLatency && !rewind) startOnTime(video, hls, closed.signal);
  hls.loadSource(url);
  hls.attachMedia(video);

  return {
    /** Seconds from the newest media in the playlist, aged since it came, to what is shown. */
    latency: () => (hls.latestLevelDetails?.live && hls.latency > 0 ? hls.latency : null),
    target: () => hls.targetLatency,
    /** Seconds since the server received what is shown, by EXT-X-PROGRAM-DATE-TIME. */
    delay: () => (hls.playingDate ? (serverNow() - hls.playingDate.getTime()) / 1000 : null),
    goLive() {
      if (hls.liveSyncPosition !== null) video.currentTime = hls.liveSyncPosition;
    },
    close() {
      closed.abort();
      hls.destroy();
    },
  };
}
