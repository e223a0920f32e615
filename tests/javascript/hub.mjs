// Talks on the event hub with the official client, as it is told.
//
// Told {do: "subscribe", subscription, reply, id}, {do: "publish", event}, {do: "ask", event} or
// {do: "unsubscribe", id}, it tells {connected: true} once, {heard, id} for each event and
// {reply} for what it asked.
import { createInterface } from "node:readline";
import { Event, EventHub } from "@ftrack/api";

const { FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY } = process.env;
const tell = (words) => process.stdout.write(JSON.stringify(words) + "\n");
const hub = new EventHub(FTRACK_SERVER, FTRACK_API_USER, FTRACK_API_KEY);
const event = ({ topic, data, options }) => new Event(topic, data ?? {}, options);

const actions = {
  subscribe({ subscription, reply, id }) {
    const told = (heard) => {
      tell({ heard, id });
      return reply;
    };
    hub.subscribe(subscription, told, { id });
  },
  unsubscribe: ({ id }) => hub.unsubscribe(id),
  publish: (words) => hub.publish(event(words.event)),
  ask: async (words) => tell({ reply: await hub.publishAndWaitForReply(event(words.event)) }),
};

hub.connect();
for await (const line of createInterface({ input: process.stdin })) {
  const words = JSON.parse(line);
  actions[words.do](words);
}
process.exit();
