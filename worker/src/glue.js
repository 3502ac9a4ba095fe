// What would cross between wasm and JavaScript piece by piece crosses at once. `fetch.rs` says what each function is.

export const names = (text) => new Map(text.split(' ').map((name, place) => [name, place]));

const taken = (headers, names) => {
  let lines = '';
  for (const [name, place] of names) {
    const value = headers.get(name);
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
export const head = (request, names) => {
  let lines = `${request.method}\n${request.url}\n`;
  for (const [name, value] of request.headers) {
    const place = names.get(name) ?? (/^x[-_]*mcp/.test(name) ? name : undefined);
    if (place !== undefined) lines += `${place} ${value}\n`;
  }
  return lines;
};

export const exchange = async (method, url, headers, body, signal, names, few) => {
  const init = { method, headers: given(headers), body, signal, redirect: 'manual', cache: 'no-store' };
  const answer = await fetch(url, init);
  const { status, headers: told } = answer;
  const length = told.get('content-length');
  const whole = length !== null && Number(length) <= few && !told.has('content-encoding');
  const bytes = (buffer) => new Uint8Array(buffer);
  // To ask for the stream is to make one.
  const content = whole ? await answer.arrayBuffer().then(bytes, (error) => error) : answer.body;
  return [status, taken(told, names), content, status === 101 ? (answer.webSocket ?? undefined) : undefined];
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

// `index.js` breaks a stream off if the instance that writes it crashes.
export const respond = (status, headers, body) => {
  const response = new Response(body, { status, headers: given(headers) });
  if (body?.writer) response.writer = body.writer;
  return response;
};
