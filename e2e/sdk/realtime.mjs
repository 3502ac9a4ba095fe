// The official Node SDK speaks with the sandbox over sockets. SANDBOX_BASE_URL names it.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const baseURL = process.env.SANDBOX_BASE_URL;
const model = 'gpt-realtime-2.1';
const client = new OpenAI({ apiKey: 'sk-realtime-node', baseURL, maxRetries: 0 });
// The SDK speaks TLS alone, and the sandbox none.
const { hostname: host, port } = new URL(baseURL);
const options = { createConnection: () => connect(Number(port), host) };

/** A session: `send`, and `until`, which gives the events up to one of a type. */
function open(props) {
  const line = new OpenAIRealtimeWS({ ...props, options }, client);
  const [events, waiting] = [[], []];
  const tell = (event) => (waiting.length > 0 ? waiting.shift()(event) : events.push(event));
  line.on('event', tell);
  // An event of the type `error` comes by both ways.
  line.on('error', (error) => error.error ?? tell({ type: 'broken', error }));
  line.socket.on('close', (code) => tell({ type: 'closed', code }));
  line.socket.on('open', () => tell({ type: 'open' }));
  const next = () => (events.length > 0 ? events.shift() : new Promise((resolve) => waiting.push(resolve)));
  async function until(type) {
    const seen = [];
    while (seen.at(-1)?.type !== type) {
      seen.push(await next());
      if (['error', 'broken', 'closed'].includes(seen.at(-1).type)) assert.equal(seen.at(-1).type, type, JSON.stringify(seen.at(-1)));
    }
    return seen;
  }
  return { send: (event) => line.send(event), until, close: () => line.close() };
}

const last = async (session, type) => (await session.until(type)).at(-1);
const words = (events, type) => events.filter((event) => event.type === type).map(({ delta }) => delta).join('');
const said = (text) => ({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] } });

async function spoken(input) {
  const response = await client.audio.speech.create({ input, model: 'gpt-4o-mini-tts', voice: 'alloy', response_format: 'pcm' });
  return Buffer.from(await response.arrayBuffer());
}

async function text() {
  const session = open({ model });
  await session.until('open');
  assert.equal((await last(session, 'session.created')).session.model, model);
  const tools = [{ type: 'function', name: 'lima', description: 'weather of lima', parameters: { type: 'object' } }];
  session.send({ type: 'session.update', session: { type: 'realtime', output_modalities: ['text'], tools } });
  assert.deepEqual((await last(session, 'session.updated')).session.output_modalities, ['text']);
  session.send(said('The weather of lima please'));
  session.send({ type: 'response.create' });
  const [call] = (await last(session, 'response.done')).response.output;
  assert.deepEqual([call.type, call.name], ['function_call', 'lima']);
  session.send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id: call.call_id, output: 'It rains.' } });
  session.send({ type: 'response.create' });
  const events = await session.until('response.done');
  const told = events.at(-1).response.output[0].content[0].text;
  assert.ok(told.includes('It rains.'), told);
  assert.equal(words(events, 'response.output_text.delta'), told);
  session.close();
  assert.equal((await last(session, 'closed')).code, 1000);
}

async function speech() {
  const sound = await spoken('Bravo lima.');
  const session = open({ model });
  await session.until('session.created');
  const audio = { input: { turn_detection: null, transcription: { model: 'gpt-transcribe' } }, output: { voice: 'cedar' } };
  session.send({ type: 'session.update', session: { type: 'realtime', audio } });
  await session.until('session.updated');
  session.send({ type: 'input_audio_buffer.append', audio: sound.toString('base64') });
  session.send({ type: 'input_audio_buffer.commit' });
  const heard = await last(session, 'conversation.item.input_audio_transcription.completed');
  assert.equal(heard.transcript, 'Bravo lima.');
  session.send({ type: 'response.create' });
  const events = await session.until('response.done');
  const pieces = events.filter(({ type }) => type === 'response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64'));
  assert.ok(Buffer.concat(pieces).length > 24_000);
  assert.ok(words(events, 'response.output_audio_transcript.delta').includes('You said: "Bravo lima.".'));
  session.close();
}

async function transcription() {
  const session = open({ intent: 'transcription' });
  assert.equal((await last(session, 'session.created')).session.type, 'transcription');
  const input = { transcription: { model: 'gpt-live-transcribe' }, turn_detection: null };
  session.send({ type: 'session.update', session: { type: 'transcription', audio: { input } } });
  await session.until('session.updated');
  session.send({ type: 'input_audio_buffer.append', audio: (await spoken('Alfa bravo.')).toString('base64') });
  session.send({ type: 'input_audio_buffer.commit' });
  const events = await session.until('conversation.item.input_audio_transcription.completed');
  assert.equal(words(events, 'conversation.item.input_audio_transcription.delta'), 'Alfa bravo.');
  session.close();
}

async function faults() {
  const session = open({ model });
  await session.until('session.created');
  session.send({ type: 'input_audio_buffer.commit', event_id: 'mine' });
  const { error } = await last(session, 'error');
  assert.deepEqual([error.code, error.event_id], ['input_audio_buffer_commit_empty', 'mine']);
  session.send(said('[[drop]]'));
  session.send({ type: 'response.create' });
  await session.until('closed');
}

for (const part of [text, speech, transcription, faults]) await part();
console.log('ok');
