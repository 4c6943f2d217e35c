package route

import (
	"math/big"
	"testing"
)

func TestR97_ANumberCountsHoweverItIsSpelt(t *testing.T) {
	for filter, rows := range map[string][]string{
		`a % 2 == 0`:                        {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`, `{"a":"4.00"}`, `{"a":4e0}`, `{"a":-4}`},
		`a % 3 == 1 and 7 % a == 3`:         {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`a + 1 == 5 and 1 + a == 5`:         {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`a - 1 == 3 and a * 2 == 8`:         {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`a / 8 == 0.5 and 2 / a == 0.5`:     {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`-a == -4 and - -a == 4`:            {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`[0, 1, 2, 3, 9][a] == 9`:           {`{"a":4}`, `{"a":4.0}`},
		`[0, 1, 9][a - 2] == 9`:             {`{"a":4}`, `{"a":"4"}`},
		`number(a) % 2 == 0`:                {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`string(a + 0) == "4"`:              {`{"a":4}`, `{"a":4.0}`, `{"a":"4"}`},
		`a == 9007199254740993`:             {`{"a":9007199254740993}`, `{"a":9007199254740993.0}`, `{"a":"9007199254740993.0"}`},
		`a != 9007199254740992`:             {`{"a":9007199254740993}`, `{"a":9007199254740993.0}`},
		`a + 1 == 9007199254740994`:         {`{"a":9007199254740993}`, `{"a":9007199254740993.0}`},
		`a + "5" == "45"`:                   {`{"a":"4"}`},
		`a % -1 == 0`:                       {`{"a":-9223372036854775808}`},
		`a == 0 and -a == 0 and a % 2 == 0`: {`{"a":0}`, `{"a":-0.0}`, `{"a":"-0"}`},
	} {
		s := mustCompile(t, filter, "")
		for _, row := range rows {
			if got, err := s.Select(rowOf(t, row)); err != nil || !got {
				t.Errorf("%s on %s: got %v, %v", filter, row, got, err)
			}
		}
	}
	for _, row := range []string{`{"a":4.5}`, `{"a":"4.5"}`, `{"a":1e300}`, `{"a":12345678901234567890}`} {
		if _, err := mustCompile(t, `a % 2 == 0`, "").Select(rowOf(t, row)); err == nil {
			t.Errorf("%s has a remainder", row)
		}
	}
}

func TestAResultBeyond64BitsIsFloatingPointAndDoesNotWrap(t *testing.T) {
	const most, least = `{"a":9223372036854775807,"b":9223372036854775807}`, `{"a":-9223372036854775808,"b":-1}`
	for filter, row := range map[string]string{
		`a + 1 > a and a + b > a`:                       most,
		`a * b > a and a * 2 == 18446744073709551614.0`: most,
		`-a == -9223372036854775807`:                    most,
		`-1 - a == -9223372036854775807 - 1`:            most,
		`-a > 0 and 0 - a > 9223372036854775807`:        least,
		`a - 1 <= a and a + b <= a`:                     least,
		`a * b > 9223372036854775807 and b * a > 0`:     least,
	} {
		if got, err := mustCompile(t, filter, "").Select(rowOf(t, row)); err != nil || !got {
			t.Errorf("%s on %s: got %v, %v", filter, row, got, err)
		}
	}
	if key, err := mustCompile(t, "", `a + 1`).Key(nil, rowOf(t, most)); err == nil {
		t.Errorf("the key is %s", key)
	}
}

func FuzzArithmeticIsExactOrFloatingPoint(f *testing.F) {
	f.Add(int64(9223372036854775807), int64(1))
	f.Add(int64(-9223372036854775808), int64(-1))
	f.Add(int64(9223372036854775807), int64(9223372036854775807))
	f.Add(int64(3037000500), int64(3037000500))
	f.Add(int64(-4611686018427387904), int64(2))
	f.Fuzz(func(t *testing.T, a, b int64) {
		x, y := big.NewInt(a), big.NewInt(b)
		for _, c := range []struct {
			name string
			o    arithmetic
			want *big.Int
		}{
			{"+", plus, new(big.Int).Add(x, y)},
			{"-", minus, new(big.Int).Sub(x, y)},
			{"*", times, new(big.Int).Mul(x, y)},
		} {
			got := c.o.compute(a, b)
			n, whole := got.(int64)
			if whole != c.want.IsInt64() || whole && n != c.want.Int64() {
				t.Errorf("%d %s %d = %v, want %v", a, c.name, b, got, c.want)
			}
		}
		if got, want := compareMixed(a, float64(b)), new(big.Float).SetInt64(a).Cmp(new(big.Float).SetFloat64(float64(b))); got != want {
			t.Errorf("%d against %v: %d, want %d", a, float64(b), got, want)
		}
	})
}
