// Of the reports: print, make one now. The page itself is complete without it.
const find = (id) => document.getElementById(id);

find("print")?.addEventListener("click", () => print());

find("make")?.addEventListener("click", async ({ currentTarget: button }) => {
  const form = find("choose");
  const wish = form
    ? { kind: form.elements.kind.value, day: form.elements.day.value }
    : { kind: button.dataset.kind, day: button.dataset.day };
  const problem = find("problem");
  problem.hidden = true;
  button.disabled = true;
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/api/v1/reports", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(wish),
    });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.problems?.map((one) => `${one.where}: ${one.detail}`).join("; ") || said.detail);
    location.assign(`/reports/${encodeURIComponent(said.kind)}/${encodeURIComponent(said.day)}`);
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
});
