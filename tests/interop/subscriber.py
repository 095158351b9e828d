"""Another system that records and follows, with code that grpcio-tools generates from `proto/`.

    python3 subscriber.py MINUTEBOOK DATA

records a decision, asks for it, follows the ledger over a restart of the server, and meets each kind of refusal. DATA
is a copy of the demo ledger. Exit code 0: everything came as the integrator's guide says.
"""

import sys
import time

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from minutebook.v1 import agenda_pb2, agenda_pb2_grpc, cursor_pb2, cursor_pb2_grpc, decision_pb2, decision_pb2_grpc
from minutebook.v1 import event_pb2, ledger_pb2, ledger_pb2_grpc, query_pb2, record_pb2, value_pb2

from served import Served

# An answer may be larger than the 4 MiB that grpcio takes; and who waits for a server that restarts tries often.
OPTIONS = [("grpc.max_receive_message_length", 64 << 20), ("grpc.max_reconnect_backoff_ms", 1000)]
AGENDA = "krimp-en-leefbaarheid"
# No call here takes so long. Without a limit a test that fails might wait for ever.
PATIENCE_S = 60


class Refused:
    """What a status says, with its details by their names."""

    def __init__(self, error):
        self.code, self.message = error.code(), error.details()
        # None where the status is not from the server, such as when there is none.
        status = rpc_status.from_call(error)
        for name in ["ErrorInfo", "BadRequest", "PreconditionFailure", "LocalizedMessage", "RetryInfo"]:
            detail = getattr(error_details_pb2, name)()
            found = any(packed.Unpack(detail) for packed in (status.details if status else []))
            setattr(self, name, detail if found else None)
        self.reason = self.ErrorInfo.reason if self.ErrorInfo else None


def refused(call, request, **options):
    """The refusal of a call that must be refused."""
    try:
        answer = call(request, timeout=options.pop("timeout", PATIENCE_S), **options)
        if isinstance(answer, grpc.Call):
            list(answer)
    except grpc.RpcError as error:
        return Refused(error)
    raise AssertionError("accepted, though it should not be: %s" % request)


