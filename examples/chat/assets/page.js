// The smallest client: `EventSource` resumes by itself, for every event carries its place.

const byId = (id) => document.getElementById(id);
const room = location.hash.slice(1) || 'lobby';
const path = `/api/rooms/${encodeURIComponent(room)}`;
const list = byId('list');
const shown = new Map();
let last = 0;

byId('room').textContent = decodeURIComponent(room);
addEventListener('hashchange', () => location.reload());

function add(text, user) {
  const item = document.createElement('li');
  if (user) item.append(Object.assign(document.createElement('b'), { textContent: `${user} ` }));
  else item.className = 'note';
  item.append(text);
  const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  list.append(item);
  if (list.childElementCount > 300) list.firstElementChild.remove();
  if (follows) list.scrollTop = list.scrollHeight;
  return item;
}

const events = new EventSource(`${path}/events`);
events.onerror = () => { byId('state').textContent = 'reconnecting'; };
events.onopen = () => { byId('state').textContent = 'connected'; };
events.addEventListener('presence', ({ data }) => { byId('state').textContent = `${JSON.parse(data).readers} here`; });
events.addEventListener('link', ({ data }) => { byId('state').textContent = JSON.parse(data).connected ? 'connected' : 'the room is out of reach'; });
events.addEventListener('gap', ({ data }) => {
  const { from, to, except = [] } = JSON.parse(data);
  add(`${to - from + 1 - except.length} messages not shown`);
});
events.addEventListener('reset', () => {
  list.replaceChildren();
  last = 0;
  add('this room has begun anew');
});
events.addEventListener('batch', ({ data }) => {
  for (const { offset, id, kind, user, text, target } of JSON.parse(data).entries) {
    if (offset <= last) continue;
    last = offset;
    if (kind === 'delete') shown.get(target)?.remove();
    else if (text) shown.set(id, add(text, user));
  }
});

byId('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = await fetch(`${path}/messages`, { method: 'POST', body: JSON.stringify({ user: byId('user').value, text: byId('text').value }) });
  if (answer.ok) byId('text').value = '';
  else byId('state').textContent = (await answer.json()).detail;
});
