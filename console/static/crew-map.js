// The small map: our own lines, no tiles, so that it works without a signal.
import { h, onBeforeUnmount, onMounted, ref, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { leaflet as L } from "/lib/leaflet/index.js";
import { t } from "./texts.js";

const latLng = ([lon, lat]) => [lat, lon];

export const CrewMap = {
  props: ["base", "order", "position"],
  setup(props) {
    const host = ref(null);
    let map = null;
    let layer = null;

    function draw(fit) {
      if (!map) return;
      layer?.remove();
      layer = L.layerGroup().addTo(map);
      const seen = [];
      const { order, position } = props;
      const work = order && props.base.segments.find((one) => one.id === order.segment);
      const site = order && props.base.sites.find((one) => one.id === order.site);
      const depot = order && props.base.depots.find((one) => one.id === order.depot);
      if (order?.path.length) {
        L.polyline(order.path.map(latLng), { className: "path", interactive: false }).addTo(layer);
        seen.push(...order.path.map(latLng));
      }
      if (work) {
        L.polyline(work.line.map(latLng), { className: "goal", interactive: false }).addTo(layer);
        seen.push(...work.line.map(latLng));
      }
      const place = site ? site.line.map(latLng) : depot ? [[depot.lat, depot.lon]] : [];
      if (place.length > 2) L.polygon(place, { className: "goalsite", interactive: false }).addTo(layer);
      seen.push(...place);
      const goal = order?.goal ? latLng(order.goal) : place[0];
      if (goal) L.circleMarker(goal, { radius: 9, className: "flag", interactive: false }).addTo(layer);
      if (position) {
        L.circleMarker([position.lat, position.lon], { radius: 10, className: "here", interactive: false }).addTo(layer);
        seen.push([position.lat, position.lon]);
      }
      if (fit && seen.length) map.fitBounds(L.latLngBounds(seen).pad(0.15), { animate: false, maxZoom: 17 });
    }

    onMounted(() => {
      map = L.map(host.value, {
        attributionControl: false, zoomControl: false, zoomSnap: 0, dragging: false, touchZoom: false, scrollWheelZoom: false,
        doubleClickZoom: false, boxZoom: false, keyboard: false, zoomAnimation: false,
      });
      map.setView([props.base.depots[0].lat, props.base.depots[0].lon], 15);
      for (const segment of props.base.segments) L.polyline(segment.line.map(latLng), { className: "way", interactive: false }).addTo(map);
      draw(true);
    });
    onBeforeUnmount(() => map?.remove());
    watch(() => [props.order?.id, props.order?.path.length], () => draw(true));
    watch(() => [props.position?.lon, props.position?.lat], () => draw(true));
    return () => h("div", { class: "crewmap", ref: host, role: "img", "aria-label": t("crew.map") });
  },
};
