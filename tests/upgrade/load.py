"""Settles claims of a load test, from many threads, until a file appears: load.py ADDRESSES CONFIG STOP_FILE.

ADDRESSES are joined by commas. CONFIG is the service config of gRPC that the client follows, or `-` for none. At the end
the outcome of every request is asked: what was acknowledged must be settled, under the id that was acknowledged. Prints
the number of calls and of those that failed, with their codes; a call that was acknowledged and is lost ends it with 1.
"""

import collections
import pathlib
import sys
import threading
import time
import uuid

import grpc
from google.type import date_pb2
from onestop.settlement.v1 import claim_pb2
from onestop.settlement.v1 import settlement_service_pb2 as service_pb2
from onestop.settlement.v1 import settlement_service_pb2_grpc as service_grpc

THREADS = 16
PERSONS = 200
PAUSE = 0.05

addresses, config, stop = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
# Addresses that are joined by commas are no authority.
options = [("grpc.default_authority", "localhost")]
if config != "-":
    options.append(("grpc.service_config", pathlib.Path(config).read_text()))
channel = grpc.insecure_channel("ipv4:" + addresses, options=options)
client = service_grpc.SettlementServiceStub(channel)
run = uuid.uuid4().hex
lock = threading.Lock()
acknowledged, failed = {}, collections.Counter()


def claim(name, person):
    return claim_pb2.Claim(
        claim_id=name,
        hospital_id="LOAD-H",
        person_id=person,
        visit="inpatient",
        admitted=date_pb2.Date(year=2017, month=6, day=8),
        discharged=date_pb2.Date(year=2017, month=6, day=15),
        items=[claim_pb2.Item(code="LOAD-0", quantity_e4=20_000, unit_price_micro_yuan=61_700_000, amount_fen=12_340)],
    )


def settle(thread):
    number = 0
    while not stop.exists():
        name, person = f"{run}-{thread}-{number}", f"LOAD-P-{(thread + THREADS * number) % PERSONS}"
        number += 1
        try:
            settled = client.Settle(service_pb2.SettleRequest(claim=claim(name, person), request_id=name))
            with lock:
                acknowledged[name] = (person, settled.settlement.settlement_id)
        except grpc.RpcError as error:
            with lock:
                failed[f"{error.code().name}: {error.details()}"] += 1
        time.sleep(PAUSE)


threads = [threading.Thread(target=settle, args=(thread,)) for thread in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
lost = 0
for name, (person, settlement) in acknowledged.items():
    asked = service_pb2.GetOutcomeRequest(hospital_id="LOAD-H", person_id=person, request_id=name)
    outcome = client.GetOutcome(asked, wait_for_ready=True).outcome
    lost += outcome.committed.settlement_id != settlement
total = len(acknowledged) + sum(failed.values())
print(f"{sum(failed.values())} of {total} calls failed, {lost} acknowledged ones lost", *failed.items(), sep="\n  ")
sys.exit(1 if lost or not acknowledged else 0)
