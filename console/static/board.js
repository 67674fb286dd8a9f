// What the district is and what is selected, shared by the parts of the page.
import { reactive, shallowReactive } from "/lib/vue/vue.esm-browser.prod.js";
import { language, nameOf } from "./texts.js";

export const district = shallowReactive({
  name: "", timezone: "UTC", limits: {}, segments: {}, sites: {}, stations: {}, crews: {}, depots: {},
  cameras: {}, tiles: null,
});

export const me = reactive({ name: "", role: "", may_act: false });

export const selected = reactive({ segment: null, episode: null, crew: null, view: "map" });

export function setDistrict(layers) {
  const byId = (items) => Object.fromEntries(items.map((item) => [item.id, item]));
  Object.assign(district, layers, {
    segments: byId(layers.segments),
    sites: byId(layers.sites),
    stations: byId(layers.stations),
    crews: byId(layers.crews),
    depots: byId(layers.depots),
    cameras: byId(layers.cameras),
    tiles: layers.tiles ?? null,
  });
}

export function placeName({ segment, site, depot }) {
  const place = district.segments[segment] ?? district.sites[site];
  return place ? nameOf(place) : segment ?? site ?? depot ?? "";
}

// A road has no English name of its own: that of its segment without number and direction.
export const roadName = (segment) =>
  language() === "en" && segment.name_en
    ? segment.name_en.replace(/\s+\d+(\s+\w+bound)?$/, "")
    : segment.road ?? nameOf(segment);

export const crewName = (id) => (district.crews[id] ? nameOf(district.crews[id]) : id ?? "");

export function selectEpisode(episode) {
  const again = selected.episode === episode.id;
  selected.episode = again ? null : episode.id;
  if (!again && episode.segment) selected.segment = episode.segment;
}

export function selectSegment(id) {
  selected.segment = selected.segment === id ? null : id;
}

export function selectCrew(id) {
  selected.crew = selected.crew === id ? null : id;
}
