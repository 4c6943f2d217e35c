package avro

import (
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
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(row.Raw)))
			b.ReportAllocs()
			dst := make([]byte, 0, 1024)
			for b.Loop() {
				c.Encode(dst, 1, row)
			}
		})
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
