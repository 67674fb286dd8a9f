// Why an order: this crew, this time, and no other; what happened to it, what was proven, what it
// achieved. `OrderWhy` for any page; `explainOrder(id)` opens it beside whatever is shown, and so does
// a click on anything with `data-why-order`.
import { createApp, h, nextTick, reactive, ref, shallowRef, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { orderStory } from "./alarm-api.js";
import { get } from "./api.js";
import { crewName, district, placeName, setDistrict } from "./board.js";
import { clock, inOwn, language, moment, t, whole } from "./texts.js";
import { intervalText, sourceTexts, verdictText } from "./verdict.js";

const asked = reactive({ order: null, from: null });
let mounted = false;

export const kilometres = (metres) =>
  metres == null ? "–" : metres < 950 ? `${Math.round(metres / 50) * 50} m` : `${(metres / 1000).toFixed(1)} km`;

export const share = (value) => (value == null ? "–" : `${Math.round(100 * value)}%`);

// A sentence by language; one that was kept in the other language alone is better than none.
export const sentence = (said) => said?.[language()] ?? Object.values(said ?? {}).find(Boolean) ?? "";

const crewKind = (id) => (district.crews[id] ? t(`crew_kind.${district.crews[id].kind}`) : "");

const where = (order) => placeName(order);

// Of a long way there the last stops say enough.
const LAST_SAID = 3;

const stepWords = (step) =>
  [clock(step.eta), t(`treatment.${step.treatment}`), step.place ? placeName({ segment: step.place, site: step.place }) : ""].filter(Boolean).join(" ");

function chosenLines({ order, chosen, plan, rivals }) {
  const alike = rivals.filter(({ why }) => why !== "other_kind");
  const able = alike.filter(({ why }) => ["more_work", "planned_other", "unknown"].includes(why));
  return [
    t("whysay.kind", { crew: crewName(order.crew), kind: crewKind(order.crew), treatment: t(`treatment.${order.treatment}`) }),
    !alike.length ? t("whysay.only_kind") : !able.length ? t("whysay.only_able") : "",
    chosen.away_m == null ? "" : t("whysay.away", { distance: kilometres(chosen.away_m) }),
    chosen.orders_before == null ? "" : chosen.orders_before
      ? t("whysay.after", { n: chosen.orders_before, work: chosen.before.slice(-LAST_SAID).map(stepWords).join(t("alarm.joint")) })
      : t("whysay.first"),
    plan ? t("whysay.plan", { time: moment(plan.issued_at, order.eta), trigger: triggerWords(plan.trigger) }) : "",
  ].filter(Boolean);
}

function triggerWords(trigger) {
  const known = t(`trigger.${trigger}`);
  return known === trigger ? trigger : known;
}

function timeLines({ order, chosen }) {
  const wait = Math.round((Date.parse(chosen.eta) - Date.parse(order.issued_at)) / 60_000);
  return [
    wait < 0 ? t("whysay.eta_alone", { eta: clock(chosen.eta) })
      : t("whysay.eta", { eta: clock(chosen.eta), wait, issued: clock(order.issued_at) }),
    order.due ? t("whysay.due", { due: clock(order.due) }) : t(order.priority === 4 ? "whysay.no_due" : "whysay.soon"),
    t("whysay.priority", { priority: t(`priority.${order.priority}`) }),
  ];
}

function rivalLine(rival) {
  return t(`whynot.${rival.why}`, {
    n: rival.orders_before ?? 0,
    free: rival.free_at ? clock(rival.free_at) : "–",
    outcome: rival.outcome ? inOwn(rival.outcome, rival.outcome_also) : "",
    who: rival.override?.given_by ?? "",
    why: rival.override?.why ?? "",
    kind: crewKind(rival.crew),
  });
}

const section = (title, ...content) => h("section", {}, [h("h3", {}, title), ...content.flat()]);

const paragraphs = (lines) => lines.map((line) => h("p", { key: line }, line));

function proofLine({ proof, order }) {
  if (!proof) return ["done", "failed"].includes(order.state) ? t("proof.waiting") : t("proof.not_yet");
  if (proof.proven == null) return t("proof.not_seen", { n: proof.positions });
  return t(proof.proven ? "proof.proven" : "proof.unproven", {
    share: share(proof.share), worked: whole(proof.worked_m), driven: whole(proof.driven_m), water: whole(proof.water_l), n: proof.positions,
  });
}

const logDetail = ({ detail }) =>
  [detail.eta ? `${t("plan.eta")} ${clock(detail.eta)}` : "", detail.reason ? inOwn(detail.reason, detail.also) : "", detail.why ?? "", detail.outcome ?? ""].filter(Boolean).join(" · ");

const actorName = (actor) =>
  ["analytics", "dispatch"].includes(actor) ? t(`actor.${actor}`) : crewName(actor);

const orderEvent = (event) => {
  const known = t(`order_event.${event}`);
  return known === event ? t(`order_state.${event}`) : known;
};

export const OrderWhy = {
  props: ["order"],
  setup(props) {
    const story = shallowRef(null);
    const problem = ref("");
    watch(() => props.order, async (id) => {
      story.value = null;
      problem.value = "";
      try {
        const found = await orderStory(id);
        if (id === props.order) story.value = found;
      } catch (error) {
        problem.value = error.message;
      }
    }, { immediate: true });

    return () => {
      if (problem.value) return h("p", { class: "problem", role: "alert" }, problem.value);
      const found = story.value;
      if (!found) return h("p", { class: "quiet", role: "status" }, t("app.loading"));
      const { order, rivals, verdict, log, overrides } = found;
      const own = rivals.filter(({ why }) => why !== "other_kind");
      const others = rivals.filter(({ why }) => why === "other_kind");
      return h("div", { class: "orderwhy" }, [
        h("p", { class: "whatorder" }, [
          h("span", { class: `chip ${order.state}` }, t(`order_state.${order.state}`)),
          h("b", {}, `${t(`treatment.${order.treatment}`)} · ${where(order)}`),
          h("small", {}, ` ${order.id}`),
        ]),
        order.segment ? h("p", {}, h("a", { href: `/segments/${encodeURIComponent(order.segment)}` }, t("why.open_place"))) : null,
        section(t("why.reason"), paragraphs([sentence(found.reason)]),
          sentence(found.decision) && sentence(found.decision) !== sentence(found.reason) ? paragraphs([sentence(found.decision)]) : [],
          overrides.map((one) => h("p", { key: one.id, class: "override" }, t("whysay.override", { who: one.given_by, kind: t(`why_override.${one.kind}`), why: one.why, until: clock(one.until) })))),
        section(t("why.crew"), paragraphs(chosenLines(found))),
        section(t("why.time"), paragraphs(timeLines(found))),
        section(t("why.not_another"),
          own.length ? h("ul", { class: "rivals" }, own.map((rival) =>
            h("li", { key: rival.crew }, [
              h("b", {}, crewName(rival.crew)),
              rival.away_m == null ? null : h("small", {}, ` ${kilometres(rival.away_m)}`),
              h("p", {}, rivalLine(rival)),
            ]))) : [],
          others.length ? h("p", { class: "quiet" }, t("whynot.other_kinds", { crews: others.map(({ crew }) => crewName(crew)).join(t("alarm.joint")), treatment: t(`treatment.${order.treatment}`) })) : []),
        section(t("why.life"), h("ol", { class: "log" }, log.length ? log.map((line, i) =>
          h("li", { key: i, class: `ev-${line.event}` }, [
            h("time", {}, moment(line.at, order.eta)),
            h("div", {}, [h("b", {}, orderEvent(line.event)), h("span", { class: "who" }, ` ${actorName(line.actor)}`), logDetail(line) ? h("p", {}, logDetail(line)) : null]),
          ])) : h("li", { class: "quiet" }, t("why.no_log"))),
        order.outcome ? h("p", {}, inOwn(order.outcome, order.outcome_also)) : null),
        section(t("why.proof"), h("p", { class: found.proof?.proven === false ? "problem" : "" }, proofLine(found))),
        section(t("why.verdict"), verdict
          ? [h("p", { class: verdict.effective ? "good" : "" }, `${verdictText(verdict)} · ${intervalText(verdict)}`),
            ...sourceTexts(verdict).map((line) => h("p", { key: line, class: "quiet" }, line)),
            verdict.disagree ? h("p", { class: "problem" }, t("why.disagree")) : null]
          : h("p", { class: "quiet" }, t(order.state === "done" ? "verdict.waiting" : "why.no_verdict"))),
      ]);
    };
  },
};

const Drawer = {
  setup() {
    const box = ref(null);
    const close = () => {
      asked.order = null;
      asked.from?.focus?.();
    };
    watch(() => asked.order, async (id) => {
      if (!id) return;
      await nextTick();
      box.value?.focus();
    }, { immediate: true });
    return () => (asked.order
      ? h("div", {
        class: "whydrawer", role: "dialog", "aria-label": t("why.why_order"), tabindex: -1, ref: box,
        onKeydown: (event) => {
          if (event.key === "Escape") { close(); event.stopPropagation(); }
        },
      }, [
        h("div", { class: "head" }, [h("h2", {}, t("why.why_order")), h("button", { type: "button", class: "close", "aria-label": t("app.close"), onClick: close }, "×")]),
        h("div", { class: "scroll" }, h(OrderWhy, { order: asked.order })),
      ])
      : null);
  },
};

export async function explainOrder(id) {
  asked.from = document.activeElement;
  if (!district.name) setDistrict(await get("district"));
  if (!mounted) {
    mounted = true;
    const sheet = document.createElement("link");
    Object.assign(sheet, { rel: "stylesheet", href: "/static/why.css" });
    const host = document.createElement("div");
    host.className = "whyhost";
    document.head.append(sheet);
    document.body.append(host);
    createApp(Drawer).mount(host);
  }
  asked.order = id;
}

document.addEventListener("click", (event) => {
  const order = event.target.closest?.("[data-why-order]")?.dataset.whyOrder;
  if (order) explainOrder(order);
});

