// The scenario with @modelcontextprotocol/sdk, the older line that most hosts still carry.

import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LATEST_PROTOCOL_VERSION } from '@modelcontextprotocol/sdk/types.js';
import { run } from './scenario.mjs';

async function connect({ url, headers, command, args, env }) {
  const client = new Client({ name: 'interop', version: '1.0.0' });
  const transport = url
    ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
    : new StdioClientTransport({ command, args, env });
  let version = LATEST_PROTOCOL_VERSION;
  // The client hands the agreed version to its transport and keeps it nowhere else.
  const setProtocolVersion = transport.setProtocolVersion?.bind(transport);
  transport.setProtocolVersion = (agreed) => {
    version = agreed;
    setProtocolVersion?.(agreed);
  };
  await client.connect(transport);
  return {
    version: () => version,
    list: async () => (await client.listTools()).tools,
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    close: () => client.close(),
  };
}

await run({ connect });
