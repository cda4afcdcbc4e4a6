// The three steps. Each button is one call; it is there while there is something to do.

import { post } from "./api.js";
import { byId, ready, write } from "./dom.js";
import { complain, say, tell } from "./say.js";

const DOABLE = ["absent", "changed", "drifted", "found"];
const WORDS = {
  pricing: { absent: "Set up pricing" },
  customer: { absent: "Create customer", found: "Adopt customer" },
  contract: { absent: "Create contract", found: "Adopt contract" },
};
const DONE = { create: "created", update: "updated", schedule: "scheduled", adopt: "adopted" };
const PATHS = { pricing: "/api/pricing", customer: "/api/customers", contract: "/api/contract" };

let after = () => {};
let customer = null;

/** Wire the buttons. done is called after each write. */
export function startSetup(done) {
  after = done;
  for (const name of Object.keys(PATHS)) button(name).addEventListener("click", () => press(name));
}

/** Nothing can be pressed while nobody knows where things stand. */
export function holdSetup() {
  for (const name of Object.keys(PATHS)) button(name).disabled = true;
}

/** Show where the steps stand for a customer. */
export function showSetup(status, key) {
  customer = key;
  const section = byId("setup");
  const chosen = status.customers.find((one) => one.key === key);
  const states = { pricing: status.pricing, customer: chosen?.state ?? "absent", contract: chosen?.contract ?? "absent" };
  const has = { pricing: true, customer: Boolean(chosen), contract: Boolean(chosen?.contracts.length) };
  const first = Object.keys(PATHS).find((name) => has[name] && DOABLE.includes(states[name]));
  for (const name of Object.keys(PATHS)) {
    const todo = has[name] && status.writable && DOABLE.includes(states[name]);
    showStep(name, states[name], { todo, first: name === first, open: has[name], labels: status.labels });
  }
  button("pricing").disabled = false;
  // A step waits for the one before it; a call of the API would bring along what it needs.
  button("customer").disabled = states.pricing === "absent";
  button("contract").disabled = states.pricing === "absent" || states.customer === "absent";
  describe(chosen, status);
  ready(section);
}

function describe(chosen, status) {
  const where = `Add one under customers: in ${status.spec}.`;
  write(what("customer"), chosen ? [chosen.name, chosen.aliases.join(", ")].filter(Boolean).join("\n") : `None in this environment. ${where}`);
  const names = chosen?.contracts.map((address) => address.split(".").at(-1)).join(", ");
  write(what("contract"), names || "None in the spec.");
  const hint = byId("setup-hint");
  if (!status.writable) {
    const name = status.environment.name;
    write(hint, `Read only: ${name} takes a saved plan (nova-iac plan -e ${name} --out plan.json).`);
  } else if (status.unsettled.length) {
    write(hint, `Calls of another run are open: it goes on, or was interrupted. The next button settles them first.`);
  } else {
    write(hint, `Each button is a targeted apply of ${status.spec}.`);
  }
}

function showStep(name, state, { todo, first, open, labels }) {
  const step = byId(`step-${name}`);
  const label = step.querySelector(".state");
  label.dataset.state = open ? state : "none";
  write(label, open ? labels[state] : "Not in the spec");
  step.classList.toggle("done", state === "synced");
  step.classList.toggle("now", first);
  const control = button(name);
  control.hidden = !todo;
  control.setAttribute("aria-describedby", `what-${name}`);
  control.classList.toggle("first", first);
  write(control, WORDS[name][state] ?? "Apply changes");
}

async function press(name) {
  const control = button(name);
  if (control.getAttribute("aria-busy") === "true") return;
  control.setAttribute("aria-busy", "true");
  say(`${control.textContent} …`);
  try {
    const answer = await post(PATHS[name], name === "pricing" || customer === null ? {} : { customer });
    await after();
    tell(outcome(answer.changes), answer.warnings);
    if (control.hidden || control.disabled) next()?.focus();
  } catch (problem) {
    complain(problem);
    await after();
  } finally {
    control.removeAttribute("aria-busy");
  }
}

/** What an apply came to, in a line. */
function outcome(changes) {
  if (!changes.length) return "Nothing to do: it is in place already.";
  const counts = new Map();
  for (const { action } of changes) counts.set(action, (counts.get(action) ?? 0) + 1);
  return `Done: ${[...counts].map(([action, count]) => `${count} ${DONE[action] ?? action}`).join(", ")}.`;
}

/** Where to go on: the next step's button, else the first that makes usage. */
function next() {
  return document.querySelector(".step .button:not([hidden]):not(:disabled)") ?? document.querySelector(".group .button:not(:disabled)");
}

function button(name) {
  return byId(`step-${name}`).querySelector("button");
}

function what(name) {
  return byId(`step-${name}`).querySelector(".what");
}
