// The district as vector layers on Leaflet. Nothing from outside, unless tiles are set.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { leaflet as L } from "/lib/leaflet/index.js";
import { get, plan as askPlan } from "./api.js";
import { district, placeName, roadName, selectCrew, selectSegment, selected } from "./board.js";
import { wgs84ToGcj02 } from "./datum.js";
import { live, onChange, tables } from "./live.js";
import { alarmLevel, alarmsOf, look, MODES, sitesOf } from "./map-colours.js";
import { StationHealth } from "./map-health.js";
import { LayerPanel, LAYERS, layers } from "./map-layers.js";
import { besides, DROP, element, icon, LENS, mediaOf, shape, tip, TRUCK, WEDGE } from "./map-signs.js";
import { age, clock, compass, language, nameOf, signed, t, whole } from "./texts.js";

const LABEL_FROM_LEVEL = 2;
const NAMES_FROM_ZOOM = 14.5;
const LABEL_ASIDE_PX = 30;
const FOCUS_ZOOM = 14.75;
const MAJOR_ROAD_M = 900;
const PLAN_SETTLES_MS = 400;
const AHEAD_REFRESH_MS = 60_000;
// A site that still gives dust so long after it began has not answered.
const SITE_ANSWERS_MS = 60 * 60_000;
const FLAG_FRESH_MS = 30 * 60_000;
// A crew glides to its newest report over the time since the one before, and never beyond it.
const GLIDE_MS = [300, 10_000];
const LEAP_M = 1500;

// Where a place is drawn: tiles in GCJ-02 take the whole drawing with them.
const shifted = () => district.tiles?.crs === "gcj02";
const latLng = (place) => {
  const [lon, lat] = shifted() ? wgs84ToGcj02(place) : place;
  return L.latLng(lat, lon);
};

// Pixels between the drawn line and the line shown: enough that two carriageways never touch.
const carriagewayOffset = (zoom, scale) => scale * Math.max(3.5, Math.min(9, 5 + (zoom - 15) * 2));

