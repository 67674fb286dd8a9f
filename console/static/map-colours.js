// What a street looks like, and why: pure functions of the state.
//
// By level, the colour is that of the worst alarm nobody has acknowledged; what somebody has seen to
// is drawn hollow, its level still legible. Other ways of colouring have five steps of one hue.

const OPEN = new Set(["active", "recovering"]);

// By segment: the worst level that waits for somebody, and the worst that does not.
export function alarmsOf(episodes, now) {
  const found = {};
  for (const episode of episodes) {
    if (!episode.segment || !OPEN.has(episode.state)) continue;
    const entry = (found[episode.segment] ??= { unseen: 0, seen: 0 });
    const put = episode.acknowledged_by != null
      || (episode.shelved_until != null && Date.parse(now) < Date.parse(episode.shelved_until));
    const side = put ? "seen" : "unseen";
    entry[side] = Math.max(entry[side], episode.level);
  }
  return found;
}

const NO_ALARM = { unseen: 0, seen: 0 };

// {level, calm}: the level to show, and whether somebody has it in hand.
export function alarmLevel(state, alarm = NO_ALARM) {
  const now = state.standing === "unmeasured" ? 0 : state.level;
  if (alarm.unseen) return { level: Math.max(alarm.unseen, now), calm: false };
  if (alarm.seen && alarm.seen >= now) return { level: alarm.seen, calm: true };
  return { level: now, calm: false };
}

const step = (value, limits) => limits.filter((limit) => value >= limit).length;
const HOUR_MS = 3600_000;

// Each way of colouring: the lower ends of its steps 1 to 4, and the step of a street or null.
export const MODES = {
  level: null,
  share: {
    limits: [0.1, 0.25, 0.5, 0.75], unit: "%", factor: 100,
    of: (state) => (state.increment == null || !(state.pm10 > 0) ? null : Math.max(0, state.increment) / state.pm10),
  },
  estimate: {
    limits: [20, 50, 80, 160], unit: "µg/m³", factor: 1, everywhere: true,
    of: (state) => state.estimate,
  },
  ahead: {
    limits: [0.05, 0.2, 0.5, 0.8], unit: "%", factor: 100, everywhere: true,
    of: (state, { ahead }) => ahead ?? null,
  },
  treated: {
    limits: [2, 6, 12, 24], unit: "h", factor: 1, everywhere: true,
    // Who has not been treated within a day is in the last step.
    of: (state, { now }) =>
      (state.treated_at == null ? 25 : (Date.parse(now) - Date.parse(state.treated_at)) / HOUR_MS),
  },
};

// Class names of a street.
export function look(state, { mode = "level", alarm, ahead, now }) {
  const way = MODES[mode];
  if (!way) {
    const { level, calm } = alarmLevel(state, alarm);
    // An estimated episode where nobody measures: coloured, but never as sure as a measured one.
    if (state.standing === "unmeasured") return level ? `stale l${level}${calm ? " calm" : ""}` : "unmeasured";
    return `${state.standing} l${level}${calm ? " calm" : ""}`;
  }
  const value = way.of(state, { ahead, now });
  if (value == null || (!way.everywhere && state.standing === "unmeasured")) return "unmeasured";
  return `${state.standing === "stale" ? "stale" : "live"} s${step(value, way.limits)}`;
}

// Sites by id: what open episodes and gates say of them. `since` is the oldest of what they cause.
export function sitesOf(episodes) {
  const found = {};
  const entry = (id) => (found[id] ??= { level: 0, gate: false, since: null, share: null });
  for (const episode of episodes) {
    if (!OPEN.has(episode.state)) continue;
    const cause = [...episode.causes].sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0))[0];
    const blamed = cause?.kind === "site" && cause.site ? cause.site : episode.site;
    if (!blamed) continue;
    const site = entry(blamed);
    if (episode.rule === "gate") site.gate = true;
    else site.level = Math.max(site.level, episode.level);
    if (cause?.kind === "site") site.share = Math.max(site.share ?? 0, cause.probability ?? 0);
    if (!site.since || Date.parse(episode.started_at) < Date.parse(site.since)) site.since = episode.started_at;
  }
  return found;
}
