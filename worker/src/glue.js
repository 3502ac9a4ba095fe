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

// An object: a list of pairs takes the runtime ten times as long. Headers of one name are one list.
const given = (lines) => {
  const headers = Object.create(null);
  for (const line of lines) {
    const end = line.indexOf(' ');
    const [name, value] = [line.slice(0, end), line.slice(end + 1)];
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  return headers;
};

// Bytes stand in the memory of the module, which may change. A request or an answer that is made of them copies them.
const whole = (bytes, stream) => (bytes.length ? bytes : stream);

// Headers of a filter go by their names, which may be spelt in many ways.
export const head = (request, names) => {
  let lines = `${request.method}\n${request.url}\n`;
  request.headers.forEach((value, name) => {
    const place = names.get(name) ?? (/^x[-_]*mcp/.test(name) ? name : undefined);
    if (place !== undefined) lines += `${place} ${value}\n`;
  });
  return lines;
};

export const exchange = async (head, bytes, stream, controller, names, few) => {
  const [method, url, ...lines] = head.split('\n');
  const { signal } = controller;
  const body = whole(bytes, stream);
  const init = { method, headers: given(lines), body, signal, redirect: 'manual', cache: 'no-store' };
  const answer = await fetch(url, init);
  const { status, headers: told } = answer;
  const lead = `${status}\n${taken(told, names)}`;
  if (status === 101) return [lead, answer.body, answer.webSocket ?? undefined];
  const length = told.get('content-length');
  // To ask for the stream is to make one.
  if (length === null || Number(length) > few || told.has('content-encoding')) return [lead, answer.body];
  try {
    return [lead, new Uint8Array(await answer.arrayBuffer())];
  } catch (error) {
    return [lead, error];
  }
};

const ears = new WeakMap();

export const listen = (socket, heard, ended, _) => {
  const ear = { heard, ended };
  ears.set(socket, ear);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', (event) => ear.heard?.(event.data));
  // Nobody sends 1006: it stands for a connection that broke (RFC 6455, section 7.4.1), which is a fault.
  socket.addEventListener('close', ({ code, reason }) => ear.ended?.(code === 1006 ? 0 : code, reason));
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
export const respond = (caller, head, bytes, stream) => {
  const [status, ...lines] = head.split('\n');
  try {
    const response = new Response(whole(bytes, stream), { status, headers: given(lines) });
    if (stream) response.writer = stream.writer;
    caller.resolve(response);
  } catch (error) {
    caller.reject(error);
  }
};
