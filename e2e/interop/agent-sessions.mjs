// A session of an agent, seen through its tools alone, with @modelcontextprotocol/client.

import assert from 'node:assert/strict';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { plan } from './scenario.mjs';

const { protocol, agent_sessions: server } = await plan();
const mode = protocol === '2026-07-28' ? 'auto' : 'legacy';
const client = new Client({ name: 'interop', version: '1.0.0' }, { versionNegotiation: { mode } });
await client.connect(new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } }));

async function call(name, args) {
  const result = await client.callTool({ name, arguments: args }, { onprogress: () => {} });
  assert.notEqual(result.isError, true, JSON.stringify(result.content));
  return result;
}

const value = async (name, args) => (await call(name, args)).structuredContent;

const first = { agent: { model: 'gpt-6-astra' }, environment: { type: 'openai_hosted' }, input: '[[approve]]' };
const asks = await value('agent-session-create', first);
assert.equal(asks.object.asked[0].type, 'mcp_approval_request', JSON.stringify(asks));
asks.next.arguments.events[0].response.decision = 'deny';
const denied = await value(asks.next.tool, asks.next.arguments);
assert.equal(denied.object.text, 'The page is not published.', JSON.stringify(denied));

const session_id = denied.object.session_id;
const made = await value('agent-session-send', { session_id, input: '[[file a.txt some words]]' });
const [artifact] = made.object.artifacts;
const content = await call('agent-session-artifact-content', { session_id, artifact_id: artifact.id });
assert.equal(content.content[0].text, 'some words');

// The stream ends in the middle of the turn, and the turn goes on.
let told = await value('agent-session-send', { session_id, input: '[[drop]] [[slow 20]] End.' });
while (!told.done) told = await value(told.next.tool, told.next.arguments);
assert.equal(told.object.text.split('You said').length, 2, JSON.stringify(told));
console.log(`ok ${client.getNegotiatedProtocolVersion()}`);
await client.close();
