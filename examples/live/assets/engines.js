// Which players this browser can run, and which script each one needs. A script is loaded when its player is
// first chosen.

const TYPE = 'video/mp4; codecs="avc1.42e01e,mp4a.40.2"';
const source = globalThis.ManagedMediaSource ?? globalThis.MediaSource;
const hasMediaSource = Boolean(source?.isTypeSupported?.(TYPE));
const hasNativeHls = () => Boolean(document.createElement('video').canPlayType('application/vnd.apple.mpegurl'));

const hls = () => (hasMediaSource ? import('./engine/hls.js') : import('./engine/native.js'));

export const ENGINES = {
  llhls: {
    name: 'Low-Latency HLS',
    supported: () => hasMediaSource || hasNativeHls(),
    address: (stream) => stream.hls,
    open: async (video, options) => (await hls()).open(video, { ...options, lowLatency: true }),
  },
  hls: {
    name: 'HLS',
    supported: () => hasMediaSource || hasNativeHls(),
    address: (stream) => stream.hls,
    open: async (video, options) => (await hls()).open(video, { ...options, lowLatency: false }),
  },
  dash: {
    name: 'DASH',
    supported: () => hasMediaSource,
    address: (stream) => stream.dash,
    open: async (video, options) => (await import('./engine/dash.js')).open(video, options),
  },
};
