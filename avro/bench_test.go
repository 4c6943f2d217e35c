package avro

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"convstream/internal/conv"
)

// BenchmarkEncode compares the encoder, which starts from tokens and also hashes, with
// goavro, which starts from a map that somebody has made from the row before.
func BenchmarkEncode(b *testing.B) {
	c := reports(b)
	row := rowOf(b, sampleRow)
	bulky := strings.TrimSuffix(sampleRow, "}") + `,"participants":[` + strings.Repeat(`{"id":"p","sessions":[1,2,3]},`, 50) + `0]`
	for i := range 40 {
		bulky += `,"unknown.key.` + strings.Repeat("x", i) + `":{"a":1}`
	}
	for name, row := range map[string]*conv.Row{"convstream/sample": row, "convstream/bulky": rowOf(b, bulky+"}")} {
		b.Run(name, func(b *testing.B) { benchmarkEncode(b, c, row, nil) })
		b.Run(name+" with drift", func(b *testing.B) { benchmarkEncode(b, c, row, new([]conv.Deviation)) })
	}
	b.Run("goavro/sample", func(b *testing.B) {
		codec, native := codecOf(b, c), naiveEncode(b, c, sampleRow).native
		b.SetBytes(int64(len(row.Raw)))
		b.ReportAllocs()
		dst := make([]byte, 0, 1024)
		for b.Loop() {
			if _, err := codec.BinaryFromNative(dst, native); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkEncodeConversation encodes a whole conversation of about 4 KB. The reference is
// encoding/json, which reads the text into a map, and goavro, which starts from a map that
// fits the schema; making one of the other, and a hash, would come on top.
func BenchmarkEncodeConversation(b *testing.B) {
	c := jobs(b)
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(conversation(b))); err != nil {
		b.Fatal(err)
	}
	raw := compact.String()
	b.Run("convstream", func(b *testing.B) { benchmarkEncode(b, c, rowOf(b, raw), nil) })
	b.Run("convstream with drift", func(b *testing.B) { benchmarkEncode(b, c, rowOf(b, raw), new([]conv.Deviation)) })
	b.Run("redact", func(b *testing.B) {
		r, row := NewRedactor(c), rowOf(b, raw)
		b.SetBytes(int64(len(row.Raw)))
		b.ReportAllocs()
		dst := make([]byte, 0, 8192)
		for b.Loop() {
			r.Redact(dst, row)
		}
	})
	codec, native := codecOf(b, c), naiveEncode(b, c, raw).native
	reference := func(b *testing.B, each func()) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		dst := make([]byte, 0, 8192)
		for b.Loop() {
			each()
			if _, err := codec.BinaryFromNative(dst, native); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("encoding-json and goavro", func(b *testing.B) {
		reference(b, func() {
			var row map[string]any
			if err := json.Unmarshal([]byte(raw), &row); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("goavro alone", func(b *testing.B) { reference(b, func() {}) })
}

func benchmarkEncode(b *testing.B, c *Contract, row *conv.Row, drift *[]conv.Deviation) {
	b.SetBytes(int64(len(row.Raw)))
	b.ReportAllocs()
	dst := make([]byte, 0, 8192)
	for b.Loop() {
		if drift != nil {
			*drift = (*drift)[:0]
		}
		c.Encode(dst, 1, row, drift)
	}
}
