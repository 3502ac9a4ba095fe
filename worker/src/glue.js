// What would cross between wasm and JavaScript piece by piece crosses at once. `fetch.rs` says what each function is.

export const names = (text) => text.split(' ');

const taken = (headers, names) => {
  let lines = '';
  for (let place = 0; place < names.length; place++) {
    const value = headers.get(names[place]);
    if (value !== null) lines += `${place} ${value}\n`;
  }
  return lines;
};

const given = (lines) => {
  const pairs = [];
  for (const line of lines.split('\n')) {
    const end = line.indexOf(' ');
    if (end > 0) pairs.push([line.slice(0, end), line.slice(end + 1)]);
  }
  return pairs;
};

// Headers of a filter go by their names, which may be spelt in many ways.
const others = (headers) => {
  let lines = '';
  for (const [name, value] of headers) if (/^x[-_]*mcp/.test(name)) lines += `${name} ${value}\n`;
  return lines;
};

export const head = (request, names) =>
  `${request.method}\n${request.url}\n${taken(request.headers, names)}${others(request.headers)}`;

export const exchange = async (method, url, headers, body, signal, names, few) => {
  const init = { method, headers: given(headers), body, signal, redirect: 'manual', cache: 'no-store' };
  const answer = await fetch(url, init);
  const length = answer.headers.get('content-length');
  const whole = answer.body && length !== null && Number(length) <= few && !answer.headers.has('content-encoding');
  const bytes = (buffer) => new Uint8Array(buffer);
  const content = whole ? await answer.arrayBuffer().then(bytes, (error) => error) : answer.body;
  return [answer.status, taken(answer.headers, names), content, answer.webSocket ?? undefined];
};

const ears = new WeakMap();

export const listen = (socket, heard, ended, _) => {
  const ear = { heard, ended };
  ears.set(socket, ear);
  socket.addEventListener('message', (event) => ear.heard?.(event.data));
  socket.addEventListener('close', (event) => ear.ended?.(event.code, event.reason));
  socket.addEventListener('error', (event) => ear.ended?.(0, event.message ?? ''));
  socket.accept();
};

// An empty text says goodbye.
export const say = (socket, text) => (text ? socket.send(text) : bye(socket));

const bye = (socket) => {
  try {
    socket.close(1000);
  } catch {
    // It is closed already.
  }
};

export const leave = (socket, _) => {
  Object.assign(ears.get(socket), { heard: undefined, ended: undefined });
  bye(socket);
};

export const respond = (status, headers, body) => new Response(body, { status, headers: given(headers) });
