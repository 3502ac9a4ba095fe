#!/usr/bin/env node
// Starts the program that the package of this system holds.
"use strict";

const { spawn } = require("node:child_process");

const windows = process.platform === "win32";
// Windows on ARM runs programs for x64.
const name = `@openai-mcp/cli-${process.platform}-${windows ? "x64" : process.arch}`;
const file = windows ? "openai-mcp.exe" : "openai-mcp";

let program;
try {
  program = require.resolve(`${name}/bin/${file}`);
} catch {
  console.error(
    `openai-mcp: the package ${name} is not installed. Either there is no program for ${process.platform} on ` +
      `${process.arch}, or packages were installed with --omit=optional or --no-optional: install them without.`,
  );
  process.exit(1);
}

const child = spawn(program, process.argv.slice(2), { stdio: "inherit" });
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
  // Windows tells the program itself, and Node would end it there before it is done.
  process.on(signal, () => windows || child.kill(signal));
}
child.on("error", (error) => {
  console.error(`openai-mcp: ${program} cannot be started: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else {
    process.exit(code);
  }
});
