package avro

import (
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

// validNumber says whether s is a JSON number and nothing else.
func validNumber(s string) bool {
	return json.Valid([]byte(s)) && strings.IndexByte("-0123456789", s[0]) >= 0 && strings.TrimSpace(s) == s
}

func naiveInteger(s string) (int64, bool) {
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// naiveNumberText prints a number as encoding/json prints a float64, but from its exact
// decimal digits.
func naiveNumberText(s string) string {
	r, _ := new(big.Rat).SetString(s)
	plain := strings.TrimRight(r.FloatString(400), "0")
	plain = strings.TrimSuffix(plain, ".")
	abs := new(big.Rat).Abs(r)
	small, _ := new(big.Rat).SetString("1e-6")
	large, _ := new(big.Rat).SetString("1e21")
	if r.Sign() == 0 || abs.Cmp(small) >= 0 && abs.Cmp(large) < 0 {
		return plain
	}
	sign := ""
	if r.Sign() < 0 {
		sign = "-"
	}
	exponent := 0
	ten := big.NewRat(10, 1)
	for ; abs.Cmp(ten) >= 0; exponent++ {
		abs.Quo(abs, ten)
	}
	for one := big.NewRat(1, 1); abs.Cmp(one) < 0; exponent-- {
		abs.Mul(abs, ten)
	}
	mantissa := strings.TrimSuffix(strings.TrimRight(abs.FloatString(400), "0"), ".")
	suffix := strconv.Itoa(exponent)
	if exponent > 0 {
		suffix = "+" + suffix
	}
	return sign + mantissa + "e" + suffix
}
