// What calls nobody by a person's word (out of service) or by design (suppressed): to see and to end.
import { h, reactive, ref } from "/lib/vue/vue.esm-browser.prod.js";
import { intoService, outOfService } from "./alarm-api.js";
import { district, me } from "./board.js";
import { moment, nameOf, t } from "./texts.js";

const HOURS = [1, 4, 8, 24, 72, 168];

const hoursText = (n) => (n < 24 ? t("chart.hours", { n }) : t("segment.days", { n: n / 24 }));

const subjects = () => [
  ["segments", Object.values(district.segments).filter(({ treat }) => treat !== false).map((one) => [one.id, nameOf(one)])],
  ["sites", Object.values(district.sites).map((one) => [one.id, nameOf(one)])],
  ["stations", Object.values(district.stations).map((one) => [one.id, one.id])],
];

// `standing` is what is out of service now; `changed` is told that it has become otherwise.
export const Service = {
  props: ["standing", "where", "until"],
  emits: ["changed"],
  setup(props, { emit }) {
    const form = reactive({ subject: "", hours: 8, why: "" });
    const problem = ref("");
    const busy = ref(false);
    async function attempt(act) {
      busy.value = true;
      try {
        await act();
        problem.value = "";
        emit("changed");
      } catch (error) {
        problem.value = error.message;
      }
      busy.value = false;
    }
    const give = (event) => {
      event.preventDefault();
      attempt(async () => {
        await outOfService({ ...form });
        Object.assign(form, { subject: "", why: "" });
      });
    };
    const field = (name, control) => h("label", { class: "field" }, [h("span", {}, t(`health.service_${name}`)), control]);
    return () => [
      props.standing.length
        ? h("div", { class: "tablebox" }, h("table", {}, [
          h("thead", {}, h("tr", {}, ["source", "ends", "by", "why", ...(me.may_act ? ["act"] : [])].map((name) => h("th", { key: name, scope: "col" }, t(`health.${name}`))))),
          h("tbody", {}, props.standing.map((one) => h("tr", { key: one.id }, [
            h("td", {}, h("b", {}, props.where(one.subject))), h("td", {}, moment(one.until, props.until)), h("td", {}, one.given_by), h("td", {}, one.why),
            me.may_act ? h("td", {}, h("button", {
              type: "button", disabled: busy.value, "aria-label": `${t("health.into_service")} ${props.where(one.subject)}`, onClick: () => attempt(() => intoService(one.subject)),
            }, t("health.into_service"))) : null,
          ]))),
        ]))
        : h("p", { class: "quiet" }, t("health.no_service")),
      problem.value ? h("p", { class: "problem", role: "alert" }, problem.value) : null,
      me.may_act ? h("form", { class: "serviceform noprint", onSubmit: give }, [
        field("subject", h("select", { required: true, value: form.subject, onChange: ({ target }) => (form.subject = target.value) }, [
          h("option", { value: "" }, "–"),
          ...subjects().map(([kind, found]) => h("optgroup", { key: kind, label: t(`health.of_${kind}`) }, found.map(([id, name]) => h("option", { key: id, value: id }, name)))),
        ])),
        field("hours", h("select", { value: form.hours, onChange: ({ target }) => (form.hours = Number(target.value)) }, HOURS.map((n) => h("option", { key: n, value: n }, hoursText(n))))),
        field("why", h("input", { required: true, maxlength: 500, value: form.why, onInput: ({ target }) => (form.why = target.value) })),
        h("button", { class: "primary", disabled: busy.value }, t("health.take_out")),
      ]) : null,
    ];
  },
};
