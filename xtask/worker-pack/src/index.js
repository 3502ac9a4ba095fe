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

// Bodies of at most so many bytes, which anyone may send, are read before wasm hears of the request: to wait for them there
// costs more.
const SHORT = 64 * 1024;

const read = async (request) => {
  try {
    const length = request.headers.get('content-length');
    return length !== null && length <= SHORT ? new Uint8Array(await request.arrayBuffer()) : undefined;
  } catch {
    // Wasm will find that it broke off.
    return undefined;
  }
};

export default {
  async fetch(request, env, ctx) {
    const body = await read(request);
    if (globalThis.crashed) {
      abandon();
      wasm.__wbg_reset_state();
      globalThis.crashed = false;
    }
    const caller = Promise.withResolvers();
    // When its client hangs up, the runtime drops a request that it waits for no more, with all promises of it: nothing that
    // the call holds in wasm would ever be let go.
    const over = Promise.withResolvers();
    ctx.waitUntil(over.promise);
    let lose = caller.reject;
    const done = () => {
      inFlight.delete(lose);
      over.resolve();
    };
    inFlight.add(lose);
    // Without the flag `enable_request_signal` there is none.
    request.signal?.addEventListener('abort', () => lose(new Error('the caller hung up')));
    try {
      wasm.fetch(request, body, env, caller);
      const response = await caller.promise;
      const { writer } = response;
      if (writer) {
        inFlight.delete(lose);
        const lost = new Promise((_, reject) => inFlight.add((lose = reject)));
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
