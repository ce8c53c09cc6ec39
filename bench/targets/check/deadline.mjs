// The only waiting there is: for a promise, with a deadline that says what was awaited.

export const STEP_MS = 10_000;

export async function within(ms, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no ${what} in ${ms / 1000} s`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export const soon = (what, promise) => within(STEP_MS, what, promise);
