// Each stream has a weave of its own, drawn from its name: the same stream looks the same everywhere.

const WIDTH = 160;
const HEIGHT = 90;
const THREADS = 9;
const STEP = 4;
const SVG = 'http://www.w3.org/2000/svg';

/** FNV-1a: tiny, and neighbouring names (cam-1, cam-2) come out far apart after the mixing below. */
function seedOf(name) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** Mulberry32: a few evenly spread numbers in 0..1 from a seed. */
function* numbers(seed) {
  let state = seed;
  for (;;) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}

/** Fills `svg` (viewBox 160 by 90) with the weave of `name`, and tells its hue to the parent as `--hue`. */
export function weave(svg, name) {
  if (svg.dataset.name === name) return;
  svg.dataset.name = name;
  const random = numbers(seedOf(name));
  const next = () => random.next().value;
  const hue = Math.floor(next() * 360);
  const cycles = 1 + next() * 1.2;
  const reach = 16 + next() * 14;
  const twist = 0.25 + next() * 0.5;
  const start = next() * Math.PI * 2;

  const threads = [];
  for (let thread = 0; thread < THREADS; thread += 1) {
    const across = thread / (THREADS - 1) - 0.5;
    const points = [];
    for (let x = -STEP; x <= WIDTH + STEP; x += STEP) {
      const angle = (x / WIDTH) * Math.PI * 2 * cycles + start + thread * twist;
      const y = HEIGHT / 2 + across * HEIGHT * 0.5 + Math.sin(angle) * reach * (1 - Math.abs(across));
      points.push(`${x},${y.toFixed(1)}`);
    }
    const path = document.createElementNS(SVG, 'polyline');
    path.setAttribute('points', points.join(' '));
    path.setAttribute('stroke', `hsl(${(hue + thread * 9) % 360} 75% ${72 - Math.abs(across) * 36}%)`);
    path.setAttribute('stroke-opacity', (0.85 - Math.abs(across) * 1.1).toFixed(2));
    threads.push(path);
  }
  svg.replaceChildren(...threads);
  svg.parentElement.style.setProperty('--hue', hue);
}
