// The messages that the page uses, of `proto/minutebook/v1`, with the fields that it uses.

import { flag, many, message, number, text } from "./wire.js";

const Nothing = message({});
const Dated = message({ edtf: [2, text] });
const Decision = message({ id: [1, text], body: [2, text], kind: [3, text], date: [4, Dated] });
const Actor = message({ capacity: [2, text] });
const Write = message({ request_id: [1, text], actor: [4, Actor] });
const Receipt = message({ first: [1, number], count: [2, number], head: [3, number], repeated: [5, flag] });
const DecisionRecorded = message({ decision: [3, Decision] });
const Event = message({ position: [1, number], request_id: [3, text], decision_recorded: [70, DecisionRecorded] });
const Delivered = message({ event: [1, Event] });
const Batch = message({ events: [1, many(Delivered)], position: [2, number], continues: [3, flag] });
const Reached = message({ position: [1, number] });
const HeldCursor = message({ name: [1, text], token: [2, number] });
const Place = message({ beginning: [1, Nothing], after: [2, number], now: [3, Nothing] });
const Cursor = message({ name: [1, text], acknowledged: [2, number] });

export const RecordDecision = [
  message({ write: [1, Write], agenda: [2, text], decision: [3, Decision] }),
  message({ receipt: [1, Receipt] }),
];
export const GetDecision = [
  message({ decision: [1, text], min_position: [3, number] }),
  message({ position: [1, number], decision: [2, message({ decision: [1, Decision], revision: [9, number] })] }),
];
export const Subscribe = [
  message({ after: [2, number], cursor: [8, HeldCursor] }),
  message({ events: [1, Batch], caught_up: [2, Reached], checkpoint: [3, Reached] }),
];
export const AcquireCursor = [
  message({ name: [1, text], holder: [2, text], lease_ms: [3, number], start: [4, Place] }),
  message({ cursor: [2, Cursor], token: [3, number] }),
];
export const AcknowledgeCursor = [
  message({ name: [1, text], token: [2, number], acknowledged: [3, number] }),
  message({ cursor: [2, Cursor] }),
];
export const ReleaseCursor = [message({ name: [1, text], token: [2, number] }), message({ cursor: [2, Cursor] })];
