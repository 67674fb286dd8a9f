// Which layers are drawn and how streets are coloured, kept on this machine.
import { h, reactive, watch } from "/lib/vue/vue.esm-browser.prod.js";
import { district } from "./board.js";
import { MODES } from "./map-colours.js";
import { t } from "./texts.js";

const KEY = "map";
export const LAYERS = ["names", "sites", "stations", "cameras", "crews", "routes", "depots", "tiles"];
const OFF_AT_FIRST = ["tiles"];

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY)) ?? {};
    return {
      off: Array.isArray(found.off) ? found.off.filter((name) => LAYERS.includes(name)) : OFF_AT_FIRST,
      mode: Object.hasOwn(MODES, found.mode) ? found.mode : "level",
    };
  } catch {
    return { off: OFF_AT_FIRST, mode: "level" };
  }
}

const before = kept();
export const layers = reactive({
  mode: before.mode,
  ...Object.fromEntries(LAYERS.map((name) => [name, !before.off.includes(name)])),
});

watch(layers, () => {
  const off = LAYERS.filter((name) => !layers[name]);
  try {
    localStorage.setItem(KEY, JSON.stringify({ mode: layers.mode, off }));
  } catch {
    // A browser that keeps nothing shows the same all the same.
  }
});

const offered = () => LAYERS.filter((name) => name !== "tiles" || district.tiles);

export const LayerPanel = () =>
  h("div", { class: "panel layers", id: "map-layers" }, [
    h("fieldset", {}, [
      h("legend", {}, t("map.colour_by")),
      ...Object.keys(MODES).map((mode) =>
        h("label", { key: mode }, [
          h("input", { type: "radio", name: "map-mode", value: mode, checked: layers.mode === mode, onChange: () => (layers.mode = mode) }),
          h("span", {}, t(`map.by_${mode}`)),
        ])),
    ]),
    h("fieldset", {}, [
      h("legend", {}, t("map.layers")),
      ...offered().map((name) =>
        h("label", { key: name }, [
          h("input", { type: "checkbox", name: `layer-${name}`, checked: layers[name], onChange: (event) => (layers[name] = event.target.checked) }),
          h("span", {}, t(`map.layer_${name}`)),
        ])),
    ]),
  ]);
