package route

import (
	"testing"

	"convstream/internal/conv"
	"convstream/internal/conv/rowtest"
)

// rowOf tokenises one JSON value.
func rowOf(t testing.TB, raw string) *conv.Row {
	t.Helper()
	return rowtest.Of(t, raw)
}
