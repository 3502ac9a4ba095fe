// A spoken dialogue of three turns with a function call, seen through the tools alone, with @modelcontextprotocol/client.

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { plan } from './scenario.mjs';

const RATE = 24_000;
const tools = [{ type: 'function', name: 'lima', description: 'weather of lima', parameters: { type: 'object' } }];
const { protocol, realtime, audio } = await plan();
const mode = protocol === '2026-07-28' ? 'auto' : 'legacy';

async function connect({ url, headers }) {
  const client = new Client({ name: 'interop', version: '1.0.0' }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return client;
}

const [client, studio] = await Promise.all([connect(realtime), connect(audio)]);
const sounds = (result) => result.content.filter(({ type }) => type === 'audio').map(({ data }) => Buffer.from(data, 'base64'));

/** What a voice says, all at once. */
async function speech(input, voice) {
  const args = { input, model: 'gpt-4o-mini-tts', voice, response_format: 'wav' };
  return sounds(await studio.callTool({ name: 'audio-speech-create', arguments: args }))[0];
}

/** The samples of a WAV file as Realtime speaks: 24 kHz, mono, 16 bits. */
function samples(sound) {
  assert.equal(sound.toString('latin1', 36, 40), 'data');
  const head = [sound.readUInt16LE(22), sound.readUInt32LE(24), sound.readUInt16LE(34), sound.readUInt32LE(40)];
  assert.deepEqual(head, [1, RATE, 16, sound.length - 44]);
  return sound.subarray(44);
}

async function turn(more) {
  const args = { model: 'gpt-realtime-2.1', voice: 'marin', tools, ...more };
  const words = [];
  const onprogress = ({ message }) => words.push(message ?? '');
  const result = await client.callTool({ name: 'realtime-talk', arguments: args }, { onprogress });
  assert.notEqual(result.isError, true, JSON.stringify(result.content));
  return { ...JSON.parse(result.content[0].text), sound: sounds(result)[0], words };
}

async function say(text, more) {
  const data = (await speech(text, 'alloy')).toString('base64');
  return turn({ audio: { data, filename: 'said.wav' }, ...more });
}

const asked = await say('Bravo lima.', { conversation: 'new' });
assert.equal(asked.heard, 'Bravo lima.');
assert.equal(asked.function_calls[0].name, 'lima');

// What `next` tells, with what the function gives.
assert.equal(asked.next.tool, 'realtime-talk');
asked.next.arguments.tool_outputs[0].output = 'It rains.';
const answered = await turn(asked.next.arguments);
assert.ok(answered.text.includes('It rains.') && answered.words.some(Boolean), JSON.stringify(answered));
const heard = samples(answered.sound);
assert.ok(Math.abs(heard.length / 2 / RATE - answered.seconds) < 0.001, `${heard.length} bytes, ${answered.seconds} s`);
// Nothing is missing of what was said, and no gap is between its pieces.
assert.ok(heard.equals(samples(await speech(answered.text, 'marin'))), 'the sound is another');

const third = await say('Echo mike sierra.', { conversation: asked.conversation });
assert.ok(third.text.includes('Before that you said: "Bravo lima.".'), third.text);
assert.deepEqual([third.heard, third.replayed_items], ['Echo mike sierra.', 4]);
assert.ok(samples(third.sound).equals(samples(await speech(third.text, 'marin'))), 'the sound is another');
console.log(`ok ${client.getNegotiatedProtocolVersion()}`);
await Promise.all([client.close(), studio.close()]);
