// What can go wrong while a stream plays, in words for viewers, and when to try again.

const RETRY_FIRST_MS = 1000;
const RETRY_MOST_MS = 8000;
/** A stream is listed a moment before its first segment is complete. */
const EARLY_RETRY_MS = 400;
const EARLY_RETRIES = 20;

/** By the kinds that engines tell with `failed(kind)`. `lasting`: the same would happen again. */
export const FAILURES = {
  network: { title: 'The server can’t be reached', text: 'The connection broke off.' },
  gone: { title: 'No media yet', text: 'The server doesn’t offer any media for this stream at the moment.' },
  media: { title: 'The browser couldn’t play this', text: 'Its decoder gave up on the stream.' },
  broken: { title: 'Something in this stream is broken', text: 'The player couldn’t make sense of it.' },
  stuck: { title: 'No picture is coming in', text: 'The stream is on air, but playback doesn’t move.' },
  codec: { title: 'This browser can’t play this stream', text: 'It doesn’t know the codec. Another player or browser may.', lasting: true },
  missing: { title: 'Not available with this player', text: 'The server doesn’t offer the stream in this form. Choose another player.', lasting: true },
  unsupported: { title: 'This browser can’t run this player', text: 'Choose another one.', lasting: true },
};

/** Whether the `count`th failure only says that the stream has just begun. */
export const isEarly = (kind, count, hasPlayed) => kind === 'gone' && !hasPlayed && count < EARLY_RETRIES;

/** Milliseconds to wait before the try after the `count`th failure. */
export function retryDelay(early, count) {
  return early ? EARLY_RETRY_MS : Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** (count - 1));
}
