#!/usr/bin/env bash
# Generates a client in Python, Node and Java from proto/ and has each call a server: a quote, a settlement in both views,
# a refusal. `tests/run.sh --all` installs what it wants: protoc, Java with its gRPC, node and npm, and grpcio-tools in
# DIR/pip. The packages of Node it installs itself, into DIR.
#   tests/clients/run.sh DIR PROGRAM    DIR: a directory to work in; PROGRAM: onestop
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$1 program=$2
mkdir -p "$work"/{python,node/generated,java,classes}
mapfile -t protos < <(cd proto && find google onestop -name '*.proto' | sort)
port=$((20000 + RANDOM % 10000))
address=127.0.0.1:$port

generate_python() {
  PYTHONPATH=$work/pip python3 -m grpc_tools.protoc -I proto --python_out="$work/python" \
    --grpc_python_out="$work/python" "${protos[@]}"
}

generate_node() {
  cp tests/clients/client.mjs "$work/node/"
  npm install --silent --no-audit --no-fund --prefix "$work/node" @bufbuild/protoc-gen-es@2.13 @bufbuild/protobuf@2.17 \
    @connectrpc/connect@2.1 @connectrpc/connect-node@2.1
  protoc -I proto --plugin="$work/node/node_modules/.bin/protoc-gen-es" --es_out="$work/node/generated" \
    --es_opt=target=js,import_extension=js "${protos[@]}"
}

generate_java() {
  protoc -I proto --plugin="protoc-gen-grpc-java=$(command -v grpc_java_plugin)" --java_out="$work/java" \
    --grpc-java_out="$work/java" "${protos[@]}"
  find "$work/java" -name '*.java' >"$work/java-sources"
  javac -proc:none -nowarn -d "$work/classes" -cp "$jars" "@$work/java-sources" tests/clients/Client.java
}

jars=$(printf '/usr/share/java/%s.jar:' grpc-{api,context,core,netty,protobuf,protobuf-lite,stub} protobuf guava \
  perfmark-api geronimo-annotation-1.3-spec netty-{buffer,codec,codec-http,codec-http2,common,handler,resolver,transport})
generate_python
generate_node
generate_java

"$program" init --store "$work/store"
"$program" serve --listen "$address" --store "$work/store" >"$work/server.log" 2>&1 &
server=$!
trap 'kill "$server"' EXIT
until "$program" import deploy/demo --server "http://$address" >"$work/import.log" 2>&1; do
  kill -0 "$server" || { cat "$work/server.log" >&2; exit 1; }
  sleep 0.1
done
PYTHONPATH=$work/python:$work/pip python3 tests/clients/client.py "$address"
node "$work/node/client.mjs" "$address"
java -cp "$work/classes:$jars" Client 127.0.0.1 "$port"