// `plain`: for a wall, without anything to press.
export const StreetMap = {
  props: { plain: Boolean },
  setup(props) {
    const host = ref(null);
    const panel = ref("");
    let map;
    let untouched = true;
    const drawn = {
      segments: {}, sites: {}, stations: {}, cameras: {}, crews: {}, names: [], routes: null, tiles: null,
    };
    // What streets look like beyond their own state.
    let alarms = {};
    let ahead = {};
    let planned = { crews: [] };
    let planTimer = null;
    let aheadTimer = null;

    onMounted(() => {
      map = L.map(host.value, {
        zoomControl: false,
        attributionControl: false,
        zoomSnap: 0.25,
        zoomDelta: 0.5,
        wheelPxPerZoomLevel: 90,
        renderer: L.svg({ padding: 0.4 }),
      });
      for (const [pane, z] of [["sites", 350], ["beds", 360], ["streets", 410], ["routes", 415],
        ["names", 420], ["siteflags", 630], ["depots", 600], ["cameras", 605], ["stations", 610], ["labels", 640], ["crews", 650]]) {
        map.createPane(pane).style.zIndex = z;
      }
      // The view comes first, so that each line is drawn once, where it will stay. A map in a hidden
      // view has no size yet: it is fitted when it is first shown.
      if (!settle()) map.setView(bounds.getCenter(), 14);
      draw();
      showLayers();
      L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
      map.on("zoomend", placeStreets);
      map.on("zoomstart", () => host.value.classList.add("zooming"));
      map.on("zoomend", () => setTimeout(() => host.value?.classList.remove("zooming"), 60));
      // Until somebody moves it, the map shows what the page is about: all, or the chosen segment.
      for (const gesture of ["wheel", "pointerdown", "keydown"]) {
        host.value.addEventListener(gesture, () => (untouched = false), { passive: true });
      }
      // An observer tells of the first size too, which is settled already.
      resized = new ResizeObserver(() => sizeNow() !== settledAt && settle());
      resized.observe(host.value);
    });
    let resized = null;
    onBeforeUnmount(() => {
      resized?.disconnect();
      unlisten();
      clearTimeout(planTimer);
      clearTimeout(aheadTimer);
      cancelAnimationFrame(apart);
      map?.remove();
      map = null;
    });

    const bounds = L.latLngBounds(
      Object.values(district.segments).flatMap((segment) => segment.line).map(latLng),
    );
    // A wall is seen from afar: lines are thicker and stand further apart.
    const scale = props.plain ? 1.6 * Math.max(1, innerWidth / 1920) : 1;
    const padding = props.plain ? [60 * scale, 40 * scale] : [26, 26];

    // All of the district, beside the legend or above it, whichever shows it larger; where either would
    // cost half of the picture, under it.
    function fit() {
      untouched = true;
      const legend = host.value.parentElement.querySelector(".legend");
      const [x, y] = padding;
      const spared = [[0, 0], [legend?.offsetWidth ?? 0, 0], [0, legend?.offsetHeight ?? 0]].map(([left, bottom]) => ({
        paddingTopLeft: [x + left, y], paddingBottomRight: [x, y + bottom],
        zoom: map.getBoundsZoom(bounds, false, L.point(2 * x + left, 2 * y + bottom)),
      }));
      const [whole, ...clear] = spared;
      const best = clear.reduce((a, b) => (b.zoom > a.zoom ? b : a));
      map.fitBounds(bounds, { ...(best.zoom > whole.zoom - 0.5 ? best : whole), animate: false });
    }

    // Width and height as one word, "" while the map is not shown.
    const sizeNow = () => (host.value?.clientWidth && host.value.clientHeight ? `${host.value.clientWidth}x${host.value.clientHeight}` : "");
    let settledAt = "";

    function settle() {
      const size = sizeNow();
      if (!map || !size) return false;
      settledAt = size;
      map.invalidateSize({ pan: false });
      const chosen = district.segments[selected.segment]?.line;
      const middle = chosen && middleOf(drawn.segments[selected.segment]?.shown ?? chosen.map(latLng));
      if (!untouched && chosen) map.panInside(middle, { padding: [90, 70] });
      else if (untouched && chosen) map.setView(middle, FOCUS_ZOOM, { animate: false });
      else if (untouched) fit();
      return true;
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
        const flag = element("span", "");
        L.marker(latLng(site.centre), {
          icon: L.divIcon({ html: flag, className: "site-flag", iconSize: [0, 0] }),
          pane: "siteflags", interactive: false, keyboard: false,
        }).addTo(map);
        drawn.sites[site.id] = { site, outline, flag };
        addName(lowest(site), () => nameOf(site), "site-name");
      }
      const hits = L.featureGroup().addTo(map);
      const zoom = map.getZoom();
      for (const segment of Object.values(district.segments)) {
        const shown = besideItself(segment, zoom);
        const bed = L.polyline(shown, { ...pane("beds"), className: segment.treat ? "bed" : "bed way" });
        bed.addTo(map);
        const entry = { segment, shown, bed };
        drawn.segments[segment.id] = entry;
        if (!segment.treat) continue;
        entry.level = L.polyline(shown, { ...pane("streets"), className: "street" }).addTo(map);
        entry.hit = L.polyline(shown, { pane: "streets", className: "hit", weight: 18 }).addTo(hits);
        entry.hit.segment = segment;
        const path = entry.hit.getElement();
        path.dataset.segment = segment.id;
        path.setAttribute("role", "img");
        path.setAttribute("aria-label", nameOf(segment));
      }
      // One tip and one listener for all streets.
      hits.bindTooltip(({ segment }) => segmentTip(segment), { sticky: true });
      hits.on("click", ({ layer }) => selectSegment(layer.segment.id));
      nearOrFar();
      nameRoads();
      for (const depot of Object.values(district.depots)) {
        const sign = element("div", "depot-sign");
        if (depot.kind !== "refill") sign.append(element("b", "", "P"));
        if (depot.kind !== "depot") sign.append(shape(12, 12, DROP));
        const size = depot.kind === "both" ? [32, 18] : [18, 18];
        const sized = L.divIcon({ html: sign, className: "depot", iconSize: size });
        L.marker(latLng([depot.lon, depot.lat]), { icon: sized, pane: "depots", keyboard: false, alt: t(`map.${depot.kind}`) })
          .bindTooltip(() => tip(t(`map.${depot.kind}`), depot.id))
          .addTo(map);
      }
      for (const station of Object.values(district.stations)) {
        const node = element("div", `station-sign ${station.kind}`);
        drawn.stations[station.id] = node;
        L.marker(latLng([station.lon, station.lat]), {
          icon: icon(node, 14, "station"), pane: "stations", keyboard: false, alt: station.id,
        }).bindTooltip(() => stationTip(station)).addTo(map);
      }
      for (const camera of Object.values(district.cameras)) {
        const node = element("div", "camera-sign", shape(14, 14, LENS));
        drawn.cameras[camera.id] = node;
        L.marker(latLng([camera.lon, camera.lat]), {
          icon: icon(node, 18, "camera"), pane: "cameras", keyboard: false, alt: camera.id,
        }).bindTooltip(() => cameraTip(camera))
          .bindPopup(() => cameraCard(camera), { className: "camera-card", minWidth: 200, maxWidth: 300 })
          .addTo(map);
      }
      refreshAll();
    }

    function refreshAll() {
      alarms = alarmsOf(Object.values(tables.episodes), tables.overview.now);
      for (const section of ["segments", "stations", "cameras", "crews"]) refresh(section, null);
      showSites();
    }

    function showLayers() {
      for (const name of LAYERS) {
        const pane = map.getPane(name);
        if (pane && name !== "tiles") pane.style.display = layers[name] ? "" : "none";
      }
      map.getPane("siteflags").style.display = layers.sites ? "" : "none";
      const wanted = layers.tiles && district.tiles && !props.plain;
      if (wanted && !drawn.tiles) {
        const { url, subdomains } = district.tiles;
        drawn.tiles = L.tileLayer(url, { subdomains: subdomains || "abc", maxZoom: 19, referrerPolicy: "no-referrer" }).addTo(map);
      } else if (!wanted && drawn.tiles) {
        drawn.tiles.remove();
        drawn.tiles = null;
      }
      host.value.classList.toggle("tiled", Boolean(drawn.tiles));
      showRoutes();
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
      // The longest first: it keeps its name where two would lie over each other.
      for (const [road, segment] of Object.entries(longest).sort(([a], [b]) => lengths[b] - lengths[a])) {
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
        pane: className === "site-name" ? "sites" : "names",
        interactive: false,
        keyboard: false,
      }).addTo(map);
      drawn.names.push({ marker, inner, text });
    }

    function nearOrFar() {
      const zoom = map.getZoom();
      host.value.classList.toggle("near", zoom >= NAMES_FROM_ZOOM);
      host.value.classList.toggle("far", zoom < 13.5);
      keepApartSoon();
    }

    // The line of a carriageway, aside from the one that comes towards it; other streets where they lie.
    function besideItself(segment, zoom) {
      const line = segment.line.map(latLng);
      if (!segment.oneway) return line;
      const pixels = line.map((place) => map.project(place, zoom));
      return besides(pixels, carriagewayOffset(zoom, scale)).map((pixel) => map.unproject(pixel, zoom));
    }

    function placeStreets() {
      const zoom = map.getZoom();
      for (const entry of Object.values(drawn.segments)) {
        // Others Leaflet has moved already.
        if (entry.segment.oneway) {
          entry.shown = besideItself(entry.segment, zoom);
          for (const layer of [entry.bed, entry.level, entry.core, entry.hit]) layer?.setLatLngs(entry.shown);
        }
        placeLabel(entry);
      }
      nearOrFar();
    }

    // Beside the street, on its right, so that it hides neither the line nor a crew on it.
    function placeLabel({ label, text, shown }) {
      if (!label || !shown) return;
      label.setLatLng(middleOf(shown));
      const half = Math.floor(shown.length / 2);
      const [a, b] = [shown[half - 1], shown[half]].map((place) => map.project(place, 18));
      const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
      const aside = LABEL_ASIDE_PX * scale * (props.plain ? 1.2 : 1);
      const [x, y] = [(-(b.y - a.y) / length) * aside, ((b.x - a.x) / length) * aside];
      text.style.transform = `translate(calc(-50% + ${x}px), calc(-50% + ${y}px))`;
    }

    // Of names or labels that would cover each other only the first is shown. All are measured before
    // any is hidden: by turns, the browser would lay out the page anew for each (0.4 s of 600 streets).
    function keepApart(nodes) {
      const boxes = nodes.map((node) => node.getBoundingClientRect());
      const placed = [];
      nodes.forEach((node, i) => {
        const box = boxes[i];
        const covers = box.width && placed.some((other) =>
          box.left < other.right && box.right > other.left && box.top < other.bottom && box.bottom > other.top);
        const wanted = covers ? "hidden" : "";
        if (node.style.visibility !== wanted) node.style.visibility = wanted;
        if (box.width && !covers) placed.push(box);
      });
    }

    let apart = null;
    function keepApartSoon() {
      apart ??= requestAnimationFrame(() => {
        apart = null;
        if (!map) return;
        keepApart(drawn.names.map(({ inner }) => inner));
        const labelled = Object.entries(drawn.segments).filter(([, entry]) => entry.label);
        const rank = ([id]) => {
          const { level, calm } = alarmLevel(tables.segments[id] ?? {}, alarms[id]);
          return 10_000 * (level - (calm ? 0.5 : 0)) + (tables.segments[id]?.increment ?? 0);
        };
        keepApart(labelled.sort((a, b) => rank(b) - rank(a)).map(([, entry]) => entry.text));
      });
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
        if (section === "cameras") showCamera(id, state);
        if (section === "crews") showCrew(id, state);
      }
    }

    // The alarms have changed: so have the streets that they are of.
    function reviewAlarms() {
      const before = alarms;
      alarms = alarmsOf(Object.values(tables.episodes), tables.overview.now);
      const touched = new Set([...Object.keys(before), ...Object.keys(alarms)]);
      refresh("segments", [...touched].filter((id) =>
        before[id]?.unseen !== alarms[id]?.unseen || before[id]?.seen !== alarms[id]?.seen));
      showSites();
    }

    function showSegment(id, state) {
      const entry = drawn.segments[id];
      if (!entry?.level) return;
      const mode = props.plain ? "level" : layers.mode;
      const alarm = alarms[id];
      const shown = look(state, { mode, alarm, ahead: ahead[id], now: tables.overview.now });
      if (entry.shownAs !== shown) {
        entry.level.getElement()?.setAttribute("class", `leaflet-path street ${shown}`);
        const calm = / calm\b/.test(shown);
        if (calm) {
          entry.core ??= L.polyline(entry.shown, { pane: "streets", interactive: false, className: "core calm" }).addTo(map);
        } else {
          entry.core?.remove();
          entry.core = null;
        }
        entry.shownAs = shown;
      }
      const chosen = selected.segment === id;
      if (entry.chosen !== chosen) {
        entry.bed.getElement()?.setAttribute("class", `leaflet-path bed${chosen ? " chosen" : ""}`);
        entry.chosen = chosen;
      }
      const { level, calm } = alarmLevel(state, alarm);
      const labelled = mode === "level" && state.standing === "live" && level >= LABEL_FROM_LEVEL;
      if (!labelled) {
        if (entry.label) keepApartSoon();
        entry.label?.remove();
        entry.label = null;
        return;
      }
      if (!entry.label) {
        entry.text = element("span", "");
        entry.label = L.marker(middleOf(entry.shown), {
          icon: L.divIcon({ html: entry.text, className: "level-label", iconSize: [0, 0] }),
          pane: "labels",
          interactive: false,
          keyboard: false,
        }).addTo(map);
        placeLabel(entry);
        keepApartSoon();
      }
      const className = `l${level}${calm ? " calm" : ""}`;
      if (entry.text.className !== className) entry.text.className = className;
      const text = signed(state.increment);
      if (entry.text.textContent !== text) entry.text.textContent = text;
    }

    // What open episodes say of the sites: the leading cause, or a gate that does not wash.
    function showSites() {
      if (!map) return;
      const found = sitesOf(Object.values(tables.episodes));
      for (const { site, outline, flag } of Object.values(drawn.sites)) {
        const said = found[site.id];
        const late = said?.since && Date.parse(tables.overview.now) - Date.parse(said.since) > SITE_ANSWERS_MS;
        const className = `leaflet-interactive site ${site.kind}${said?.level ? ` dusty l${said.level}` : ""}${said?.gate ? " gate" : ""}`;
        const path = outline.getElement();
        if (path && path.getAttribute("class") !== className) path.setAttribute("class", className);
        flag.className = said ? `l${said.level}${said.gate ? " gate" : ""}` : "";
        flag.textContent = said
          ? [said.gate ? t("map.site_gate") : t("map.site_dusty"), late ? t("map.site_late") : ""].filter(Boolean).join(" · ") : "";
      }
    }

    function showCamera(id, state) {
      const node = drawn.cameras[id];
      if (!node) return;
      const fresh = state.flag_ts && Date.parse(tables.overview.now) - Date.parse(state.flag_ts) < FLAG_FRESH_MS;
      node.className = `camera-sign ${state.ts ? (fresh ? "flagged" : "seeing") : "blind"}`;
    }

    function showStation(id, state) {
      const node = drawn.stations[id];
      if (node) node.className = `station-sign ${district.stations[id].kind} ${state.health}`;
    }

    function showCrew(id, state) {
      const crew = district.crews[id];
      if (!crew) return;
      let entry = drawn.crews[id];
      if (state.lat == null) {
        entry?.marker.remove();
        delete drawn.crews[id];
        return;
      }
      const place = latLng([state.lon, state.lat]);
      if (!entry) {
        const arrow = element("div", "arrow", shape(44, 44, WEDGE));
        const disc = element("div", "disc", shape(16, 16, TRUCK));
        const name = element("div", "crew-name", nameOf(crew));
        const gauge = element("i", "");
        const node = element("div", "", arrow, disc, element("div", "gauge", gauge), name);
        entry = { node, arrow, name, gauge, at: 0 };
        entry.marker = L.marker(place, {
          icon: icon(node, 44, "crew"), pane: "crews", alt: nameOf(crew),
        });
        entry.marker.bindTooltip(() => crewTip(crew), { direction: "top", offset: [0, -12] });
        entry.marker.on("click", () => selectCrew(id));
        entry.marker.addTo(map);
        entry.marker.getElement()?.setAttribute("aria-label", nameOf(crew));
        drawn.crews[id] = entry;
      }
      const now = performance.now();
      const before = entry.marker.getLatLng();
      if (!before.equals(place)) {
        const leap = !entry.at || map.distance(before, place) > LEAP_M;
        const [least, most] = GLIDE_MS;
        const glide = leap ? 0 : Math.max(least, Math.min(most, live.at ? now - entry.at : (now - entry.at) * 0.9));
        entry.marker.getElement()?.style.setProperty("--glide", `${Math.round(glide)}ms`);
        entry.marker.setLatLng(place);
        entry.at = now;
      }
      const moving = state.heading != null && ["driving", "working"].includes(state.state);
      const className = ["crew-sign", state.state ?? "unknown", state.freshness,
        moving ? "moving" : "still", selected.crew === id ? "chosen" : "", crew.tank_l && state.water_l != null ? "" : "dry"].join(" ");
      if (entry.node.className !== className) entry.node.className = className;
      if (crew.tank_l && state.water_l != null) {
        const share = Math.max(0, Math.min(1, state.water_l / crew.tank_l));
        entry.gauge.style.width = `${Math.round(100 * share)}%`;
        entry.gauge.classList.toggle("low", share < 0.2);
      }
      if (moving) entry.arrow.style.transform = `rotate(${state.heading}deg)`;
    }

    function segmentTip(segment) {
      const state = tables.segments[segment.id];
      if (!state) return tip(nameOf(segment));
      const measured = state.standing !== "unmeasured";
      const { level, calm } = alarmLevel(state, alarms[segment.id]);
      const range = state.estimate == null ? ""
        : `${t("map.by_estimate")} ${signed(state.estimate)}${state.low == null ? "" : ` (${whole(state.low)} – ${whole(state.high)})`} µg/m³`;
      return tip(
        nameOf(segment),
        measured || level
          ? `${t(`level.${level}`)}${calm ? ` · ${t("map.in_hand")}` : ""}${measured ? "" : ` · ${t("standing.unmeasured")}`}`
          : t("standing.unmeasured"),
        measured ? `${t("chart.increment")} ${signed(state.increment)} + ${t("header.background")} ${whole(state.background)} = PM10 ${whole(state.pm10)} µg/m³` : "",
        range,
        ahead[segment.id] != null ? `${t("map.by_ahead")} ${Math.round(100 * ahead[segment.id])}%` : "",
        state.standing === "stale" ? `${t("standing.stale")} ${clock(state.ts)}` : "",
        state.treated_at
          ? `${t("map.treated_at", { time: clock(state.treated_at) })} · ${t("header.ago", { age: age(state.treated_at, tables.overview.now) })}`
          : t("map.untreated"),
      );
    }

    function siteTip(site) {
      const said = sitesOf(Object.values(tables.episodes))[site.id];
      return tip(
        nameOf(site), t(`site_kind.${site.kind}`), site.operator,
        said?.gate ? t("map.site_gate_long") : "",
        said?.level ? `${t("map.site_dusty_long", { level: t(`level.${said.level}`) })}${said.share ? ` ${Math.round(100 * said.share)}%` : ""}` : "",
        said?.since ? t("map.site_since", { age: age(said.since, tables.overview.now) }) : t("map.site_quiet"),
      );
    }

    function stationTip(station) {
      const state = tables.stations[station.id] ?? {};
      return tip(
        `${t(`station_kind.${station.kind}`)} ${station.id}`,
        placeName(station),
        state.ts ? `PM10 ${whole(state.pm10)} · PM2.5 ${whole(state.pm25)} µg/m³` : "",
        state.wind_speed != null
          ? `${t("header.wind")} ${compass(state.wind_dir)} ${state.wind_speed.toFixed(1)} m/s` : "",
        [t(`map.health_${state.health ?? "silent"}`), (state.doubts ?? []).map((test) => t(`test.${test}`)).join(t("alarm.joint")),
          state.ts ? clock(state.ts) : ""].filter(Boolean).join(" · "),
      );
    }

    const cameraSaid = (state) => [
      state.ts ? t("map.camera_trucks", { n: state.trucks }) : t("map.camera_blind"),
      state.flag ? `${t(`sighting.${state.flag}`)}${state.truck ? ` (${t(`truck.${state.truck}`)})` : ""} ${clock(state.flag_ts)}` : "",
    ];

    const cameraTip = (camera) =>
      tip(`${t("map.camera")} ${camera.id}`, placeName(camera), ...cameraSaid(tables.cameras[camera.id] ?? {}));

    function cameraCard(camera) {
      const state = tables.cameras[camera.id] ?? {};
      const media = mediaOf(state.media).map(({ kind, text }) => {
        if (kind === "name") return element("div", "", text);
        if (kind === "link") {
          const link = element("a", "", t("map.camera_open"));
          Object.assign(link, { href: text, target: "_blank", rel: "noopener noreferrer" });
          return link;
        }
        const picture = element("img", "");
        Object.assign(picture, { src: text, alt: t(`sighting.${state.flag}`), loading: "lazy" });
        return picture;
      });
      return tip(`${t("map.camera")} ${camera.id}`, placeName(camera), ...cameraSaid(state),
        state.confidence == null ? "" : `${t("detail.confidence")} ${Math.round(100 * state.confidence)}%`,
        state.note ?? "", ...media, state.flag && !media.length ? t("map.camera_no_picture") : "");
    }

    function crewTip(crew) {
      const state = tables.crews[crew.id] ?? {};
      return tip(
        nameOf(crew),
        `${t(`crew_kind.${crew.kind}`)} · ${t(`crew_state.${state.state ?? "unknown"}`)}`,
        crew.tank_l ? `${t("plan.water")} ${whole(state.water_l)} / ${whole(crew.tank_l)} L` : "",
      );
    }

    // The drives: of every crew the one under way, of the chosen crew all.
    function showRoutes() {
      drawn.routes?.remove();
      drawn.routes = null;
      if (!map || (!layers.routes && !selected.crew)) return;
      const group = L.layerGroup();
      for (const { crew, orders } of planned.crews) {
        const chosen = selected.crew === crew;
        if (!chosen && !layers.routes) continue;
        (chosen ? orders : orders.slice(0, 1)).forEach((order, i) => {
          const line = order.path.map(latLng);
          L.polyline(line, {
            pane: chosen ? "names" : "routes", interactive: false,
            className: `route${chosen ? "" : " other"}${i ? " later" : ""}`,
          }).addTo(group);
          const work = drawn.segments[order.segment];
          const end = work?.shown ? middleOf(work.shown) : line.at(-1);
          if (chosen && end) {
            L.marker(end, {
              icon: icon(element("span", "", String(i + 1)), 18, "stop"), pane: "labels",
              interactive: false, keyboard: false,
            }).addTo(group);
          }
        });
      }
      drawn.routes = group.addTo(map);
    }

    async function loadPlan() {
      clearTimeout(planTimer);
      planTimer = null;
      const wanted = live.at;
      const found = await askPlan().catch(() => null);
      if (!found || live.at !== wanted) return;
      planned = found;
      showRoutes();
    }
    const loadPlanSoon = () => (planTimer ??= setTimeout(loadPlan, PLAN_SETTLES_MS));

    async function loadAhead() {
      clearTimeout(aheadTimer);
      aheadTimer = null;
      if (layers.mode !== "ahead" || props.plain) return;
      const found = await get(`outlook${live.at ? `?at=${encodeURIComponent(live.at)}` : ""}`).catch(() => null);
      ahead = Object.fromEntries(Object.entries(found?.segments ?? {}).map(([id, steps]) =>
        [id, steps.find((step) => step.horizon_min === 60)?.chance_2 ?? null]));
      refresh("segments", null);
      aheadTimer = setTimeout(loadAhead, AHEAD_REFRESH_MS);
    }

    let agedAt = "";
    const unlisten = onChange((section, ids) => {
      if (!map) return;
      if (section === "episodes") reviewAlarms();
      else if (section === "orders") loadPlanSoon();
      else if (section === "overview") {
        // Some colours age by themselves.
        const minute = tables.overview.now?.slice(0, 16);
        if (minute !== agedAt) {
          agedAt = minute;
          reviewAlarms();
          if (layers.mode === "treated") refresh("segments", null);
        }
      } else refresh(section, ids);
    });
    watch(() => selected.segment, (now, before) => {
      refresh("segments", [now, before].filter(Boolean));
      settle();
    });
    watch(language, () => {
      for (const { inner, text } of drawn.names) inner.textContent = text();
      keepApartSoon();
      for (const [id, { name }] of Object.entries(drawn.crews)) {
        name.textContent = nameOf(district.crews[id]);
      }
      showSites();
    });
    watch(() => selected.crew, (now, before) => {
      refresh("crews", [now, before].filter(Boolean));
      showRoutes();
      const state = tables.crews[now];
      if (map && state?.lat != null) map.panInside(latLng([state.lon, state.lat]), { padding: [80, 80] });
    });
    watch(() => layers.mode, () => {
      refresh("segments", null);
      loadAhead();
    });
    watch(() => LAYERS.map((name) => layers[name]), () => map && showLayers());
    watch(() => live.at, () => {
      loadPlanSoon();
      loadAhead();
    });
    onMounted(() => {
      loadPlanSoon();
      loadAhead();
    });

    function goTo(station) {
      untouched = false;
      map.setView(latLng([station.lon, station.lat]), Math.max(map.getZoom(), 16), { animate: false });
    }

    const zoom = (by) => () => {
      untouched = false;
      map.setZoom(map.getZoom() + by);
    };
    const glyph = (name) => h("svg", { "aria-hidden": "true" }, h("use", { href: `/static/icons.svg#${name}` }));
    const button = (label, name, act) =>
      h("button", { class: "tool", type: "button", title: label, "aria-label": label, onClick: act }, glyph(name));

    const toggle = (name) => () => (panel.value = panel.value === name ? "" : name);
    const opener = (name, label) =>
      h("button", {
        class: ["tool", panel.value === name ? "on" : ""], type: "button", title: label, "aria-label": label,
        "aria-expanded": panel.value === name, onClick: toggle(name),
      }, glyph(name));

    return () =>
      h("section", { class: ["map", props.plain ? "plain" : ""], "aria-label": t("app.map") }, [
        h("div", { class: "canvas", ref: host }),
        props.plain ? null : h("div", { class: "tools" }, [
          button(t("map.zoom_in"), "plus", zoom(1)),
          button(t("map.zoom_out"), "minus", zoom(-1)),
          button(t("map.fit"), "fit", fit),
          opener("layers", t("map.layers_button")),
          opener("health", t("map.health")),
        ]),
        panel.value === "layers" ? h(LayerPanel) : null,
        panel.value === "health" ? h(StationHealth, { onClose: () => (panel.value = ""), onShow: goTo }) : null,
        h(WindRose),
        h(Legend, { key: language(), plain: props.plain }),
        layers.tiles && district.tiles?.attribution ? h("small", { class: "attribution" }, district.tiles.attribution) : null,
      ]);
  },
};

