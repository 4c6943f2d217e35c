//go:build !race

package avro

import "testing"

// Under the race detector sync.Pool drops what it is given at random, so that a count of
// allocations says nothing.
func TestEncodeAllocatesNothingPerRow(t *testing.T) {
	c, row := reports(t), rowOf(t, sampleRow)
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(1000, func() { c.Encode(dst, 1, row) }); n >= 1 {
		t.Errorf("%v allocations per row", n)
	}
}

func TestCoercedTextsDoNotPileUp(t *testing.T) {
	c := contractOf(t, `{"name":"f","type":["null","string"],"source":"a"}`)
	row := rowOf(t, `{"a":5.0}`)
	for range 10_000 {
		c.Encode(nil, 1, row)
	}
	if e := c.encoders.Get().(*encoder); cap(e.texts) > 100 {
		t.Errorf("%d bytes are kept for a text of one byte", cap(e.texts))
	}
}
