// HLS through the browser itself, for browsers without Media Source Extensions (iPhones before iOS 17).

import { serverNow } from '../clock.js';

const KINDS = { 2: 'network', 3: 'media', 4: 'codec' };
/** How far from the end of the seekable range to play; these browsers do not tell HOLD-BACK. */
const HOLD_BACK = 3;

export async function open(video, { url, ready, failed }) {
  const report = () => failed(KINDS[video.error?.code] ?? 'broken');
  const edge = () => (video.seekable.length ? video.seekable.end(video.seekable.length - 1) : null);
  video.addEventListener('error', report);
  video.src = url;
  // Such browsers load nothing before they are told to play.
  ready();

  return {
    latency: () => (edge() === null ? null : Math.max(0, edge() - video.currentTime)),
    target: () => null,
    delay() {
      const start = video.getStartDate?.().getTime();
      return Number.isFinite(start) ? (serverNow() - start) / 1000 - video.currentTime : null;
    },
    goLive() {
      if (edge() !== null) video.currentTime = Math.max(0, edge() - HOLD_BACK);
    },
    close() {
      video.removeEventListener('error', report);
      video.removeAttribute('src');
      video.load();
    },
  };
}
