// How to publish: the settings and commands, made out for this server and the stream key that is typed.

import { byId, setHidden, setText } from './dom.js';

const ENCODERS = ['obs', 'ffmpeg', 'gstreamer'];
const DEFAULT_KEY = 'studio';
const VALID_KEY = /^[A-Za-z0-9._-]{1,64}$/;

// Each is a single line, so that it works in every shell, Windows' among them.
const ffmpegTest = (url) =>
  'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=sample_rate=48000 ' +
  '-c:v libx264 -preset veryfast -tune zerolatency -pix_fmt yuv420p -b:v 2500k -g 30 ' +
  `-c:a aac -b:a 128k -f flv ${url}`;

const ffmpegFile = (url) => `ffmpeg -re -i FILE.mp4 -c copy -f flv ${url}`;

const gstreamerTest = (url) =>
  `gst-launch-1.0 flvmux name=mux streamable=true ! rtmp2sink location=${url} ` +
  'videotestsrc is-live=true ! video/x-raw,width=1280,height=720,framerate=30/1 ' +
  '! x264enc tune=zerolatency speed-preset=veryfast bitrate=2500 key-int-max=30 ! h264parse ! queue ! mux. ' +
  'audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=48000,channels=2 ' +
  '! voaacenc bitrate=128000 ! aacparse ! queue ! mux.';

export class Publish {
  #authority;

  constructor() {
    byId('key').addEventListener('input', () => this.#write());
    for (const radio of document.querySelectorAll('input[name="encoder"]')) {
      radio.addEventListener('change', () => this.#choose(radio.value));
      // Browsers restore a choice on reload without saying so.
      if (radio.checked) this.#choose(radio.value);
    }
  }

  /** `authority` is `HOST:PORT` of the RTMP listener. */
  setAuthority(authority) {
    this.#authority = authority;
    this.#write();
  }

  #choose(encoder) {
    for (const name of ENCODERS) setHidden(byId(`encoder-${name}`), name !== encoder);
  }

  #write() {
    const typed = byId('key').value;
    const valid = VALID_KEY.test(typed);
    byId('key').setAttribute('aria-invalid', String(!valid));
    const key = valid ? typed : DEFAULT_KEY;
    const server = `rtmp://${this.#authority}/live`;
    setText(byId('obs-server'), server);
    setText(byId('obs-key'), key);
    setText(byId('ffmpeg-test'), ffmpegTest(`${server}/${key}`));
    setText(byId('ffmpeg-file'), ffmpegFile(`${server}/${key}`));
    setText(byId('gstreamer-test'), gstreamerTest(`${server}/${key}`));
    setText(byId('empty-command'), ffmpegTest(`${server}/${key}`));
  }
}
