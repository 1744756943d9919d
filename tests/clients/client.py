"""The generated Python client against a running server: client.py ADDRESS.

A quote, a settlement in both views, and a refusal with its machine reason and its Chinese text.
"""

import sys
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2
from google.type import date_pb2
from onestop.settlement.v1 import claim_pb2, settlement_pb2
from onestop.settlement.v1 import settlement_service_pb2 as service_pb2
from onestop.settlement.v1 import settlement_service_pb2_grpc as service_grpc

client = service_grpc.SettlementServiceStub(grpc.insecure_channel(sys.argv[1]))
name = f"python-{uuid.uuid4()}"
claim = claim_pb2.Claim(
    claim_id=name,
    hospital_id="H3701001",
    person_id="DEMO-P-0002",
    visit="inpatient",
    admitted=date_pb2.Date(year=2017, month=6, day=8),
    discharged=date_pb2.Date(year=2017, month=6, day=15),
    items=[claim_pb2.Item(code="310701001", quantity_e4=5_000_000, unit_price_micro_yuan=20_000_000, amount_fen=1_000_000)],
)
quote = client.Quote(service_pb2.QuoteRequest(claim=claim))
assert sum(payer.amount_fen for payer in quote.split.payers) + quote.split.patient_fen == 1_000_000
request = service_pb2.SettleRequest(
    claim=claim, request_id=name, quote_digest=quote.quote_digest, view=settlement_pb2.SETTLEMENT_VIEW_SUMMARY
)
summary = client.Settle(request).settlement
assert summary.split == quote.split and not summary.HasField("derivation") and summary.commit_time.seconds > 0
request.view = settlement_pb2.SETTLEMENT_VIEW_FULL
whole = client.Settle(request)
assert whole.replay and whole.settlement.derivation.layers == quote.derivation.layers
claim.claim_id = f"{name}-faulty"
claim.items[0].code = "NO-SUCH-CODE"
try:
    client.Quote(service_pb2.QuoteRequest(claim=claim))
    sys.exit("a code that is in no catalogue was not refused")
except grpc.RpcError as refusal:
    status = status_pb2.Status.FromString(dict(refusal.trailing_metadata())["grpc-status-details-bin"])
details = {detail.TypeName(): detail for detail in status.details}
bad, chinese = error_details_pb2.BadRequest(), error_details_pb2.LocalizedMessage()
assert details["google.rpc.BadRequest"].Unpack(bad) and details["google.rpc.LocalizedMessage"].Unpack(chinese)
assert [(one.field, one.reason) for one in bad.field_violations] == [("claim.items[0].code", "NOT_IN_CATALOGUE")]
assert chinese.locale == "zh-CN" and "目录" in chinese.message, chinese
print(f"python: settled {summary.settlement_id}; {chinese.message}")
