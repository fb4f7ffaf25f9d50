// Start: what the address names is shown, and the list of streams is kept fresh.

import * as api from './api.js';
import { Cards } from './cards.js';
import { Chat } from './chat.js';
import { enableCopyButtons } from './copy.js';
import { byId, setHidden, setText } from './dom.js';
import { Publish } from './publish.js';
import { Usage } from './usage.js';
import { Recordings } from './vod.js';
import { Watch } from './watch.js';

const POLL_MS = 1000;
const POLL_SLOWEST_MS = 8000;
const TICK_MS = 500;

enableCopyButtons(document);
const cards = new Cards();
const publish = new Publish();
const watch = new Watch();
const chat = new Chat();
let watched = null;
let failures = 0;
let timer = 0;

/** `#/NAME` or `#/NAME?player=llhls`; `name` is `null` for the list. */
function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  let name = path;
  try {
    name = decodeURIComponent(path);
  } catch {
    // A lone percent sign: the name as it stands.
  }
  return { name: name || null, player: new URLSearchParams(query).get('player') };
}

/** Shows the view of the address. `moved`: the visitor went there, and focus goes along. */
function show(moved) {
  const { name, player } = route();
  setHidden(byId('home'), name !== null);
  setHidden(byId('watch'), name === null);
  document.title = name === null ? 'airloom' : `${name} · airloom`;
  if (name === null) {
    watch.close();
    chat.close();
  } else {
    watch.open(name, player);
    chat.open(name);
  }
  if (moved) {
    scrollTo(0, 0);
    if (name !== null) byId('watch-title').focus();
    else if (!watched || !cards.focus(watched)) byId('on-air-title').focus();
  }
  watched = name;
  poll();
}

function showLink(state, text) {
  document.body.dataset.link = state;
  setText(byId('link-text'), text);
}

async function poll() {
  clearTimeout(timer);
  // A page nobody looks at asks nothing; `visibilitychange` below catches up.
  if (document.hidden) return;
  const current = (timer = setTimeout(poll, POLL_SLOWEST_MS));
  try {
    const streams = await api.streams();
    failures = 0;
    showLink('up', 'Connected');
    cards.update(streams, performance.now());
    watch.update(streams);
  } catch {
    failures += 1;
    showLink('down', failures > 1 ? 'Server not reachable' : 'Reconnecting');
  }
  // Unless another poll was started meanwhile.
  if (current === timer) {
    clearTimeout(timer);
    timer = setTimeout(poll, Math.min(POLL_SLOWEST_MS, POLL_MS * 2 ** Math.max(0, failures - 1)));
  }
}

function describeServer({ version, segment_s: segment, part_ms: part }) {
  return [
    version && `v${version}`,
    segment && `segments ${segment} s`,
    part && `parts ${part} ms`,
  ].filter(Boolean).join(' · ');
}

addEventListener('hashchange', () => show(true));
document.addEventListener('visibilitychange', () => poll());
setInterval(() => {
  if (document.hidden) return;
  cards.tick();
  watch.tick();
}, TICK_MS);

new Usage().start();
const recordings = new Recordings();
recordings.start();
const server = await api.server();
setText(byId('server-facts'), describeServer(server));
publish.setAuthority(api.rtmpAuthority(server.rtmp));
watch.configure(server);
show(false);
