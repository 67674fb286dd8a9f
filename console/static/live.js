// The moving state: one stream of changes from the server, kept in reactive tables.
import { reactive, shallowReactive } from "/lib/vue/vue.esm-browser.prod.js";

const SECTIONS = ["overview", "segments", "stations", "crews", "episodes", "orders", "alarms"];

export const live = reactive({ connected: false, known: false });
export const tables = Object.fromEntries(SECTIONS.map((name) => [name, shallowReactive({})]));

let listeners = [];

// `listener(section, ids)` is called after a section has changed; ids is null for all of it.
export const onChange = (listener) => listeners.push(listener);

const tell = (section, ids) => listeners.forEach((listener) => listener(section, ids));

function replace(snapshot) {
  for (const section of SECTIONS) {
    const table = tables[section];
    for (const id of Object.keys(table)) if (!(id in snapshot[section])) delete table[id];
    Object.assign(table, snapshot[section]);
    tell(section, null);
  }
  live.known = true;
}

function apply(changes) {
  for (const [section, entries] of Object.entries(changes)) {
    for (const [id, entry] of Object.entries(entries)) {
      if (entry === null && section !== "overview") delete tables[section][id];
      else tables[section][id] = entry;
    }
    tell(section, Object.keys(entries));
  }
}

export function listen() {
  const source = new EventSource("/api/v1/live");
  source.addEventListener("snapshot", (event) => {
    live.connected = true;
    replace(JSON.parse(event.data));
  });
  source.addEventListener("change", (event) => {
    live.connected = true;
    apply(JSON.parse(event.data));
  });
  source.onerror = () => {
    live.connected = false;
    // A stream that the server refused stays closed; one that broke comes back by itself.
    if (source.readyState === EventSource.CLOSED) {
      source.close();
      setTimeout(comeBack, 2000);
    }
  };
}

async function comeBack() {
  const answer = await fetch("/api/v1/me").catch(() => null);
  if (answer?.status === 401) location.assign("/login");
  else listen();
}
