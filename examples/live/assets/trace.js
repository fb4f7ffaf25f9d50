// A figure over the last minute, drawn as a line.

const LEAST_SPAN_MS = 8000;

export class Trace {
  #line;
  #fill;
  #box;
  #span;
  #floor;
  #samples = [];

  /**
   * `svg` holds `.trace-line` and `.trace-fill`. `span` is how many milliseconds it is wide, `floor` the
   * least value its top stands for, so that small noise is not drawn as mountains.
   */
  constructor(svg, { span, floor }) {
    this.#line = svg.querySelector('.trace-line');
    this.#fill = svg.querySelector('.trace-fill');
    this.#box = svg.viewBox.baseVal;
    this.#span = span;
    this.#floor = floor;
  }

  push(at, value) {
    this.#samples.push({ at, value });
    while (this.#samples.length && this.#samples[0].at < at - this.#span) this.#samples.shift();
    this.#draw(at);
  }

  clear() {
    this.#samples = [];
    this.#line.setAttribute('d', '');
    this.#fill.setAttribute('d', '');
  }

  #draw(now) {
    const { width, height } = this.#box;
    // A short history is drawn over the whole width at first.
    const span = Math.min(this.#span, Math.max(LEAST_SPAN_MS, now - this.#samples[0].at));
    const top = Math.max(this.#floor, ...this.#samples.map((sample) => sample.value)) * 1.15;
    const x = ({ at }) => (width * (1 - (now - at) / span)).toFixed(1);
    const y = ({ value }) => (height - 1 - (height - 2) * (Math.max(0, value) / top)).toFixed(1);
    const points = this.#samples.map((sample) => `${x(sample)} ${y(sample)}`);
    const line = points.length > 1 ? `M${points.join('L')}` : '';
    this.#line.setAttribute('d', line);
    this.#fill.setAttribute('d', line && `${line}V${height}H${x(this.#samples[0])}Z`);
  }
}
