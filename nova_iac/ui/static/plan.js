// The plan, as `nova-iac plan` prints it; its symbols in colour.

import { byId, make, ready, write } from "./dom.js";

const MOST = 4000; // lines; a plan of a whole portfolio has more than a page can show
const CLASSES = { "+": "add", "&": "add", "^": "change", "~": "change", "±": "change", "-": "take", ".": "take" };

let shown = null;

/** Show the plan of a status document. */
export function showPlan(plan) {
  const summary = plan.problem && !plan.adopts ? plan.problem : plan.summary;
  const aside = plan.adopts ? `${plan.problem} The buttons take over what is found; the plan with --adopt is:\n\n${plan.problem_text}\n` : "";
  const text = plan.text === null ? plan.problem_text : aside + plan.text;
  put(summary ?? "", text, Boolean(plan.problem));
}

/** Show why there is no plan. */
export function showNoPlan(problem) {
  const details = (problem.details ?? []).map((one) => `${[one.location, one.code, one.address].filter(Boolean).join(" ")}\n    ${one.detail}`);
  put(problem.message, [problem.advice, ...details].filter(Boolean).join("\n\n") + "\n", true);
}

function put(summary, text, bad) {
  const line = byId("plan-summary");
  write(line, summary);
  line.classList.toggle("bad", bad);
  if (text !== shown) {
    shown = text;
    const lines = text.split(/(?<=\n)/);
    const rest = lines.length - MOST;
    byId("plan-text").replaceChildren(...lines.slice(0, MOST).map(colour), rest > 0 ? `… ${rest} more lines: nova-iac plan shows them all.\n` : "");
  }
  ready(byId("plan"));
}

function colour(line) {
  const symbol = line.match(/^ {2}([+&^~±.-]) /)?.[1];
  const name = symbol ? CLASSES[symbol] : /^# /.test(line) && !/^# {3}/.test(line) ? "head" : /^\s*#/.test(line) ? "aside" : "";
  return make("span", { className: name, textContent: line });
}
