package readers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// raw is a record for a reader that cannot read Kafka. Its value is in base64, as encoding/json has it.
type raw struct {
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Key       *string `json:"key"`
	Timestamp int64   `json:"timestamp"`
	Value     []byte  `json:"value"`
}

// committed returns the committed records of a topic, from its start to its ends as of now, as JSON lines.
func committed(ctx context.Context, brokers []string, topic string) (io.Reader, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	left := map[int32]int64{}
	ends.Each(func(o kadm.ListedOffset) {
		if o.Offset > 0 {
			left[o.Partition] = o.Offset
		}
	})
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %s: %w", topic, err)
		}
		for r := range fetches.RecordsAll() {
			// The last offset may be a transaction's marker: control records are kept, to see it.
			end, reading := left[r.Partition]
			if reading && !r.Attrs.IsControl() {
				line := raw{Partition: r.Partition, Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli(), Value: r.Value}
				if r.Key != nil {
					key := string(r.Key)
					line.Key = &key
				}
				if err := out.Encode(line); err != nil {
					return nil, err
				}
			}
			if reading && r.Offset+1 >= end {
				delete(left, r.Partition)
			}
		}
	}
	return &lines, nil
}
