// The calls. Every failure becomes a Problem with a message and what to do about it.

const token = document.querySelector('meta[name="nova-token"]').content;
const LONGEST = 120_000; // milliseconds; reading a large account takes its time

export class Problem extends Error {
  constructor({ code = "failed", message, advice = "", yaml = null, details = [] }) {
    super(message);
    Object.assign(this, { code, advice, yaml, details });
  }
}

/** A read. */
export function get(path) {
  return call(path, { method: "GET" });
}

/** A write, with the page's token. */
export function post(path, fields = {}) {
  const headers = { "Content-Type": "application/json", "X-Nova-Token": token };
  return call(path, { method: "POST", headers, body: JSON.stringify(fields) });
}

async function call(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, cache: "no-store", signal: AbortSignal.timeout(LONGEST) });
  } catch {
    throw new Problem({ code: "unreachable", message: "nova-iac ui doesn’t answer.", advice: "Is it still running in its terminal?" });
  }
  let data = null;
  try {
    data = await answer.json();
  } catch {
    data = null;
  }
  if (answer.ok && data) return data;
  throw new Problem(data?.error ?? { message: `The answer was ${answer.status}.`, advice: "The terminal where nova-iac ui runs shows more." });
}
