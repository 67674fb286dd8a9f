// What an alarm sounds like: made by the browser, no files. Kept on this machine: on or off, and how
// loud. A wall is silent unless it is asked to speak.
import { reactive, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { live } from "./live.js";

export const AGAIN_MS = 2 * 60_000;

const wall = location.pathname.startsWith("/wall") || new URLSearchParams(location.search).has("wall");
const KEY = wall ? "sound-wall" : "sound";

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

export const sound = reactive({ on: !wall, volume: 0.5, blocked: false, rung: 0, ...kept(), wall });

watch(() => [sound.on, sound.volume], ([on, volume]) =>
  localStorage.setItem(KEY, JSON.stringify({ on, volume })));

// Hz and seconds from the start; more urgent is higher, longer and faster.
const TUNES = {
  1: [[587, 0]],
  2: [[659, 0], [880, 0.18]],
  3: [[880, 0], [1109, 0.13], [880, 0.26], [1109, 0.5], [880, 0.63], [1109, 0.76]],
};
const LENGTH_S = 0.12;

let context = null;

function wake() {
  context ??= new AudioContext();
  return context.resume().then(() => {
    sound.blocked = context.state !== "running";
  }, () => undefined);
}

// A browser gives no sound to a page that nobody has touched; a click or a key is enough.
function awaitTouch() {
  sound.blocked = true;
  const touched = () => {
    removeEventListener("pointerdown", touched, true);
    removeEventListener("keydown", touched, true);
    wake();
  };
  addEventListener("pointerdown", touched, true);
  addEventListener("keydown", touched, true);
}

export function play(level) {
  for (const [hertz, from] of TUNES[level] ?? TUNES[1]) {
    const [tone, gain] = [context.createOscillator(), context.createGain()];
    const start = context.currentTime + 0.02 + from;
    tone.type = level === 3 ? "square" : "sine";
    tone.frequency.value = hertz;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(sound.volume * (level === 3 ? 0.35 : 0.6), start + 0.015);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + LENGTH_S);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + LENGTH_S + 0.02);
  }
}

export async function ring(level) {
  // What a replay shows called long ago.
  if (!sound.on || !sound.volume || live.at) return;
  sound.rung += 1;
  context ??= new AudioContext();
  if (context.state !== "running") {
    // Where it may not start, `resume` neither succeeds nor fails.
    await Promise.race([wake(), new Promise((done) => setTimeout(done, 200))]);
  }
  if (context.state === "running") play(level);
  else awaitTouch();
}

export function trySound() {
  sound.on = true;
  return wake().then(() => ring(2));
}

export function mute() {
  sound.on = !sound.on;
  if (sound.on) trySound();
}

// Severe ones that nobody has seen sound again: `ringsAgain(ids, nowMs)` says whether it is time.
export class Insistent {
  constructor() {
    this.since = new Map();
  }

  due(ids, nowMs) {
    for (const id of this.since.keys()) if (!ids.includes(id)) this.since.delete(id);
    let due = false;
    for (const id of ids) {
      if (!this.since.has(id)) this.since.set(id, nowMs);
      else if (nowMs - this.since.get(id) >= AGAIN_MS) {
        this.since.set(id, nowMs);
        due = true;
      }
    }
    return due;
  }
}