const WindRose = () => {
  const { wind, rain } = tables.overview;
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
    h("span", {}, [h("b", {}, wind.speed.toFixed(1)), " m/s", h("br"), t("header.wind_from", { dir: compass(wind.dir) }),
      rain > 0 ? [h("br"), t("map.rain", { mm: rain })] : null]),
  ]);
};

const swatch = (className) =>
  h("svg", { class: "swatch", viewBox: "0 0 34 12", "aria-hidden": "true" }, [
    h("path", { class: "bed", d: "M2 6H32" }),
    h("path", { class: `street ${className}`, d: "M2 6H32" }),
    / calm\b/.test(className) ? h("path", { class: "core calm", d: "M2 6H32" }) : null,
  ]);

// How the streets are coloured; by level with how many there are of each.
const Legend = ({ plain }) => {
  const counts = tables.overview.counts;
  const limits = district.limits.inc60 ?? [];
  const line = (className, text, count) =>
    h("li", { title: text }, [swatch(className), h("span", {}, text), h("b", {}, count ?? "")]);
  const way = plain ? null : MODES[layers.mode];
  if (way) {
    const bounds = [null, ...way.limits, null].map((limit) => (limit == null ? null : Math.round(limit * way.factor)));
    return h("div", { class: "legend" }, [
      h("h2", {}, [t(`map.by_${layers.mode}`), h("small", {}, ` ${way.unit}`)]),
      h("ul", {}, [
        ...[4, 3, 2, 1, 0].map((n) => line(`live s${n}`,
          bounds[n + 1] == null ? (layers.mode === "treated" ? t("map.longer", { n: bounds[n] }) : `≥ ${bounds[n]}`)
            : n ? `${bounds[n]} – ${bounds[n + 1]}` : `< ${bounds[1]}`)),
        line("unmeasured", t(way.everywhere ? "map.unknown" : "standing.unmeasured")),
      ]),
    ]);
  }
  return h("div", { class: "legend" }, [
    h("h2", {}, [t("map.legend"), h("small", {}, " µg/m³")]),
    h("ul", {}, [
      ...[3, 2, 1, 0].map((level) =>
        line(`live l${level}`, `${t(`level.${level}`)}${level ? ` ≥${limits[level - 1] ?? ""}` : ""}`,
          counts?.levels[level])),
      line("live l2 calm", t("map.in_hand")),
      line("stale l1", t("standing.stale"), counts?.stale),
      line("unmeasured", t("standing.unmeasured"), counts?.unmeasured),
    ]),
  ]);
};
