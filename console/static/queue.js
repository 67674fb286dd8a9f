// The queue of episodes: by level, within a level what waits for somebody first, then by age.
import { computed, h, reactive, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { act, episode as askEpisode } from "./api.js";
import { crewName, district, me, placeName, selectEpisode, selected } from "./board.js";
import { live, tables } from "./live.js";
import { age, clock, moment, signed, t, whole } from "./texts.js";
import { verdictText } from "./verdict.js";

const SHELVE_MINUTES = [15, 60, 240, 480];

export const isShelved = (episode, now) =>
  episode.shelved_until != null && Date.parse(now) < Date.parse(episode.shelved_until);

export const byUrgency = (a, b) =>
  b.level - a.level ||
  Number(a.acknowledged_by != null) - Number(b.acknowledged_by != null) ||
  Date.parse(a.started_at) - Date.parse(b.started_at) ||
  (a.id < b.id ? -1 : 1);

export function sorted(episodes, now) {
  const open = episodes.filter((episode) => !["pending", "closed"].includes(episode.state));
  const shelved = open.filter((episode) => isShelved(episode, now));
  return {
    shown: open.filter((episode) => !isShelved(episode, now)).sort(byUrgency),
    shelved: shelved.sort(byUrgency),
    // Not held long enough yet to call anybody.
    pending: episodes.filter((episode) => episode.state === "pending").sort(byUrgency),
    closed: episodes
      .filter((episode) => episode.state === "closed")
      .sort((a, b) => Date.parse(b.ended_at) - Date.parse(a.ended_at)),
  };
}

// Episodes with one cause are one thing: the most urgent stands for its group.
export function grouped(episodes) {
  const groups = new Map();
  for (const episode of episodes) {
    const key = episode.group ?? episode.id;
    if (groups.has(key)) groups.get(key).push(episode);
    else groups.set(key, [episode]);
  }
  return [...groups];
}

// A sum of scatters has no unit and says nothing to an operator.
const UNSAID = new Set(["cusum", "gate"]);

const VALUE_OF_RULE = { inc60: "increment", inc15: "increment", pm10_60: "pm10" };

export function ruleWords(episode) {
  const limit = UNSAID.has(episode.rule) ? null : district.limits[episode.rule]?.[episode.level - 1];
  return `${t(`rule.${episode.rule}`)}${limit == null ? "" : ` ${t("rule.over", { limit })}`}`;
}

const number = (rule, value) => (VALUE_OF_RULE[rule] === "increment" ? signed(value) : whole(value));

const probableCause = (episode) =>
  [...episode.causes].sort((a, b) => (b.probability ?? 0) - (a.probability ?? 0))[0];

const causeName = (cause) =>
  cause.kind === "site" && cause.site
    ? `${t("cause.site")} · ${placeName(cause)}`
    : t(`cause.${cause.kind}`);

const orderLine = (id) => {
  const order = tables.orders[id];
  if (!order) return h("li", { class: "order gone", key: id }, h("code", {}, id));
  return h("li", { class: `order ${order.state}`, key: id }, [
    h("span", { class: "chip" }, t(`order_state.${order.state}`)),
    h("b", {}, crewName(order.crew)),
    h("span", {}, t(`treatment.${order.treatment}`)),
    h("time", {}, clock(order.started_at ?? order.eta)),
  ]);
};

const Causes = ({ episode }) =>
  h("ul", { class: "causes" }, episode.causes.map((cause) =>
    h("li", { key: cause.kind + cause.site }, [
      h("div", { class: "cause" }, [
        h("b", {}, causeName(cause)),
        cause.probability == null ? null : h("span", { class: "share" }, `${Math.round(cause.probability * 100)}%`),
      ]),
      cause.probability == null ? null
        : h("meter", { min: 0, max: 1, value: cause.probability, "aria-label": causeName(cause) }),
      cause.evidence ? h("p", {}, cause.evidence) : null,
    ])));

const logText = ({ event, detail }) => {
  if (event === "comment") return detail.text;
  if (event === "reason") return detail.reason;
  if (event === "order") {
    return [crewName(detail.crew), detail.treatment ? t(`treatment.${detail.treatment}`) : "",
      detail.eta ? `${t("plan.eta")} ${clock(detail.eta)}` : ""].filter(Boolean).join(" · ");
  }
  if (event === "shelved") {
    return [detail.until ? t("queue.until", { time: clock(detail.until) }) : "", detail.reason ?? ""].filter(Boolean).join(" · ");
  }
  if (event === "verdict") return verdictText(detail);
  if (event === "level") return detail.level == null ? "" : t(`level.${detail.level}`);
  return "";
};

const actorName = (actor) =>
  ["analytics", "dispatch"].includes(actor) ? t(`actor.${actor}`) : actor;

// The open card: causes, orders, story, and what can be done.
const Story = {
  props: ["episode"],
  setup(props) {
    const story = ref(null);
    const draft = ref("");
    const problem = ref("");
    const shelving = ref(false);
    const busy = ref(false);
    const load = async () => {
      story.value = await askEpisode(props.episode.id).catch(() => null);
    };
    watch(() => props.episode, load, { immediate: true });

    async function go(what, body) {
      busy.value = true;
      problem.value = "";
      try {
        story.value = await act(props.episode.id, what, body);
        if (what === "comment") draft.value = "";
        shelving.value = false;
      } catch (error) {
        problem.value = error.message;
      }
      busy.value = false;
    }

    const button = (text, click, kind = "") =>
      h("button", { type: "button", class: kind, disabled: busy.value, onClick: click }, text);

    const actions = (episode) => {
      if (!me.may_act || episode.state === "closed") return null;
      const shelved = isShelved(episode, tables.overview.now);
      return h("div", { class: "actions" }, [
        episode.acknowledged_by ? null : button(t("queue.acknowledge"), () => go("acknowledge"), "primary"),
        shelved
          ? button(t("queue.unshelve"), () => go("unshelve"))
          : button(t("queue.shelve"), () => (shelving.value = !shelving.value), shelving.value ? "on" : ""),
        shelving.value && !shelved
          ? h("div", { class: "choices", role: "group", "aria-label": t("queue.shelve_for") },
            SHELVE_MINUTES.map((minutes) =>
              button(t(`shelve.${minutes}`), () => go("shelve", { minutes, reason: draft.value.trim() }))))
          : null,
      ]);
    };

    const commentBox = () =>
      me.may_act
        ? h("form", {
          class: "comment",
          onSubmit: (event) => {
            event.preventDefault();
            if (draft.value.trim()) go("comment", { text: draft.value });
          },
        }, [
          h("input", {
            value: draft.value, maxlength: 2000, placeholder: t("queue.comment_hint"),
            "aria-label": t("queue.comment"), onInput: (event) => (draft.value = event.target.value),
          }),
          h("button", { disabled: busy.value || !draft.value.trim() }, t("queue.send")),
        ])
        : null;

    return () => {
      const { episode } = props;
      return h("div", { class: "story" }, [
        actions(episode),
        problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
        episode.causes.length ? h(Causes, { episode }) : null,
        h("h3", {}, t("queue.orders")),
        episode.orders.length
          ? h("ul", { class: "orders" }, episode.orders.map(orderLine))
          : h("p", { class: "quiet" }, episode.reason ?? t("queue.no_orders")),
        h("h3", {}, t("queue.story")),
        h("ol", { class: "log" }, (story.value?.log ?? []).map((line) =>
          h("li", { key: line.id, class: `ev-${line.event}` }, [
            h("time", {}, moment(line.at, tables.overview.now)),
            h("div", {}, [
              h("b", {}, t(`log.${line.event}`)),
              h("span", { class: "who" }, ` ${actorName(line.actor)}`),
              logText(line) ? h("p", {}, logText(line)) : null,
            ]),
          ]))),
        commentBox(),
      ]);
    };
  },
};

const Card = ({ episode }) => {
  const now = tables.overview.now;
  const open = selected.episode === episode.id;
  const cause = probableCause(episode);
  const current = tables.segments[episode.segment]?.[VALUE_OF_RULE[episode.rule]];
  const shelved = isShelved(episode, now);
  const closed = episode.state === "closed";
  const running = [...episode.orders].reverse().map((id) => tables.orders[id]).find(Boolean);
  const classes = ["card", `l${episode.level}`, episode.state, open ? "open" : "",
    episode.acknowledged_by ? "seen" : "waiting", shelved ? "shelved" : ""].join(" ");
  return h("li", { class: classes, key: episode.id, "data-episode": episode.id }, [
    h("button", { class: "face", type: "button", "aria-expanded": open, onClick: () => selectEpisode(episode) }, [
      h("span", { class: "line" }, [
        h("span", { class: "badge" }, [h("i", {}, String(episode.level)), t(`level.${episode.level}`)]),
        h("b", { class: "place" }, placeName(episode) || t("queue.unnamed")),
        h("span", { class: "age" }, closed ? clock(episode.ended_at) : age(episode.started_at, now)),
      ]),
      h("span", { class: "line values" }, [
        h("span", { class: "rule" }, ruleWords(episode)),
        closed || current === undefined ? null
          : h("span", { class: "value" }, [t("queue.now"), " ", h("b", {}, number(episode.rule, current))]),
        UNSAID.has(episode.rule) ? null
          : h("span", { class: "value" }, [t("queue.peak"), " ", h("b", {}, number(episode.rule, episode.peak))]),
      ]),
      h("span", { class: "line foot" }, [
        h("span", { class: `chip state ${episode.state}` }, t(`state.${episode.state}`)),
        cause ? h("span", { class: "chip why" }, [causeName(cause),
          cause.probability == null ? "" : ` ${Math.round(cause.probability * 100)}%`]) : null,
        episode.measured ? null : h("span", { class: "chip" }, t("queue.estimated")),
        running ? h("span", { class: `chip order ${running.state}` },
          `${t(`treatment.${running.treatment}`)} · ${t(`order_state.${running.state}`)}`) : null,
        episode.verdict ? h("span", { class: "chip verdict" }, verdictText(episode.verdict)) : null,
        shelved ? h("span", { class: "chip" }, t("queue.until", { time: clock(episode.shelved_until) })) : null,
        episode.acknowledged_by ? h("span", { class: "chip ok" }, `✓ ${episode.acknowledged_by}`) : null,
      ]),
    ]),
    open ? h(Story, { episode }) : null,
  ]);
};

// No episodes because the air is clean, or because nobody is measuring: never to be mixed up.
const Nothing = () => {
  const blind = !tables.overview.stations_live;
  return h("div", { class: blind ? "nothing blind" : "nothing" }, [
    h("span", {}, blind ? "!" : "✓"),
    h("b", {}, t(blind ? "queue.blind" : "queue.empty")),
    h("p", {}, t(blind ? "queue.blind_hint" : "queue.empty_hint")),
  ]);
};

export const Queue = {
  setup() {
    const folded = reactive({ pending: true, shelved: true, closed: true });
    const unfolded = reactive(new Set());
    const groups = computed(() => sorted(Object.values(tables.episodes), tables.overview.now));
    const cards = (episodes) => episodes.map((episode) => h(Card, { episode, key: episode.id }));
    const fold = (name, episodes) =>
      episodes.length
        ? h("div", { class: "fold" }, [
          h("button", {
            type: "button", class: "foldhead", "aria-expanded": !folded[name],
            onClick: () => (folded[name] = !folded[name]),
          }, [h("span", {}, folded[name] ? "▸" : "▾"), t(`queue.${name}`), h("b", {}, episodes.length)]),
          folded[name] ? null : h("ul", {}, cards(episodes)),
        ])
        : null;
    const things = (episodes) => grouped(episodes).flatMap(([key, [first, ...others]]) => {
      const cardOf = (episode) => h(Card, { episode, key: episode.id });
      if (!others.length) return [cardOf(first)];
      const open = unfolded.has(key) || others.some((episode) => episode.id === selected.episode);
      return [
        cardOf(first),
        h("li", { class: "fold", key }, h("button", {
          type: "button", class: "foldhead", "aria-expanded": open,
          onClick: () => (unfolded.has(key) ? unfolded.delete(key) : unfolded.add(key)),
        }, [h("span", {}, open ? "▾" : "▸"), t("queue.same_cause", { n: others.length })])),
        ...(open ? others.map(cardOf) : []),
      ];
    });
    return () => {
      const { shown, pending, shelved, closed } = groups.value;
      const waiting = shown.some((episode) => !episode.acknowledged_by);
      const none = live.known && !shown.length;
      return h("section", { class: "queue", id: "queue", "aria-label": t("queue.heading"), tabindex: -1 }, [
        h("h2", { class: "panehead" }, [
          t("queue.heading"),
          h("b", { class: waiting ? "count alert" : "count" }, shown.length),
        ]),
        h("div", { class: "scroll" }, [
          none ? h(Nothing) : null,
          h("ul", { class: "cards" }, things(shown)),
          fold("pending", pending),
          fold("shelved", shelved),
          fold("closed", closed),
        ]),
      ]);
    };
  },
};
