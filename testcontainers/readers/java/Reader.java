import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericArray;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Prints a topic's committed records as JSON lines. Shares no code with convstream: Kafka's own client reads, Avro's own
 * decoder decodes. Usage: java -cp 'LIBS/*' Reader.java --brokers HOST:PORT,... --registry URL --topic NAME
 */
public final class Reader {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final GenericData DATA = new GenericData();
    private final HttpClient http = HttpClient.newHttpClient();
    private final Map<Integer, Schema> schemas = new HashMap<>();
    private final String registry;

    static {
        DATA.addLogicalTypeConversion(new Conversions.DecimalConversion());
    }

    private Reader(String registry) {
        this.registry = registry.replaceAll("/+$", "");
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> flags = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            flags.put(args[i], args[i + 1]);
        }
        Properties config = new Properties();
        config.put("bootstrap.servers", flags.get("--brokers"));
        config.put("isolation.level", "read_committed");
        config.put("enable.auto.commit", "false");
        config.put("key.deserializer", ByteArrayDeserializer.class.getName());
        config.put("value.deserializer", ByteArrayDeserializer.class.getName());
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
            new Reader(flags.get("--registry")).read(consumer, flags.get("--topic"), endOffsets(flags));
        }
    }

    /** The high watermarks; a read_committed consumer would name the last stable offsets. */
    private static Map<TopicPartition, Long> endOffsets(Map<String, String> flags) {
        Properties config = new Properties();
        config.put("bootstrap.servers", flags.get("--brokers"));
        config.put("key.deserializer", ByteArrayDeserializer.class.getName());
        config.put("value.deserializer", ByteArrayDeserializer.class.getName());
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(config)) {
            List<TopicPartition> partitions = consumer.partitionsFor(flags.get("--topic")).stream()
                    .map(p -> new TopicPartition(p.topic(), p.partition())).toList();
            return consumer.endOffsets(partitions);
        }
    }

    private void read(KafkaConsumer<byte[], byte[]> consumer, String topic, Map<TopicPartition, Long> ends) throws Exception {
        consumer.assign(ends.keySet());
        consumer.seekToBeginning(ends.keySet());
        // The last offset may be a transaction's marker, which is never delivered: the position tells.
        while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
            for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                if (record.offset() < ends.get(new TopicPartition(topic, record.partition()))) {
                    print(record);
                }
            }
        }
    }

    private void print(ConsumerRecord<byte[], byte[]> record) throws Exception {
        ObjectNode line = JSON.createObjectNode();
        line.put("partition", record.partition());
        line.put("offset", record.offset());
        line.put("key", record.key() == null ? null : new String(record.key(), StandardCharsets.UTF_8));
        line.put("timestamp", record.timestamp());
        line.set("value", JSON.valueToTree(plain(decode(record.value()))));
        System.out.println(JSON.writeValueAsString(line));
    }

    /** Decodes the Confluent wire format: a zero byte, the schema's id in four bytes, the Avro datum. */
    private Object decode(byte[] value) throws IOException, InterruptedException {
        if (value == null) {
            return null;
        }
        ByteBuffer header = ByteBuffer.wrap(value);
        byte magic = header.get();
        if (magic != 0) {
            throw new IOException("magic byte " + magic + ", want 0");
        }
        Schema schema = schema(header.getInt());
        BinaryDecoder datum = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        Object row = new GenericDatumReader<>(schema, schema, DATA).read(null, datum);
        if (!datum.isEnd()) {
            throw new IOException("bytes after the datum");
        }
        return row;
    }

    private Schema schema(int id) throws IOException, InterruptedException {
        if (!schemas.containsKey(id)) {
            HttpRequest request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
            HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (answer.statusCode() != 200) {
                throw new IOException("schema " + id + ": status " + answer.statusCode());
            }
            schemas.put(id, new Schema.Parser().parse(JSON.readTree(answer.body()).get("schema").asText()));
        }
        return schemas.get(id);
    }

    /** Avro's generic objects as maps, lists, strings and numbers; dates, times and instants stay the numbers they are stored as. */
    private static Object plain(Object value) {
        if (value instanceof GenericRecord record) {
            Map<String, Object> fields = new HashMap<>();
            record.getSchema().getFields().forEach(f -> fields.put(f.name(), plain(record.get(f.pos()))));
            return fields;
        }
        if (value instanceof GenericArray<?> array) {
            return array.stream().map(Reader::plain).toList();
        }
        if (value instanceof Map<?, ?> map) {
            Map<String, Object> entries = new HashMap<>();
            map.forEach((k, v) -> entries.put(k.toString(), plain(v)));
            return entries;
        }
        if (value instanceof ByteBuffer bytes) {
            return StandardCharsets.ISO_8859_1.decode(bytes.duplicate()).toString();
        }
        if (value instanceof GenericFixed fixed) {
            return new String(fixed.bytes(), StandardCharsets.ISO_8859_1);
        }
        if (value instanceof BigDecimal decimal) {
            return decimal.toPlainString();
        }
        if (value instanceof Float number) {
            return number.doubleValue(); // all of its digits, as others print it
        }
        return value == null || value instanceof Number || value instanceof Boolean ? value : value.toString();
    }
}
