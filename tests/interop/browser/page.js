// Records a decision, asks for it, hears of it in a subscription, and keeps its place in a cursor: what a page of
// another origin can do over gRPC-web. Open it with `?server=http://127.0.0.1:7468`.

import * as rpc from "./messages.js";
import { call, stream } from "./wire.js";

const server = new URLSearchParams(location.search).get("server");
const told = {};

function tell(what, value) {
  told[what] = value;
  const line = document.createElement("li");
  line.textContent = `${what}: ${JSON.stringify(value)}`;
  document.getElementById("told").append(line);
}

function record(id) {
  const request = {
    write: { request_id: "page-1", actor: { capacity: "website" } },
    agenda: "krimp-en-leefbaarheid",
    decision: { id, body: "gs", kind: "adopt-agenda", date: { edtf: "2018-02-06" } },
  };
  return call(server, "DecisionService/RecordDecision", rpc.RecordDecision, request, { "accept-language": "nl" });
}

async function follow() {
  // With a name and no storage: the server keeps the place.
  const take = { name: "website", holder: "page", lease_ms: 30000, start: { now: {} } };
  const { token } = await call(server, "CursorService/AcquireCursor", rpc.AcquireCursor, take);
  const held = { name: "website", token };
  for await (const said of stream(server, "LedgerService/Subscribe", rpc.Subscribe, { cursor: held })) {
    if (said.caught_up) {
      tell("caught_up", said.caught_up.position);
      // Only now, so that it is told while the page waits.
      const { receipt } = await record("gs-2018-02-page");
      tell("receipt", receipt);
      const ask = { decision: "gs-2018-02-page", min_position: receipt.head - 1 };
      tell("answer", await call(server, "DecisionService/GetDecision", rpc.GetDecision, ask));
    }
    if (said.events) {
      tell("events", said.events.events.map(({ event }) => event));
      const done = { ...held, acknowledged: said.events.position };
      tell("cursor", (await call(server, "CursorService/AcknowledgeCursor", rpc.AcknowledgeCursor, done)).cursor);
      break;
    }
  }
  await call(server, "CursorService/ReleaseCursor", rpc.ReleaseCursor, held);
}

try {
  await follow();
  tell("again", (await record("gs-2018-02-page")).receipt);
  await record("gs-2018-02-other");
} catch (refused) {
  tell("refused", { name: refused.name, code: refused.code, reason: refused.reason, message: refused.message });
}
// Whoever opened the page reads here what came of it.
await fetch("told", { method: "POST", body: JSON.stringify(told) });
