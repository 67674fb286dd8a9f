// Light or dark, kept on this machine; charts redraw themselves when it changes.
import { ref } from "/lib/vue/vue.esm-browser.prod.js";

const root = document.documentElement;

export const theme = ref(root.dataset.theme);

root.addEventListener("theme", () => (theme.value = root.dataset.theme));

export function switchTheme() {
  theme.value = root.dataset.theme === "dark" ? "light" : "dark";
  root.dataset.theme = theme.value;
  localStorage.setItem("theme", theme.value);
}
