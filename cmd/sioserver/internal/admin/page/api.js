// Requests to the control plane, in the name of whoever has logged in.

/** What the control plane refused, with its code. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      // A page of another origin cannot set this field, so that it can do nothing with the cookie.
      headers: { "X-Sioserver-Admin": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused(0, "unreachable", "the server cannot be reached");
  }
  const reply = await answer.json().catch(() => null);
  if (!answer.ok || !reply?.ok) throw new Refused(answer.status, reply?.error?.code ?? "error", reply?.error?.message ?? `status ${answer.status}`);
  return reply.result;
}

const query = (params) => {
  const set = Object.entries(params ?? {}).filter(([, v]) => v !== undefined && v !== "" && v !== null);
  return set.length ? "?" + new URLSearchParams(set) : "";
};

export const get = (path, params) => ask("GET", `/api/v1/${path}${query(params)}`);
export const post = (path, body) => ask("POST", `/api/v1/${path}`, body);
export const del = (path) => ask("DELETE", `/api/v1/${path}`);
export const own = (path, method = "GET", body) => ask(method, path, body);
export const events = (params) => new EventSource(`/api/v1/events${query(params)}`);
