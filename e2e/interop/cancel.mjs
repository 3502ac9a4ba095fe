// Begins a call in the era of sessions, gives it up when a line comes in, and stays until the input ends.

import { createInterface } from 'node:readline/promises';
import * as newer from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [, , sdk, url] = process.argv;
const headers = { Authorization: 'Bearer sk-any' };
const params = { name: 'vector-store-list', arguments: {} };
const info = { name: 'cancel', version: '1.0.0' };
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const controller = new AbortController();
const options = { signal: controller.signal };

const older = sdk === 'older';
const client = older ? new Client(info) : new newer.Client(info, { versionNegotiation: { mode: 'legacy' } });
const Transport = older ? StreamableHTTPClientTransport : newer.StreamableHTTPClientTransport;
await client.connect(new Transport(new URL(url), { requestInit: { headers } }));
const call = older ? client.callTool(params, undefined, options) : client.callTool(params, options);
const outcome = call.then(() => 'answered', () => 'gave up');
await lines.next();
controller.abort();
console.log(await outcome);
await lines.next();
await client.close();
