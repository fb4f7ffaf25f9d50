// Server-sent events over `fetch`: unlike `EventSource` it can show a credential, and it notices a line that
// has gone silent.

/** The server lets nobody wait longer than 15 s for a sign of life. */
const SILENCE_MS = 40_000;
const FIRST_RETRY_MS = 500;
const SLOWEST_RETRY_MS = 15_000;

/** Splits text into events: `{event, id, data}`. */
class Parser {
  #rest = '';

  *push(text) {
    this.#rest += text;
    for (;;) {
      const end = this.#rest.indexOf('\n\n');
      if (end < 0) return;
      const lines = this.#rest.slice(0, end).split('\n');
      this.#rest = this.#rest.slice(end + 2);
      const fields = { event: 'message', id: null, data: '' };
      for (const line of lines) {
        const colon = line.indexOf(':');
        if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 1).replace(/^ /, '');
      }
      if (fields.data) yield fields;
    }
  }
}

/** Reads a room until it is closed, over as many connections as that takes. */
export class Stream {
  #path;
  #hear;
  #cursor = null;
  #token = null;
  #abort = null;
  #wake = null;
  #closed = false;
  #failures = 0;

  /** `hear` is told `{kind: 'open' | 'lost' | 'denied' | 'event', …}`. */
  constructor(path, token, hear) {
    this.#path = path;
    this.#token = token;
    this.#hear = hear;
    this.#run();
  }

  close() {
    this.#closed = true;
    this.again();
  }

  /** Connects anew at once, with the same place in the room. */
  again() {
    this.#failures = 0;
    this.#abort?.abort();
    this.#wake?.();
  }

  async #run() {
    while (!this.#closed) {
      try {
        await this.#read();
      } catch {
        // A line that broke: the place is known, so nothing is lost by it.
      }
      if (this.#closed) return;
      this.#hear({ kind: 'lost' });
      const pause = Math.min(SLOWEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
      this.#failures += 1;
      await new Promise((resolve) => {
        this.#wake = resolve;
        // Not all of a large audience at the same moment.
        setTimeout(resolve, pause * (0.5 + Math.random()));
      });
    }
  }

  async #read() {
    const abort = new AbortController();
    this.#abort = abort;
    let timer = setTimeout(() => abort.abort(), SILENCE_MS);
    try {
      const headers = { accept: 'text/event-stream' };
      if (this.#cursor) headers['last-event-id'] = this.#cursor;
      if (this.#token) headers.authorization = `Bearer ${this.#token}`;
      const response = await fetch(new URL(this.#path, document.baseURI), { headers, cache: 'no-store', signal: abort.signal });
      if (response.status === 401 && this.#token) {
        this.#token = null;
        this.#hear({ kind: 'denied' });
      }
      if (!response.ok) throw new Error(`answered ${response.status}`);
      this.#failures = 0;
      this.#hear({ kind: 'open', resumed: this.#cursor !== null });
      const parser = new Parser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => abort.abort(), SILENCE_MS);
        for (const { event, id, data } of parser.push(value)) {
          if (this.#closed) return;
          this.#hear({ kind: 'event', event, data: JSON.parse(data) });
          if (id) this.#cursor = id;
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
