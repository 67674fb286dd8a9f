// What the pages of people share: requests that change things, the head, dialogs.
import { h, nextTick, onMounted, reactive, ref } from "/lib/vue/vue.esm-browser.prod.js";
import { t } from "./texts.js";

export const root = document.getElementById("app");

// The answer's body, or an Error with the server's sentence.
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, {
      method,
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Error(t("error.network"));
  }
  if (answer.status === 401) location.assign("/login");
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error(said.problems?.length ? said.problems.map((one) => one.detail).join(" ") : said.detail);
  return said;
}

// What went wrong last, said where people look and to those who listen.
export const trouble = reactive({ words: "" });

export async function attempt(act) {
  trouble.words = "";
  try {
    return await act();
  } catch (error) {
    trouble.words = t("people.failed", { detail: error.message });
    return undefined;
  }
}

export const Trouble = () => h("p", { class: "trouble", role: "alert" }, trouble.words);

// A modal dialog that takes the focus and gives it back; Escape closes it.
export const Dialog = {
  props: ["heading"],
  emits: ["close"],
  setup(props, { slots, emit }) {
    const element = ref(null);
    onMounted(() => nextTick(() => element.value?.showModal()));
    return () =>
      h("dialog", { ref: element, class: "sheet", "aria-labelledby": "sheet-heading", onClose: () => emit("close") }, [
        h("h2", { id: "sheet-heading" }, props.heading),
        slots.default(),
      ]);
  },
};

// A secret that is shown once.
export const Told = {
  props: ["words", "secret"],
  emits: ["close"],
  setup(props, { emit }) {
    const copied = ref(false);
    const copy = async () => {
      await navigator.clipboard.writeText(props.secret);
      copied.value = true;
    };
    return () =>
      h(Dialog, { heading: props.words, onClose: () => emit("close") }, () => [
        h("p", { class: "secret" }, h("code", { "data-secret": "" }, props.secret)),
        h("div", { class: "row end" }, [
          navigator.clipboard ? h("button", { type: "button", onClick: copy }, t(copied.value ? "people.copied" : "people.copy")) : null,
          h("button", { type: "button", class: "primary", onClick: () => emit("close") }, t("people.done")),
        ]),
      ]);
  },
};

// A button that asks once more before it does what cannot be undone.
export const Sure = {
  props: ["label"],
  emits: ["sure"],
  setup(props, { emit }) {
    const asked = ref(false);
    return () =>
      asked.value
        ? h("span", { class: "sure", role: "group", "aria-label": props.label }, [
            h("span", {}, `${props.label} ${t("people.sure")}`),
            h("button", { type: "button", class: "danger", onClick: () => { asked.value = false; emit("sure"); } }, t("people.confirm")),
            h("button", { type: "button", onClick: () => (asked.value = false) }, t("people.cancel")),
          ])
        : h("button", { type: "button", onClick: () => (asked.value = true) }, props.label);
  },
};

export const Field = (props, { slots }) => h("label", { class: "field" }, [h("span", {}, props.label), slots.default()]);
Field.props = ["label"];

export const Choice = (props, { emit }) =>
  h("select", { value: props.value, "aria-label": props.label, onChange: (event) => emit("pick", event.target.value) },
    props.options.map(([value, words]) => h("option", { value, selected: value === props.value }, words)));
Choice.props = ["value", "options", "label"];
Choice.emits = ["pick"];

// A table that turns into cards where it is narrow: every cell says what it is.
export const Table = (props) =>
  h("table", { class: "list" }, [
    h("caption", { class: "unseen" }, props.caption),
    h("thead", {}, h("tr", {}, props.columns.map((column) => h("th", { scope: "col" }, column)))),
    h("tbody", {}, props.rows.map(({ key, className, cells }) =>
      h("tr", { key, class: className }, cells.map((cell, i) => h("td", { "data-label": props.columns[i] }, cell))))),
  ]);
Table.props = ["caption", "columns", "rows"];
