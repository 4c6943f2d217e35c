"""Prints a topic's committed records as JSON lines. Shares no code with convstream: librdkafka reads, fastavro decodes.

Usage: fastavro_reader.py --brokers HOST:PORT,... --registry URL --topic NAME
"""

import argparse
import decimal
import io
import json
import struct
import urllib.request
import uuid

import confluent_kafka as kafka
import fastavro


class Decoder:
    """Decodes the Confluent wire format: a zero byte, the schema's id in four bytes, the Avro datum."""

    def __init__(self, registry):
        self.registry = registry.rstrip("/")
        self.schemas = {}

    def schema(self, schema_id):
        if schema_id not in self.schemas:
            with urllib.request.urlopen(f"{self.registry}/schemas/ids/{schema_id}") as answer:
                self.schemas[schema_id] = fastavro.parse_schema(stored(json.loads(json.load(answer)["schema"])))
        return self.schemas[schema_id]

    def decode(self, value):
        if value is None:
            return None
        magic, schema_id = struct.unpack(">bI", value[:5])
        if magic != 0:
            raise ValueError(f"magic byte {magic}, want 0")
        datum = io.BytesIO(value[5:])
        row = fastavro.schemaless_reader(datum, self.schema(schema_id), None)
        if datum.read():
            raise ValueError("bytes after the datum")
        return row


def plain(value):
    """What json does not know: bytes as latin-1, decimals as their digits."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"no JSON for {type(value)}")


def stored(schema):
    """Has dates, times and instants come as the numbers that they are stored as: Python's own would lose precision."""
    if isinstance(schema, list):
        return [stored(branch) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    numbers = schema.get("type") in ("int", "long")
    return {key: stored(value) if key in ("type", "items", "values", "fields") else value
            for key, value in schema.items() if not (numbers and key == "logicalType")}


def records(consumer, topic):
    """Yields committed records from the start of the topic to its ends as of now."""
    partitions = consumer.list_topics(topic, timeout=30).topics[topic].partitions
    left = {}
    for number in partitions:
        low, high = consumer.get_watermark_offsets(kafka.TopicPartition(topic, number), timeout=30)
        if low < high:
            left[number] = high
    consumer.assign([kafka.TopicPartition(topic, number, kafka.OFFSET_BEGINNING) for number in left])
    while left:
        message = consumer.poll(0.2)
        if message is not None and message.error():
            raise kafka.KafkaException(message.error())
        if message is not None and message.offset() < left.get(message.partition(), 0):
            yield message
        # The last offset may be a transaction's marker, which is never delivered: the position tells.
        for position in consumer.position([kafka.TopicPartition(topic, number) for number in left]):
            if position.offset >= left[position.partition]:
                del left[position.partition]


def main():
    parser = argparse.ArgumentParser()
    for flag in "--brokers", "--registry", "--topic":
        parser.add_argument(flag, required=True)
    args = parser.parse_args()
    decoder = Decoder(args.registry)
    consumer = kafka.Consumer({
        "bootstrap.servers": args.brokers,
        "group.id": "independent-reader",
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": False,
    })
    for message in records(consumer, args.topic):
        key = message.key()
        print(json.dumps({
            "partition": message.partition(),
            "offset": message.offset(),
            "key": key.decode() if key is not None else None,
            "timestamp": message.timestamp()[1],
            "value": decoder.decode(message.value()),
        }, default=plain))
    consumer.close()


if __name__ == "__main__":
    main()
