package conv

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"testing"
)

func TestR111_WindowsKeepTheirMillisecondsInText(t *testing.T) {
	w := Window{From: 1704067200001, To: 1704153599999}
	const want = "2024-01-01T00:00:00.001Z/2024-01-01T23:59:59.999Z"
	if got := w.String(); got != want {
		t.Fatalf("String: %s, want %s", got, want)
	}
	back, err := ParseWindow(want)
	if err != nil || back != w {
		t.Errorf("ParseWindow: %v %v, want %v", back, err, w)
	}
	for _, bad := range []string{"", want + "/", "2024-01-02T00:00:00.000Z/2024-01-01T00:00:00.000Z", "a/b"} {
		if _, err := ParseWindow(bad); err == nil {
			t.Errorf("ParseWindow(%q) gave no error", bad)
		}
	}
}

func TestR108_AWindowIsHalfOpen(t *testing.T) {
	w := Window{From: 10, To: 20}
	for ms, want := range map[int64]bool{9: false, 10: true, 19: true, 20: false} {
		if w.Contains(ms) != want {
			t.Errorf("Contains(%d) = %v", ms, !want)
		}
	}
	if w.Overlaps(Window{From: 20, To: 30}) {
		t.Error("a window overlaps the one that begins where it ends")
	}
}

// The bytes are spelled out by hand, so that another program can make the same key.
func TestR74_EqualRowsHaveEqualKeysOnEveryMachine(t *testing.T) {
	m := Mark{Identity: 0x0102030405060708, Fingerprint: 99, Time: 1704096932100, Observation: 5}
	by, err := hex.DecodeString("00000004" + "61636d65" + // 4, acme
		"00000006" + "636f6e762d31" + // 6, conv-1
		"0102030405060708" +
		"0000018cc417a104") // 1704096932100
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(by)
	if got := RowKey("acme", []byte("conv-1"), m); !bytes.Equal(got[:], sum[:16]) {
		t.Errorf("key %x, want %x", got, sum[:16])
	}
	later := m
	later.Time++
	if RowKey("acme", []byte("conv-1"), m) == RowKey("acme", []byte("conv-1"), later) {
		t.Error("rows a millisecond apart share a key")
	}
	m.Fingerprint, m.Observation = 0, 0
	if got := RowKey("acme", []byte("conv-1"), m); !bytes.Equal(got[:], sum[:16]) {
		t.Error("the key depends on content or observation")
	}
}

func TestAMarkSurvivesItsHeader(t *testing.T) {
	m := Mark{Identity: math.MaxUint64, Fingerprint: 1, Time: -1, Observation: math.MaxUint32}
	b := m.Append(nil)
	if want := "01" + "ffffffffffffffff" + "0000000000000001" + "ffffffffffffffff" + "ffffffff"; hex.EncodeToString(b) != want {
		t.Errorf("header %x, want %s", b, want)
	}
	back, err := ParseMark(b)
	if err != nil || back != m {
		t.Errorf("ParseMark: %+v %v", back, err)
	}
	for _, bad := range [][]byte{nil, b[:28], append([]byte{2}, b[1:]...)} {
		if _, err := ParseMark(bad); err == nil {
			t.Errorf("ParseMark(%x) gave no error", bad)
		}
	}
}

func TestADeadLetterIsOneUnderItsRootWindowOnly(t *testing.T) {
	w, d := Window{From: 0, To: 10}, Digest{1}
	if again := (Window{From: 0, To: 10}); DeadKey("acme", w, d) != DeadKey("acme", again, Digest{1}) {
		t.Error("the same dead letter has two keys")
	}
	for name, k := range map[string]Key{
		"org": DeadKey("other", w, d), "window": DeadKey("acme", Window{From: 0, To: 11}, d), "bytes": DeadKey("acme", w, Digest{2}),
	} {
		if k == DeadKey("acme", w, d) {
			t.Errorf("another %s has the same key", name)
		}
	}
}

func FuzzTextAgreesWithTheStandardLibrary(f *testing.F) {
	for _, s := range []string{`"a"`, `"\u00e9\/\n"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d x"`, "\"\xff\xc3\"", `"\ud800\u0041"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var want string
		if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' || json.Unmarshal(raw, &want) != nil {
			return
		}
		row := Row{Raw: raw}
		tok := Token{Kind: String, Start: 1, End: uint32(len(raw) - 1), Escaped: bytes.IndexByte(raw, '\\') >= 0}
		if got := string(row.Text(tok)); got != want {
			t.Fatalf("%q: got %q, want %q", raw, got, want)
		}
	})
}

func TestRowsThatKafkaWouldRefuseAreFoundBeforehand(t *testing.T) {
	l := Limits{MaxBytes: 1000, Before: math.MaxInt64, After: 3_600_000}
	const now = 1_704_067_200_000
	for _, tt := range []struct {
		name string
		time int64
		size int
		want string
	}{
		{"fits", now, 500, ""},
		{"an hour ahead", now + 3_600_000, 500, ""},
		{"more than an hour ahead", now + 3_600_001, 500, ReasonTimestamp},
		{"the far future", math.MaxInt64, 500, ReasonTimestamp},
		{"1970", 0, 500, ""},
		{"before 1970", -1, 500, ReasonTimestamp},
		{"too large", now, 1000, ReasonTooLarge},
	} {
		got := ""
		if r := l.Refuses(now, tt.time, tt.size); r != nil {
			got = r.Reason
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	l.Ingest = true
	if r := l.Refuses(now, math.MaxInt64, 1); r != nil {
		t.Errorf("with ingest timestamps the event time is refused: %v", r)
	}
}

func TestCheckpointCopiesKeepWhatTheySaid(t *testing.T) {
	var c Checkpoint
	c.Saw(&Row{Time: 5, HasTime: true})
	c.Stored(5)
	old := c.Clone()
	c.Saw(&Row{Time: 1, HasTime: true})
	c.Saw(&Row{Time: 9, HasTime: true})
	c.Stored(9)
	if *old.MinTime != 5 || *old.MaxTime != 5 || *old.StoredMax != 5 {
		t.Errorf("the copy changed: %d %d %d", *old.MinTime, *old.MaxTime, *old.StoredMax)
	}
	if *c.MinTime != 1 || *c.MaxTime != 9 || *c.StoredMin != 5 || *c.StoredMax != 9 {
		t.Errorf("bounds %d %d %d %d, want 1 9 5 9", *c.MinTime, *c.MaxTime, *c.StoredMin, *c.StoredMax)
	}
}
