// What can be measured of a video while it plays.

import { isBehind } from './follow.js';

function bufferAhead({ buffered, currentTime }) {
  for (let range = 0; range < buffered.length; range += 1) {
    if (buffered.start(range) <= currentTime + 0.1 && currentTime < buffered.end(range)) {
      return buffered.end(range) - currentTime;
    }
  }
  return 0;
}

/** The figures of `video` played by `engine`; all `null` before there is one. Times in seconds. */
export function measure(video, engine) {
  const quality = engine && video.getVideoPlaybackQuality?.();
  const latency = engine?.latency() ?? null;
  const target = engine?.target() ?? null;
  return {
    latency,
    target,
    delay: engine?.delay() ?? null,
    buffer: engine ? bufferAhead(video) : null,
    dropped: quality?.droppedVideoFrames ?? null,
    frames: quality?.totalVideoFrames ?? null,
    width: (engine && video.videoWidth) || null,
    height: (engine && video.videoHeight) || null,
    rate: engine ? video.playbackRate : null,
    behind: latency !== null && (video.paused || isBehind(latency, target ?? 0)),
  };
}
