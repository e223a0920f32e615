// Answers queries: told {expression}, it tells what the official client returns.
import { createInterface } from "node:readline";
import { Session } from "@ftrack/api";

const { FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY } = process.env;
const session = new Session(FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY);
await session.initializing;

for await (const line of createInterface({ input: process.stdin })) {
  const { data } = await session.query(JSON.parse(line).expression);
  console.log(JSON.stringify(data));
}
