// The buttons in the head of every page: light or dark, and the same place in the other language.
const root = document.documentElement;

document.getElementById("theme").addEventListener("click", () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  root.dispatchEvent(new Event("theme"));
});

document.getElementById("language").addEventListener("click", ({ currentTarget }) => {
  currentTarget.hash = location.hash;
});
