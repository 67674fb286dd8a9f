// An alarm opened: what is behind it, its orders, its story, and what can be done.
import { h, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { actOn, alarmStory } from "./alarm-api.js";
import { causeName, saidOf } from "./alarms.js";
import { episode as askEpisode } from "./api.js";
import { crewName, me } from "./board.js";
import { tables } from "./live.js";
import { clock, inOwn, moment, t } from "./texts.js";
import { verdictText } from "./verdict.js";
import { explainOrder } from "./why.js";

export const SHELVE_MINUTES = [15, 60, 240, 480];

const orderLine = (id) => {
  const order = tables.orders[id];
  return h("li", { class: `order ${order?.state ?? "gone"}`, key: id }, [
    order ? h("span", { class: "chip" }, t(`order_state.${order.state}`)) : null,
    h("b", {}, order ? crewName(order.crew) : ""),
    h("span", {}, order ? t(`treatment.${order.treatment}`) : h("code", {}, id)),
    h("button", { type: "button", class: "link askwhy", onClick: () => explainOrder(id) }, t("why.why")),
    order ? h("time", {}, clock(order.started_at ?? order.eta)) : null,
  ]);
};

export const Causes = ({ causes }) =>
  h("ul", { class: "causes" }, causes.map((cause) =>
    h("li", { key: `${cause.kind} ${cause.site}` }, [
      h("div", { class: "cause" }, [
        h("b", {}, causeName(cause)),
        cause.probability == null ? null : h("span", { class: "share" }, `${Math.round(cause.probability * 100)}%`),
      ]),
      cause.probability == null ? null
        : h("meter", { min: 0, max: 1, value: cause.probability, "aria-label": causeName(cause) }),
      cause.evidence ? h("p", {}, inOwn(cause.evidence, cause.also)) : null,
    ])));

const logText = ({ event, detail }) => {
  if (event === "comment") return detail.text;
  if (event === "reason") return inOwn(detail.reason, detail.also);
  if (event === "order") {
    return [crewName(detail.crew), detail.treatment ? t(`treatment.${detail.treatment}`) : "",
      detail.eta ? `${t("plan.eta")} ${clock(detail.eta)}` : ""].filter(Boolean).join(" · ");
  }
  if (event === "shelved") {
    return [detail.until ? t("queue.until", { time: clock(detail.until) }) : "", detail.reason ?? ""].filter(Boolean).join(" · ");
  }
  if (event === "verdict") return verdictText(detail);
  if (event === "level") return detail.level == null ? "" : t(`level.${detail.level}`);
  if (["called", "reminded"].includes(event)) return detail.role ? t(`called_role.${detail.role}`) : "";
  return "";
};

const actorName = (actor) => (["analytics", "dispatch"].includes(actor) ? t(`actor.${actor}`) : actor);

export const Log = ({ lines }) =>
  h("ol", { class: "log" }, lines.map((line, i) =>
    h("li", { key: line.id ?? i, class: `ev-${line.event}` }, [
      h("time", {}, moment(line.at, tables.overview.now)),
      h("div", {}, [
        h("b", {}, t(`log.${line.event}`)),
        h("span", { class: "who" }, ` ${actorName(line.actor)}`),
        logText(line) ? h("p", {}, logText(line)) : null,
      ]),
    ])));

// For how long, and why: the numbers of the keys stand on the buttons.
export const ShelveBox = {
  props: ["busy"],
  emits: ["shelve", "leave"],
  setup(props, { emit }) {
    const reason = ref("");
    const choose = (minutes) => emit("shelve", minutes, reason.value.trim());
    return () =>
      h("div", {
        class: "choices", role: "group", "aria-label": t("queue.shelve_for"),
        onKeydown: (event) => {
          const typing = event.target.tagName === "INPUT";
          const minutes = SHELVE_MINUTES[Number(event.key) - 1];
          if (minutes && !typing) choose(minutes);
          else if (event.key === "Escape") emit("leave");
          else return;
          event.preventDefault();
          event.stopPropagation();
        },
      }, [
        ...SHELVE_MINUTES.map((minutes, i) =>
          h("button", {
            type: "button", key: minutes, disabled: props.busy, "aria-keyshortcuts": String(i + 1), onClick: () => choose(minutes),
            onVnodeMounted: i ? undefined : ({ el }) => el.focus(),
          }, [t(`shelve.${minutes}`), h("kbd", { "aria-hidden": "true" }, String(i + 1))])),
        h("input", {
          value: reason.value, maxlength: 500, placeholder: t("queue.shelve_reason"), "aria-label": t("queue.shelve_reason"),
          onInput: (event) => (reason.value = event.target.value),
        }),
      ]);
  },
};

// The board with a decision for this place half made: what it would change is seen before it is kept.
const boardFor = (alarm) =>
  `/board?${new URLSearchParams({ add: alarm.segment ?? alarm.site, treatment: alarm.segment ? "wash" : "inspect" })}`;

export const Story = {
  props: ["alarm", "episode", "shelving", "busy"],
  emits: ["act", "shelving"],
  setup(props, { emit }) {
    const story = ref(null);
    const draft = ref("");
    const problem = ref("");
    const sending = ref(false);
    let turn = 0;

    async function load() {
      const mine = ++turn;
      const id = props.alarm?.id ?? `episode:${props.episode.id}`;
      const found = await (id.startsWith("episode:") ? askEpisode(id.slice(8)) : alarmStory(id)).catch(() => null);
      if (mine === turn && found) story.value = found;
    }
    watch(() => [props.episode, props.alarm && JSON.stringify(props.alarm)], load, { immediate: true });

    async function say(event) {
      event.preventDefault();
      if (!draft.value.trim()) return;
      sending.value = true;
      problem.value = "";
      try {
        await actOn(props.alarm?.id ?? `episode:${props.episode.id}`, "comment", { text: draft.value });
        draft.value = "";
        await load();
      } catch (error) {
        problem.value = error.message;
      }
      sending.value = false;
    }

    const button = (what, kind = "") =>
      h("button", { type: "button", class: kind, disabled: props.busy, onClick: () => emit("act", what) }, t(`queue.${what}`));

    const actions = (alarm) => {
      if (!me.may_act || !alarm || alarm.gone) return null;
      const waits = !alarm.acknowledged_by;
      return h("div", { class: "actions" }, [
        waits ? button("acknowledge", "primary") : null,
        alarm.source === "concern" && !alarm.taken_by && !alarm.ended_at ? button("take") : null,
        !alarm.ended_at && (alarm.segment || alarm.site) ? h("a", { class: "button", href: boardFor(alarm) }, t("board.send_here")) : null,
        alarm.state === "shelved" ? button("unshelve") : null,
        ["unacknowledged", "acknowledged"].includes(alarm.state)
          ? h("button", {
            type: "button", class: props.shelving ? "on" : "", "aria-expanded": props.shelving, disabled: props.busy,
            onClick: () => emit("shelving", !props.shelving),
          }, t("queue.shelve"))
          : null,
        props.shelving
          ? h(ShelveBox, { busy: props.busy, onShelve: (minutes, text) => emit("act", "shelve", { minutes, text }), onLeave: () => emit("shelving", false) })
          : null,
      ]);
    };

    const commentBox = () =>
      me.may_act
        ? h("form", { class: "comment", onSubmit: say }, [
          h("input", {
            value: draft.value, maxlength: 2000, placeholder: t("queue.comment_hint"), "aria-label": t("queue.comment"),
            onInput: (event) => (draft.value = event.target.value),
          }),
          h("button", { disabled: sending.value || !draft.value.trim() }, t("queue.send")),
        ])
        : null;

    return () => {
      const { alarm, episode } = props;
      const place = alarm?.segment ?? episode?.segment;
      return h("div", { class: "story" }, [
        actions(alarm),
        problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
        alarm?.said ? h("p", { class: "said" }, saidOf(alarm)) : null,
        alarm?.state === "out_of_service" ? h("p", { class: "quiet" }, t("queue.out_of_service", { time: moment(alarm.out_until, tables.overview.now), why: alarm.out_why })) : null,
        episode?.causes.length ? h(Causes, { causes: episode.causes }) : null,
        ...(episode ? [
          h("h3", {}, t("queue.orders")),
          episode.orders.length
            ? h("ul", { class: "orders" }, episode.orders.map(orderLine))
            : h("p", { class: "quiet" }, episode.reason ? inOwn(episode.reason, episode.also) : t("queue.no_orders")),
        ] : []),
        place ? h("p", {}, h("a", { class: "whylink", href: `/segments/${encodeURIComponent(place)}` }, t("why.open_place"))) : null,
        h("h3", {}, t("queue.story")),
        h(Log, { lines: story.value?.log ?? [] }),
        commentBox(),
      ]);
    };
  },
};
