"""The same without any code of ours: what there is, the server tells by reflection.

    python3 reflected.py MINUTEBOOK DATA

records a decision, asks for it, follows the ledger over a restart of the server and reads a refusal. DATA is a copy of
the demo ledger. Exit code 0: everything came as the integrator's guide says.
"""

import sys

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_status import rpc_status

from served import Served

PATIENCE_S = 60


class Services:
    """The RPCs of a server. What is sent and what comes is as in JSON, with the names of `proto/`."""

    def __init__(self, channel):
        self.channel = channel
        self.database = ProtoReflectionDescriptorDatabase(channel)
        self.pool = DescriptorPool(self.database)

    def names(self):
        return [name for name in self.database.get_services() if name.startswith("minutebook.v1.")]

    def call(self, service, rpc, **request):
        method = self.pool.FindServiceByName("minutebook.v1." + service).FindMethodByName(rpc)
        kind = self.channel.unary_stream if method.server_streaming else self.channel.unary_unary
        made = kind(
            "/minutebook.v1.%s/%s" % (service, rpc),
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        request = ParseDict(request, GetMessageClass(method.input_type)())
        # Waits for a server that starts.
        answer = made(request, timeout=PATIENCE_S, wait_for_ready=True)
        if method.server_streaming:
            return (MessageToDict(part, preserving_proto_field_name=True) for part in answer)
        return MessageToDict(answer, preserving_proto_field_name=True)

    def record(self, request_id, id, **write):
        """Records a decision. Its position is text: JSON has no numbers of 64 bits."""
        return self.call(
            "DecisionService", "RecordDecision",
            write={"request_id": request_id, "actor": {"capacity": "case system"}, **write},
            agenda="krimp-en-leefbaarheid",
            decision={"id": id, "body": "gs", "kind": "adopt-agenda", "date": {"edtf": "2018-02-06"}},
        )["receipt"]


def reason_of(error):
    """The reason of a refusal."""
    info = ErrorInfo()
    assert any(detail.Unpack(info) for detail in rpc_status.from_call(error).details), error
    return error.code(), info.reason, dict(info.metadata)


def follow(services, after, last):
    """The events after a position up to another, and why the line was cut; none where it was not."""
    events = []
    try:
        for told in services.call("LedgerService", "Subscribe", after=after):
            (said,) = told.values()
            events += [delivered["event"] for delivered in said.get("events", [])]
            if int(said.get("position", 0)) >= last:
                return events, None
    except grpc.RpcError as error:
        return events, reason_of(error)


def main(program, data):
    with Served(program, data) as server, grpc.insecure_channel(server.address) as channel:
        services = Services(channel)
        assert "minutebook.v1.LedgerService" in services.names(), services.names()

        first = services.record("case-1", "gs-2018-02-visit")
        again = services.record("case-1", "gs-2018-02-visit")
        assert again == {**first, "repeated": True}, (first, again)
        position = int(first["first"])
        answer = services.call("DecisionService", "GetDecision", decision="gs-2018-02-visit", min_position=position)
        assert int(answer["position"]) >= position and answer["decision"]["revision"] == first["first"], answer

        before, end = follow(services, 0, position)
        assert end is None, end
        # A line that waits for more, and is cut.
        waiting = services.call("LedgerService", "Subscribe", after=position)
        assert next(waiting) == {"caught_up": {"position": str(position)}}
        server.stop()
        try:
            raise AssertionError("the line was not cut: %s" % list(waiting))
        except grpc.RpcError as error:
            code, reason, metadata = reason_of(error)
        assert (code, reason) == (grpc.StatusCode.UNAVAILABLE, "ENDING"), (code, reason)
        server.start()
        last = int(services.record("case-2", "gs-2018-05-after")["first"])
        since, end = follow(services, int(metadata["position"]), last)
        assert end is None, end
        stored = services.call("LedgerService", "ReadEvents", **{"from": 1})
        assert before + since == [answer["event"] for answer in stored], "a gap, a duplicate or another event"

        try:
            raise AssertionError("accepted: %s" % services.record("case-1", "gs-2018-02-other"))
        except grpc.RpcError as error:
            code, reason, _ = reason_of(error)
        assert (code, reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"), (code, reason)
    print("a subscriber in Python, by reflection: %d events over a restart" % (last + 1))


if __name__ == "__main__":
    main(*sys.argv[1:])
