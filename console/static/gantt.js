// Crews over their shifts as bars, drawn in SVG: what truly happened left of now, the plan right of
// it. It draws what it is given and says what was chosen, dropped or dragged; it asks nobody.
import { h, nextTick, onBeforeUnmount, onMounted, reactive, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { scaled } from "./scale.js";
import { clock, day, inOwn, nameOf, t } from "./texts.js";

export const TREATS = {
  water_truck: ["wash"],
  sweeper: ["sweep"],
  fog_cannon: ["fog"],
  heavy_cleaner: ["heavy_clean"],
  hand_wash: ["hand_wash", "inspect"],
};
const KINDS = Object.keys(TREATS);
const MINUTE = 60_000;
const AXIS = 34;
const HEAD = 22;
const ROW_LEAST = 54;
const ROW_MOST = 140;
const LARGE_FROM = 76;
const STEPS_MIN = [5, 10, 15, 30, 60, 120, 180, 240];
const TICK_PX = 62;
const LABEL_FROM_PX = 34;
const DRAG_FROM_PX = 6;

const ms = (time) => Date.parse(time);
// A Chinese sign is as wide as it is high, a Latin letter a little more than half of that.
const widthOf = (text, size) => [...text].reduce((sum, sign) => sum + (sign > "\u2e80" ? 1.02 : 0.6) * size, 0);

// Crews by kind, those of a kind in the district's order, with the heights that they take.
export function laidOut(crews, tall = ROW_LEAST) {
  const rows = [];
  let y = AXIS;
  for (const kind of KINDS) {
    const mine = crews.filter((crew) => crew.kind === kind);
    if (!mine.length) continue;
    rows.push({ kind, y, height: HEAD });
    y += HEAD;
    for (const crew of mine) {
      rows.push({ crew, y, height: tall });
      y += tall;
    }
  }
  return { rows, height: y };
}

export const placeOf = (order) => order.segment ?? order.site ?? order.depot;

export function barText(bar, order, names) {
  const what = bar.kind === "work" && order ? t(`treatment.${order.treatment}`) : t(`bar.${bar.kind}`);
  const where = order ? names.place(order) : "";
  const span = `${clock(bar.start)}–${clock(bar.end)}`;
  const words = bar.kind === "drive" && where ? t("board.drive_to", { place: where }) : [what, where].filter(Boolean).join(" ");
  return `${words}, ${span}${bar.planned ? `, ${t("board.planned")}` : ""}${bar.late ? `, ${t("board.late")}` : ""}`;
}

export const Gantt = {
  props: ["board", "crews", "since", "until", "chosen", "effect", "mayDrag", "names", "mayDo"],
  emits: ["choose", "move", "pan", "crew"],
  setup(props, { emit }) {
    const host = ref(null);
    const size = reactive({ width: 900, height: 0 });
    const tip = reactive({ bar: null, order: null, x: 0, y: 0 });
    const drag = reactive({ order: null, crew: null, x: 0, y: 0, from: null, pan: null });
    const at = reactive({ key: null });
    let watcher;

    onMounted(() => {
      const around = host.value.closest(".scroll");
      watcher = new ResizeObserver(() => {
        size.width = Math.max(320, host.value.clientWidth);
        size.height = around?.clientHeight ?? 0;
      });
      watcher.observe(host.value);
      if (around) watcher.observe(around);
    });
    onBeforeUnmount(() => watcher?.disconnect());
    watch(() => props.board, () => (tip.bar = null));

    // Rows are as tall as the window lets them be: a bar on a wall is seen from afar.
    const tall = () => {
      const least = laidOut(props.crews);
      const spare = (size.height - 2 - least.height) / Math.max(1, props.crews.length);
      return Math.min(scaled(ROW_MOST), Math.max(ROW_LEAST, Math.floor(ROW_LEAST + spare)));
    };
    const bar_of = () => ({ top: 8 + (tall() - ROW_LEAST) * 0.16, height: 24 + (tall() - ROW_LEAST) * 0.4 });
    const lane_of = () => {
      const height = 14 + (tall() - ROW_LEAST) * 0.3;
      return { top: tall() - height - 5, height };
    };
    const x = (time) => ((typeof time === "number" ? time : ms(time)) - props.since) / (props.until - props.since) * size.width;
    const clipped = (start, end) => {
      const [a, b] = [Math.max(-2, x(start)), Math.min(size.width + 2, x(end))];
      return [a, Math.max(0, b - a)];
    };
    const keyOf = (crew, bar) => `${crew}/${bar.kind}/${bar.order ?? bar.start}/${bar.planned}`;

    function ticks() {
      const perMinute = size.width / ((props.until - props.since) / MINUTE);
      const step = (STEPS_MIN.find((n) => n * perMinute >= TICK_PX) ?? 240) * MINUTE;
      const found = [];
      // Local hours are whole hours of UTC wherever this runs; half-hour zones still get even marks.
      for (let time = Math.ceil(props.since / step) * step; time <= props.until; time += step) found.push(time);
      return found;
    }

    function crewAt(clientY) {
      const y = clientY - host.value.getBoundingClientRect().top;
      return laidOut(props.crews, tall()).rows.find((row) => row.crew && y >= row.y && y < row.y + row.height)?.crew ?? null;
    }

    const mayTake = (crew, order) => TREATS[crew.kind]?.includes(order.treatment) && crew.id !== order.crew;

    const movable = (bar, order) => props.mayDrag && order && bar.planned && bar.kind === "work" && order.state !== "started";

    function press(event, bar, order) {
      if (event.button !== 0) return;
      drag.from = { x: event.clientX, y: event.clientY, order: movable(bar, order) ? order : null, since: props.since };
    }
    function moved(event) {
      if (!drag.from) return;
      const [dx, dy] = [event.clientX - drag.from.x, event.clientY - drag.from.y];
      if (!drag.order && !drag.pan && Math.hypot(dx, dy) < DRAG_FROM_PX) return;
      tip.bar = null;
      // From here on every movement is ours, also outside of the drawing; a mere click stays the bar's.
      if (!host.value.hasPointerCapture(event.pointerId)) host.value.setPointerCapture(event.pointerId);
      if (drag.from.order) {
        const box = host.value.getBoundingClientRect();
        Object.assign(drag, { order: drag.from.order, x: event.clientX - box.left, y: event.clientY - box.top });
        const crew = crewAt(event.clientY);
        drag.crew = crew && mayTake(crew, drag.order) ? crew.id : null;
      } else {
        drag.pan = true;
        emit("pan", drag.from.since - (dx / size.width) * (props.until - props.since));
      }
    }
    function released() {
      const { order, crew } = drag;
      Object.assign(drag, { order: null, crew: null, from: null, pan: null });
      if (order && crew) emit("move", order, crew);
    }
    function cancelled() {
      Object.assign(drag, { order: null, crew: null, from: null, pan: null });
    }

    function show(event, bar, order, row) {
      const BAR = bar_of();
      if (drag.from) return;
      const box = host.value.getBoundingClientRect();
      const target = event.currentTarget.getBoundingClientRect();
      const left = event.clientX ? event.clientX - box.left : target.left - box.left;
      Object.assign(tip, { bar, order, row, x: Math.max(8, Math.min(left, size.width - 290)), y: row.y + BAR.top + BAR.height + 6 });
    }

    // Arrow keys go from bar to bar, and to the crew above or below; one bar is a stop for Tab.
    function keys(event) {
      const bars = [...host.value.querySelectorAll("[data-bar]")];
      const here = bars.indexOf(event.currentTarget);
      const row = (bar) => Number(bar.dataset.row);
      let next = null;
      if (event.key === "ArrowRight") next = bars[here + 1];
      else if (event.key === "ArrowLeft") next = bars[here - 1];
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const way = event.key === "ArrowDown" ? 1 : -1;
        const rows = [...new Set(bars.map(row))];
        const wanted = rows[rows.indexOf(row(bars[here])) + way];
        const left = bars[here].getBoundingClientRect().left;
        next = bars.filter((bar) => row(bar) === wanted)
          .sort((a, b) => Math.abs(a.getBoundingClientRect().left - left) - Math.abs(b.getBoundingClientRect().left - left))[0];
      } else if (event.key === "Enter" || event.key === " ") {
        event.currentTarget.dispatchEvent(new MouseEvent("click"));
      } else if (event.key === "Escape") {
        tip.bar = null;
        return;
      } else return;
      event.preventDefault();
      if (next) {
        at.key = next.dataset.bar;
        nextTick(() => next.focus());
      }
    }

    const drawBar = (crew, row, number, bar, order, lost) => {
      const BAR = bar_of();
      const [left, width] = clipped(bar.start, bar.end);
      const key = keyOf(crew.id, bar);
      const wide = width >= LABEL_FROM_PX && ["work", "refill", "broken"].includes(bar.kind);
      const large = scaled(tall() >= LARGE_FROM ? 13 : 11);
      // Its whole name where there is room, else its id; half a name says nothing.
      const label = (bar.kind === "work" ? order ? props.names.labels(order) : [] : [t(`bar.${bar.kind}`)])
        .find((text) => widthOf(text, large) <= width - 8);
      return h("g", {
        key, "data-bar": key, "data-row": number, "data-order": bar.order ?? undefined,
        class: ["bar", bar.kind, bar.planned ? "planned" : "done", bar.late ? "late" : "", movable(bar, order) ? "movable" : "", order ? `p${order.priority}` : "",
          order?.state ?? "", props.chosen && bar.order === props.chosen && bar.kind !== "drive" ? "chosen" : "", lost ? "lost" : "",
          drag.order && bar.order === drag.order.id && bar.kind === "work" ? "held" : ""],
        role: "button", tabindex: at.key === key ? 0 : -1, "aria-label": `${nameOf(crew)}: ${barText(bar, order, props.names)}`,
        onClick: () => !drag.order && !drag.pan && bar.order && emit("choose", bar.order),
        onPointerdown: (event) => { event.stopPropagation(); press(event, bar, order); },
        onPointerenter: (event) => show(event, bar, order, row), onPointerleave: () => (tip.bar = null),
        onFocus: (event) => { at.key = key; show(event, bar, order, row); }, onBlur: () => (tip.bar = null),
        onKeydown: keys,
      }, [
        bar.kind === "drive"
          ? h("rect", { x: left, y: row.y + BAR.top + BAR.height / 2 - 3, width, height: 6, rx: 2 })
          : bar.kind === "standing" || bar.kind === "off"
            ? h("rect", { x: left, y: row.y + BAR.top + BAR.height / 2 - 1, width, height: 2 })
            : h("rect", { x: left, y: row.y + BAR.top, width: Math.max(width, 2), height: BAR.height, rx: Math.min(3, width / 5) }),
        // Something to point at, also where the bar is thin.
        h("rect", { class: "reach", x: left - Math.max(0, 3 - width) / 2, y: row.y + BAR.top, width: Math.max(width, 3), height: BAR.height }),
        wide && label ? h("text", { x: Math.max(left, 0) + 5, y: row.y + BAR.top + BAR.height / 2 + large * 0.36, style: { fontSize: `${large}px` } }, label) : null,
        order?.pinned && bar.kind === "work" && width > 10
          ? h("path", { class: "pin", d: `M${left + width - 6} ${row.y + BAR.top - 3}v8m-3-8h6` }) : null,
      ]);
    };

    const drawDue = (row, crew, bar, order) => {
      if (!order?.due || order.priority > 3 || bar.kind !== "work") return null;
      const due = x(order.due);
      const [left] = clipped(bar.start, bar.end);
      const y = row.y + bar_of().top;
      const shown = due > -4 && due < size.width + 4;
      return h("g", { key: `due/${bar.order}/${bar.planned}`, class: bar.late ? "due late" : "due", "aria-hidden": "true" }, [
        bar.late ? h("path", { class: "tail", d: `M${Math.max(due, -2)} ${y - 1}H${left}` }) : null,
        shown ? h("path", { d: `M${due - 4} ${y - 6}h8l-4 6z` }) : null,
      ]);
    };

    const drawWater = (row, crew, state) => {
      const tank = crew.tank_l;
      const LANE = lane_of();
      if (!tank) return null;
      const y = (litres) => row.y + LANE.top + LANE.height * (1 - Math.min(1, Math.max(0, litres / tank)));
      const line = (points) => points.map(([time, litres], i) => `${i ? "L" : "M"}${x(time).toFixed(1)} ${y(litres).toFixed(1)}`).join("");
      const area = (points) => points.length > 1
        ? `${line(points)}L${x(points.at(-1)[0]).toFixed(1)} ${row.y + LANE.top + LANE.height}L${x(points[0][0]).toFixed(1)} ${row.y + LANE.top + LANE.height}Z` : "";
      return h("g", { class: "tank", key: "tank", "aria-hidden": "true" }, [
        h("path", { class: "fill", d: area(state.water) }),
        h("path", { class: "line", d: line(state.water) }),
        h("path", { class: "line ahead", d: line(state.water_ahead) }),
      ]);
    };

    const drawGhosts = (row, crew) => {
      const effect = props.effect?.crews.find((one) => one.crew === crew.id);
      const orders = props.effect?.orders[crew.id];
      if (!orders || !effect) return null;
      const LANE = lane_of();
      const key = (order) => `${placeOf(order)}/${order.treatment}`;
      const gained = new Set(effect.gained.map(key));
      const shifted = new Map(effect.moved.map((order) => [key(order), order.by_min]));
      return h("g", { class: "ghosts", key: "ghosts", "aria-hidden": "true" }, orders.map((order, i) => {
        const [left, width] = clipped(ms(order.eta), ms(order.eta) + order.minutes * MINUTE);
        const by = shifted.get(key(order));
        const late = order.due && order.priority <= 3 && ms(order.eta) > ms(order.due);
        return h("g", { key: i, class: ["ghost", gained.has(key(order)) ? "gained" : by ? "moved" : "same", late ? "late" : "", order.depot ? "depot" : ""] }, [
          h("rect", { x: left, y: row.y + LANE.top - 1, width: Math.max(width, 2), height: LANE.height, rx: Math.min(2, width / 5) }),
          by && width > 26 ? h("text", { x: left + 3, y: row.y + LANE.top + 10 }, `${by > 0 ? "+" : "−"}${Math.abs(Math.round(by))}`) : null,
        ]);
      }));
    };

    return () => {
      const { board } = props;
      const { rows, height } = laidOut(props.crews, tall());
      const now = x(board.now);
      const states = Object.fromEntries(board.crews.map((state) => [state.crew, state]));
      const drawn = [];
      let first = null;
      let number = 0;
      for (const row of rows) {
        if (!row.crew) continue;
        const state = states[row.crew.id];
        if (!state) continue;
        number += 1;
        const orders = Object.fromEntries(state.orders.map((order) => [order.id, order]));
        const lost = new Set(
          (props.effect?.crews.find((one) => one.crew === row.crew.id)?.lost ?? []).map((order) => `${placeOf(order)}/${order.treatment}`));
        first ??= state.bars[0] && keyOf(row.crew.id, state.bars[0]);
        const target = drag.order && mayTake(row.crew, drag.order);
        let from = props.since;
        const off = [];
        for (const [start, end] of state.shifts) {
          if (ms(start) > from) off.push([from, ms(start)]);
          from = Math.max(from, ms(end));
        }
        if (from < props.until) off.push([from, props.until]);
        drawn.push(h("g", { key: row.crew.id, role: "group", "aria-label": nameOf(row.crew), class: ["row", target ? "target" : "", drag.crew === row.crew.id ? "over" : "", state.condition ?? ""] }, [
          h("rect", { class: "ground", x: 0, y: row.y, width: size.width, height: row.height }),
          ...off.map(([start, end], i) => {
            const [left, width] = clipped(start, end);
            return h("rect", { key: i, class: "offshift", x: left, y: row.y + 1, width, height: row.height - 1 });
          }),
          props.effect ? drawGhosts(row, row.crew) : drawWater(row, row.crew, state),
          ...state.bars.map((bar) => {
            const order = orders[bar.order];
            return drawBar(row.crew, row, number, bar, order, bar.planned && bar.kind === "work" && order && lost.has(`${placeOf(order)}/${order.treatment}`));
          }),
          ...state.bars.map((bar) => drawDue(row, row.crew, bar, orders[bar.order])),
          h("path", { class: "edge", d: `M0 ${row.y + row.height - 0.5}H${size.width}` }),
        ]));
      }
      at.key ??= first;
      const marks = ticks();
      return h("div", { class: "gantt", style: { height: `${height}px` } }, [
        h("div", { class: "names" }, rows.map((row) => row.crew
          ? h("button", {
            key: row.crew.id, type: "button", class: ["who", states[row.crew.id]?.condition ?? ""],
            style: { top: `${row.y}px`, height: `${row.height}px` }, onClick: () => emit("crew", row.crew.id),
          }, [
            h("b", { title: nameOf(row.crew) }, nameOf(row.crew)),
            h("small", {}, [
              states[row.crew.id]?.condition === "held" ? t("board.held")
                : ["broken", "silent"].includes(states[row.crew.id]?.condition) ? t(`condition.${states[row.crew.id].condition}`)
                  : t(`crew_state.${states[row.crew.id]?.state ?? "unknown"}`),
              row.crew.tank_l && states[row.crew.id]?.water_l != null
                ? ` · ${(states[row.crew.id].water_l / 1000).toFixed(1)}/${(row.crew.tank_l / 1000).toFixed(0)} m³` : "",
            ]),
          ])
          : h("h2", { key: row.kind, style: { top: `${row.y}px`, height: `${row.height}px` } }, t(`crew_kind.${row.kind}`)))),
        h("div", {
          class: ["plot", drag.order ? "dragging" : drag.pan ? "panning" : ""], ref: host,
          onPointerdown: (event) => press(event, {}, null), onPointermove: moved,
          onTouchmove: (event) => drag.from?.order && event.cancelable && event.preventDefault(), onPointerup: released, onPointercancel: cancelled,
        }, [
          h("svg", { width: size.width, height, role: "group", "aria-label": t("board.chart") }, [
            h("defs", {}, [
              h("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
                h("path", { d: "M0 0V7", class: "hatching" })),
            ]),
            ...rows.filter((row) => !row.crew).map((row) => h("rect", { key: row.kind, class: "kindband", x: 0, y: row.y, width: size.width, height: row.height })),
            ...drawn,
            h("g", { class: "grid", "aria-hidden": "true" }, marks.map((time) => h("path", { key: time, d: `M${x(time)} ${AXIS - 6}V${height}` }))),
            h("g", { class: "axis", "aria-hidden": "true" }, [
              h("rect", { class: "axisground", x: 0, y: 0, width: size.width, height: AXIS }),
              ...marks.filter((time) => Math.abs(x(time) - now) > 42).map((time) => {
                const text = clock(time);
                return h("text", { key: time, x: x(time), y: AXIS - 12, class: text === "00:00" ? "day" : "" },
                  text === "00:00" ? `${day(time)}` : text);
              }),
            ]),
            ...board.weather.map((band, i) => {
              const [left, width] = clipped(band.start, band.end);
              return width > 0 ? h("g", { key: `w${i}`, class: "weather" }, [
                h("rect", { x: left, y: AXIS, width, height: height - AXIS, fill: "url(#hatch)" }),
                h("rect", { class: "cap", x: left, y: AXIS - 8, width, height: 6 }),
                h("title", {}, `${t(`weather.${band.code}`)} ${clock(band.start)}–${clock(band.end)}`),
              ]) : null;
            }),
            now > 0 && now < size.width ? h("g", { class: "nowline", "aria-hidden": "true" }, [
              h("path", { d: `M${now} ${AXIS - 10}V${height}` }),
              h("rect", { x: now - 24, y: 2, width: 48, height: 18, rx: 4 }),
              h("text", { x: now, y: 15 }, clock(board.now)),
            ]) : null,
          ]),
          drag.order ? h("div", { class: "carried", style: { left: `${drag.x + 10}px`, top: `${drag.y - 12}px` } },
            drag.crew ? t("board.drop", { crew: nameOf(props.crews.find((crew) => crew.id === drag.crew)) }) : t("board.drop_where")) : null,
          tip.bar ? h("div", { class: "bartip", role: "tooltip", style: { left: `${tip.x}px`, top: `${tip.y}px` } }, [
            h("b", {}, barText(tip.bar, tip.order, props.names)),
            tip.order && tip.bar.kind !== "drive" ? h("p", {}, props.names.reason(tip.order)) : null,
            tip.order?.outcome ? h("p", { class: "bad" }, inOwn(tip.order.outcome, tip.order.outcome_also)) : null,
            tip.order?.due && tip.order.priority <= 3 ? h("p", { class: tip.bar.late ? "bad" : "" }, `${t("board.due")} ${clock(tip.order.due)}`) : null,
          ]) : null,
        ]),
      ]);
    };
  },
};
