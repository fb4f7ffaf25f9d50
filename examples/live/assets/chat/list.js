// The messages as the page shows them: a bounded list, written once a frame at most.

import { setHidden, setText } from '../dom.js';

/** Beyond this the oldest go: nobody scrolls back further, and the page stays light. */
const SHOWN = 200;
/** A reader this close to the end, in pixels, follows it. */
const NEAR = 48;
const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const ROLES = { broadcaster: 'Broadcaster', moderator: 'Moderator', vip: 'VIP', subscriber: 'Subscriber', system: 'System' };

/** A hue of one's own, the same everywhere. */
function hue(name) {
  let hash = 0x811c9dc5;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 15)) % 360;
}

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function money({ minor, currency }) {
  const format = new Intl.NumberFormat(undefined, { style: 'currency', currency });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

export class List {
  #list;
  #latest;
  #queue = [];
  #frame = 0;
  #follows = true;
  #unseen = 0;
  #items = new Map();
  #decorate;
  #me;

  /** `decorate(item, entry)` may add to an item what moderators need; `me()` is who reads. */
  constructor(list, latest, decorate, me) {
    this.#list = list;
    this.#latest = latest;
    this.#decorate = decorate;
    this.#me = me;
    list.addEventListener('scroll', () => {
      this.#follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR;
      if (this.#follows) this.#seen();
    }, { passive: true });
    new ResizeObserver(() => this.#follows && this.#toEnd()).observe(list);
    latest.addEventListener('click', () => {
      this.#follows = true;
      this.#toEnd();
      this.#seen();
    });
  }

  clear() {
    this.#queue = [];
    this.#items.clear();
    this.#list.replaceChildren();
    this.#follows = true;
    this.#seen();
  }

  /** Adds an entry, or a line of the page's own: `{note}`. */
  push(entry) {
    this.#queue.push(entry);
    // In a tab that nobody looks at no frame comes.
    if (this.#queue.length > 2 * SHOWN) this.#queue.splice(0, this.#queue.length - SHOWN);
    this.#frame ||= requestAnimationFrame(() => this.#flush());
  }

  /** Whether an entry is shown, or will be with the next frame. */
  has(id) {
    return this.#items.has(id) || this.#queue.some((entry) => entry.id === id);
  }

  /** The text of an entry that is shown, for the pin above the list. */
  text(id) {
    const item = this.#items.get(id);
    return item && { user: item.querySelector('.chat-user')?.textContent ?? '', text: item.querySelector('.chat-text')?.textContent ?? '' };
  }

  /** Shows at once that a reaction is on its way: the count comes with the next tally. */
  pulse(id, reaction) {
    const item = this.#items.get(id);
    if (!item) return;
    const one = element('span', 'chat-pulse', reaction);
    one.ariaHidden = 'true';
    one.addEventListener('animationend', () => one.remove());
    item.append(one);
  }

  #flush() {
    this.#frame = 0;
    const fresh = this.#queue.splice(0).slice(-SHOWN);
    const nodes = document.createDocumentFragment();
    let added = 0;
    for (const entry of fresh) {
      if (this.#amend(entry)) continue;
      const item = entry.note ? element('li', 'chat-note', entry.note) : this.#item(entry);
      if (entry.id) this.#items.set(entry.id, item);
      if (entry.id) item.dataset.id = entry.id;
      nodes.append(item);
      added += 1;
    }
    if (!added) return;
    this.#list.append(nodes);
    // Somebody who reads further up keeps what they read under their eyes.
    const most = this.#follows ? SHOWN : 2 * SHOWN;
    while (this.#list.childElementCount > most) {
      const first = this.#list.firstElementChild;
      this.#items.delete(first.dataset.id);
      first.remove();
    }
    if (this.#follows) this.#toEnd();
    else this.#missed(added);
  }

  /** Entries that change what is there already. */
  #amend(entry) {
    const item = this.#items.get(entry.target ?? entry.poll);
    switch (entry.kind) {
      case 'delete':
        if (item) {
          item.className = 'chat-note';
          item.replaceChildren('Message removed');
          this.#items.delete(entry.target);
        }
        // A tombstone is of itself; of what this page never showed there is nothing to say.
        return true;
      case 'reactions': {
        if (!item) return true;
        let row = item.querySelector('.chat-reactions');
        if (!row) item.append((row = element('span', 'chat-reactions')));
        const counts = Object.assign(JSON.parse(row.dataset.counts ?? '{}'), entry.counts);
        row.dataset.counts = JSON.stringify(counts);
        row.replaceChildren(...Object.entries(counts).map(([reaction, count]) => element('span', '', `${reaction} ${count.toLocaleString('en')}`)));
        if (this.#follows) this.#toEnd();
        return true;
      }
      case 'pin':
        return true;
      case 'poll':
        if (!entry.poll || !item) return Boolean(entry.poll);
        item.querySelector('.chat-ballot').replaceWith(this.#poll(entry));
        return true;
      default:
        return false;
    }
  }

  #item(entry) {
    const item = element('li', `chat-entry chat-${entry.kind}`);
    const at = new Date(entry.at);
    if (!Number.isNaN(at.getTime())) {
      const time = element('time', 'chat-time', TIME.format(at));
      time.dateTime = entry.at;
      item.append(time);
    }
    if (entry.user && entry.kind !== 'system') {
      for (const role of entry.roles ?? []) {
        if (ROLES[role] && ROLES[role] !== entry.name) {
          const badge = element('span', 'chat-role', ROLES[role]);
          badge.dataset.role = role;
          item.append(badge);
        }
      }
      const user = element('b', 'chat-user', entry.name ?? entry.user);
      user.style.setProperty('--hue', hue(entry.user));
      item.append(user, ' ');
    }
    const to = entry.kind === 'reply' && this.text(entry.to);
    if (to && to.user === this.#me()) item.classList.add('chat-to-me');
    const said = {
      donation: () => `gave ${money(entry.amount)}`,
      subscription: () => `subscribed, ${entry.months} ${entry.months === 1 ? 'month' : 'months'} (${entry.tier})`,
      'stream-info': () => `The stream is now “${entry.title}”${entry.category ? ` in ${entry.category}` : ''}`,
      reply: () => (to?.user ? `to ${to.user}` : 'in reply'),
    }[entry.kind];
    if (said) item.append(element('span', 'chat-said', said()), ' ');
    if (entry.kind === 'poll') item.append(this.#poll({ ...entry, poll: entry.id }));
    else item.append(element('span', 'chat-text', entry.text ?? ''));
    this.#decorate(item, entry);
    return item;
  }

  #poll({ poll, question, options, closed }) {
    const box = element('div', 'chat-ballot');
    const all = options.reduce((sum, { votes = 0 }) => sum + votes, 0);
    box.append(element('p', 'chat-question', question));
    options.forEach(({ text, votes = 0 }, option) => {
      const button = element('button', 'chat-option');
      button.type = 'button';
      button.disabled = closed;
      Object.assign(button.dataset, { poll, option });
      const share = all ? Math.round((100 * votes) / all) : 0;
      button.style.setProperty('--share', `${share}%`);
      button.append(element('span', '', text), element('span', 'chat-votes', all ? `${share} %` : ''));
      box.append(button);
    });
    box.append(element('p', 'chat-said', `${all.toLocaleString('en')} ${all === 1 ? 'vote' : 'votes'}${closed ? ', closed' : ''}`));
    return box;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #missed(count) {
    this.#unseen += count;
    setText(this.#latest, this.#unseen > 99 ? 'Many new messages' : `${this.#unseen} new ${this.#unseen === 1 ? 'message' : 'messages'}`);
    setHidden(this.#latest, false);
  }

  #seen() {
    this.#unseen = 0;
    setHidden(this.#latest, true);
  }
}
