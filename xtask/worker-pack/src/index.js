// The Worker's entry. A panic traps and leaves the wasm instance unusable: the next request gets a new one.
import * as wasm from './bg.js';

const crash = (error) => {
  globalThis.crashed ||= error instanceof WebAssembly.RuntimeError;
};

addEventListener('error', ({ error }) => crash(error));

export default {
  async fetch(request, env) {
    if (globalThis.crashed) {
      wasm.__wbg_reset_state();
      globalThis.crashed = false;
    }
    try {
      return await wasm.fetch(request, env);
    } catch (error) {
      crash(error);
      throw error;
    }
  },
};
