// The district as vector layers on Leaflet: no tiles, nothing from outside.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { leaflet as L } from "/lib/leaflet/index.js";
import { crewPlan } from "./api.js";
import { district, roadName, selectCrew, selectSegment, selected } from "./board.js";
import { onChange, tables } from "./live.js";
import { clock, compass, language, nameOf, signed, t, whole } from "./texts.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL_FROM_LEVEL = 2;
const NAMES_FROM_ZOOM = 14.5;
const LABEL_ASIDE_PX = 30;
const FOCUS_ZOOM = 14.75;
const MAJOR_ROAD_M = 900;

const TRUCK = "M1 4.2h8.2v6H1zM9.9 5.9h2.8L15 8.3v1.9H9.9zM2.5 11.4a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0zM10.3 11.4a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0-3 0z";
const WEDGE = "M22 0 31 12.5Q22 7.5 13 12.5Z";
const DROP = "M6 1C8 4 9.5 5.6 9.5 7.6a3.5 3.5 0 0 1-7 0C2.5 5.6 4 4 6 1Z";

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

function shape(width, height, d) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", d);
  svg.append(path);
  return svg;
}

const icon = (node, size, className) =>
  L.divIcon({ html: node, className, iconSize: [size, size], iconAnchor: [size / 2, size / 2] });

const latLng = ([lon, lat]) => L.latLng(lat, lon);

// A line beside `points` (pixels), `offset` to the right of its direction; corners are mitred.
export function besides(points, offset) {
  if (!offset) return points;
  const normals = [];
  for (let i = 1; i < points.length; i++) {
    const dx = points[i].x - points[i - 1].x;
    const dy = points[i].y - points[i - 1].y;
    const length = Math.hypot(dx, dy) || 1;
    normals.push({ x: -dy / length, y: dx / length });
  }
  return points.map((point, i) => {
    const a = normals[Math.max(0, i - 1)];
    const b = normals[Math.min(normals.length - 1, i)];
    const mitre = Math.max(0.5, 1 + a.x * b.x + a.y * b.y);
    return L.point(
      point.x + (offset * (a.x + b.x)) / mitre,
      point.y + (offset * (a.y + b.y)) / mitre,
    );
  });
}

// Pixels between the drawn line and the line shown: enough that two carriageways never touch.
const carriagewayOffset = (zoom) => Math.max(3.5, Math.min(9, 5 + (zoom - 15) * 2));

const segmentClass = (state) =>
  state.standing === "unmeasured" ? "unmeasured" : `${state.standing} l${state.level}`;

