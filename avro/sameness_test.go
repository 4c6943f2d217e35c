package avro

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// sameness holds the rows of one contract that were published, to compare more with them.
type sameness struct {
	contract *Contract
	records  map[uint64]string // bytes by fingerprint
	prints   map[string]uint64 // fingerprint by bytes
	rows     map[string]string // row by bytes
	repeats  int               // rows published as one before, spelled otherwise
}

func samenessOf(c *Contract) *sameness {
	return &sameness{contract: c, records: map[uint64]string{}, prints: map[string]uint64{}, rows: map[string]string{}}
}

// add compares a row with those before. Rows that break the contract have no record.
func (s *sameness) add(t *testing.T, raw string) {
	t.Helper()
	out, facts := s.contract.Encode(nil, 7, rowOf(t, raw), nil)
	if facts.Reject != nil {
		return
	}
	record := string(out)
	if other, ok := s.records[facts.Fingerprint]; ok && other != record {
		t.Fatalf("%s and %s by %s: one fingerprint of two records", raw, s.rows[other], s.contract.Schema())
	}
	if other, ok := s.prints[record]; ok && other != facts.Fingerprint {
		t.Fatalf("%s and %s by %s: two fingerprints of one record", raw, s.rows[record], s.contract.Schema())
	}
	if before, ok := s.rows[record]; ok && before != raw {
		s.repeats++
	}
	s.records[facts.Fingerprint], s.prints[record], s.rows[record] = record, facts.Fingerprint, raw
}

func TestFlatRowsHaveOneFingerprintJustWhereTheyAreOneRecord(t *testing.T) {
	rng := rand.New(rand.NewPCG(2024, 2))
	rows := samenessOf(everyType(t))
	for range 10_000 {
		// Few fields and values, so that many rows say the same in different ways.
		raw := `{"row.id":"1","timestamp":1,` + strings.TrimPrefix(randomObject(rng, 2, 1), "{")
		rows.add(t, strings.Replace(raw, ",}", "}", 1))
		raw = `{"row.id":"1","timestamp":1,"a":{"b.c":` + randomDefault(rng) + `,"d":` + randomDefault(rng) + `},"m":` + randomDefault(rng) + `}`
		rows.add(t, raw)
	}
	if rows.repeats < 500 {
		t.Errorf("only %d rows were alike: the generator proves little", rows.repeats)
	}
}

// randomDefault writes one of everyType's defaults, or what becomes one, in most cases.
func randomDefault(rng *rand.Rand) string {
	return []string{`-7`, `"-7.0"`, `2.5`, `25e-1`, `null`, `{}`, `0`}[rng.IntN(7)]
}

func TestNestedRowsHaveOneFingerprintJustWhereTheyAreOneRecord(t *testing.T) {
	made := &contractMaker{rng: rand.New(rand.NewPCG(2026, 2))}
	repeats, defaults := 0, 0
	for range 300 {
		c := made.contract(t)
		root := shapeOf(t, c)
		rows := samenessOf(c)
		for i := range uint64(100) {
			row := func(lean bool) string {
				return (&rowMaker{rng: rand.New(rand.NewPCG(2026, i)), hostile: 10, lean: lean}).object(&root)
			}
			rows.add(t, row(false))
			before := rows.repeats
			if lean := row(true); lean != row(false) {
				rows.add(t, lean)
				defaults += rows.repeats - before
			}
		}
		repeats += rows.repeats
	}
	if repeats < 3000 || defaults < 1000 {
		t.Errorf("only %d rows were alike, %d of them but for a default: the generator proves little", repeats, defaults)
	}
}
