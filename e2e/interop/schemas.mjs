// Compiles the input schema of every tool, in both dialects that hosts take it for, as the strictest of them do.

import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

const { protocol, tools } = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const faults = [];
for (const Dialect of [Ajv, Ajv2020]) {
  const ajv = new Dialect({ strict: true });
  for (const { name, inputSchema } of tools) {
    try {
      ajv.compile(inputSchema);
    } catch (error) {
      faults.push(`${name}: ${Dialect.name}: ${error.message}`);
    }
  }
}
if (faults.length > 0) throw new Error(faults.join('\n'));
console.log(`ok ${protocol}`);
