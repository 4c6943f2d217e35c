// Prints records as JSON lines, their values decoded. Shares no code with convstream: avsc decodes.
//
// Usage: node reader.js --registry URL < RECORDS
//
// RECORDS are JSON lines as well, each value in base64: Node's Kafka clients do not read zstd without more of them.
'use strict';

const readline = require('readline');
const avro = require('avsc');

// long keeps every digit, which a JavaScript number would not.
const long = avro.types.LongType.__with({
  fromBuffer: (buffer) => buffer.readBigInt64LE(),
  toBuffer: (value) => { const b = Buffer.alloc(8); b.writeBigInt64LE(BigInt(value)); return b; },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value) => typeof value === 'bigint' || Number.isInteger(value), // defaults are numbers
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0),
});

// Decimal turns the two's complement of a decimal into its digits.
class Decimal extends avro.types.LogicalType {
  constructor(schema, options) {
    super(schema, options);
    this.scale = schema.scale || 0;
  }

  _fromValue(bytes) {
    const unsigned = BigInt('0x' + (bytes.toString('hex') || '0'));
    const unscaled = BigInt.asIntN(Math.max(1, 8 * bytes.length), unsigned);
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(this.scale + 1, '0');
    const whole = digits.slice(0, digits.length - this.scale);
    const part = digits.slice(digits.length - this.scale);
    return (unscaled < 0n ? '-' : '') + whole + (this.scale ? '.' + part : '');
  }
}

// json spells a decoded value, by its type: avsc wraps what a union holds, and a long is a bigint.
function json(type, value) {
  switch (type.typeName) {
    case 'union:wrapped': {
      if (value === null) {
        return 'null';
      }
      const [branch, inner] = Object.entries(value)[0];
      return json(type.types.find((t) => t.branchName === branch), inner);
    }
    case 'record':
      return object(type.fields.map((f) => [f.name, f.type, value[f.name]]));
    case 'array':
      return '[' + value.map((item) => json(type.itemsType, item)).join(',') + ']';
    case 'map':
      return object(Object.entries(value).map(([key, item]) => [key, type.valuesType, item]));
    case 'abstract:long':
      return value.toString();
    case 'bytes':
    case 'fixed':
      return JSON.stringify(value.toString('latin1'));
  }
  return JSON.stringify(value);
}

function object(members) {
  return '{' + members.map(([key, type, value]) => JSON.stringify(key) + ':' + json(type, value)).join(',') + '}';
}

const types = new Map();

async function typeOf(registry, id) {
  if (!types.has(id)) {
    const answer = await fetch(`${registry.replace(/\/+$/, '')}/schemas/ids/${id}`);
    if (!answer.ok) {
      throw new Error(`schema ${id}: status ${answer.status}`);
    }
    const { schema } = await answer.json();
    types.set(id, avro.Type.forSchema(JSON.parse(schema), { wrapUnions: true, registry: { long }, logicalTypes: { decimal: Decimal } }));
  }
  return types.get(id);
}

// decode reads the Confluent wire format: a zero byte, the schema's id in four bytes, the Avro datum.
async function decode(registry, value) {
  if (value[0] !== 0) {
    throw new Error(`magic byte ${value[0]}, want 0`);
  }
  const type = await typeOf(registry, value.readUInt32BE(1));
  return json(type, type.fromBuffer(value.subarray(5))); // which refuses bytes after the datum
}

async function main() {
  const registry = process.argv[process.argv.indexOf('--registry') + 1];
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const { value, ...record } = JSON.parse(line);
    const decoded = value === null ? 'null' : await decode(registry, Buffer.from(value, 'base64'));
    process.stdout.write(`${JSON.stringify(record).slice(0, -1)},"value":${decoded}}\n`);
  }
}

main().catch((err) => {
  console.error(err);
  process.exitCode = 1;
});
