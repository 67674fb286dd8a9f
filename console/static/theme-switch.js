// Light or dark, kept on this machine; charts redraw themselves when it changes.
import { ref } from "/lib/vue/vue.esm-browser.prod.js";

export const theme = ref(document.documentElement.dataset.theme);

export function switchTheme() {
  theme.value = theme.value === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
}
