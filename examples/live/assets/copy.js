// Buttons that copy the text of the element their `data-copy` names.

import { announce } from './dom.js';

const SHOWN_MS = 1600;
const SVG = 'http://www.w3.org/2000/svg';

/** Button to the timer that takes its "Copied" back. */
const timers = new WeakMap();

/** The clipboard API exists on https and localhost only; a server in the LAN is reached by plain http. */
async function toClipboard(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'hidden-visually';
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('the browser does not let this page copy');
}

function label(button, icon, text) {
  button.querySelector('use').setAttribute('href', `#icon-${icon}`);
  button.querySelector('span').textContent = text;
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  try {
    await toClipboard(source.textContent);
  } catch {
    // Next best: it is marked, and a key press away.
    getSelection().selectAllChildren(source);
    announce('Press the copy keys of your system to copy the marked text');
    return;
  }
  label(button, 'check', 'Copied');
  announce(`${button.dataset.what} copied`);
  clearTimeout(timers.get(button));
  timers.set(button, setTimeout(() => label(button, 'copy', 'Copy'), SHOWN_MS));
}

export function enableCopyButtons(root) {
  for (const button of root.querySelectorAll('button[data-copy]')) {
    const icon = document.createElementNS(SVG, 'svg');
    icon.setAttribute('class', 'icon');
    icon.setAttribute('aria-hidden', 'true');
    icon.append(document.createElementNS(SVG, 'use'));
    button.append(icon, document.createElement('span'));
    button.setAttribute('aria-label', `Copy: ${button.dataset.what}`);
    label(button, 'copy', 'Copy');
    button.addEventListener('click', () => copy(button));
  }
}