def retried(call, request):
    """Sends a write until it is known what came of it. Its `request_id` makes that safe."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call(request, timeout=5)
        except grpc.RpcError as error:
            again = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            if not again or time.monotonic() > end:
                raise
            time.sleep(0.2)


def decision(request_id, id, date="2018-02-06", kind="adopt-agenda", **write):
    """A decision to record."""
    return decision_pb2.RecordDecisionRequest(
        write=query_pb2.Write(request_id=request_id, actor=event_pb2.Actor(capacity="case system"), **write),
        agenda=AGENDA,
        decision=record_pb2.Decision(id=id, body="gs", kind=kind, date=value_pb2.Date(edtf=date)),
    )


def name_of(event):
    """`DecisionRecorded`: what a filter calls it. The field of the payload is `decision_recorded`."""
    return getattr(event, event.WhichOneof("payload")).DESCRIPTOR.name


class Follower:
    """The events after a position, each once, over whatever cuts the line."""

    def __init__(self, ledger, after=None, types=()):
        self.ledger, self.position, self.types = ledger, after, types
        self.events, self.part, self.ends, self.caught_up, self.answers = [], [], [], None, None

    def subscribe(self):
        request = ledger_pb2.SubscribeRequest(filter=ledger_pb2.EventFilter(types=self.types))
        if self.position is None:
            request.beginning.SetInParent()
        else:
            request.after = self.position
        # Waits for a server that is not there, instead of failing at once.
        self.answers = self.ledger.Subscribe(request, wait_for_ready=True, timeout=PATIENCE_S)

    def until(self, position):
        """Reads on until everything up to this position has been told."""
        while self.position is None or self.position < position:
            if self.answers is None:
                self.subscribe()
            try:
                self.take(next(self.answers))
            except grpc.RpcError as error:
                self.cut(error)

    def take(self, answer):
        told = answer.WhichOneof("told")
        if told == "events":
            self.part += [delivered.event for delivered in answer.events.events]
            if answer.events.continues:
                return  # The rest of the same request is still to come: nothing to go on after yet.
            self.events += self.part
            self.part = []
        elif told == "caught_up":
            self.caught_up = answer.caught_up.position
        self.position = getattr(answer, told).position

    def cut(self, error):
        """Only an end of the line is gone on after."""
        end = Refused(error)
        assert end.code == grpc.StatusCode.UNAVAILABLE, (end.code, end.message)
        self.ends.append(end)
        # What came of a request in part comes again.
        self.answers, self.part = None, []


def records(decisions, agendas):
    """A write, the same once more, and a query that sees it."""
    first = retried(decisions.RecordDecision, decision("case-1", "gs-2018-02-visit")).receipt
    again = retried(decisions.RecordDecision, decision("case-1", "gs-2018-02-visit")).receipt
    assert (first.count, first.head, first.repeated) == (1, first.first + 1, False), first
    assert (again.first, again.count, again.repeated) == (first.first, 1, True), again

    newest = first.head - 1
    asked = decision_pb2.GetDecisionRequest(decision="gs-2018-02-visit", min_position=newest)
    answer = decisions.GetDecision(asked, timeout=PATIENCE_S)
    assert answer.position >= newest and answer.decision.revision == first.first, answer
    assert answer.decision.authority == decision_pb2.DecisionView.AUTHORITY_HELD, answer

    asked = agenda_pb2.GetChangesRequest(agenda=AGENDA, year=2018, min_position=newest)
    answer = agendas.GetChanges(asked, timeout=PATIENCE_S)
    assert answer.position >= newest and answer.changes.items, answer
    return newest


def follows(server, ledger, decisions, newest):
    """Two followers over a restart, compared with what can be read."""
    everything, some = Follower(ledger), Follower(ledger, after=newest, types=["DecisionRecorded"])
    everything.until(newest)
    live = retried(decisions.RecordDecision, decision("case-2", "gs-2018-03-live")).receipt.first
    some.until(live)
    everything.until(live)
    assert newest <= everything.caught_up <= live, everything.caught_up

    server.stop()
    # While nobody can follow, too.
    away = server.command(
        "decision", "record", "--id", "gs-2018-04-away", "--body", "gs", "--kind", "adopt-agenda",
        "--date", "2018-04-03", "--agenda", AGENDA, "--request-id", "case-3",
    )["receipt"]["first"]
    server.start()
    last = retried(decisions.RecordDecision, decision("case-4", "gs-2018-05-after")).receipt.first
    everything.until(last)
    some.until(last)

    # `from` is a word of Python's own, so it cannot be written as an argument.
    stored = [answer.event for answer in ledger.ReadEvents(ledger_pb2.ReadEventsRequest(**{"from": 0}))]
    assert [event.position for event in stored] == list(range(last + 1))
    assert everything.events == stored, "a gap, a duplicate or another event"
    assert [event.position for event in some.events] == [live, away, last]
    assert {name_of(event) for event in some.events} == {"DecisionRecorded"}
    for follower in [everything, some]:
        end = follower.ends[0]
        assert (end.reason, end.ErrorInfo.metadata["position"]) == ("ENDING", str(live)), (end.reason, end.message)
    return last


def is_refused(decisions, ledger, cursors, newest):
    """Each kind of status, with its details."""
    code = grpc.StatusCode

    # Every bad field at once.
    end = refused(decisions.RecordDecision, decision("case-10", "No Id", date="2018-13"))
    assert (end.code, end.reason) == (code.INVALID_ARGUMENT, "INVALID_REQUEST"), end.message
    fields = {violation.field: violation.description for violation in end.BadRequest.field_violations}
    assert set(fields) == {"decision.id", "decision.date"} and all(fields.values()), fields
    # In words for people, in the language asked for.
    follow = ledger_pb2.SubscribeRequest(now=ledger_pb2.FromNow())
    follow.filter.types.append("DecisionTaken")
    end = refused(ledger.Subscribe, follow, metadata=[("accept-language", "nl")])
    assert (end.code, end.reason, end.ErrorInfo.domain) == (code.INVALID_ARGUMENT, "EVENT_UNKNOWN", "minutebook")
    assert end.LocalizedMessage.locale == "nl" and "geen naam" in end.LocalizedMessage.message, end.LocalizedMessage

    end = refused(decisions.GetDecision, decision_pb2.GetDecisionRequest(decision="gs-2018-02-visitt"))
    assert (end.code, end.reason) == (code.NOT_FOUND, "NOT_FOUND") and "gs-2018-02-visit" in end.message, end.message

    end = refused(decisions.RecordDecision, decision("case-1", "gs-2018-02-other"))
    assert (end.code, end.reason) == (code.ALREADY_EXISTS, "REQUEST_ID_REUSED"), end.message

    # Somebody was there in between; the details say what happened.
    revision = decisions.GetDecision(decision_pb2.GetDecisionRequest(decision="gs-2018-02-visit")).decision.revision
    changed = decision("case-11", "gs-2018-02-visit", expected_revision=revision)
    changed.decision.what = "A visit"
    changed.reason = "It was not said what."
    newest = decisions.RecordDecision(changed).receipt.first
    late = decision("case-12", "gs-2018-02-visit", expected_revision=revision)
    late.decision.what = "An appointment"
    late.reason = changed.reason
    end = refused(decisions.RecordDecision, late)
    assert (end.code, end.reason) == (code.ABORTED, "STALE_BASE"), end.message
    (since,) = end.BadRequest.field_violations
    assert since.field == "event %d" % newest and "A visit" in since.description, since

    # A rule.
    end = refused(decisions.RecordDecision, decision("case-13", "gs-2018-06-tax", kind="set-taxes"))
    assert (end.code, end.reason) == (code.FAILED_PRECONDITION, "NO_MANDATE"), (end.reason, end.message)
    (rule,) = end.PreconditionFailure.violations
    assert rule.type == "NO_MANDATE" and rule.description == end.message, rule

    # Another holds it, for a while.
    take = cursor_pb2.AcquireCursorRequest(name="warehouse", holder="night-job", lease_ms=60_000)
    take.start.beginning.SetInParent()
    token = cursors.AcquireCursor(take).token
    end = refused(cursors.AcquireCursor, take)
    assert (end.code, end.reason) == (code.FAILED_PRECONDITION, "CURSOR_HELD"), end.message
    assert 0 < end.RetryInfo.retry_delay.ToMilliseconds() <= 60_000, end.RetryInfo
    cursors.ReleaseCursor(cursor_pb2.ReleaseCursorRequest(name="warehouse", token=token))
    ack = cursor_pb2.AcknowledgeCursorRequest(name="warehouse", token=token, acknowledged=1)
    end = refused(cursors.AcknowledgeCursor, ack)
    assert (end.code, end.reason) == (code.ABORTED, "LEASE_LAPSED"), end.message

    end = refused(ledger.Subscribe, ledger_pb2.SubscribeRequest(after=newest + 100))
    assert (end.code, end.reason) == (code.OUT_OF_RANGE, "BEYOND_HEAD"), end.message

    # The server gives up before a longer deadline, and then says why. A shorter one may pass in the client first.
    wait = decision_pb2.GetDecisionRequest(decision="gs-2018-02-visit", min_position=newest + 1)
    end = refused(decisions.GetDecision, wait)
    assert (end.code, end.reason) == (code.DEADLINE_EXCEEDED, "POSITION_NOT_REACHED"), end.message
    end = refused(decisions.GetDecision, wait, timeout=0.2)
    assert end.code == code.DEADLINE_EXCEEDED, end.message
    assert end.reason in ("POSITION_NOT_REACHED", "DEADLINE_PASSED", None), end.reason

    large = decision("case-14", "gs-2018-06-large")
    large.decision.what = "x" * 300_000
    end = refused(decisions.RecordDecision, large)
    assert (end.code, end.reason) == (code.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE") and "262144" in end.message


def main(program, data):
    with Served(program, data) as server:
        with grpc.insecure_channel(server.address, options=OPTIONS) as channel:
            decisions = decision_pb2_grpc.DecisionServiceStub(channel)
            ledger = ledger_pb2_grpc.LedgerServiceStub(channel)
            newest = records(decisions, agenda_pb2_grpc.AgendaServiceStub(channel))
            newest = follows(server, ledger, decisions, newest)
            is_refused(decisions, ledger, cursor_pb2_grpc.CursorServiceStub(channel), newest)
            server.stop()
            # Nobody is there to give details.
            end = refused(decisions.GetDecision, decision_pb2.GetDecisionRequest(decision="gs-2018-02-visit"))
            assert (end.code, end.reason) == (grpc.StatusCode.UNAVAILABLE, None), end.message
    print("a subscriber in Python, generated: %d events over a restart, and 10 kinds of refusal" % (newest + 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
