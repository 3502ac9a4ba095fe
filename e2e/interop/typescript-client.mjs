// The scenario with @modelcontextprotocol/client, in either era.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { plan, run } from './scenario.mjs';

const { protocol } = await plan();
const mode = protocol === '2026-07-28' ? 'auto' : 'legacy';

async function connect({ url, headers, command, args, env }) {
  const client = new Client({ name: 'interop', version: '1.0.0' }, { versionNegotiation: { mode } });
  const transport = url
    ? new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } })
    : new StdioClientTransport({ command, args, env });
  await client.connect(transport);
  return {
    version: () => client.getNegotiatedProtocolVersion(),
    list: async () => (await client.listTools(undefined, { cacheMode: 'bypass' })).tools,
    call: (name, args, options) => client.callTool({ name, arguments: args }, options),
    close: () => client.close(),
  };
}

await run({ connect });
