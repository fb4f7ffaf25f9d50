// DASH through dash.js. The same shape as the engine in hls.js.

/** dash.js numbers its errors; these are the ones that it does not recover from by itself. */
const KINDS = {
  10: 'broken', // manifest cannot be parsed
  11: 'network', // manifest cannot be loaded
  20: 'media', // the browser refuses to append
  23: 'codec', // no Media Source Extensions
  25: 'network', // manifest download
  28: 'network', // initialization segment download
  31: 'broken', // manifest makes no sense
  32: 'codec', // no stream that this browser plays
  35: 'codec', // container or codec not supported
};

const SETTINGS = {
  debug: { logLevel: 0 },
  streaming: {
    // One rendition a stream: nothing to remember between visits.
    lastBitrateCachingInfo: { enabled: false },
    lastMediaSettingsCachingInfo: { enabled: false },
    buffer: { bufferToKeep: 30 },
    // The manifest says what clock to go by (UTCTiming). The library's fallback is a host on the internet,
    // which this page must do without.
    utcSynchronization: { defaultTimingSource: { scheme: 'urn:mpeg:dash:utc:http-head:2014', value: new URL('api/streams', document.baseURI).href } },
    // Low latency is on where the manifest says that segments can be had as they are made, at the distance that
    // it asks for (ServiceDescription). Late, play up to 10 % faster, as the HLS engine does.
    liveCatchup: { enabled: true, playbackRate: { min: 0, max: 0.1 } },
  },
};

/**
 * Notes every listener that is added to `video` from now on, and returns what removes them all. dash.js leaves
 * some behind when it is destroyed, and those throw as soon as the element is used again.
 */
function collectListeners(video) {
  const added = [];
  video.addEventListener = (...listener) => {
    added.push(listener);
    EventTarget.prototype.addEventListener.apply(video, listener);
  };
  return () => {
    delete video.addEventListener;
    for (const listener of added) video.removeEventListener(...listener);
  };
}

export async function open(video, { url, ready, failed }) {
  const { MediaPlayer } = await import('../vendor/dashjs/dash.mediaplayer.min.js');
  const removeListeners = collectListeners(video);
  const player = MediaPlayer().create();
  player.updateSettings(SETTINGS);
  player.on(MediaPlayer.events.ERROR, ({ error }) => {
    const kind = KINDS[error?.code];
    if (kind) failed(error.data?.response?.status === 404 ? 'gone' : kind);
  });
  player.on(MediaPlayer.events.PLAYBACK_ERROR, () => failed('media'));
  // Not sooner: dash.js refreshes the manifest only if it has seen the `play` event itself, and it does not
  // listen for it before the first segments are in.
  player.on(MediaPlayer.events.CAN_PLAY, ready);
  player.initialize(video, url, false);

  // Who goes back in the live window wants to stay there; dash.js would hurry to the edge, or jump.
  const hurry = (enabled) => player.updateSettings({ streaming: { liveCatchup: { enabled } } });
  let position = 0;
  video.addEventListener('timeupdate', () => {
    if (!video.seeking) position = video.currentTime;
  });
  video.addEventListener('seeking', () => {
    if (video.currentTime < position - 1) hurry(false);
  });

  const known = (value) => (Number.isFinite(value) ? value : null);
  const whenLive = (read) => () => (player.isReady() && player.isDynamic() ? known(read()) : null);
  return {
    /** Seconds of wall-clock time since the picture on screen was due at the live edge. */
    latency: whenLive(() => player.getCurrentLiveLatency()),
    target: whenLive(() => player.getTargetLiveDelay()),
    // DASH knows no edge but the clock's: its latency already is the time since the server received it.
    delay: () => null,
    goLive() {
      hurry(true);
      player.seekToOriginalLive();
    },
    close() {
      player.destroy();
      removeListeners();
    },
  };
}
