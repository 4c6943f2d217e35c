package avro

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"
)

func TestCanonicalNumberTextDependsOnTheValueAlone(t *testing.T) {
	for want, spellings := range map[string][]string{
		"0":                            {"0", "-0", "0.0", "-0.00e5", "0e-7"},
		"5":                            {"5", "5.0", "5e0", "5E+0", "0.5e1", "50e-1", "500.00e-2"},
		"-12.5":                        {"-12.5", "-12.50", "-1.25e1", "-125E-1"},
		"9223372036854775807":          {"9223372036854775807", "9.223372036854775807e18"},
		"100000000000000000000":        {"100000000000000000000", "1e20"},
		"1e+21":                        {"1e21", "1000000000000000000000", "0.001E+24"},
		"0.000001":                     {"1e-6", "0.000001", "0.0000010"},
		"1e-7":                         {"1e-7", "0.0000001"},
		"1.2345678901234567890123e+22": {"12345678901234567890123", "1.2345678901234567890123e22"},
		"0.10000000000000001":          {"0.10000000000000001", "1.0000000000000001e-1"},
	} {
		for _, s := range spellings {
			d, ok := parseDecimal(make([]byte, 0, len(s)), []byte(s))
			if got := string(d.append(nil)); !ok || got != want {
				t.Errorf("canonical text of %s = %q, %v; want %q", s, got, ok, want)
			}
		}
	}
}

func TestCanonicalNumberTextAgreesWithEncodingJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		f := rng.NormFloat64() * []float64{1e-9, 1e-5, 1, 1e6, 1e19, 1e25}[rng.IntN(6)]
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		s := strconv.FormatFloat(f, 'e', -1, 64)
		d, ok := parseDecimal(make([]byte, 0, len(s)), []byte(s))
		if got := d.append(nil); !ok || string(got) != string(want) {
			t.Fatalf("canonical text of %s = %s, %v; want %s", s, got, ok, want)
		}
	}
}

func TestOnlyJSONNumbersAreNumbers(t *testing.T) {
	for _, s := range []string{"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1e1.5", " 1", "1 ", "0x10", "1_000", "inf", "NaN", "1e99999999999999999999"} {
		if d, ok := parseDecimal(nil, []byte(s)); ok {
			t.Errorf("%q was read as the number %s", s, d.append(nil))
		}
	}
}

func TestIntegersEndWhereInt64Ends(t *testing.T) {
	for s, want := range map[string]bool{
		"9223372036854775807": true, "9223372036854775808": false,
		"-9223372036854775808": true, "-9223372036854775809": false,
		"9999999999999999999": false, "1e18": true, "1e19": false, "1e1000000": false,
		"1.5": false, "15e-1": false, "150e-1": true,
	} {
		d, ok := parseDecimal(make([]byte, 0, len(s)), []byte(s))
		if !ok {
			t.Fatalf("%s is a number", s)
		}
		n, got := d.int64()
		exact, _ := naiveInteger(s)
		if got != want || got && n != exact {
			t.Errorf("int64 of %s = %d, %v; want %d, %v", s, n, got, exact, want)
		}
	}
}
