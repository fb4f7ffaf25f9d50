// Figures in words people read.

/** Bit rate in bit/s as `6.2 Mb/s`. */
export function rate(bits) {
  if (!Number.isFinite(bits)) return '';
  if (bits >= 1e6) return `${(bits / 1e6).toFixed(1)} Mb/s`;
  return `${Math.round(bits / 1e3)} kb/s`;
}

/** Bytes as `6.21 MB`, four digits at most: enough to see them move. */
export function bytes(number) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const step = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, number)) / 3)));
  const value = number / 1000 ** step;
  const places = step === 0 ? 0 : value < 10 ? 3 : value < 100 ? 2 : 1;
  return `${value.toFixed(places)} ${units[step]}`;
}

/** A time span in milliseconds as `4:07`, `1:04:07` or `2 d 01:04`. */
export function span(milliseconds) {
  const total = Math.max(0, Math.floor(milliseconds / 1000));
  const pad = (value) => String(value).padStart(2, '0');
  const seconds = pad(total % 60);
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3600) % 24;
  const days = Math.floor(total / 86400);
  if (days) return `${days} d ${pad(hours)}:${pad(minutes)}`;
  if (hours) return `${hours}:${pad(minutes)}:${seconds}`;
  return `${minutes}:${seconds}`;
}

export const seconds = (value) => `${value.toFixed(value < 10 ? 2 : 1)} s`;

export function count(number, one, many) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

/** Frames a second: `30`, `29.97`. */
export const frameRate = (value) => String(Math.round(value * 100) / 100);

/** The picture as broadcasters say it: `1080p30`, or `640×352` where the height is not a usual one. */
export function picture({ width, height, frame_rate: fps }) {
  if (!width || !height) return '';
  const usual = [240, 360, 480, 540, 576, 720, 1080, 1440, 2160, 4320].includes(height);
  if (!usual || width < height) return `${width}×${height}${fps ? `, ${frameRate(fps)} fps` : ''}`;
  return `${height}p${fps ? frameRate(fps) : ''}`;
}

export const sampleRate = (hertz) => `${hertz / 1000} kHz`;

export function channels(number) {
  return { 1: 'mono', 2: 'stereo', 6: '5.1', 8: '7.1' }[number] ?? `${number} channels`;
}
