// One's own account: password, sessions.
import { createApp, h, onMounted, reactive } from "/lib/vue/vue.esm-browser.prod.js";
import { ask, attempt, Field, root, Table, Trouble, trouble } from "./people-parts.js";
import { moment, setZone, speak, t } from "./texts.js";

const state = reactive({ me: null, sessions: [], changed: false });

const Password = {
  setup() {
    const form = reactive({ current: "", new: "", again: "" });
    const change = async () => {
      if (form.new !== form.again) {
        trouble.words = t("me.differ");
        return;
      }
      const done = await attempt(async () => {
        await ask("POST", "me/password", { current: form.current, new: form.new });
        return true;
      });
      if (!done) return;
      state.changed = true;
      // Every session has ended with the old password, this one too.
      location.assign("/login?changed=1");
    };
    const input = (name, autocomplete) =>
      h(Field, { label: t(`me.${name}`) }, () =>
        h("input", { name, type: "password", autocomplete, required: true, maxlength: 200, value: form[name], onInput: (event) => (form[name] = event.target.value) }));
    return () =>
      h("section", { class: "panel pad" }, [
        h("h2", {}, t("me.password")),
        state.me?.must_change ? h("p", { class: "banner-note", role: "status" }, t("me.must_change")) : null,
        h("p", { class: "quiet", id: "rules" }, t("me.rules")),
        h("form", { class: "stack", "aria-describedby": "rules", onSubmit: (event) => { event.preventDefault(); change(); } }, [
          h("input", { type: "text", name: "username", autocomplete: "username", value: root.dataset.name, hidden: true, readonly: true }),
          input("current", "current-password"),
          input("new", "new-password"),
          input("again", "new-password"),
          h(Trouble),
          h("div", { class: "row end" }, h("button", { class: "primary", disabled: state.changed }, t("me.change"))),
        ]),
      ]);
  },
};

// What browsers call themselves, in two words.
function browser(agent) {
  const name = /Edg|OPR|Firefox|Chrome|Safari|python|curl/.exec(agent)?.[0] ?? agent.slice(0, 24);
  const system = /Android|iPhone|iPad|Windows|Mac OS X|Linux/.exec(agent)?.[0];
  return [{ Edg: "Edge", OPR: "Opera" }[name] ?? name, system].filter(Boolean).join(" · ");
}

const time = (at) => moment(at, new Date());

const Sessions = {
  setup() {
    const load = () => attempt(async () => (state.sessions = await ask("GET", "me/sessions")));
    const end = (path) =>
      attempt(async () => {
        await ask("DELETE", path);
        await load();
      });
    onMounted(load);
    return () =>
      h("section", { class: "panel pad" }, [
        h("div", { class: "row" }, [
          h("h2", {}, t("me.sessions")),
          state.sessions.length > 1
            ? h("button", { type: "button", style: "margin-left:auto", onClick: () => end("me/sessions") }, t("me.end_others"))
            : null,
        ]),
        h(Table, {
          caption: t("me.sessions"),
          columns: [t("people.state"), t("audit.since"), t("people.last_seen"), t("people.actions")],
          rows: state.sessions.map((one) => ({
            key: one.id,
            cells: [
              [h("b", {}, t(`session_kind.${one.kind}`)), one.own ? h("small", {}, ` ${t("me.this")}`) : null, h("small", { class: "agent", title: one.agent }, `${one.address} ${browser(one.agent)}`)],
              time(one.opened_at),
              time(one.seen_at),
              one.own
                ? "–"
                : h("button", { type: "button", "aria-label": `${t("me.end")} ${t(`session_kind.${one.kind}`)} ${time(one.opened_at)}`, onClick: () => end(`me/sessions/${one.id}`) }, t("me.end")),
            ],
          })),
        }),
      ]);
  },
};

const Page = {
  setup: () => () =>
    h("div", { class: "sheetpage" }, [
      h("main", { class: "solo narrow" }, [
        h("section", { class: "panel pad" }, [
          h("h2", {}, root.dataset.name),
          h("p", {}, [t(`role.${state.me.role}`), state.me.crew ? ` · ${state.me.crew}` : ""]),
          state.me.scopes.length
            ? h("p", { class: "chips" }, [h("span", { class: "quiet" }, t("me.rights")), ...state.me.scopes.map((scope) => h("span", { class: "chip" }, t(`scope.${scope}`)))])
            : null,
          state.me.must_change ? null : h("p", {}, h("a", { href: "/" }, t("me.back"))),
        ]),
        h(Password),
        state.me.must_change ? null : h(Sessions),
      ]),
    ]),
};

await speak(document.documentElement.lang);
setZone(root.dataset.zone);
state.me = await ask("GET", "me");
createApp(Page).mount("#app");
