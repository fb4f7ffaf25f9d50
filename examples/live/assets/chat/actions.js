// What anybody can do with a message: react to it, or reply. One row of buttons for the whole list, which goes to
// the message that is pointed at, touched or chosen with the arrow keys: two hundred rows would be felt.

const REACTIONS = [['👍', 'Like'], ['❤️', 'Love'], ['😂', 'Laugh'], ['🔥', 'Fire']];

function button(className, text, label) {
  const node = document.createElement('button');
  node.type = 'button';
  node.className = className;
  node.textContent = text;
  node.ariaLabel = label;
  node.title = label;
  return node;
}

export class Actions {
  #list;
  #row = document.createElement('div');
  #item = null;

  /** `react(item, reaction)` and `reply(item)` are called with the message's element. */
  constructor(list, { react, reply }) {
    this.#list = list;
    this.#row.className = 'chat-actions';
    this.#row.setAttribute('role', 'group');
    for (const [reaction, label] of REACTIONS) {
      const node = button('chat-action', reaction, label);
      node.addEventListener('click', () => this.#item && react(this.#item, reaction));
      this.#row.append(node);
    }
    const answer = button('chat-action', '↩', 'Reply');
    answer.addEventListener('click', () => this.#item && reply(this.#item));
    this.#row.append(answer);
    list.addEventListener('pointerover', ({ target }) => this.#go(target.closest('.chat-entry')), { passive: true });
    list.addEventListener('pointerleave', ({ pointerType }) => pointerType === 'mouse' && !this.#row.contains(document.activeElement) && this.#go(null));
    list.addEventListener('keydown', (event) => this.#key(event));
  }

  #go(item) {
    if (item === this.#item || (item && !item.dataset.id)) return;
    this.#item?.classList.remove('chosen');
    this.#item = item;
    if (!item) {
      this.#row.remove();
      return;
    }
    item.classList.add('chosen');
    this.#row.ariaLabel = `Message of ${item.querySelector('.chat-user')?.textContent ?? 'the system'}`;
    item.append(this.#row);
  }

  #key(event) {
    if (event.key === 'Escape' && this.#item) {
      this.#list.focus();
      this.#go(null);
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      const all = [...this.#list.querySelectorAll('.chat-entry')];
      const now = all.indexOf(this.#item);
      const next = event.key === 'ArrowUp' ? (now < 0 ? all.length : now) - 1 : now + 1;
      const item = all[next];
      if (!item || (now < 0 && event.key === 'ArrowDown')) return;
      event.preventDefault();
      const inside = this.#row.contains(document.activeElement);
      this.#go(item);
      item.scrollIntoView({ block: 'nearest' });
      if (inside) this.#list.focus();
    }
  }
}
