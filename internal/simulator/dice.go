package simulator

import (
	"math/bits"
)

// dice is a splitmix64 sequence. It is thrown for every row and every request, so it is a
// value with no set-up: a PRNG of math/rand/v2 would have to be allocated for each.
type dice uint64

// What dice are thrown for. Sequences of different purposes are independent.
const (
	forTime = iota + 1
	forContent
	forConversation
	forSpelling
	forFault
	forPoison
	forToken
	forJob
	forCorrelation
	forAbsence
	forLife
	forCall
	forPage
	forInvalid
)

func newDice(seed uint64, parts ...uint64) dice {
	h := mix(seed)
	for _, p := range parts {
		h = mix(h ^ mix(p))
	}
	return dice(h)
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return mix(uint64(*d))
}

// below returns a number in [0, n).
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.next(), uint64(n))
	return int(hi)
}

// fraction returns a number in [0, 1).
func (d *dice) fraction() float64 { return float64(d.next()>>11) / (1 << 53) }

func (d *dice) oneIn(n int) bool { return d.below(n) == 0 }

// text returns n bytes that hardly compress.
func (d *dice) text(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"
	b := make([]byte, n)
	var pool uint64
	for i := range b {
		if i%10 == 0 {
			pool = d.next()
		}
		b[i] = letters[pool%64]
		pool /= 64
	}
	return string(b)
}

func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// scale returns i*num/den, cut, without overflow on the way. i*num/den must fit in an int.
func scale(i, num, den int) int {
	hi, lo := bits.Mul64(uint64(i), uint64(num))
	q, _ := bits.Div64(hi, lo, uint64(den))
	return int(q)
}
