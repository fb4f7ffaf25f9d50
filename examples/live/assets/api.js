// What the page asks the server for.

import { observe } from './clock.js';

const TIMEOUT_MS = 4000;

async function getJson(path) {
  const sent = Date.now();
  const response = await fetch(new URL(path, document.baseURI), {
    headers: { accept: 'application/json' },
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  observe(response.headers.get('date'), sent, Date.now());
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

/** The streams on air, in the order they are shown: by name, those that have ended last. */
export async function streams() {
  const list = await getJson('api/streams');
  return list.sort(
    (a, b) => (a.state === 'ended') - (b.state === 'ended') || a.name.localeCompare(b.name),
  );
}

/** What was used since the month began: `{from, meters: {METER: QUANTITY}}`. */
export const usage = () => getJson('api/usage');

/** How the server is set up: `{rtmp, part_ms, segment_s, version}`, members missing where not told. */
export async function server() {
  try {
    return await getJson('api/server');
  } catch {
    return {};
  }
}

/**
 * Where encoders publish, `HOST:PORT`. A server that listens on every address is reached under the name
 * that this page was reached under.
 */
export function rtmpAuthority(told) {
  const here = location.hostname || '127.0.0.1';
  if (!told) return `${here}:1935`;
  const colon = told.lastIndexOf(':');
  const host = told.slice(0, colon);
  return host === '0.0.0.0' || host === '[::]' ? `${here}${told.slice(colon)}` : told;
}

export const isOnAir = (stream) => stream?.state === 'live' || stream?.state === 'resuming';
export const videoOf = (stream) => stream?.tracks?.find((track) => track.kind === 'video');
export const audioOf = (stream) => stream?.tracks?.find((track) => track.kind === 'audio');

/** The sum of the tracks' bit rates in bit/s; `undefined` where none is known. */
export function bitrate(stream) {
  const known = (stream.tracks ?? []).map((track) => track.bitrate).filter(Number.isFinite);
  return known.length ? known.reduce((sum, rate) => sum + rate, 0) : undefined;
}
