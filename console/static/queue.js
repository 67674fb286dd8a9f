// The queue of alarms: by level, within a level what waits for somebody first, then by age. All of it
// can be done by keyboard, and nothing moves while somebody points at it.
import { computed, h, nextTick, onBeforeUnmount, reactive, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { acknowledgeReturned, batch } from "./alarm-api.js";
import { SHELVE_MINUTES, ShelveBox, Story } from "./alarm-story.js";
import {
  ASIDE, Heard, KINDS, Ranks, WAITS, byUrgency, causeName, groupName, kindOf, limitOf, passes, placeOf, probableCause,
  rowsOf, saidOf, withIds,
} from "./alarms.js";
import { me, selected } from "./board.js";
import { live, tables } from "./live.js";
import { Insistent, mute, ring, sound, trySound } from "./sound.js";
import { age, clock, signed, t, whole } from "./texts.js";
import { verdictText } from "./verdict.js";
import { explainOrder } from "./why.js";

// A sum of scatters has no unit and says nothing to an operator.
const UNSAID = new Set(["cusum", "gate"]);
const VALUE_OF_RULE = { inc60: "increment", inc15: "increment", pm10_60: "pm10" };
const EPOCH = 0;
const KEYS = {
  move: "j k ↑ ↓", open: "Enter", acknowledge: "a", shelve: "s 1–4", comment: "c", take: "t", group: "g", select: "x",
  selected: "Shift+A Shift+S", search: "/", sort: "r", why: "w", sound: "m", help: "?",
};

export function ruleWords(episode) {
  const limit = UNSAID.has(episode.rule) ? null : limitOf(episode);
  return `${t(`rule.${episode.rule}`)}${limit == null ? "" : ` ${t("rule.over", { limit })}`}`;
}

const number = (rule, value) => (VALUE_OF_RULE[rule] === "increment" ? signed(value) : whole(value));

const chip = (text, kind = "") => h("span", { class: `chip ${kind}` }, text);

const ageOf = (alarm, now) =>
  alarm.ended_at ? clock(alarm.ended_at)
    : Date.parse(alarm.since) === EPOCH ? t("alarm.never") : age(alarm.since, now);

// Running order of an episode: a click on it says why it was given.
function orderChip(episode) {
  const running = [...episode.orders].reverse().map((id) => tables.orders[id]).find(Boolean);
  return running ? h("button", {
    type: "button", class: `chip order ${running.state}`, tabindex: -1, title: t("why.why_order"),
    onClick: (event) => {
      event.stopPropagation();
      explainOrder(running.id);
    },
  }, `${t(`treatment.${running.treatment}`)} · ${t(`order_state.${running.state}`)} ?`) : null;
}

function episodeLines(episode) {
  const current = tables.segments[episode.segment]?.[VALUE_OF_RULE[episode.rule]];
  const closed = episode.state === "closed";
  const cause = probableCause(episode);
  return [
    h("div", { class: "line values" }, [
      h("span", { class: "rule" }, ruleWords(episode)),
      closed || current === undefined ? null
        : h("span", { class: "value" }, [t("queue.now"), " ", h("b", {}, number(episode.rule, current))]),
      UNSAID.has(episode.rule) ? null
        : h("span", { class: "value" }, [t("queue.peak"), " ", h("b", {}, number(episode.rule, episode.peak))]),
    ]),
    [
      chip(t(`state.${episode.state}`), `state ${episode.state}`),
      cause ? h("span", { class: "chip why" }, [causeName(cause),
        cause.probability == null ? "" : ` ${Math.round(cause.probability * 100)}%`]) : null,
      episode.measured ? null : chip(t("queue.estimated")),
      orderChip(episode),
      episode.verdict ? chip(verdictText(episode.verdict), "verdict") : null,
    ],
  ];
}

const callLines = (alarm) => [
  h("div", { class: "line values" }, h("span", { class: "rule said" }, saidOf(alarm) || kindOf(alarm))),
  [
    saidOf(alarm) ? chip(kindOf(alarm), "state") : null,
    alarm.role ? chip(t("alarm.called", { role: t(`called_role.${alarm.role}`) })) : null,
    alarm.source === "station" ? chip(t("alarm.since", { time: Date.parse(alarm.since) === EPOCH ? "–" : clock(alarm.since) })) : null,
  ],
];

function marks(alarm) {
  if (!alarm) return [];
  return [
    alarm.state === "returned" ? chip(t("alarm_state.returned"), "returned") : null,
    alarm.gone ? chip(t("alarm.gone"), "gone") : null,
    alarm.state === "shelved" ? chip(t("queue.until", { time: clock(alarm.shelved_until) })) : null,
    alarm.state === "out_of_service" ? chip(t("alarm_state.out_of_service")) : null,
    alarm.taken_by ? chip(t("alarm.taken", { who: alarm.taken_by }), "ok")
      : alarm.acknowledged_by ? chip(`✓ ${alarm.acknowledged_by}`, "ok") : null,
  ];
}

const badge = (level) => h("span", { class: "badge" }, [h("i", {}, String(level)), t(`level.${level}`)]);

export const Queue = {
  setup() {
    const root = ref(null);
    const folded = reactive({ pending: true, aside: true, closed: true });
    const unfolded = reactive(new Set());
    const picked = reactive(new Set());
    const filter = reactive({ level: 1, kind: "all", mine: false, search: "" });
    const active = ref("");
    const open = ref("");
    const shelving = ref("");
    const batchShelving = ref(false);
    const busy = ref(false);
    const answer = ref(null);
    const help = ref(false);
    const held = reactive({ pointer: false, focus: false });
    const spoken = reactive({ polite: "", assertive: "" });
    const ranks = new Ranks();
    const heard = new Heard();
    const insistent = new Insistent();
    const asked = ref(0);

    const alarms = computed(() => withIds(tables.alarms));
    const isHeld = computed(() => held.pointer || held.focus);
    const lists = computed(() => {
      asked.value;
      const wanted = alarms.value.filter((alarm) => passes(alarm, filter));
      const shown = ranks.arrange(wanted.filter(({ state }) => !ASIDE.has(state)), isHeld.value);
      const inShown = new Set(alarms.value.map(({ episode }) => episode));
      const episodes = Object.values(tables.episodes);
      return {
        rows: rowsOf(shown, unfolded),
        fresh: shown.filter(({ id, gone }) => ranks.fresh.has(id) && !gone),
        waiting: shown.filter(({ state, gone }) => WAITS.has(state) && !gone).length,
        standing: shown.filter(({ gone }) => !gone).length,
        aside: wanted.filter(({ state }) => ASIDE.has(state)).sort(byUrgency),
        pending: episodes.filter(({ state }) => state === "pending"),
        closed: episodes.filter(({ id, state }) => state === "closed" && !inShown.has(id))
          .sort((a, b) => Date.parse(b.ended_at) - Date.parse(a.ended_at)),
        returned: alarms.value.filter(({ state }) => state === "returned").length,
      };
    });
    const rows = computed(() => [...lists.value.rows,
      ...(folded.aside ? [] : lists.value.aside.map((alarm) => ({ id: alarm.id, alarm, depth: 1, aside: true })))]);
    const activeRow = computed(() => rows.value.find(({ id }) => id === active.value) ?? rows.value[0]);
    const idsOf = (row) => (row.alarm ? [row.alarm.id] : row.members.filter(({ gone }) => !gone).map(({ id }) => id));

    // What calls anew is said to a screen reader and sounded; severe ones that nobody has seen sound again.
    watch(alarms, (all) => {
      if (!live.known) return;
      const news = heard.news(all);
      if (!news.length) return;
      const worst = Math.max(...news.map(({ level }) => level));
      const first = [...news].sort(byUrgency)[0];
      const text = t("alarm.news", { n: news.length, level: t(`level.${worst}`), place: placeOf(first), kind: kindOf(first) });
      spoken[worst >= 3 ? "assertive" : "polite"] = text;
      ring(worst);
    }, { flush: "post", immediate: true });
    const again = setInterval(() => {
      const severe = alarms.value.filter(({ level, state }) => level >= 3 && state === "unacknowledged").map(({ id }) => id);
      if (insistent.due(severe, performance.now())) ring(3);
    }, 5000);
    onBeforeUnmount(() => clearInterval(again));

    // Somebody has chosen an episode elsewhere on the page.
    watch(() => selected.episode, (id) => {
      if (id && open.value !== `episode:${id}`) open.value = `episode:${id}`;
    });
    watch(() => alarms.value.map(({ id }) => id).join(), () => {
      for (const id of picked) if (!(id in tables.alarms)) picked.delete(id);
    });

    const rowElement = (id) => root.value?.querySelector(`[data-row="${CSS.escape(id)}"]`);
    async function focusRow(id) {
      active.value = id;
      await nextTick();
      // Where the row has gone meanwhile, the one that stands for it: the focus is never lost.
      const element = rowElement(id) ?? rowElement(activeRow.value?.id ?? "");
      element?.focus();
      element?.scrollIntoView({ block: "nearest" });
    }

    function toggle(row) {
      active.value = row.id;
      if (row.members) {
        if (unfolded.has(row.key)) unfolded.delete(row.key);
        else unfolded.add(row.key);
        return;
      }
      const closing = open.value === row.id;
      open.value = closing ? "" : row.id;
      shelving.value = "";
      selected.episode = closing ? null : row.alarm.episode;
      if (!closing && row.alarm.segment) selected.segment = row.alarm.segment;
    }

    async function act(what, ids, rest = {}) {
      if (!ids.length || !me.may_act) return;
      busy.value = true;
      try {
        const done = await batch(what, ids, rest);
        answer.value = done.failed || ids.length > 1 ? { ...done, act: what } : null;
        const fine = done.results.filter(({ ok }) => ok).map(({ id }) => id);
        if (what !== "comment") fine.forEach((id) => picked.delete(id));
        if (what === "shelve") await putAside(fine);
        spoken.polite = t("queue.did", { n: done.done, act: t(`queue.${what}`) });
      } catch (error) {
        answer.value = { error: error.message };
        spoken.assertive = error.message;
      }
      busy.value = false;
      shelving.value = "";
      batchShelving.value = false;
    }

    // The server's word that it is aside may come before or after this answer.
    const putAside = (ids) => new Promise((resolve) => {
      const gone = () => ids.every((id) => ASIDE.has(tables.alarms[id]?.state ?? "shelved"));
      const leave = () => {
        ranks.forget(ids);
        asked.value += 1;
        resolve();
      };
      if (gone()) return leave();
      const late = setTimeout(() => { stop(); resolve(); }, 3000);
      const stop = watch(alarms, () => {
        if (!gone()) return;
        clearTimeout(late);
        stop();
        leave();
      });
    });

    // What is already seen is left out where several are meant, so that one answer is one of refusals.
    const unseen = (ids) => (ids.length > 1 ? ids.filter((id) => WAITS.has(tables.alarms[id]?.state)) : ids);

    async function actFromRow(what, row, rest) {
      const before = rows.value.findIndex(({ id }) => id === row.id);
      await act(what, what === "acknowledge" ? unseen(idsOf(row)) : idsOf(row), rest);
      // The row that was acted on may have gone aside: the focus goes to the one in its place.
      const still = rows.value.some(({ id }) => id === row.id);
      await focusRow(still ? row.id : rows.value[Math.min(before, rows.value.length - 1)]?.id ?? "");
    }

    function move(step) {
      const at = rows.value.findIndex(({ id }) => id === activeRow.value?.id);
      const next = rows.value[Math.min(rows.value.length - 1, Math.max(0, at + step))];
      if (next) focusRow(next.id);
    }

    async function comment(row) {
      if (!row.alarm) return;
      if (open.value !== row.id) toggle(row);
      await nextTick();
      rowElement(row.id)?.querySelector("form.comment input")?.focus();
    }

    const sort = () => {
      held.pointer = held.focus = false;
      asked.value += 1;
      nextTick(() => {
        if (root.value?.contains(document.activeElement)) held.focus = true;
      });
    };

    const commands = {
      j: () => move(1), ArrowDown: () => move(1), k: () => move(-1), ArrowUp: () => move(-1),
      Home: () => move(-1e9), End: () => move(1e9),
      Enter: (row) => toggle(row),
      ArrowRight: (row) => (row.members ? !row.open && toggle(row) : open.value !== row.id && toggle(row)),
      ArrowLeft: (row) => (row.members ? row.open && toggle(row) : open.value === row.id && toggle(row)),
      a: (row) => actFromRow("acknowledge", row),
      A: () => act("acknowledge", [...picked]),
      s: (row) => me.may_act && (shelving.value = row.id),
      S: () => (batchShelving.value = picked.size > 0),
      c: (row) => comment(row),
      t: (row) => actFromRow("take", row),
      g: (row) => {
        const key = row.key;
        if (!key) return;
        const head = rows.value.find(({ id }) => id === `group ${key}`);
        toggle(head);
        focusRow(head.id);
      },
      x: (row) => pick(row), " ": (row) => pick(row),
      w: (row) => {
        const place = row.alarm?.segment ?? row.members?.find(({ segment }) => segment)?.segment;
        if (place) location.assign(`/segments/${encodeURIComponent(place)}`);
      },
      r: () => sort(),
    };
    const anywhere = {
      "/": () => root.value?.querySelector("input[type=search]")?.focus(),
      "?": () => (help.value = !help.value),
      m: () => mute(),
    };

    function pick(row) {
      const ids = idsOf(row);
      const all = ids.every((id) => picked.has(id));
      ids.forEach((id) => (all ? picked.delete(id) : picked.add(id)));
    }

    const typing = (target) => target.closest?.("input, textarea, select, [contenteditable]");

    function pressed(event) {
      if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
      const free = event.target === document.body;
      const inQueue = root.value?.contains(event.target);
      if (help.value && event.key === "Escape") help.value = false;
      else if (anywhere[event.key] && (free || inQueue || event.key === "?")) anywhere[event.key]();
      // From a fold's head or a button of a row: back to the row, and on from there.
      else if (inQueue && ["j", "k"].includes(event.key) && event.target.closest("[role=row]") !== event.target) focusRow(activeRow.value?.id ?? "");
      else if (!commands[event.key] || !(free || event.target.closest?.("[role=row]") === event.target)) return;
      else if (free && !["j", "k"].includes(event.key)) return;
      else if (free) focusRow(activeRow.value?.id ?? "");
      else if (activeRow.value) commands[event.key](rows.value.find(({ id }) => id === event.target.dataset.row) ?? activeRow.value);
      event.preventDefault();
    }
    addEventListener("keydown", pressed);
    onBeforeUnmount(() => removeEventListener("keydown", pressed));

    const face = (row, content) =>
      h("div", { role: "gridcell", class: "face", onClick: () => { toggle(row); focusRow(row.id); } }, content);

    const tick = (row) => me.may_act
      ? h("div", { role: "gridcell", class: "tick" }, h("input", {
        type: "checkbox", tabindex: -1, checked: idsOf(row).every((id) => picked.has(id)),
        "aria-label": t("queue.select"), onChange: () => pick(row),
      }))
      : null;

    const shelveRow = (row) => (shelving.value === row.id && (row.members || open.value !== row.id)
      ? h("div", { role: "gridcell", class: "under" }, h(ShelveBox, {
        busy: busy.value,
        onShelve: (minutes, text) => actFromRow("shelve", row, { minutes, text }),
        onLeave: () => { shelving.value = ""; focusRow(row.id); },
      }))
      : null);

    const rowProps = (row, level, classes) => ({
      role: "row", key: row.id, "data-row": row.id, "data-alarm": row.alarm?.id, "data-episode": row.alarm?.source === "episode" ? row.alarm.episode : undefined,
      class: ["card", `l${level}`, `depth${row.depth}`, picked.size && idsOf(row).every((id) => picked.has(id)) ? "picked" : "", ...classes],
      tabindex: row.id === activeRow.value?.id ? 0 : -1,
      "aria-level": row.depth, "aria-expanded": row.members ? row.open : open.value === row.id,
      "aria-selected": idsOf(row).every((id) => picked.has(id)),
      onFocus: () => (active.value = row.id),
    });

    function alarmRow(row) {
      const { alarm } = row;
      const episode = alarm.source === "episode" ? tables.episodes[alarm.episode] : null;
      const [values, chips] = episode ? episodeLines(episode) : callLines(alarm);
      const isOpen = open.value === row.id;
      return h("div", rowProps(row, alarm.level, [alarm.ended_at ? "closed" : "active", alarm.state, isOpen ? "open" : "",
        alarm.acknowledged_by ? "seen" : "waiting", alarm.gone ? "gone" : "", ranks.fresh.has(alarm.id) ? "fresh" : ""]), [
        tick(row),
        face(row, [
          h("div", { class: "line" }, [
            badge(alarm.level),
            h("b", { class: "place" }, placeOf(alarm)),
            ranks.fresh.has(alarm.id) ? h("span", { class: "new" }, t("alarm.new")) : null,
            h("span", { class: "age" }, ageOf(alarm, tables.overview.now)),
          ]),
          values,
          h("div", { class: "line foot" }, [...marks(alarm).slice(0, 1), ...chips, ...marks(alarm).slice(1)]),
        ]),
        shelveRow(row),
        isOpen ? h("div", { role: "gridcell", class: "under" }, h(Story, {
          alarm, episode: episode ?? tables.episodes[alarm.episode], busy: busy.value, shelving: shelving.value === row.id,
          onShelving: (wanted) => { shelving.value = wanted ? row.id : ""; if (!wanted) focusRow(row.id); },
          onAct: (what, rest) => actFromRow(what, row, rest),
        })) : null,
      ]);
    }

    function groupRow(row) {
      const members = row.members.filter(({ gone }) => !gone);
      const level = Math.max(...row.members.map((alarm) => alarm.level));
      const waits = members.filter(({ state }) => WAITS.has(state)).length;
      const places = [...new Set(row.members.map(placeOf))];
      const oldest = [...row.members].sort((a, b) => Date.parse(a.since) - Date.parse(b.since))[0];
      return h("div", rowProps(row, level, ["group", waits ? "waiting active" : "seen", row.open ? "open" : ""]), [
        tick(row),
        face(row, [
          h("div", { class: "line" }, [
            badge(level),
            h("b", { class: "place groupname" }, places.length === 1 ? places[0] : groupName(row.key, row.members, tables.episodes)),
            h("span", { class: "age" }, ageOf({ ...oldest, ended_at: null }, tables.overview.now)),
          ]),
          h("div", { class: "line foot" }, [
            h("span", { class: "many" }, t("alarm.same_cause", { n: row.members.length })),
            waits ? chip(t("alarm.waiting", { n: waits }), "state active") : chip(t("alarm.all_seen"), "ok"),
            h("span", { class: "places" }, places.length === 1
              ? row.members.map(kindOf).join(t("alarm.joint")) : places.join(t("alarm.joint"))),
          ]),
        ]),
        shelveRow(row),
      ]);
    }

    const rowOf = (row) => (row.members ? groupRow(row) : alarmRow(row));

    const fold = (name, items, content) =>
      items.length
        ? h("div", { class: "fold" }, [
          h("button", {
            type: "button", class: "foldhead", "aria-expanded": !folded[name], onClick: () => (folded[name] = !folded[name]),
          }, [h("span", { "aria-hidden": "true" }, folded[name] ? "▸" : "▾"), t(`queue.${name}`), h("b", {}, items.length)]),
          folded[name] ? null : content(),
        ])
        : null;

    // An episode that is no alarm: not held long enough yet, or over and seen.
    const episodeCard = (episode) => {
      const [values, chips] = episodeLines(episode);
      const isOpen = open.value === `past:${episode.id}`;
      return h("li", { class: ["card", `l${episode.level}`, episode.state, "seen", isOpen ? "open" : ""], key: episode.id, "data-episode": episode.id }, [
        h("button", {
          class: "face", type: "button", "aria-expanded": isOpen, onClick: () => {
            open.value = isOpen ? "" : `past:${episode.id}`;
            if (!isOpen && episode.segment) selected.segment = episode.segment;
          },
        }, [
          h("span", { class: "line" }, [badge(episode.level), h("b", { class: "place" }, placeOf({ source: "episode", ...episode })),
            h("span", { class: "age" }, episode.ended_at ? clock(episode.ended_at) : age(episode.started_at, tables.overview.now))]),
          values,
        ]),
        h("div", { class: "line foot past" }, [...chips, episode.acknowledged_by ? chip(`✓ ${episode.acknowledged_by}`, "ok") : null]),
        isOpen ? h(Story, { episode, busy: false, shelving: false }) : null,
      ]);
    };
    const cards = (episodes) => () => h("ul", {}, episodes.map(episodeCard));

    // No alarms because the air is clean, or because nobody is measuring: never to be mixed up.
    const nothing = () => {
      const blind = !tables.overview.stations_live;
      const narrowed = alarms.value.some(({ state }) => !ASIDE.has(state));
      const what = narrowed ? "filtered" : blind ? "blind" : "empty";
      return h("div", { class: blind && !narrowed ? "nothing blind" : "nothing" }, [
        h("span", { "aria-hidden": "true" }, blind && !narrowed ? "!" : "✓"),
        h("b", {}, t(`queue.${what}`)),
        h("p", {}, t(`queue.${what}_hint`)),
      ]);
    };

    const levelChoice = () => h("select", {
      value: filter.level, "aria-label": t("queue.levels"), onChange: (event) => (filter.level = Number(event.target.value)),
    }, [1, 2, 3].map((level) => h("option", { key: level, value: level }, level === 1 ? t("queue.all_levels") : t("queue.from_level", { level: t(`level.${level}`) }))));

    const kindChoice = () => h("select", {
      value: filter.kind, "aria-label": t("queue.kinds"), onChange: (event) => (filter.kind = event.target.value),
    }, Object.keys(KINDS).map((kind) => h("option", { key: kind, value: kind }, t(`queue_kind.${kind}`))));

    const soundButton = () => h("button", {
      type: "button", class: ["icon", sound.on ? "" : "muted"], "aria-pressed": sound.on, title: `${t("sound.label")} (m)`, "aria-label": t("sound.label"), onClick: () => mute(),
    }, h("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, [
      h("path", { d: "M4 9v6h4l5 4V5L8 9z" }),
      h("path", { class: "waves", d: sound.on ? "M16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11" : "M16 9.5l5 5M21 9.5l-5 5" }),
    ]));

    const volume = () => h("label", { class: "volume" }, [t("sound.volume"), h("input", {
      type: "range", min: 0.1, max: 1, step: 0.1, value: sound.volume, disabled: !sound.on,
      onInput: (event) => (sound.volume = Number(event.target.value)), onChange: () => trySound(),
    })]);

    const batchBar = () => (picked.size
      ? h("div", { class: "batchbar", role: "group", "aria-label": t("queue.batch") }, [
        h("b", {}, t("queue.picked", { n: picked.size })),
        h("button", { type: "button", class: "primary", disabled: busy.value, onClick: () => act("acknowledge", [...picked]) }, t("queue.acknowledge_picked")),
        h("button", { type: "button", "aria-expanded": batchShelving.value, onClick: () => (batchShelving.value = !batchShelving.value) }, t("queue.shelve_picked")),
        h("button", { type: "button", class: "link", onClick: () => picked.clear() }, t("queue.unpick")),
        batchShelving.value ? h(ShelveBox, {
          busy: busy.value, onShelve: (minutes, text) => act("shelve", [...picked], { minutes, text }), onLeave: () => (batchShelving.value = false),
        }) : null,
      ])
      : null);

    const answerBar = () => {
      const done = answer.value;
      if (!done) return null;
      const failed = done.results?.filter(({ ok }) => !ok) ?? [];
      return h("div", { class: ["answer", done.error || failed.length ? "bad" : ""], role: "status" }, [
        h("button", { type: "button", class: "close", "aria-label": t("app.close"), onClick: () => (answer.value = null) }, "×"),
        done.error ? h("p", {}, done.error) : h("p", {}, t(failed.length ? "queue.partly" : "queue.did", { n: done.done, act: t(`queue.${done.act}`), failed: failed.length })),
        failed.length ? h("ul", {}, failed.map(({ id, why }) => h("li", { key: id }, t("unfit.line", { place: tables.alarms[id] ? placeOf(tables.alarms[id]) : id, why: t(`unfit.${why}`) })))) : null,
      ]);
    };

    const helpBox = () => (help.value
      ? h("div", { class: "keyhelp", role: "dialog", "aria-modal": "true", "aria-labelledby": "keyhelp-title", onKeydown: (event) => { if (event.key === "Escape") { help.value = false; event.stopPropagation(); } } }, [
        h("div", { class: "sheet" }, [
          h("h2", { id: "keyhelp-title" }, t("keys.heading")),
          h("dl", {}, Object.entries(KEYS).flatMap(([name, key]) => [h("dt", { key: name }, h("kbd", {}, key)), h("dd", { key: `${name} says` }, t(`keys.${name}`))])),
          volume(),
          h("button", { type: "button", class: "primary", onVnodeMounted: ({ el }) => el.focus(), onClick: () => (help.value = false) }, t("app.close")),
        ]),
      ])
      : null);

    const inList = {
      onPointerenter: () => (held.pointer = true), onPointerleave: () => (held.pointer = false),
      onFocusin: () => (held.focus = true),
      onFocusout: (event) => (held.focus = event.currentTarget.contains(event.relatedTarget)),
    };

    return () => {
      const { rows: shown, fresh, pending, aside, closed, waiting, standing, returned } = lists.value;
      const worst = Math.max(0, ...fresh.map(({ level }) => level));
      return h("section", { class: "queue", id: "queue", ref: root, "aria-label": t("queue.heading"), tabindex: -1 }, [
        h("h2", { class: "panehead" }, [
          t("queue.heading"),
          h("b", { class: waiting ? "count alert" : "count", title: t("alarm.waiting", { n: waiting }) }, live.known ? `${waiting} / ${standing}` : "–"),
        ]),
        h("div", { class: "qtools" }, [
          h("input", {
            type: "search", value: filter.search, placeholder: t("queue.search"), "aria-label": t("queue.search"), "aria-keyshortcuts": "/",
            onInput: (event) => (filter.search = event.target.value),
            onKeydown: (event) => {
              if (event.key === "Escape") { filter.search = ""; focusRow(activeRow.value?.id ?? ""); event.stopPropagation(); }
              if (["Enter", "ArrowDown"].includes(event.key)) { focusRow(rows.value[0]?.id ?? ""); event.preventDefault(); }
            },
          }),
          levelChoice(), kindChoice(),
          h("button", { type: "button", class: filter.mine ? "on" : "", "aria-pressed": filter.mine, onClick: () => (filter.mine = !filter.mine) }, t("queue.mine")),
          soundButton(),
          h("button", { type: "button", class: "icon", "aria-label": t("keys.heading"), title: `${t("keys.heading")} (?)`, "aria-expanded": help.value, onClick: () => (help.value = true) }, "?"),
        ]),
        sound.on && sound.blocked ? h("p", { class: "blocked", role: "status" }, t("sound.blocked")) : null,
        batchBar(),
        answerBar(),
        h("div", { class: "scroll", ...inList }, [
          live.known ? (shown.length ? null : nothing()) : h("p", { class: "quiet coming", role: "status" }, t("app.loading")),
          h("div", { ...(shown.length ? { role: "treegrid", "aria-label": t("queue.heading"), "aria-multiselectable": "true" } : {}), class: "cards" }, shown.map(rowOf)),
          returned > 1 && me.may_act ? h("p", { class: "allreturned" }, h("button", { type: "button", disabled: busy.value, onClick: () => acknowledgeReturned() }, t("queue.acknowledge_returned", { n: returned }))) : null,
          fold("aside", aside, () => h("div", { role: "treegrid", class: "asides", "aria-label": t("queue.aside") },
            aside.map((alarm) => alarmRow({ id: alarm.id, alarm, depth: 1, aside: true })))),
          fold("pending", pending, cards(pending)),
          fold("closed", closed, cards(closed)),
          fresh.length ? h("button", { type: "button", class: `freshbar l${worst}`, onClick: sort }, t("alarm.fresh", { n: fresh.length, level: t(`level.${worst}`) })) : null,
        ]),
        h("div", { class: "unseen", "aria-live": "polite" }, spoken.polite),
        h("div", { class: "unseen", role: "alert" }, spoken.assertive),
        helpBox(),
      ]);
    };
  },
};
