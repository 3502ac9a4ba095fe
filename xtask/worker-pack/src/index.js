// The Worker's entry. A panic traps and leaves the wasm instance unusable: the next request gets a new one.
import * as wasm from './bg.js';

const state = wasm.__worker_init_state();

addEventListener('error', ({ error }) => {
  state.criticalError ||= error instanceof WebAssembly.RuntimeError;
});

export default {
  async fetch(request, env) {
    if (state.criticalError) {
      wasm.__wbg_reset_state();
      state.criticalError = false;
      state.instanceId++;
    }
    try {
      return await wasm.fetch(request, env);
    } catch (error) {
      state.criticalError ||= error instanceof WebAssembly.RuntimeError;
      throw error;
    }
  },
};
