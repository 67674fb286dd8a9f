// What the district is and what is selected, shared by the parts of the page.
import { reactive, shallowReactive } from "/lib/vue/vue.esm-browser.prod.js";

export const district = shallowReactive({
  name: "", timezone: "UTC", limits: {}, segments: {}, sites: {}, stations: {}, crews: {}, depots: {},
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
  });
}

export const placeName = ({ segment, site, depot }) =>
  district.segments[segment]?.name ?? district.sites[site]?.name ?? segment ?? site ?? depot ?? "";

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
