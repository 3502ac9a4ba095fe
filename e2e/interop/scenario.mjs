// What a user does with the two servers, told once for every client of the TypeScript family.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

export async function plan() {
  return JSON.parse(await readFile(process.argv[2], 'utf8'));
}

/** The value of a successful result, which must be the same in both of its forms. */
function value(result) {
  assert.notEqual(result.isError, true, JSON.stringify(result.content));
  assert.equal(result.content[0].type, 'text');
  assert.deepEqual(JSON.parse(result.content[0].text), result.structuredContent);
  return result.structuredContent;
}

/** The text of a result that must be an error, with each of `words` in it. */
function refused(result, ...words) {
  assert.equal(result.isError, true, JSON.stringify(result));
  for (const word of words) assert.ok(result.content[0].text.includes(word), result.content[0].text);
}

/** Collects progress and checks that it only ever grows. */
function progress() {
  const seen = [];
  const onprogress = ({ progress }) => {
    assert.ok(seen.length === 0 || progress > seen.at(-1), `progress went from ${seen.at(-1)} to ${progress}`);
    seen.push(progress);
  };
  return { seen, onprogress };
}

/**
 * `connect` makes a connected client of one server: `list()`, `call(name, arguments, options)`, `version()`, `close()`.
 */
export async function run({ connect }) {
  const { vector_store, files, slow, upload, protocol } = await plan();

  const stores = await connect(vector_store);
  const uploads = await connect(files);
  assert.equal(stores.version(), protocol);
  const tools = (await stores.list()).map((tool) => tool.name);
  for (const name of ['vector-store-create', 'vector-store-search', 'vector-store-wait']) assert.ok(tools.includes(name), name);
  assert.ok(!tools.includes('file-upload'), 'a server lists the tools of its own domain alone');

  const store = value(await stores.call('vector-store-create', { name: 'Handbook é 🦀' }));
  assert.equal(store.name, 'Handbook é 🦀');
  const uploading = progress();
  const file = value(await uploads.call('file-upload', { file: upload, purpose: 'assistants' }, uploading));
  assert.equal(file.filename, 'handbook.md');
  const vector_store_id = store.id;
  const chunking_strategy = { type: 'static', static: { max_chunk_size_tokens: 100, chunk_overlap_tokens: 0 } };
  value(await stores.call('vector-store-file-add', { vector_store_id, file_id: file.id, chunking_strategy }));
  const waiting = progress();
  const ready = value(await stores.call('vector-store-wait', { vector_store_id, file_id: file.id }, waiting));
  assert.equal(ready.done, true);
  assert.equal(ready.object.status, 'completed');
  assert.ok(uploading.seen.length + waiting.seen.length > 0, 'no progress was reported to a client that asked for it');

  const found = value(await stores.call('vector-store-search', { vector_store_id, query: 'return a lamp for a refund' }));
  assert.equal(found.data[0].filename, 'handbook.md');
  const passage = found.data[0].content[0].text.replace(/\s+/g, ' ');
  assert.ok(passage.includes('within thirty days of delivery'), passage);

  refused(await stores.call('vector-store-search', { vector_store_id, query: 'x', max_num_results: 500 }), 'max_num_results', '50');
  refused(await stores.call('vector-store-search', { vector_store_id, query: 'x', max_results: 5 }), 'max_results', 'max_num_results');
  refused(await stores.call('vector-store-get', { vector_store_id: 'vs_absent' }), 'vs_absent');
  await assert.rejects(stores.call('no-such-tool', {}));

  assert.equal(value(await stores.call('vector-store-delete', { vector_store_id })).deleted, true);
  assert.equal(value(await uploads.call('file-delete', { file_id: file.id })).deleted, true);

  // The slow upstream answers after five seconds: the list overtakes the call, and the call ends when its caller says so.
  const sluggish = await connect(slow);
  const controller = new AbortController();
  const cancelled = assert.rejects(sluggish.call('vector-store-list', {}, { signal: controller.signal }));
  await sluggish.list();
  controller.abort();
  await cancelled;
  assert.ok((await sluggish.list()).length > 0);

  for (const client of [stores, uploads, sluggish]) await client.close();
  console.log(`ok ${protocol}`);
}
