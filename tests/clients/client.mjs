// The generated Node client against a running server: client.mjs ADDRESS. The code is in ./generated, its packages are in
// ./node_modules, both beside this file's copy.
//
// A quote, a settlement in both views, and a refusal with its machine reason and its Chinese text.

import assert from 'node:assert';
import { randomUUID } from 'node:crypto';
import { equals } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, LocalizedMessageSchema } from './generated/google/rpc/error_details_pb.js';
import { SettlementView } from './generated/onestop/settlement/v1/settlement_pb.js';
import { SettlementService } from './generated/onestop/settlement/v1/settlement_service_pb.js';
import { SplitSchema } from './generated/onestop/settlement/v1/split_pb.js';

const client = createClient(SettlementService, createGrpcTransport({ baseUrl: `http://${process.argv[2]}` }));
const name = `node-${randomUUID()}`;
const claim = {
  claimId: name, hospitalId: 'H3701001', personId: 'DEMO-P-0003', visit: 'inpatient',
  admitted: { year: 2017, month: 6, day: 8 }, discharged: { year: 2017, month: 6, day: 15 },
  items: [{ code: '310701001', quantityE4: 5000000n, unitPriceMicroYuan: 20000000n, amountFen: 1000000n }],
};
const quote = await client.quote({ claim });
const paid = quote.split.payers.reduce((sum, payer) => sum + payer.amountFen, 0n);
assert.strictEqual(paid + quote.split.patientFen, 1000000n);
const request = { claim, requestId: name, quoteDigest: quote.quoteDigest };
const { settlement: summary } = await client.settle({ ...request, view: SettlementView.SUMMARY });
assert(equals(SplitSchema, summary.split, quote.split) && !summary.derivation && summary.commitTime.seconds > 0n);
const whole = await client.settle({ ...request, view: SettlementView.FULL });
assert(whole.replay && whole.settlement.derivation.layers.length === quote.derivation.layers.length);
claim.claimId = `${name}-faulty`;
claim.items[0].code = 'NO-SUCH-CODE';
const refusal = await client.quote({ claim }).then(() => null, ConnectError.from);
assert.strictEqual(refusal?.code, Code.InvalidArgument);
const [fault] = refusal.findDetails(BadRequestSchema)[0].fieldViolations;
assert.deepStrictEqual([fault.field, fault.reason], ['claim.items[0].code', 'NOT_IN_CATALOGUE']);
const [chinese] = refusal.findDetails(LocalizedMessageSchema);
assert(chinese.locale === 'zh-CN' && chinese.message.includes('目录'), chinese.message);
console.log(`node: settled ${summary.settlementId}; ${chinese.message}`);