export const StreetMap = {
  setup() {
    const host = ref(null);
    let map;
    let untouched = true;
    const drawn = { segments: {}, stations: {}, crews: {}, names: [], route: null };

    onMounted(() => {
      map = L.map(host.value, {
        zoomControl: false,
        attributionControl: false,
        zoomSnap: 0.25,
        zoomDelta: 0.5,
        wheelPxPerZoomLevel: 90,
        renderer: L.svg({ padding: 0.4 }),
      });
      for (const [pane, z] of [["sites", 350], ["beds", 360], ["streets", 410], ["names", 420],
        ["labels", 640], ["devices", 610], ["crews", 650]]) {
        map.createPane(pane).style.zIndex = z;
      }
      // A map in a hidden view has no size yet: it is fitted when it is first shown.
      map.setView(bounds.getCenter(), 14);
      draw();
      settle();
      L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
      placeStreets();
      map.on("zoomend", placeStreets);
      map.on("zoomstart", () => host.value.classList.add("zooming"));
      map.on("zoomend", () => setTimeout(() => host.value?.classList.remove("zooming"), 60));
      // Until somebody moves it, the map shows what the page is about: all, or the chosen segment.
      for (const gesture of ["wheel", "pointerdown", "keydown"]) {
        host.value.addEventListener(gesture, () => (untouched = false), { passive: true });
      }
      const resized = new ResizeObserver(settle);
      resized.observe(host.value);
      onBeforeUnmount(() => {
        resized.disconnect();
        map.remove();
      });
    });

    const bounds = L.latLngBounds(
      Object.values(district.segments).flatMap((segment) => segment.line).map(latLng),
    );

    function fit() {
      untouched = true;
      map.fitBounds(bounds, { padding: [26, 26], animate: false });
    }

    function settle() {
      if (!map || !host.value?.clientWidth) return;
      map.invalidateSize({ pan: false });
      const chosen = drawn.segments[selected.segment]?.shown;
      if (!untouched && chosen) map.panInside(middleOf(chosen), { padding: [90, 70] });
      else if (!untouched) return;
      else if (chosen) map.setView(middleOf(chosen), FOCUS_ZOOM, { animate: false });
      else fit();
    }

    // Under a site's outline, where its name hides nothing.
    const lowest = (site) => [
      site.centre[0],
      Math.min(site.centre[1], ...site.rings.flat().map(([, lat]) => lat)),
    ];


    function draw() {
      const pane = (name) => ({ pane: name, interactive: false });
      for (const site of Object.values(district.sites)) {
        const outline = site.rings.length
          ? L.polygon(site.rings.map((ring) => ring.map(latLng)), { pane: "sites" })
          : L.circleMarker(latLng(site.centre), { pane: "sites", radius: 9 });
        outline.options.className = `site ${site.kind}`;
        outline.bindTooltip(() => siteTip(site), { sticky: true }).addTo(map);
        addName(lowest(site), () => nameOf(site), "site-name");
      }
      for (const segment of Object.values(district.segments)) {
        const line = segment.line.map(latLng);
        const bed = L.polyline(line, { ...pane("beds"), className: segment.treat ? "bed" : "bed way" });
        bed.addTo(map);
        const entry = { segment, bed };
        drawn.segments[segment.id] = entry;
        if (!segment.treat) continue;
        entry.level = L.polyline(line, { ...pane("streets"), className: "street" }).addTo(map);
        entry.hit = L.polyline(line, { pane: "streets", className: "hit", weight: 18 }).addTo(map);
        entry.hit.bindTooltip(() => segmentTip(segment), { sticky: true });
        entry.hit.on("click", () => selectSegment(segment.id));
        const path = entry.hit.getElement();
        path.dataset.segment = segment.id;
        path.setAttribute("aria-label", nameOf(segment));
      }
      nameRoads();
      for (const depot of Object.values(district.depots)) {
        const sign = element("div", "depot-sign");
        if (depot.kind !== "refill") sign.append(element("b", "", "P"));
        if (depot.kind !== "depot") sign.append(shape(12, 12, DROP));
        const size = depot.kind === "both" ? [32, 18] : [18, 18];
        const sized = L.divIcon({ html: sign, className: "depot", iconSize: size });
        L.marker([depot.lat, depot.lon], { icon: sized, pane: "devices" })
          .bindTooltip(() => tip(t(`map.${depot.kind}`), depot.id))
          .addTo(map);
      }
      for (const station of Object.values(district.stations)) {
        const node = element("div", `station-sign ${station.kind}`);
        drawn.stations[station.id] = node;
        L.marker([station.lat, station.lon], { icon: icon(node, 14, "station"), pane: "devices" })
          .bindTooltip(() => stationTip(station))
          .addTo(map);
      }
      for (const section of ["segments", "stations", "crews"]) refresh(section, null);
    }

    // One name per road, along its longest treatable stretch; a short road is named from near by.
    function nameRoads() {
      const longest = {};
      const lengths = {};
      for (const segment of Object.values(district.segments)) {
        const road = segment.road ?? segment.name;
        if (!segment.treat) continue;
        lengths[road] = (lengths[road] ?? 0) + segment.length_m;
        if (!longest[road] || segment.length_m > longest[road].length_m) longest[road] = segment;
      }
      for (const [road, segment] of Object.entries(longest)) {
        const { line } = segment;
        const [a, b] = [line[0], line[line.length - 1]];
        const middle = line[Math.floor(line.length / 2)];
        const at = line.length > 2 ? middle : [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
        const east = (b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180);
        let turn = (-Math.atan2(b[1] - a[1], east) * 180) / Math.PI;
        if (turn > 90) turn -= 180;
        if (turn < -90) turn += 180;
        const className = lengths[road] < MAJOR_ROAD_M ? "road-name minor" : "road-name";
        addName(at, () => roadName(segment), className, turn);
      }
    }

    function addName(at, text, className, turn) {
      const inner = element("span", "", text());
      if (turn !== undefined) inner.style.transform = `translate(-50%, -50%) rotate(${turn}deg) translateY(-18px)`;
      const marker = L.marker(latLng(at), {
        icon: L.divIcon({ html: inner, className, iconSize: [0, 0] }),
        pane: "names",
        interactive: false,
        keyboard: false,
      }).addTo(map);
      drawn.names.push({ marker, inner, text });
    }

    function placeStreets() {
      const zoom = map.getZoom();
      host.value.classList.toggle("near", zoom >= NAMES_FROM_ZOOM);
      host.value.classList.toggle("far", zoom < 13.5);
      for (const entry of Object.values(drawn.segments)) {
        const { segment } = entry;
        const offset = segment.oneway ? carriagewayOffset(zoom) : 0;
        const pixels = segment.line.map((place) => map.project(latLng(place), zoom));
        entry.shown = besides(pixels, offset).map((pixel) => map.unproject(pixel, zoom));
        for (const layer of [entry.bed, entry.level, entry.hit]) layer?.setLatLngs(entry.shown);
        placeLabel(entry);
      }
    }

    // Beside the street, on its right, so that it hides neither the line nor a crew on it.
    function placeLabel({ label, text, shown }) {
      if (!label || !shown) return;
      label.setLatLng(middleOf(shown));
      const half = Math.floor(shown.length / 2);
      const [a, b] = [shown[half - 1], shown[half]].map((place) => map.project(place, 18));
      const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
      const [x, y] = [(-(b.y - a.y) / length) * LABEL_ASIDE_PX, ((b.x - a.x) / length) * LABEL_ASIDE_PX];
      text.style.transform = `translate(calc(-50% + ${x}px), calc(-50% + ${y}px))`;
    }

    const middleOf = (line) =>
      line.length % 2 ? line[(line.length - 1) / 2]
        : L.latLngBounds([line[line.length / 2 - 1], line[line.length / 2]]).getCenter();

    function refresh(section, ids) {
      if (!map || !drawn[section]) return;
      for (const id of ids ?? Object.keys(tables[section])) {
        const state = tables[section][id];
        if (!state) continue;
        if (section === "segments") showSegment(id, state);
        if (section === "stations") showStation(id, state);
        if (section === "crews") showCrew(id, state);
      }
    }

    function showSegment(id, state) {
      const entry = drawn.segments[id];
      if (!entry?.level) return;
      const chosen = selected.segment === id;
      entry.level.getElement()?.setAttribute("class", `leaflet-path street ${segmentClass(state)}`);
      entry.bed.getElement()?.setAttribute("class", `leaflet-path bed${chosen ? " chosen" : ""}`);
      const labelled = state.standing === "live" && state.level >= LABEL_FROM_LEVEL;
      if (!labelled) {
        entry.label?.remove();
        entry.label = null;
        return;
      }
      if (!entry.label) {
        entry.text = element("span", "");
        entry.label = L.marker(middleOf(entry.shown ?? entry.segment.line.map(latLng)), {
          icon: L.divIcon({ html: entry.text, className: "level-label", iconSize: [0, 0] }),
          pane: "labels",
          interactive: false,
          keyboard: false,
        }).addTo(map);
      }
      entry.text.className = `l${state.level}`;
      placeLabel(entry);
      entry.text.textContent = signed(state.increment);
    }

    function showStation(id, state) {
      const node = drawn.stations[id];
      if (node) node.className = `station-sign ${district.stations[id].kind} ${state.freshness}`;
    }

    function showCrew(id, state) {
      const crew = district.crews[id];
      if (!crew || state.lat == null) return;
      let entry = drawn.crews[id];
      if (!entry) {
        const arrow = element("div", "arrow", shape(44, 44, WEDGE));
        const disc = element("div", "disc", shape(16, 16, TRUCK));
        const name = element("div", "crew-name", nameOf(crew));
        const node = element("div", "", arrow, disc, name);
        entry = { node, arrow, name };
        entry.marker = L.marker([state.lat, state.lon], {
          icon: icon(node, 44, "crew"), pane: "crews", alt: nameOf(crew),
        });
        entry.marker.bindTooltip(() => crewTip(crew), { direction: "top", offset: [0, -12] });
        entry.marker.on("click", () => selectCrew(id));
        entry.marker.addTo(map);
        drawn.crews[id] = entry;
      }
      entry.marker.setLatLng([state.lat, state.lon]);
      const moving = state.heading != null && ["driving", "working"].includes(state.state);
      entry.node.className = ["crew-sign", state.state ?? "unknown", state.freshness,
        moving ? "moving" : "still", selected.crew === id ? "chosen" : ""].join(" ");
      if (moving) entry.arrow.style.transform = `rotate(${state.heading}deg)`;
    }

    const tip = (title, ...lines) =>
      element("div", "tip", element("b", "", title),
        ...lines.filter(Boolean).map((line) => element("div", "", line)));

    function segmentTip(segment) {
      const state = tables.segments[segment.id];
      if (!state) return tip(nameOf(segment));
      const measured = state.standing !== "unmeasured";
      return tip(
        nameOf(segment),
        measured
          ? `${t(`level.${state.level}`)} · ${t("chart.increment")} ${signed(state.increment)} · PM10 ${whole(state.pm10)} µg/m³`
          : t("standing.unmeasured"),
        state.standing === "stale" ? `${t("standing.stale")} ${clock(state.ts)}` : "",
        state.treated_at ? t("map.treated_at", { time: clock(state.treated_at) }) : "",
      );
    }

    const siteTip = (site) => tip(nameOf(site), t(`site_kind.${site.kind}`), site.operator);

    function stationTip(station) {
      const state = tables.stations[station.id] ?? {};
      return tip(
        `${t(`station_kind.${station.kind}`)} ${station.id}`,
        state.ts ? `PM10 ${whole(state.pm10)} · PM2.5 ${whole(state.pm25)} µg/m³` : "",
        state.wind_speed != null
          ? `${t("header.wind")} ${compass(state.wind_dir)} ${state.wind_speed.toFixed(1)} m/s` : "",
        state.ts ? `${t(`freshness.${state.freshness}`)} ${clock(state.ts)}` : t("freshness.none"),
      );
    }

    function crewTip(crew) {
      const state = tables.crews[crew.id] ?? {};
      return tip(
        nameOf(crew),
        `${t(`crew_kind.${crew.kind}`)} · ${t(`crew_state.${state.state ?? "unknown"}`)}`,
        crew.tank_l ? `${t("plan.water")} ${whole(state.water_l)} / ${whole(crew.tank_l)} L` : "",
      );
    }

    async function showRoute(id) {
      drawn.route?.remove();
      drawn.route = null;
      if (!id) return;
      const plan = await crewPlan(id).catch(() => null);
      const orders = plan?.crews[0]?.orders ?? [];
      if (selected.crew !== id || !map) return;
      const group = L.layerGroup();
      orders.forEach((order, i) => {
        L.polyline(order.path.map(latLng), {
          pane: "names", interactive: false, className: i ? "route later" : "route",
        }).addTo(group);
        const work = drawn.segments[order.segment];
        const end = work ? middleOf(work.shown) : order.path.length ? latLng(order.path.at(-1)) : null;
        if (end) {
          L.marker(end, {
            icon: icon(element("span", "", String(i + 1)), 18, "stop"), pane: "labels",
            interactive: false, keyboard: false,
          }).addTo(group);
        }
      });
      drawn.route = group.addTo(map);
      const state = tables.crews[id];
      if (state?.lat != null) map.panInside([state.lat, state.lon], { padding: [80, 80] });
    }

    onChange((section, ids) => refresh(section, ids));
    watch(() => selected.segment, (now, before) => {
      refresh("segments", [now, before].filter(Boolean));
      settle();
    });
    watch(language, () => {
      for (const { inner, text } of drawn.names) inner.textContent = text();
      for (const [id, { name }] of Object.entries(drawn.crews)) {
        name.textContent = nameOf(district.crews[id]);
      }
    });
    watch(() => selected.crew, (now, before) => {
      refresh("crews", [now, before].filter(Boolean));
      showRoute(now);
    });

    const zoom = (by) => () => {
      untouched = false;
      map.setZoom(map.getZoom() + by);
    };
    const button = (label, text, act) =>
      h("button", { class: "tool", type: "button", title: label, "aria-label": label, onClick: act }, text);

    return () =>
      h("section", { class: "map", "aria-label": t("app.map") }, [
        h("div", { class: "canvas", ref: host }),
        h("div", { class: "tools" }, [
          button(t("map.zoom_in"), "+", zoom(1)),
          button(t("map.zoom_out"), "−", zoom(-1)),
          button(t("map.fit"), "⤢", fit),
        ]),
        h(WindRose),
        h(Legend, { key: language() }),
      ]);
  },
};

const WindRose = () => {
  const wind = tables.overview.wind;
  if (!wind) return null;
  const text = `${t("header.wind_from", { dir: compass(wind.dir) })} ${wind.speed.toFixed(1)} m/s`;
  return h("div", { class: "windrose", title: t("map.wind_title", { text }) }, [
    h("svg", { viewBox: "0 0 40 40", "aria-hidden": "true" }, [
      h("circle", { cx: 20, cy: 20, r: 18.5 }),
      h("path", {
        d: "M20 35V9M20 6l-6 9h12z",
        transform: `rotate(${(wind.dir + 180) % 360} 20 20)`,
      }),
    ]),
    h("span", {}, [h("b", {}, wind.speed.toFixed(1)), " m/s", h("br"), t("header.wind_from", { dir: compass(wind.dir) })]),
  ]);
};

const swatch = (className) =>
  h("svg", { class: "swatch", viewBox: "0 0 34 12", "aria-hidden": "true" }, [
    h("path", { class: "bed", d: "M2 6H32" }),
    h("path", { class: `street ${className}`, d: "M2 6H32" }),
  ]);

const Legend = () => {
  const counts = tables.overview.counts;
  const limits = district.limits.inc60 ?? [];
  const line = (className, text, count) =>
    h("li", { title: text }, [swatch(className), h("span", {}, text), h("b", {}, count ?? "")]);
  return h("div", { class: "legend" }, [
    h("h2", {}, [t("map.legend"), h("small", {}, " µg/m³")]),
    h("ul", {}, [
      ...[3, 2, 1, 0].map((level) =>
        line(`live l${level}`, `${t(`level.${level}`)}${level ? ` ≥${limits[level - 1] ?? ""}` : ""}`,
          counts?.levels[level])),
      line("stale l1", t("standing.stale"), counts?.stale),
      line("unmeasured", t("standing.unmeasured"), counts?.unmeasured),
    ]),
  ]);
};
