// The moving state: one stream of changes from the server, kept in reactive tables.
//
// The tables show what is now, or a moment of the past while `live.at` says which. The stream goes on
// meanwhile, so that the way back is one step.
import { reactive, shallowReactive } from "/lib/vue/vue.esm-browser.prod.js";
import { gate } from "./gate.js";

const SECTIONS = ["overview", "segments", "stations", "crews", "cameras", "episodes", "orders", "alarms"];
// The server says something each quarter of a minute at least: after this the line is dead, even
// where the browser has not noticed.
const SILENT_MS = 40_000;
const COME_BACK_MS = 2000;

// `heard`: when a change last came, by this machine's clock; `at`: the moment that is shown, or null.
export const live = reactive({ connected: false, known: false, at: null, heard: 0 });
export const tables = Object.fromEntries(SECTIONS.map((name) => [name, shallowReactive({})]));

let present = null;
let listeners = [];
let source = null;
let watchdog = null;

// `listener(section, ids)` is called after a section has changed; ids is null for all of it.
export function onChange(listener) {
  listeners.push(listener);
  return () => (listeners = listeners.filter((other) => other !== listener));
}

const tell = (section, ids) => listeners.forEach((listener) => listener(section, ids));

const differs = (a, b) => a !== b && JSON.stringify(a) !== JSON.stringify(b);

// Put a whole state into the tables, touching only what differs.
function put(state) {
  for (const section of SECTIONS) {
    const table = tables[section];
    const wanted = state[section] ?? {};
    const ids = [];
    for (const id of Object.keys(table)) {
      if (!(id in wanted)) {
        delete table[id];
        ids.push(id);
      }
    }
    for (const [id, entry] of Object.entries(wanted)) {
      if (id in table && !differs(table[id], entry)) continue;
      table[id] = entry;
      ids.push(id);
    }
    if (ids.length) tell(section, ids);
  }
}

function merge(changes, into, told) {
  for (const [section, entries] of Object.entries(changes)) {
    const table = into[section];
    if (!table) continue;
    for (const [id, entry] of Object.entries(entries)) {
      if (entry === null && section !== "overview") delete table[id];
      else table[id] = entry;
    }
    if (told) tell(section, Object.keys(entries));
  }
}

// The platform's time, whatever is shown.
export const presentNow = () => present?.overview.now ?? null;

export function showPast(state, at) {
  live.at = at;
  put(state);
}

export function showPresent() {
  live.at = null;
  if (present) put(present);
}

function hear(event) {
  live.connected = true;
  clearTimeout(watchdog);
  watchdog = setTimeout(hangUp, SILENT_MS);
  if (event.type === "beat") return;
  live.heard = Date.now();
  const said = JSON.parse(event.data);
  if (event.type === "snapshot") {
    present = said;
    if (!live.at) put(present);
    live.known = true;
  } else if (present) {
    merge(said, present, false);
    if (!live.at) merge(said, tables, true);
  }
}

function hangUp() {
  source?.close();
  live.connected = false;
  setTimeout(comeBack, COME_BACK_MS);
}

export function listen() {
  source = new EventSource("/api/v1/live");
  for (const kind of ["snapshot", "change", "beat"]) source.addEventListener(kind, hear);
  source.onerror = () => {
    live.connected = false;
    // A stream that the server refused stays closed; one that broke comes back by itself.
    if (source.readyState === EventSource.CLOSED) {
      clearTimeout(watchdog);
      hangUp();
    }
  };
}

async function comeBack() {
  const answer = await fetch("/api/v1/me").catch(() => null);
  if (answer?.status === 401) gate.shut();
  listen();
}
