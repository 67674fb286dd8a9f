// A decision in the making: what, why, until when; what it would change is asked as soon as it is
// whole, and it is kept only after that has been seen.
import { computed, h, nextTick, onBeforeUnmount, onMounted, reactive, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { get, post, remove } from "./board-api.js";
import { TREATS } from "./gantt.js";
import { clock, inOwn, language, moment, nameOf, t } from "./texts.js";

const HOUR = 3_600_000;
const ASK_AFTER_MS = 350;
const LOOK_EVERY_MS = 500;
const ANSWER_LATE_MS = 20_000;
const REASONS = {
  add: ["alarm", "complaint", "seen", "leader", "visit"],
  assign: ["nearer", "knows", "equipment", "leader"],
  pin: ["complaint", "leader", "promised"],
  hold: ["breakdown", "rest", "supply", "event"],
  forbid: ["closed", "event", "works", "residents"],
  withdraw: ["over", "mistake", "leader"],
};
const ADDED = ["wash", "sweep", "fog", "heavy_clean", "hand_wash", "inspect"];
const LINES_OPEN = 6;

export const Decision = {
  props: ["wish", "district", "board", "placeName", "crewName", "overrideText"],
  emits: ["effect", "close", "kept"],
  setup(props, { emit }) {
    const { kind } = props.wish;
    const form = reactive({
      place: props.wish.place ?? "", sought: props.wish.place ? props.placeName(props.wish.place) : "",
      treatment: props.wish.treatment ?? (kind === "add" ? "wash" : ""), crew: props.wish.crew ?? "",
      priority: 2, due_min: 60, hours: kind === "add" ? 8 : 4, why: props.wish.why ?? "",
    });
    const preview = reactive({ id: null, state: "none", text: "", unmet: "", effect: null, stale: null, problem: "", slow: false });
    const keeping = reactive({ busy: false, problem: "" });
    const heading = ref(null);
    let timer = null;
    let turn = 0;
    let left = false;

    const places = computed(() => [
      ...Object.values(props.district.segments).filter((one) => one.treat), ...Object.values(props.district.sites),
    ].map((one) => ({ id: one.id, name: nameOf(one) })));
    const able = computed(() => props.district.crews.filter((crew) => TREATS[crew.kind]?.includes(form.treatment)));
    const until = () => new Date(Date.parse(props.board.now) + form.hours * HOUR).toISOString();

    function whole() {
      if (kind === "withdraw") return { withdraw: props.wish.override.id };
      const wish = { kind, until: until() };
      if (kind === "pin") return { wish: { ...wish, order: props.wish.order } };
      if (kind === "hold") return form.crew ? { wish: { ...wish, crew: form.crew } } : null;
      if (!form.place) return null;
      wish.place = form.place;
      if (kind === "forbid") return { wish: form.treatment ? { ...wish, treatment: form.treatment } : wish };
      if (!form.treatment) return null;
      wish.treatment = form.treatment;
      if (kind === "assign") return form.crew && form.crew !== props.wish.from ? { wish: { ...wish, crew: form.crew } } : null;
      if (form.crew && able.value.some((crew) => crew.id === form.crew)) wish.crew = form.crew;
      wish.priority = Number(form.priority);
      if (form.due_min) wish.due = new Date(Date.parse(props.board.now) + form.due_min * 60_000).toISOString();
      return { wish };
    }

    function forget() {
      if (preview.id) remove(`previews/${preview.id}`).catch(() => {});
      preview.id = null;
    }

    async function ask() {
      const asked = whole();
      const mine = ++turn;
      forget();
      Object.assign(preview, { state: asked ? "asking" : "none", effect: null, unmet: "", stale: null, problem: "", slow: false });
      emit("effect", null);
      if (!asked) return;
      try {
        let found = await post("previews", asked);
        if (mine !== turn || left) return;
        preview.id = found.id;
        const since = performance.now();
        while (!found.answered_at) {
          await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
          if (mine !== turn || left) return;
          preview.slow = performance.now() - since > ANSWER_LATE_MS;
          found = await get(`previews/${found.id}`);
        }
        if (mine !== turn || left) return;
        if (found.problem) return Object.assign(preview, { state: "failed", problem: found.problem });
        Object.assign(preview, { state: "answered", effect: found.answer, stale: found.stale });
        emit("effect", found.answer);
      } catch (error) {
        if (mine === turn) Object.assign(preview, { state: "failed", problem: error.message });
      }
    }
    const askSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(ask, ASK_AFTER_MS);
    };

    // An answer that lies there grows old: another plan may come into force.
    const ageing = setInterval(async () => {
      if (preview.state !== "answered" || !preview.id) return;
      const found = await get(`previews/${preview.id}`).catch(() => null);
      if (found && found.id === preview.id) preview.stale = found.stale;
    }, 10_000);

    async function keep() {
      Object.assign(keeping, { busy: true, problem: "" });
      try {
        if (kind === "withdraw") await remove(`overrides/${props.wish.override.id}?why=${encodeURIComponent(form.why.trim())}`);
        else await post("overrides", { ...whole().wish, why: form.why.trim() });
        forget();
        emit("kept");
      } catch (error) {
        keeping.problem = error.message;
      }
      keeping.busy = false;
    }
    function discard() {
      forget();
      emit("close");
    }

    onMounted(() => {
      ask();
      nextTick(() => heading.value?.focus());
    });
    onBeforeUnmount(() => {
      left = true;
      clearTimeout(timer);
      clearInterval(ageing);
      forget();
    });
    watch(() => [form.place, form.treatment, form.crew, form.priority, form.due_min, form.hours], askSoon);
    watch(() => form.sought, (text) => (form.place = places.value.find((one) => one.name === text || one.id === text)?.id ?? ""));

    const choice = (label, name, values, text) =>
      h("fieldset", { class: "choice" }, [
        h("legend", {}, label),
        h("div", {}, values.map((value) => h("button", {
          key: value, type: "button", "aria-pressed": form[name] === value, class: form[name] === value ? "on" : "",
          onClick: () => (form[name] = value),
        }, text(value)))),
      ]);

    const CrewChoice = (label, none) => {
      const crews = kind === "hold" ? props.district.crews : able.value;
      return h("label", { class: "field" }, [
        h("span", {}, label),
        h("select", { value: form.crew, onChange: (event) => (form.crew = event.target.value) }, [
          none ? h("option", { value: "" }, none) : null,
          ...crews.map((crew) => h("option", { key: crew.id, value: crew.id, disabled: kind === "assign" && crew.id === props.wish.from }, nameOf(crew))),
        ]),
      ]);
    };

    const Effect = () => {
      const { effect } = preview;
      const { totals } = effect;
      const place = (order) => props.placeName(order.segment ?? order.site ?? order.depot);
      const what = (order) => `${t(`treatment.${order.treatment}`)} ${place(order)}`;
      const changed = effect.crews.filter((crew) => crew.gained.length || crew.lost.length || crew.moved.length);
      const diff = (pair, digits, unit) => {
        const by = pair[1] - pair[0];
        return `${by >= 0 ? "+" : "−"}${Math.abs(by).toFixed(digits)} ${unit}`;
      };
      const late = effect.late.filter((order) => !effect.late_before.some((one) => one.treatment === order.treatment && place(one) === place(order)));
      const leftOut = effect.left_out.filter((one) => !effect.left_out_before.some((old) => old.place === one.place && old.treatment === one.treatment));
      const unmet = effect.unmet;
      const shift = (order) => t(order.by_min > 0 ? "preview.later" : "preview.earlier", { n: Math.abs(Math.round(order.by_min)) });
      return h("div", { class: "effect" }, [
        preview.stale ? h("p", { class: "warn", role: "status" }, [t(`stale.${preview.stale}`), " ", h("button", { type: "button", onClick: ask }, t("preview.again"))]) : null,
        unmet ? h("p", { class: "bad" }, `${t("preview.unmet")} ${inOwn(unmet.text, unmet.also)}`) : null,
        h("p", { class: "sentence" }, effect.sentence[language()]),
        late.length ? h("ul", { class: "musts bad" }, late.map((order, i) => h("li", { key: i }, t("preview.late", { what: what(order), due: clock(order.due), eta: clock(order.eta) })))) : null,
        leftOut.length ? h("ul", { class: "musts bad" }, leftOut.map((one, i) => h("li", { key: i }, `${t("preview.left_out", { what: `${one.treatment ? t(`treatment.${one.treatment}`) : ""} ${props.placeName(one.place)}` })} ${inOwn(one.reason, one.also)}`))) : null,
        changed.length ? h("dl", { class: "figures4" }, [
          [t("board.km"), diff(totals.km, 1, "km")], [t("board.water"), diff([totals.water_l[0] / 1000, totals.water_l[1] / 1000], 1, "m³")],
          [t("preview.work"), diff(totals.work_min, 0, "min")],
          totals.spared ? [t("preview.spared"), diff(totals.spared, 0, "")] : null,
        ].filter(Boolean).flatMap(([label, value]) => [h("dt", { key: label }, label), h("dd", {}, value)])) : null,
        ...changed.map((crew) => {
          const [musts, routine] = [crew.moved.filter((order) => order.priority <= 3), crew.moved.filter((order) => order.priority > 3)];
          const lines = [
            ...crew.gained.map((order) => ["gained", `+ ${clock(order.eta)} ${what(order)}${order.from ? ` (${t("preview.from", { crew: props.crewName(order.from) })})` : ""}`]),
            ...crew.lost.map((order) => ["lost", `− ${what(order)}${order.to ? ` (${t("preview.to", { crew: props.crewName(order.to) })})` : ""}`]),
            ...musts.map((order) => ["must", `${clock(order.eta)} ${what(order)} ${shift(order)}`]),
          ];
          return h("details", { key: crew.crew, open: lines.length <= LINES_OPEN && changed.length <= 2 }, [
            h("summary", {}, [h("b", {}, props.crewName(crew.crew)), h("small", {}, ` ${t("preview.counts", { gained: crew.gained.length, lost: crew.lost.length, moved: crew.moved.length })}`)]),
            h("ul", {}, [
              ...lines.map(([kind, text]) => h("li", { key: text, class: kind }, text)),
              routine.length ? h("li", { class: "quiet" }, t("preview.routine_moved", { n: routine.length })) : null,
            ]),
          ]);
        }),
      ]);
    };

    const title = () => {
      if (kind === "withdraw") return `${t("decide.withdraw")}: ${props.overrideText(props.wish.override)}`;
      if (kind === "hold") return `${t("decide.hold")}: ${props.crewName(form.crew)}`;
      const parts = [form.treatment ? t(`treatment.${form.treatment}`) : "", form.place ? props.placeName(form.place) : ""];
      return [`${t(`decide.${kind}`)}`, parts.filter(Boolean).join(" ")].filter(Boolean).join(": ");
    };

    return () => {
      const ready = form.why.trim() && (kind === "withdraw" || whole());
      return h("section", { class: "pane decision", "aria-label": t("board.decision") }, [
        h("header", {}, [
          h("h2", { ref: heading, tabindex: -1 }, title()),
          h("button", { type: "button", class: "close", "aria-label": t("app.close"), title: t("app.close"), onClick: discard }, "×"),
        ]),
        h("form", { onSubmit: (event) => { event.preventDefault(); if (ready && !keeping.busy) keep(); } }, [
          kind === "add" ? h("label", { class: "field" }, [
            h("span", {}, t("column.place")),
            h("input", { value: form.sought, list: "places", placeholder: t("board.place_hint"), onInput: (event) => (form.sought = event.target.value), autocomplete: "off" }),
            h("datalist", { id: "places" }, places.value.map((one) => h("option", { key: one.id, value: one.name }))),
          ]) : null,
          kind === "add" ? h("label", { class: "field" }, [
            h("span", {}, t("column.what")),
            h("select", { value: form.treatment, onChange: (event) => (form.treatment = event.target.value) }, ADDED.map((one) => h("option", { key: one, value: one }, t(`treatment.${one}`)))),
          ]) : null,
          kind === "add" ? choice(t("board.priority"), "priority", [1, 2, 3], (value) => t(`priority.${value}`)) : null,
          kind === "add" ? choice(t("board.due"), "due_min", [30, 60, 120, 0], (value) => (value ? t("board.in_min", { n: value }) : t("board.no_due"))) : null,
          kind === "assign" ? CrewChoice(t("board.to_crew"), form.crew ? null : t("board.choose_crew")) : null,
          kind === "add" ? CrewChoice(t("board.to_crew"), t("board.any_crew")) : null,
          kind === "forbid" && props.wish.treatment ? choice(t("column.what"), "treatment", [props.wish.treatment, ""], (value) => (value ? t(`treatment.${value}`) : t("board.every"))) : null,
          kind !== "withdraw" ? choice(t("board.holds"), "hours", [1, 2, 4, 8, 24], (value) => `${t("chart.hours", { n: value })}`) : null,
          kind !== "withdraw" ? h("p", { class: "quiet" }, t("queue.until", { time: moment(until(), props.board.now) })) : null,
          h("div", { class: "asked", "aria-live": "polite" }, [
            preview.state === "asking" ? h("p", { class: "quiet asking" }, [h("i"), t(preview.slow ? "preview.slow" : "preview.asking")]) : null,
            preview.state === "failed" ? h("p", { class: "bad" }, preview.problem) : null,
            preview.state === "answered" ? Effect() : null,
          ]),
          h("fieldset", { class: "choice why" }, [
            h("legend", {}, t("board.why")),
            h("div", {}, REASONS[kind].map((reason) => {
              const text = t(`why_common.${reason}`);
              return h("button", { key: reason, type: "button", class: form.why === text ? "on" : "", "aria-pressed": form.why === text, onClick: () => (form.why = text) }, text);
            })),
            h("input", { value: form.why, maxlength: 500, "aria-label": t("board.why"), placeholder: t("board.why_hint"), onInput: (event) => (form.why = event.target.value) }),
          ]),
          keeping.problem ? h("p", { class: "bad", role: "alert" }, keeping.problem) : null,
          h("div", { class: "acts last" }, [
            h("button", { type: "submit", class: "primary", disabled: !ready || keeping.busy }, t("preview.keep")),
            h("button", { type: "button", onClick: discard }, t("preview.discard")),
          ]),
        ]),
      ]);
    };
  },
};
