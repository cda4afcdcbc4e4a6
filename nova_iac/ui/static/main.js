// The page: looks at the status now and then, at the usage often, and shows both for one customer.

import { get } from "./api.js";
import { byId, write } from "./dom.js";
import { showNoPlan, showPlan } from "./plan.js";
import { showResources } from "./resources.js";
import { complain } from "./say.js";
import { holdSetup, showSetup, startSetup } from "./setup.js";
import { allowGenerating, showUsage, startUsage } from "./usage.js";

const STATUS_EVERY = 8; // looks at the usage for one at the status
const LONGEST_PAUSE = 60_000;

let status = null;
let customer = null;
let looks = 0;
let failures = 0;
let timer = null;
let looking = null;

function showStatus() {
  const { environment, account } = status;
  write(byId("environment"), environment.name);
  byId("protected").hidden = !environment.protected;
  write(byId("account"), account.token_env ? `${account.name} (${account.token_env})` : account.name);
  if (!status.customers.some((one) => one.key === customer)) customer = status.customers[0]?.key ?? null;
  showChoice();
  showSetup(status, customer);
  showResources(status);
  showPlan(status.plan);
  allowGenerating(canGenerate());
}

function showChoice() {
  const select = byId("customer");
  byId("choice").hidden = status.customers.length < 2;
  const keys = status.customers.map((one) => one.key);
  if (keys.join() !== [...select.options].map((one) => one.value).join()) {
    select.replaceChildren(...status.customers.map((one) => new Option(one.name, one.key)));
  }
  if (customer !== null) select.value = customer;
}

function chosen() {
  return status?.customers.find((one) => one.key === customer);
}

function canGenerate() {
  const one = chosen();
  return Boolean(status?.writable && one && !["absent", "found"].includes(one.state) && status.pricing !== "absent");
}

function note(usage) {
  if (!status) return "";
  if (!usage.products.length) return `No metered product has prices in ${status.spec}.`;
  const one = chosen();
  if (!one) return `There is no customer in ${status.environment.name} whose usage could be shown.`;
  if (status.pricing === "absent") return "Set up pricing first: then there is something to count.";
  if (!usage.ready) return `${one.name} isn’t created yet.`;
  if (one.contract === "absent") return "Without a contract usage is counted and not billed.";
  if (!status.writable) return `Usage of ${one.name}. Sending test usage is off: ${status.environment.name} is protected.`;
  if (usage.products.every((product) => product.quantity === "0")) return `No usage of ${one.name} yet today. Generate some: each press sends one event.`;
  return `Usage of ${one.name}. Each press sends one event; the bars follow by themselves.`;
}

async function lookAtUsage() {
  const query = customer === null ? "" : `?customer=${encodeURIComponent(customer)}`;
  const usage = await get(`/api/usage${query}`);
  if (usage.customer !== customer && customer !== null) return;
  showUsage(usage, note(usage));
  const total = usage.total.join(" + ");
  document.title = `${total ? `${total} today · ` : ""}${status.environment.name} · nova-iac`;
  return usage.as_of;
}

/** One look at everything that is due; looks don't overlap, and a wish for one while another runs is another. */
async function look({ whole = false } = {}) {
  while (looking) await looking;
  looking = lookNow(whole).finally(() => (looking = null));
  return looking;
}

async function lookNow(whole) {
  clearTimeout(timer);
  try {
    if (whole || status === null || looks % STATUS_EVERY === 0) {
      status = await get("/api/status");
      showStatus();
    }
    const asOf = await lookAtUsage();
    looks += 1;
    failures = 0;
    live("yes", `${asOf?.slice(11, 19) ?? ""} UTC`, "Updated ");
  } catch (problem) {
    failed(problem);
  }
  timer = setTimeout(() => look(), pause());
}

function failed(problem) {
  failures += 1;
  const lost = problem.code === "unreachable";
  live("no", lost ? "Not connected; trying again" : "Can’t look; trying again");
  if (problem.code === undefined) throw problem;
  if (!lost || status === null) showNoPlan(problem);
  if (failures === 1) complain({ message: problem.message, advice: problem.advice });
  allowGenerating(false);
  holdSetup();
  looks = 0; // and the whole status when it is back
}

function pause() {
  const usual = (status?.poll_seconds ?? 5) * 1000;
  return document.hidden ? LONGEST_PAUSE : Math.min(usual * 2 ** Math.min(failures, 5), LONGEST_PAUSE);
}

function live(state, text, word = "") {
  document.querySelector(".fresh").dataset.live = state;
  write(document.querySelector(".fresh .word"), word);
  write(byId("fresh"), text);
}

startSetup(() => look({ whole: true }));
startUsage(() => look());
byId("customer").addEventListener("change", (event) => {
  customer = event.target.value;
  showStatus();
  look();
});
byId("again").addEventListener("click", () => look({ whole: true }));
document.addEventListener("visibilitychange", () => document.hidden || look({ whole: true }));
look({ whole: true });
