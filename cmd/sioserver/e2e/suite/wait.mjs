// Waiting with a deadline: for an event, for a promise, for a condition. The only place where the suite waits.

import { setTimeout as pause } from 'node:timers/promises';

export const DEADLINE_MS = Number(process.env.SIO_DEADLINE_MS ?? 10_000);
const POLL_MS = 5;

// The promise may be given up by a test that failed elsewhere; its own rejection must not fail the run again.
function quiet(promise) {
  promise.catch(() => {});
  return promise;
}

// Resolves with what `promise` gives, or rejects with the name of what did not come.
export function within(promise, what, ms = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
    // A promise nobody waits for any more must not keep a finished file running.
    timer.unref();
  });
  return quiet(Promise.race([promise, late]).finally(() => clearTimeout(timer)));
}

// Resolves with the arguments of the next `event`. Call it before the act that causes the event.
export function once(emitter, event, ms = DEADLINE_MS) {
  let listener;
  const seen = new Promise((resolve) => {
    listener = (...args) => resolve(args);
    emitter.once(event, listener);
  });
  return quiet(within(seen, `event "${event}"`, ms).finally(() => emitter.off(event, listener)));
}

// Resolves with the argument lists of the next `n` times of `event`.
export function times(emitter, event, n, ms = DEADLINE_MS) {
  const got = gather(emitter, event);
  return quiet(until(() => got.length >= n && got.slice(0, n), `${n} times "${event}"`, ms).finally(got.stop));
}

// A growing list of the argument lists of `event`; `stop` ends the listening.
export function gather(emitter, event) {
  const got = [];
  const listener = (...args) => got.push(args);
  emitter.on(event, listener);
  // Not enumerable: the list compares equal to a plain one.
  Object.defineProperty(got, 'stop', { value: () => emitter.off(event, listener) });
  return got;
}

// Resolves with the first truthy value of `condition`, which is asked again and again and may be async.
export async function until(condition, what, ms = DEADLINE_MS) {
  const end = performance.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > end) throw new Error(`${what}: not so within ${ms} ms`);
    await pause(POLL_MS);
  }
}
