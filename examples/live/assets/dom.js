// The few ways this page touches its document.

export const byId = (id) => document.getElementById(id);

/** Writes `text` only when it differs, so that nothing is laid out or read out again in vain. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

let announcer;

/** Says `text` to screen readers. For changes of state only, never for figures that tick. */
export function announce(text) {
  announcer ??= byId('announcer');
  announcer.textContent = text;
}
