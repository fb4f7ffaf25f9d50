// The chat beside a stream: reading, writing, and the tools of those who moderate.

import { Actions } from './chat/actions.js';
import { List } from './chat/list.js';
import { Stream } from './chat/stream.js';
import { announce, byId, setHidden, setText } from './dom.js';

const REMEMBERED = 'airloom.chat';
const TOKEN = 'airloom.moderator';
const TYPING_MS = 4000;
const TRIES = 4;
/** A gap this soon after connecting is what was missed; later it is what was too much to show. */
const CATCHING_UP_MS = 1500;
const BUSY_MS = 3000;
/** With more entries a second than this a screen reader would never end. */
const READABLE = 1;

function remembered(store, key) {
  try {
    return store.getItem(key);
  } catch {
    return null; // storage is off in this browser
  }
}

function remember(store, key, value) {
  try {
    if (value) store.setItem(key, value);
    else store.removeItem(key);
  } catch {
    // Then it is asked for anew the next time.
  }
}

/** Sixteen random bytes; `randomUUID` exists on secure origins only, and a home network is none. */
function uniqueKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const guest = () => `guest-${1000 + (crypto.getRandomValues(new Uint16Array(1))[0] % 9000)}`;
const number = (value) => value.toLocaleString('en');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Chat {
  #room = null;
  #stream = null;
  #list;
  #token = remembered(sessionStorage, TOKEN);
  #epoch = null;
  #last = 0;
  #opened = 0;
  /** What this page wrote and has not seen come back, by offset. */
  #own = new Map();
  #pin = null;
  #skipped = 0;
  #busyTimer = 0;
  #typed = 0;
  #arrivals = [];
  #menu = null;
  #lost = false;
  /** The message that is replied to. */
  #to = null;

  constructor() {
    this.#list = new List(byId('chat-list'), byId('chat-latest'), (item, entry) => this.#decorate(item, entry), () => this.#name);
    new Actions(byId('chat-list'), {
      react: (item, reaction) => this.#react(item.dataset.id, reaction),
      reply: (item) => this.#replyTo(item.dataset.id),
    });
    byId('chat-to-none').addEventListener('click', () => this.#replyTo(null));
    byId('chat-text').addEventListener('keydown', ({ key }) => key === 'Escape' && this.#replyTo(null));
    byId('chat-name').value = remembered(localStorage, REMEMBERED) ?? guest();
    byId('chat-name').addEventListener('change', ({ target }) => {
      target.value = target.value.trim() || guest();
      remember(localStorage, REMEMBERED, target.value);
    });
    byId('chat-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    byId('chat-text').addEventListener('input', ({ target }) => {
      setText(byId('chat-left'), target.value.length > 400 ? String(500 - target.value.length) : '');
      this.#typing();
    });
    byId('chat-shield').addEventListener('click', () => this.#showDesk(byId('chat-desk').hidden));
    byId('chat-desk').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#takeToken(byId('chat-token').value.trim());
    });
    byId('chat-stop').addEventListener('click', () => this.#takeToken(null));
    byId('chat-slow').addEventListener('change', ({ target }) => this.#act({ act: 'modes', slow_ms: Number(target.value) }, 'Slow mode is set.'));
    byId('chat-unpin').addEventListener('click', () => this.#enter({ kind: 'pin' }, ''));
    byId('chat-list').addEventListener('click', (event) => this.#clicked(event));
    addEventListener('online', () => this.#stream?.again());
    addEventListener('offline', () => this.#showLink('lost'));
    this.#showModerator();
  }

  open(room) {
    if (room === this.#room) return;
    this.close();
    this.#room = room;
    this.#forget();
    this.#connect();
  }

  close() {
    this.#stream?.close();
    this.#stream = null;
    this.#room = null;
  }

  get #path() {
    return `api/rooms/${encodeURIComponent(this.#room)}`;
  }

  get #name() {
    return byId('chat-name').value.trim() || guest();
  }

  #connect() {
    this.#stream?.close();
    this.#showLink('connecting');
    const stream = new Stream(`${this.#path}/events`, this.#token, (news) => {
      // What an old stream still has to say is of another room.
      if (stream === this.#stream) this.#hear(news);
    });
    this.#stream = stream;
  }

  #forget() {
    this.#list.clear();
    this.#own.clear();
    this.#last = 0;
    this.#epoch = null;
    this.#skipped = 0;
    this.#showPin(null);
    this.#replyTo(null);
    setText(byId('chat-here'), '');
    this.#note('');
    setHidden(byId('chat-empty'), false);
  }

  #hear(news) {
    if (news.kind === 'open') {
      this.#opened = performance.now();
      if (this.#lost) announce('The chat is back');
      this.#lost = false;
      this.#showLink('up');
    } else if (news.kind === 'lost') {
      if (!this.#lost) announce('The chat has lost its connection');
      this.#lost = true;
      this.#showLink('lost');
    } else if (news.kind === 'denied') {
      this.#takeToken(null, 'That is not a moderator’s token.');
    } else {
      this.#read(news.event, news.data);
    }
  }

  #read(event, data) {
    if (event === 'batch') {
      for (const entry of data.entries) this.#enterEntry(entry);
      this.#setSpeech(data.entries.length);
    } else if (event === 'gap') {
      this.#miss(data);
    } else if (event === 'reset') {
      this.#forget();
      this.#epoch = data.epoch;
      this.#list.push({ note: 'This chat has begun anew' });
    } else if (event === 'presence') {
      const typing = data.typing ? ` · ${data.typing} typing` : '';
      setText(byId('chat-here'), `${number(data.readers)} here${typing}`);
    } else if (event === 'link') {
      this.#showLink(data.connected ? 'up' : 'severed');
    }
  }

  #enterEntry(entry) {
    // At least once: what is known already is passed over.
    if (entry.offset <= this.#last) return;
    this.#last = entry.offset;
    this.#own.delete(entry.offset);
    this.#show(entry);
  }

  #show(entry) {
    setHidden(byId('chat-empty'), true);
    if (entry.kind === 'pin') this.#showPin(entry.target ?? null);
    if (entry.kind === 'delete' && entry.target === this.#pin) this.#showPin(null);
    this.#list.push(entry);
  }

  /** What did not come. A writer sees what they wrote all the same. */
  #miss({ from, to, except = [] }) {
    const count = to - from + 1 - except.length;
    for (const [offset, entry] of this.#own) {
      if (offset >= from && offset <= to && !except.includes(offset)) {
        this.#own.delete(offset);
        this.#show(entry);
      }
    }
    // What comes all the same follows, so the place moves only where nothing does.
    if (!except.length) this.#last = Math.max(this.#last, to);
    if (performance.now() - this.#opened < CATCHING_UP_MS && from > 1) {
      this.#list.push({ note: `${number(count)} ${count === 1 ? 'message' : 'messages'} missed meanwhile` });
    } else if (from > 1 || this.#last) {
      this.#skipped += count;
      setText(byId('chat-busy'), `Very busy: ${number(this.#skipped)} messages not shown`);
      setHidden(byId('chat-busy'), false);
      clearTimeout(this.#busyTimer);
      this.#busyTimer = setTimeout(() => {
        this.#skipped = 0;
        setHidden(byId('chat-busy'), true);
      }, BUSY_MS);
    }
  }

  async #say() {
    const field = byId('chat-text');
    const text = field.value.trim();
    if (!text || field.readOnly) return;
    field.readOnly = true;
    const to = this.#to;
    const post = to ? { user: this.#name, text, reply_to: to } : { user: this.#name, text };
    const answer = await this.#post('messages', post, { 'idempotency-key': uniqueKey() });
    field.readOnly = false;
    if (!answer) return;
    field.value = '';
    this.#replyTo(null);
    setText(byId('chat-left'), '');
    this.#note(answer.held ? 'Your message waits for a moderator.' : '');
    if (!answer.cursor) return;
    const offset = Number(answer.cursor.split(':')[1]);
    const entry = { offset, id: answer.id, at: new Date().toISOString(), kind: to ? 'reply' : 'message', to, user: this.#name, text };
    // It comes back with the next batch; where it is among what is too much to show, it is shown here.
    if (offset > this.#last) this.#own.set(offset, entry);
    else if (!this.#list.has(answer.id)) this.#show(entry);
  }

  /** Posts, again where the line breaks; the answer, or nothing where it was refused. */
  async #post(path, body, headers = {}) {
    const url = new URL(`${this.#path}/${path}`, document.baseURI);
    if (this.#token) headers.authorization = `Bearer ${this.#token}`;
    for (let attempt = 1; ; attempt += 1) {
      let response;
      try {
        response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body), signal: AbortSignal.timeout(8000) });
      } catch {
        if (attempt === TRIES) {
          this.#note('The server cannot be reached. Your message is still here.');
          return null;
        }
        this.#note('Trying again…');
        await sleep(500 * 2 ** attempt);
        continue;
      }
      const answer = await response.json().catch(() => ({}));
      if (response.ok) return answer;
      const wait = Number(response.headers.get('retry-after'));
      this.#note(`${answer.detail ?? `The server answered ${response.status}`}${wait ? `: try again in ${wait} s` : ''}.`);
      return null;
    }
  }

  #replyTo(id) {
    const message = id && this.#list.text(id);
    this.#to = message ? id : null;
    setHidden(byId('chat-to'), !message);
    if (!message) return;
    setText(byId('chat-to-text'), `${message.user}: ${message.text}`);
    byId('chat-text').focus();
  }

  async #react(target, reaction) {
    if (await this.#post('reactions', { user: this.#name, target, reaction })) this.#list.pulse(target, reaction);
  }

  #typing() {
    const now = performance.now();
    if (now - this.#typed < TYPING_MS || !byId('chat-text').value) return;
    this.#typed = now;
    const url = new URL(`${this.#path}/typing`, document.baseURI);
    fetch(url, { method: 'POST', body: JSON.stringify({ user: this.#name }) }).catch(() => {});
  }

  #note(text) {
    setText(byId('chat-note'), text);
  }

  #showLink(state) {
    byId('chat').dataset.link = state;
    const lost = navigator.onLine ? 'Reconnecting' : 'You are offline';
    setText(byId('chat-link'), { connecting: 'Connecting', lost, severed: 'Out of reach', up: '' }[state]);
  }

  #showPin(id) {
    this.#pin = id;
    // The entry may be in the same batch, which is shown with the next frame.
    requestAnimationFrame(() => {
      const pinned = this.#pin && this.#list.text(this.#pin);
      setHidden(byId('chat-pin'), !pinned);
      if (pinned) setText(byId('chat-pin-text'), `${pinned.user}: ${pinned.text}`);
    });
  }

  /** Reads new messages out only while they come slowly enough to be listened to. */
  #setSpeech(count) {
    const now = performance.now();
    this.#arrivals = this.#arrivals.filter(([at]) => now - at < 10_000);
    this.#arrivals.push([now, count]);
    const total = this.#arrivals.reduce((sum, [, arrived]) => sum + arrived, 0);
    const live = total <= 10 * READABLE ? 'polite' : 'off';
    if (byId('chat-list').ariaLive !== live) byId('chat-list').ariaLive = live;
  }

  // Moderating

  #showDesk(shown) {
    setHidden(byId('chat-desk'), !shown);
    byId('chat-shield').ariaExpanded = String(shown);
    if (shown && !this.#token) byId('chat-token').focus();
  }

  #takeToken(token, note = '') {
    this.#token = token || null;
    remember(sessionStorage, TOKEN, this.#token);
    byId('chat-token').value = '';
    this.#note(note);
    this.#showModerator();
    if (this.#room !== null) {
      this.#forget();
      this.#note(note);
      this.#connect();
    }
  }

  #showModerator() {
    const moderates = this.#token !== null;
    byId('chat').classList.toggle('moderates', moderates);
    setHidden(byId('chat-enter'), moderates);
    setHidden(byId('chat-powers'), !moderates);
    byId('chat-name').disabled = moderates;
    byId('chat-shield').ariaPressed = String(moderates);
  }

  #decorate(item, entry) {
    if (!this.#token || !entry.user || entry.kind === 'system') return;
    item.dataset.user = entry.user;
    const more = document.createElement('button');
    more.type = 'button';
    more.className = 'chat-more';
    more.ariaLabel = `Moderate the message of ${entry.name ?? entry.user}`;
    more.textContent = '⋯';
    item.append(more);
  }

  #clicked({ target }) {
    const option = target.closest('.chat-option');
    if (option) {
      this.#post('votes', { user: this.#name, poll: option.dataset.poll, option: Number(option.dataset.option) })
        .then((done) => done && this.#note('Your vote is counted.'));
      return;
    }
    const power = target.closest('[data-power]');
    const item = target.closest('.chat-entry');
    if (power) this.#use(power.dataset.power, item);
    else if (target.closest('.chat-more')) this.#openMenu(item);
  }

  #openMenu(item) {
    const same = this.#menu?.parentElement === item;
    this.#menu?.remove();
    this.#menu = null;
    if (same) return;
    const menu = document.createElement('div');
    menu.className = 'chat-menu';
    menu.append(...[['delete', 'Remove'], ['pin', 'Pin'], ['timeout', 'Time out 10 min'], ['ban', 'Ban'], ['pardon', 'Pardon']].map(([power, label]) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'copy';
      button.dataset.power = power;
      button.textContent = label;
      return button;
    }));
    item.append(menu);
    this.#menu = menu;
    menu.firstElementChild.focus();
    menu.scrollIntoView({ block: 'nearest' });
  }

  #use(power, item) {
    const { id, user } = item.dataset;
    this.#menu?.remove();
    this.#menu = null;
    switch (power) {
      case 'delete':
        return this.#act({ act: 'delete', target: id }, '');
      case 'pin':
        return this.#enter({ kind: 'pin', target: id }, '');
      case 'timeout':
        return this.#act({ act: 'restrict', user, how: 'timeout', lasts: 600_000 }, `${user} is quiet for ten minutes.`);
      case 'ban':
        return this.#act({ act: 'restrict', user, how: 'ban' }, `${user} is banned.`);
      default:
        return this.#act({ act: 'pardon', user }, `${user} may write again.`);
    }
  }

  async #act(act, done) {
    if (await this.#post('moderation', act)) this.#note(done);
  }

  async #enter(body, done) {
    if (await this.#post('entries', body)) this.#note(done);
  }
}
