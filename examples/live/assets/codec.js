// RFC 6381 codec strings as people call them.

const AVC_PROFILES = { 66: 'Baseline', 77: 'Main', 88: 'Extended', 100: 'High', 110: 'High 10', 122: 'High 4:2:2', 244: 'High 4:4:4' };
const AAC_OBJECTS = { 2: 'AAC-LC', 5: 'HE-AAC', 29: 'HE-AAC v2', 34: 'MP3', 42: 'xHE-AAC' };
const FAMILIES = {
  avc1: 'H.264', avc3: 'H.264', hvc1: 'HEVC', hev1: 'HEVC', av01: 'AV1', vp08: 'VP8', vp09: 'VP9',
  mp4a: 'AAC', opus: 'Opus', flac: 'FLAC', 'ac-3': 'AC-3', 'ec-3': 'E-AC-3', mp3: 'MP3',
};

/** `avc1.640028` as `{name: 'H.264', detail: 'High 4.0'}`; what is not known is shown as it came. */
export function describe(codec) {
  const [family, ...rest] = codec.split('.');
  const name = FAMILIES[family.toLowerCase()] ?? family;
  if (name === 'H.264' && /^[0-9a-f]{6}$/i.test(rest[0] ?? '')) {
    const profile = AVC_PROFILES[parseInt(rest[0].slice(0, 2), 16)] ?? '';
    const level = (parseInt(rest[0].slice(4), 16) / 10).toFixed(1);
    return { name, detail: `${profile} ${level}`.trim() };
  }
  if (family === 'mp4a' && rest[0] === '40') return { name: AAC_OBJECTS[rest[1]] ?? name, detail: '' };
  return { name, detail: '' };
}
