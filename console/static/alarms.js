// What the queue shows and in which order: pure functions of the alarms.
import { crewName, district, me, placeName } from "./board.js";
import { tables } from "./live.js";
import { language, t } from "./texts.js";

export const WAITS = new Set(["unacknowledged", "returned"]);
export const ASIDE = new Set(["shelved", "out_of_service"]);

// By level, then what nobody has seen, then the oldest.
export const byUrgency = (a, b) =>
  b.level - a.level ||
  Number(!WAITS.has(a.state)) - Number(!WAITS.has(b.state)) ||
  Date.parse(a.since) - Date.parse(b.since) ||
  (a.id < b.id ? -1 : 1);

export const withIds = (table) => Object.entries(table).map(([id, alarm]) => ({ id, ...alarm }));

// How many ask for somebody, and how many stand at all: what the head of every page says.
export function tally() {
  const standing = Object.values(tables.alarms).filter(({ state }) => !ASIDE.has(state));
  return { waiting: standing.filter(({ state }) => WAITS.has(state)).length, standing: standing.length };
}

export function placeOf(alarm) {
  if (alarm.source === "platform") return t("alarm.platform");
  if (alarm.source === "station") return alarm.station;
  return placeName(alarm) || (alarm.crew ? crewName(alarm.crew) : t("queue.unnamed"));
}

export const kindOf = (alarm) =>
  alarm.source === "episode" ? t(`rule.${alarm.kind}`) : t(`alarm_kind.${alarm.kind}`);

export const saidOf = (alarm) => alarm.said?.[language()] ?? "";

// What an operator may look for: any word of the place, the crew, the kind, the text or the id.
function words(alarm) {
  return [placeOf(alarm), kindOf(alarm), saidOf(alarm), alarm.id, alarm.segment, alarm.site,
    alarm.crew && crewName(alarm.crew), alarm.taken_by, alarm.acknowledged_by,
    t(`level.${alarm.level}`)].filter(Boolean).join(" ").toLowerCase();
}

export const KINDS = {
  all: () => true,
  street: ({ source }) => source === "episode",
  calls: ({ source }) => source === "concern",
  devices: ({ source }) => ["station", "platform"].includes(source),
};

export function passes(alarm, { level, kind, mine, search }) {
  return alarm.level >= level && KINDS[kind](alarm)
    && (!mine || [alarm.taken_by, alarm.acknowledged_by].includes(me.name))
    && search.trim().toLowerCase().split(/\s+/).every((word) => words(alarm).includes(word));
}

// An order that holds still while somebody points at it: what is known keeps its rank, what is new
// comes last, and what has gone stays as it was last seen until the list is let go.
export class Ranks {
  constructor() {
    this.rank = new Map();
    this.last = new Map();
    this.fresh = new Set();
  }

  // What somebody has put aside with their own hand goes at once.
  forget(ids) {
    for (const id of ids) {
      this.rank.delete(id);
      this.last.delete(id);
    }
  }

  arrange(alarms, held) {
    const now = new Map(alarms.map((alarm) => [alarm.id, alarm]));
    if (!held) {
      this.rank = new Map([...alarms].sort(byUrgency).map(({ id }, i) => [id, i]));
      this.fresh = new Set();
      this.last = now;
      return [...alarms].sort(byUrgency);
    }
    for (const alarm of [...alarms].sort(byUrgency)) {
      if (!this.rank.has(alarm.id)) {
        this.rank.set(alarm.id, Math.max(0, ...this.rank.values()) + 1);
        this.fresh.add(alarm.id);
      }
    }
    this.last = new Map([...this.last, ...now]);
    return [...this.last.values()]
      .map((alarm) => (now.has(alarm.id) ? alarm : { ...alarm, gone: true }))
      .filter(({ id }) => this.rank.has(id))
      .sort((a, b) => this.rank.get(a.id) - this.rank.get(b.id));
  }
}

// What has one cause is one row: [key, members], in the order of their first members.
export function grouped(alarms) {
  const groups = new Map();
  for (const alarm of alarms) {
    const key = alarm.group ?? alarm.id;
    if (groups.has(key)) groups.get(key).push(alarm);
    else groups.set(key, [alarm]);
  }
  return [...groups];
}

// The rows of the grid: groups of several with their members when open, and single alarms.
export function rowsOf(alarms, unfolded) {
  return grouped(alarms).flatMap(([key, members]) => {
    if (members.length === 1) return [{ id: members[0].id, alarm: members[0], depth: 1 }];
    const head = { id: `group ${key}`, key, members, depth: 1, open: unfolded.has(key) };
    return head.open ? [head, ...members.map((alarm) => ({ id: alarm.id, alarm, key, depth: 2 }))] : [head];
  });
}

export function causeName(cause) {
  if (!cause) return t("cause.unknown");
  return cause.kind === "site" && cause.site ? `${t("cause.site")} · ${placeName(cause)}` : t(`cause.${cause.kind}`);
}

export const probableCause = (episode) =>
  [...(episode?.causes ?? [])].sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0))[0];

// What its members have in common, in words.
export function groupName(key, members, episodes) {
  const episode = members.map((alarm) => episodes[alarm.episode]).find(Boolean);
  if (episode) return causeName(probableCause(episode));
  if (key.startsWith("crew:")) return crewName(key.slice(5));
  if (key === "platform:readings") return t("alarm.no_readings");
  if (key === "stations") return t("alarm.stations_silent");
  return kindOf(members[0]);
}

// What is new to this page, or calls anew: came, came back, or rose.
export class Heard {
  constructor() {
    this.known = null;
  }

  news(alarms) {
    const before = this.known;
    this.known = new Map(alarms.map((alarm) => [alarm.id, alarm]));
    if (!before) return [];
    return alarms.filter((alarm) => {
      if (alarm.state !== "unacknowledged") return false;
      const old = before.get(alarm.id);
      return !old || old.state !== "unacknowledged" || alarm.level > old.level;
    });
  }
}

export const limitOf = ({ rule, level }) => district.limits[rule]?.[level - 1];
