// The server's clock, as far as this browser can tell.
//
// A `Date` header has whole seconds, so one answer only says that the server's clock was within a certain
// second. Each answer narrows the interval that the difference of the two clocks must lie in. As long as
// "no difference" is in it, the browser's own clock is believed.

let low = -Infinity;
let high = Infinity;

/** Learns from an answer with `date` (its header), asked for at `sent` and received at `received` (ms). */
export function observe(date, sent, received) {
  const server = Date.parse(date);
  if (Number.isNaN(server)) return;
  const least = server - received;
  const most = server + 1000 - sent;
  if (least > high || most < low) {
    // One of the clocks was set meanwhile: what was learnt before is void.
    low = least;
    high = most;
  } else {
    low = Math.max(low, least);
    high = Math.min(high, most);
  }
}

/** Now, in milliseconds since the epoch, by the server's clock. */
export function serverNow() {
  return Date.now() + Math.min(Math.max(0, low), high);
}
