#!/usr/bin/env bash
# Upgrades servers under load from one build of the program to another: two on one Redis, one after the other, and one
# over a store in a directory. Clients settle meanwhile, with the shipped service config and without one. No call of a
# client with it may fail, and nothing that was acknowledged may be lost.
#   tests/upgrade/run.sh DIR EARLIER LATER    DIR: a directory to work in, with grpcio-tools in DIR/pip; the programs
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1 earlier=$2 later=$3
mkdir -p "$work"/{python,logs}
declare -A pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done' EXIT

mapfile -t protos < <(cd proto && find google onestop -name '*.proto' | sort)
export PYTHONPATH=$work/python:$work/pip
python3 -m grpc_tools.protoc -I proto --python_out="$work/python" --grpc_python_out="$work/python" "${protos[@]}"

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start PROGRAM PORT OPTION…: serves on this port, and waits until it is ready
start() {
  local program=$1 port=$2 log=$work/logs/$2
  shift 2
  "$program" serve --listen "127.0.0.1:$port" "$@" >>"$log" 2>&1 &
  pids[$port]=$!
  until "$program" health --server "http://127.0.0.1:$port" >/dev/null 2>&1; do
    kill -0 "${pids[$port]}" 2>/dev/null || { cat "$log" >&2; exit 1; }
    sleep 0.02
  done
}

# stop PORT: stops the server on this port as a service manager does
stop() {
  local pid=${pids[$1]}
  unset "pids[$1]"
  kill -TERM "$pid"
  wait "$pid"
}

# under_load ADDRESSES COMMAND…: runs a command while two clients settle
under_load() {
  local addresses=$1 until=$work/stop status=0
  shift
  rm -f "$until"
  python3 tests/upgrade/load.py "$addresses" deploy/grpc-service-config.json "$until" >"$work/with" &
  pids[with]=$!
  python3 tests/upgrade/load.py "$addresses" - "$until" >"$work/without" &
  pids[without]=$!
  sleep 2
  "$@"
  sleep 2
  touch "$until"
  for client in with without; do
    wait "${pids[$client]}" || status=1
    unset "pids[$client]"
    echo "  $client the service config: $(cat "$work/$client")"
  done
  [ "$status" = 0 ] && grep -q '^0 of ' "$work/with"
}

upgrade_both() {
  for port in "$one" "$other"; do
    stop "$port"
    start "$later" "$port" "${redis_options[@]}"
    sleep 2
  done
}

restart() {
  stop "$one"
  start "$later" "$one" --store "$work/store"
}

# The persons, the hospital and the code of the claims.
mkdir "$work/tables"
echo 'hospital_id,from,name,level,region
LOAD-H,2010-01-01,a hospital,tertiary,370100' >"$work/tables/hospitals.csv"
echo 'hospital_id,from
LOAD-H,2010-01-01' >"$work/tables/designations.csv"
echo 'code,regions,from,name,class
LOAD-0,,2010-01-01,a code,A' >"$work/tables/catalogue.csv"
{
  echo 'person_id,from,insurance,insured_region'
  for person in $(seq 0 199); do echo "LOAD-P-$person,2010-01-01,resident,370100"; done
} >"$work/tables/enrolments.csv"

redis=$(free_port)
mkdir "$work/redis"
redis-server --port "$redis" --bind 127.0.0.1 --dir "$work/redis" --appendonly yes --appendfsync always --save '' >/dev/null &
pids[redis]=$!
"$later" secret "$work/secret" >/dev/null
redis_options=(--store "redis://127.0.0.1:$redis" --secret "$work/secret")
until redis-cli -p "$redis" ping >/dev/null 2>&1; do
  kill -0 "${pids[redis]}"
  sleep 0.1
done
"$earlier" init "${redis_options[@]}" >/dev/null
one=$(free_port) other=$(free_port)
start "$earlier" "$one" "${redis_options[@]}"
"$earlier" import --server "http://127.0.0.1:$one" "$work/tables" >/dev/null
start "$earlier" "$other" "${redis_options[@]}"
echo "two servers on one Redis, upgraded one after the other:"
under_load "127.0.0.1:$one,127.0.0.1:$other" upgrade_both
stop "$one"
stop "$other"
"$later" audit verify "${redis_options[@]}"

one=$(free_port)
"$earlier" init --store "$work/store" >/dev/null
start "$earlier" "$one" --store "$work/store"
"$earlier" import --server "http://127.0.0.1:$one" "$work/tables" >/dev/null
echo "a server over a store in a directory, stopped and started again upgraded:"
under_load "127.0.0.1:$one" restart
stop "$one"
"$later" audit verify --store "$work/store"
