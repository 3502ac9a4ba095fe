// The Worker's entry. A panic traps and leaves the wasm instance unusable: all that it was working on fails, and the
// next request gets a new one.
import * as wasm from './bg.js';

// Every step of a future in wasm is a microtask. The runtime's own function for them leaves the engine and comes back.
const soon = Promise.resolve();
globalThis.queueMicrotask = (task) => void soon.then(task);

// How each request in flight is told that nobody works on it any more. A request may not touch what belongs to another,
// but it may reject a promise of it: what awaits that promise runs as part of its own request.
const inFlight = new Set();

const abandon = () => {
  for (const lose of inFlight) lose(new Error('the server crashed'));
  inFlight.clear();
};

const check = (error) => {
  if (error instanceof WebAssembly.RuntimeError) {
    globalThis.crashed = true;
    abandon();
  }
};

addEventListener('error', ({ error }) => check(error));
addEventListener('unhandledrejection', ({ reason }) => check(reason));

export default {
  async fetch(request, env) {
    if (globalThis.crashed) {
      abandon();
      wasm.__wbg_reset_state();
      globalThis.crashed = false;
    }
    let lose;
    const lost = new Promise((_, reject) => inFlight.add(lose = reject));
    const done = () => inFlight.delete(lose);
    try {
      const response = await Promise.race([wasm.fetch(request, env), lost]);
      const { writer } = response;
      if (writer) {
        lost.catch((error) => writer.abort(error));
        writer.closed.then(done, done);
      } else {
        done();
      }
      return response;
    } catch (error) {
      done();
      check(error);
      throw error;
    }
  },
};
