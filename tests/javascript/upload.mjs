// Uploads files as a page does: told {name, size, chunk, data}, it tells the id of the component, or
// what went wrong. The bytes count up to 250, again and again.
import { createInterface } from "node:readline";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("", { url: "http://localhost:8080/page" });
globalThis.window = window;
globalThis.XMLHttpRequest = window.XMLHttpRequest;
const { Session } = await import("@ftrack/api");

const { FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY } = process.env;
const session = new Session(FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY);
await session.initializing;

for await (const line of createInterface({ input: process.stdin })) {
  const { name, size, chunk, data } = JSON.parse(line);
  window.FTRACK_UPLOAD_CHUNK_SIZE = chunk;
  const file = new window.File([Uint8Array.from({ length: size }, (_, i) => i % 251)], name);
  let told = {};
  try {
    const [component] = await session.createComponent(file, { data });
    told = { id: component.data.id };
  } catch (error) {
    told = { error: error.message };
  }
  console.log(JSON.stringify(told));
}
